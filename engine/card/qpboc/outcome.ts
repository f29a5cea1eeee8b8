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
  const isDated = transaction.elements.has(tag.expiry);
  const invalid = isDated ? validityProblem(transaction, day) : 'expired';
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

/**
 * `expired` or `notYetEffective` by 5F24 and 5F25; null where the card is valid as far as its
 * records say. A gate asks before it reads the last record, so that no such card is debited.
 */
export function validityProblem({ elements }: EcashTransaction, day: number): EcashReason | null {
  const expiry = elements.get(tag.expiry);
  // What is no date is none that the day could be within.
  if (expiry !== undefined && day > (dateNumber(expiry) ?? 0)) return 'expired';
  const effective = elements.get(tag.effective);
  if (effective !== undefined && day < (dateNumber(effective) ?? Number.POSITIVE_INFINITY)) {
    return 'notYetEffective';
  }
  return null;
}
