/**
 * Selection of an e-cash application: by the card's directory (PPSE, EMV Contactless Book B, 3.3),
 * and by name where the card has no directory or none of its entries is accepted.
 */
import { equalRange } from '../../bytes.ts';
import { statusWord } from '../apdu.ts';
import { type CardFault, type Dialogue, isFault } from '../dialogue.ts';
import { askOf, complete, isWhole } from '../exchange.ts';
import { SW_OK } from '../status.ts';
import { select } from './commands/select.ts';

/** An application that answered SELECT. */
export interface SelectedApplication {
  /** 5 to 16 bytes; its first five are the scheme's RID. */
  readonly aid: Uint8Array;
  /** The list of terminal data it wants; empty where it has none. */
  readonly pdol: Uint8Array;
  /** DF61, where its FCI has that: what it has of the extended application. */
  readonly services: Uint8Array | null;
}

/**
 * The names to SELECT, best first. A name of the directory is accepted that begins with one of
 * `accepted` (5 to 16 bytes each). `gone` ends it.
 */
export function* findApplications(
  accepted: readonly Uint8Array[],
): Dialogue<readonly Uint8Array[] | CardFault> {
  const apdu = select.buildPpse();
  const answer = yield askOf(select, apdu, null);
  const response = isWhole(answer) ? answer : yield* complete(select, apdu, answer);
  if ('fault' in response) return response.fault === 'gone' ? response : accepted;
  if (statusWord(response) !== SW_OK) return accepted;
  const listed = select
    .applications(response)
    .filter((aid) => accepted.some((prefix) => beginsWith(aid, prefix)));
  return listed.length > 0 ? listed : accepted;
}

function beginsWith(aid: Uint8Array, prefix: Uint8Array): boolean {
  return aid.length >= prefix.length && equalRange(aid, 0, prefix, 0, prefix.length);
}

/** The application, or null where the card refuses it or answers with no FCI. */
export function* selectApplication(
  aid: Uint8Array,
): Dialogue<SelectedApplication | null | CardFault> {
  const apdu = select.build(aid);
  const answer = yield askOf(select, apdu, null);
  const response = isWhole(answer) ? answer : yield* complete(select, apdu, answer);
  if (isFault(response)) return response.fault === 'gone' ? response : null;
  if (statusWord(response) !== SW_OK) return null;
  const pdol = select.pdol(response);
  return pdol && { aid, pdol, services: select.services(response) };
}
