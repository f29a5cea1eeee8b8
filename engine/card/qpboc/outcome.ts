/**
 * What a purchase comes to, once the card has decided and its authentication is known (PBOC 3.0
 * part 12; EMV 4.3 Book 4, 6.7). A gate without a line to the issuer treats `onlineRequired` as a
 * refusal that tells the rider to go to the desk.
 */
import { dateNumber } from './elements.ts';
import type { Authentication } from './oda/authenticate.ts';
import type { EcashReason } from './reasons.ts';
import { tag } from './tags.ts';
import type { EcashResult, EcashTransaction } from './transaction.ts';

export type EcashOutcome =
  | { readonly outcome: 'approved' }
  | {
      readonly outcome: 'declined' | 'onlineRequired' | 'otherInterface';
      readonly reason: EcashReason;
    };

/** 9F6C, byte 1: what a card wants whose authentication fails [1]. */
const QUALIFIER_ONLINE = 0x20;
const QUALIFIER_CONTACT = 0x10;

/** The outcome of a card that approved. @param day YYYYMMDD */
export function outcomeOf(
  transaction: EcashTransaction,
  authentication: Authentication,
  day: number,
): EcashOutcome {
  const invalid = validityProblem(transaction, day);
  if (invalid !== null) return { outcome: 'declined', reason: invalid };
  if (!('failed' in authentication)) return { outcome: 'approved' };
  const reason = authentication.failed;
  const wish = transaction.options.cardQualifiers?.[0] ?? 0;
  if ((wish & QUALIFIER_ONLINE) !== 0) return { outcome: 'onlineRequired', reason };
  if ((wish & QUALIFIER_CONTACT) !== 0) return { outcome: 'otherInterface', reason };
  return { outcome: 'declined', reason };
}

/** The outcome of a card that did not approve; null for one that did, or that failed or left. */
export function refusalOf(result: EcashResult): EcashOutcome | null {
  if (result.result === 'online') return { outcome: 'onlineRequired', reason: 'onlineByCard' };
  if (result.result === 'declined') return { outcome: 'declined', reason: 'declinedByCard' };
  if (result.result !== 'refused') return null;
  const { reason } = result;
  const elsewhere = reason === 'otherInterface' || reason === 'cryptogramMissing';
  return { outcome: elsewhere ? 'otherInterface' : 'declined', reason };
}

/** `expired` or `notYetEffective` by 5F24 (mandatory) and 5F25; null where the card is valid. */
function validityProblem({ elements }: EcashTransaction, day: number): EcashReason | null {
  const expiry = dateNumber(elements.get(tag.expiry) ?? new Uint8Array(0));
  if (expiry === null || day > expiry) return 'expired';
  const effectiveBytes = elements.get(tag.effective);
  if (effectiveBytes === undefined) return null;
  const effective = dateNumber(effectiveBytes);
  return effective === null || day < effective ? 'notYetEffective' : null;
}
