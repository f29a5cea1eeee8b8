/**
 * What becomes of a received debit, given what the ledger knows. Pure: values in, an outcome out;
 * `posting.ts` carries it out. The chain rules are told in `docs/ledger.md`.
 */
import { equalRange } from '../bytes.ts';
import { DebitKind, DebitState, OPEN_LOOP_TRANSACTION } from '../debit/record.ts';
import { LEDGER_PRESUMED_POSTINGS_MAX, LEDGER_RIVALS_MAX } from '../limits.ts';
import type { Outcome } from './outcomes.ts';
import type { ReceivedDebit } from './received.ts';
import {
  CARD_BYTES,
  type DebitRow,
  DIGEST_BYTES,
  isPending,
  type Link,
  type Pending,
  purseOf,
  Standing,
} from './rows.ts';

/** A record whose identity is held already: a repeat, or another record. */
export function judgeRepeat(digest: Uint8Array, held: DebitRow): 'exists' | 'identityConflict' {
  return equalRange(digest, 0, held.digest, 0, DIGEST_BYTES) ? 'exists' : 'identityConflict';
}

/** @param taken the debit that holds this counter in the card's chain. */
export function judgeDebit(debit: ReceivedDebit, taken: Link | undefined): Outcome {
  if (debit.state === DebitState.void) return 'voided';
  // Of a bank card a cryptogram came, and no card made it: nothing can have been taken.
  if (isForged(debit)) return 'tacInvalid';
  if (debit.state !== DebitState.confirmed) return 'unconfirmed';
  return judgeTac(debit) ?? (taken ? 'naturalKeyConflict' : 'posted');
}

/** Whether an unconfirmed debit has a cryptogram that is none of its card's. */
export function isForged({ state, tac }: Pick<DebitRow, 'state' | 'tac'>): boolean {
  return state === DebitState.unconfirmed && tac === 'invalid';
}

/**
 * Whether a pending debit vouches for itself: an open-loop tap, whose card is authenticated before
 * its intent and takes nothing, that a crash cut off once its evidence was durable.
 */
export function vouchesForItself({
  transactionType,
  tac,
}: Pick<DebitRow, 'transactionType' | 'tac'>): boolean {
  const isWhole = tac === 'valid' || tac === 'passedThrough';
  return transactionType === OPEN_LOOP_TRANSACTION && isWhole;
}

/** A forged record must not take an honest one's place, so it stays off the chain. */
function judgeTac(debit: Pick<ReceivedDebit, 'tac'>): Outcome | undefined {
  if (debit.tac === 'invalid') return 'tacInvalid';
  if (debit.tac === 'unknownKey') return 'tacUnknownKey';
  if (debit.tac === 'noEvidence') return 'evidenceMissing';
  return undefined;
}

/** What judging a settlement needs of it, whether it just came or has waited. */
export type Settlement = Pick<
  DebitRow,
  | 'state'
  | 'tac'
  | 'card'
  | 'transactionType'
  | 'offlineCounter'
  | 'amountMinor'
  | 'balanceBeforeMinor'
  | 'currency'
>;

/** @param original the debit the settlement names. */
export function judgeSettlement(settlement: Settlement, original: DebitRow | undefined): Outcome {
  const tac = judgeTac(settlement);
  if (tac) return tac;
  if (!original) return 'settlementUnknown';
  const agrees = speaksOf(settlement, original) && agreesWith(settlement, original.standing);
  return agrees ? 'settled' : 'settlementConflict';
}

function agreesWith(settlement: Settlement, standing: Standing): boolean {
  if (isPending(standing)) return true;
  const committed = settlement.state === DebitState.confirmed;
  if (standing === Standing.posted || standing === Standing.suspended) return committed;
  return standing === Standing.voided && (!committed || vouches(settlement));
}

/**
 * Whether a settlement only vouches for its debit: the gate read the card's counter or journey
 * record, and has no TAC. A counter may have been taken elsewhere meanwhile, so that a debit with a
 * TAC overrules it; to be overruled is no conflict.
 */
export function vouches(settlement: Pick<DebitRow, 'state' | 'tac'>): boolean {
  return settlement.state === DebitState.confirmed && settlement.tac === 'none';
}

/** Whether a settlement is decisive and repeats the debit it names. */
function speaksOf(settlement: Settlement, original: DebitRow): boolean {
  if (original.kind !== DebitKind.debit) return false;
  const same =
    equalRange(settlement.card, 0, original.card, 0, CARD_BYTES) &&
    purseOf(settlement.transactionType) === purseOf(original.transactionType) &&
    settlement.offlineCounter === original.offlineCounter;
  if (settlement.state === DebitState.void) return same;
  return (
    same &&
    settlement.state === DebitState.confirmed &&
    settlement.amountMinor === original.amountMinor &&
    settlement.balanceBeforeMinor === original.balanceBeforeMinor &&
    settlement.currency === original.currency
  );
}

/** What one debit says of its card's balance. */
type Spent = Pick<Link, 'balanceBeforeMinor' | 'amountMinor' | 'currency'>;

/**
 * Whether two debits at adjacent counters break the card's balance: between them nothing may leave
 * the purse. More than expected is a load, which leaves the offline counter alone.
 */
export function breaksBalance(below: Spent, above: Spent): boolean {
  return (
    below.currency !== above.currency ||
    above.balanceBeforeMinor < below.balanceBeforeMinor - below.amountMinor
  );
}

