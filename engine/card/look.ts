/**
 * What a card carries, for staff at a desk: the applications of its payment directory (PPSE, EMV
 * Contactless Book B 3.3), the transport purse and the e-cash with their balances, and the other
 * services that a table names. Those get a SELECT by name and nothing else. No number, name or
 * record of a person is read into the answer; the purse's issuer is all that names anybody.
 */
import { equalRange, toHex } from '../bytes.ts';
import { buildCommand, dataLength, LE_ALL, statusWord, take } from './apdu.ts';
import { type CardFault, type Dialogue, isFault } from './dialogue.ts';
import { askOf, complete, isWhole } from './exchange.ts';
import type { CompiledProfile } from './purse/compile.ts';
import { readBalance } from './purse/dialogues.ts';
import { selectPurse } from './purse/select-purse.ts';
import { issuer, issuerAccepted } from './purse/selected.ts';
import { select as selectPayment } from './qpboc/commands/select.ts';
import type { CardServices } from './services.ts';
import { baseStatuses, type CardCommand, SW_OK } from './status.ts';
import { findTlv, parseTlv } from './tlv.ts';

/** SELECT of an application that is locked. */
const SW_LOCKED = 0x6283;
const TAG_FCI = 0x6f;
const TAG_NAME = 0x84;
const TAG_BALANCE = 0x9f79;
const BALANCE_BYTES = 6;

export interface PurseSeen {
  readonly profile: string;
  /** 8 bytes in hexadecimal. */
  readonly issuer: string;
  /** Whether the profile accepts that issuer. */
  readonly accepted: boolean;
  readonly locked: boolean;
  readonly balanceMinor: number | null;
}

export interface EcashSeen {
  readonly aid: string;
  /** null where the card keeps it to itself. */
  readonly balanceMinor: number | null;
}

export interface CardSeen {
  readonly purse: PurseSeen | null;
  readonly ecash: readonly EcashSeen[];
  /** Names of the table's services that are on the card, in its order. */
  readonly services: readonly string[];
  /** Applications of the directory that are no e-cash and in no table. */
  readonly others: readonly string[];
}

/** GET DATA of the e-cash balance (PBOC 3.0 part 13): 80 CA 9F 79. */
const getBalanceData: CardCommand & { readonly apdu: Uint8Array } = {
  name: 'GET DATA',
  statuses: { ...baseStatuses, '6A88': 'no such data' },
  apdu: buildCommand(0x80, 0xca, TAG_BALANCE >> 8, TAG_BALANCE & 0xff, null, LE_ALL),
};

/**
 * Looks at the card; the fault is `gone`. Whatever else a card answers means that an application is
 * not there, or keeps its balance.
 * @param profiles of the purses that are looked for, in order
 */
export function* lookAtCard(
  profiles: readonly CompiledProfile[],
  { services, ecash }: CardServices,
): Dialogue<CardSeen | CardFault> {
  const directory = yield* answerTo(selectPayment, selectPayment.buildPpse());
  if (isFault(directory)) return directory;
  const listed = statusWord(directory) === SW_OK ? selectPayment.applications(directory) : [];
  const begins = (aid: Uint8Array, prefix: Uint8Array) => toHex(aid).startsWith(toHex(prefix));
  const paying = listed.filter((aid) => ecash.some((prefix) => begins(aid, prefix)));
  const seen: EcashSeen[] = [];
  for (const aid of paying.length > 0 ? paying : ecash) {
    const found = yield* lookAtEcash(aid);
    if (found && isFault(found)) return found;
    if (found) seen.push(found);
  }
  const purse = yield* lookAtPurse(profiles);
  if (purse && isFault(purse)) return purse;
  const names: string[] = [];
  for (const { aid, name } of services) {
    const answer = yield* answerTo(selectPayment, selectPayment.build(aid));
    if (isFault(answer)) return answer;
    if (isThere(answer, aid)) names.push(name);
  }
  const known = [...services, ...profiles.flatMap(aidsOf)].map(({ aid }) => toHex(aid));
  const others = listed
    .filter((aid) => !paying.includes(aid))
    .map(toHex)
    .filter((aid) => !known.includes(aid));
  return { purse, ecash: seen, services: names, others };
}

function aidsOf({ settings }: CompiledProfile): { readonly aid: Uint8Array }[] {
  return settings.aids.map((text) => ({ aid: new Uint8Array(Buffer.from(text, 'hex')) }));
}

/** The card's whole answer, or `gone`; one that cannot be parsed is as good as a refusal. */
function* answerTo(command: CardCommand, apdu: Uint8Array): Dialogue<Uint8Array | CardFault> {
  const answer = yield askOf(command, apdu, null);
  const response = isWhole(answer) ? answer : yield* complete(command, apdu, answer);
  if (!('fault' in response)) return response;
  return response.fault === 'gone' ? response : Uint8Array.of(0x6f, 0x00);
}

/**
 * Whether an application answered with an FCI that bears its name; locked, it is there all the
 * same. Some cards answer 9000 with other bytes for an application that they have not.
 */
function isThere(response: Uint8Array, aid: Uint8Array): boolean {
  const sw = statusWord(response);
  if (sw !== SW_OK && sw !== SW_LOCKED) return false;
  const parsed = parseTlv(response, 0, dataLength(response));
  const name = 'objects' in parsed ? findTlv(parsed.objects, TAG_FCI, TAG_NAME) : null;
  if (!name || name.length < aid.length) return false;
  return equalRange(response, name.at, aid, 0, aid.length);
}

function* lookAtEcash(aid: Uint8Array): Dialogue<EcashSeen | null | CardFault> {
  const selected = yield* answerTo(selectPayment, selectPayment.build(aid));
  if (isFault(selected)) return selected;
  if (!isThere(selected, aid)) return null;
  const answer = yield* answerTo(getBalanceData, getBalanceData.apdu);
  if (isFault(answer)) return answer;
  return { aid: toHex(aid), balanceMinor: balanceIn(answer) };
}

/** 9F79 06 and twelve decimal digits. */
function balanceIn(response: Uint8Array): number | null {
  if (statusWord(response) !== SW_OK) return null;
  const parsed = parseTlv(response, 0, dataLength(response));
  const object = 'objects' in parsed ? findTlv(parsed.objects, TAG_BALANCE) : null;
  if (!object || object.length !== BALANCE_BYTES) return null;
  const digits = toHex(take(response, object.at, object.length));
  return /^\d+$/.test(digits) ? Number(digits) : null;
}

function* lookAtPurse(
  profiles: readonly CompiledProfile[],
): Dialogue<PurseSeen | null | CardFault> {
  const purse = yield* selectPurse(profiles);
  if (isFault(purse)) return purse.fault === 'gone' ? purse : null;
  const { profile, locked } = purse;
  const seen = {
    profile: profile.name,
    issuer: toHex(issuer(purse)),
    accepted: issuerAccepted(purse),
    locked,
  };
  if (locked) return { ...seen, balanceMinor: null };
  const balance = yield* readBalance(profile);
  if (typeof balance === 'number') return { ...seen, balanceMinor: balance };
  return balance.fault === 'gone' ? balance : { ...seen, balanceMinor: null };
}