/**
 * Whether the presumptions of pending debits at one counter stay as they are: what is seen of the
 * card has contradicted itself too often, and only a settlement or a debit at the counter counts.
 */
export function isPresumedOut(rivals: readonly Pick<DebitRow, 'postings'>[]): boolean {
  return rivals.some(({ postings }) => postings >= LEDGER_PRESUMED_POSTINGS_MAX);
}

/**
 * Whether so many pending debits are of one counter that nothing more is presumed about them, as of
 * one that was presumed out: a card that is torn so often is broken, or its records are made up.
 */
export function areTooMany(rivals: readonly unknown[]): boolean {
  return rivals.length > LEDGER_RIVALS_MAX;
}

/** What can be said of a pending debit whose counter no debit holds. */
export type Presumption =
  | typeof Standing.unconfirmed
  | typeof Standing.presumedPosted
  | typeof Standing.presumedVoided;

/**
 * What can be said of the pending debits at one counter that no debit holds. Where one is vouched
 * for, or what is known above bears it out, one of them committed: by good clocks the latest, for
 * its tap still read this counter. A clock may be wrong, so the card's balance comes first: the
 * rival whose amount is just what left the card, else one that it allows.
 * @param above all debits at the nearest counter above that any is known at, whatever became of
 *   them: each read the counter and the balance of the card.
 * @returns one presumption for each of `rivals`.
 */
export function presume(rivals: readonly Pending[], above: readonly Link[]): Presumption[] {
  const borneOut = rivals.filter((rival) => above.some((one) => explains(rival, one)));
  const vouched = rivals.some((rival) => rival.vouched);
  if (borneOut.length === 0 && !vouched) return rivals.map(() => Standing.unconfirmed);
  const exact = borneOut.filter((rival) => above.some((one) => isJustBefore(rival, one)));
  const possible = [exact, borneOut, rivals].find(({ length }) => length > 0)!;
  const committed = possible.reduce((a, b) => (isLater(b, a) ? b : a));
  return rivals.map((rival) =>
    rival === committed ? Standing.presumedPosted : Standing.presumedVoided,
  );
}

/**
 * The same of a bank card, whose counter also moves in shops and whose balance is loaded at banks:
 * a later counter says nothing, and of the balance only the exact word counts. It is read at the
 * first counter above at which the card told it; where it fell by just the amount the debit is
 * presumed posted, where it did not move voided. A purchase of the same amount in a shop, or one
 * and a load of the same, can deceive this; a settlement then reverses it. Of a debit of 0 no
 * balance tells whether the card made it: it stays open until a gate vouches for it.
 * @param above what `balanceFrom` found.
 */
export function presumeBank(rivals: readonly Pending[], above: readonly Link[]): Presumption[] {
  const alone = rivals.map((rival) => presumeOne(rival, above));
  const possible = rivals.filter(
    (rival, i) => rival.vouched || alone[i] === Standing.presumedPosted,
  );
  if (possible.length === 0) return alone;
  const committed = possible.reduce((a, b) => (isLater(b, a) ? b : a));
  return rivals.map((rival) =>
    rival === committed ? Standing.presumedPosted : Standing.presumedVoided,
  );
}

function presumeOne(pending: Pending, above: readonly Link[]): Presumption {
  if (pending.amountMinor === 0) return Standing.unconfirmed;
  const [told, ...others] = above.filter(tellsBalance);
  const isClear =
    tellsBalance(pending) &&
    told?.currency === pending.currency &&
    !above.some(hidesBalance) &&
    others.every(
      (one) => one.currency === told.currency && one.balanceBeforeMinor === told.balanceBeforeMinor,
    );
  if (!isClear) return Standing.unconfirmed;
  const fellMinor = pending.balanceBeforeMinor - told.balanceBeforeMinor;
  if (fellMinor === pending.amountMinor) return Standing.presumedPosted;
  return fellMinor === 0 ? Standing.presumedVoided : Standing.unconfirmed;
}

/** Whether a bank card's record says its balance: 0 stands for a card that did not. */
export function tellsBalance(link: Link): boolean {
  return link.balanceBeforeMinor > 0;
}

/** Whether money may have moved by a record that does not say from which balance. */
export function hidesBalance(link: Link): boolean {
  return link.balanceBeforeMinor === 0 && link.amountMinor > 0;
}

function isLater(a: Pending, b: Pending): boolean {
  if (a.instantMs !== b.instantMs) return a.instantMs > b.instantMs;
  if (a.gateId !== b.gateId) return a.gateId > b.gateId;
  return a.gateSequence > b.gateSequence;
}

/** Whether the card went from `pending` to `above` with nothing loaded in between. */
function isJustBefore(pending: Pending, above: Link): boolean {
  return (
    above.offlineCounter === pending.offlineCounter + 1 &&
    above.currency === pending.currency &&
    above.balanceBeforeMinor === pending.balanceBeforeMinor - pending.amountMinor
  );
}

/**
 * Whether `pending` explains that the card went on to `above`. At the next counter the balance must
 * bear it out: a balance below, or one that did not move, speaks of another debit. Further on the
 * counter alone speaks.
 */
function explains(pending: Pending, above: Link): boolean {
  if (above.offlineCounter > pending.offlineCounter + 1) return true;
  const unmoved =
    pending.amountMinor > 0 && above.balanceBeforeMinor === pending.balanceBeforeMinor;
  return !unmoved && !breaksBalance(pending, above);
}
