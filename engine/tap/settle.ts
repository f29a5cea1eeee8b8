/**
 * Settles a debit whose card left before it answered. Of a purse there are two kinds of evidence:
 * the card's own proof (GET TRANSACTION PROVE, whose MAC2 the key holder checks) while the card
 * still holds that transaction, and the offline counter of the next INITIALIZE, which only a commit
 * moves. A DESFire card tells counter and record in a session under its own key, a bank card its
 * balance.
 */
import { askMac1, askMac2, isFault } from '../card/dialogue.ts';
import type { PurseInit } from '../card/purse/commands/initialize-for-purchase.ts';
import type { CompiledProfile } from '../card/purse/compile.ts';
import { proveTransaction } from '../card/purse/dialogues.ts';
import { keyRef, nextOfflineCounter, type SelectedPurse } from '../card/purse/selected.ts';
import { type Debit, DebitKind, DebitState, Evidence, type InForce } from '../debit/record.ts';
import type { TapDialogue } from './decision.ts';

/** Identity and instant of the record that the settlement becomes. */
export interface SettlementSlot {
  readonly gateId: string;
  readonly sequence: number;
  readonly instantMs: number;
  readonly dateTime: Uint8Array;
  readonly inForce: InForce;
}

function settlement(
  slot: SettlementSlot,
  pending: Debit,
  state: DebitState,
  evidence: Evidence,
  tac: Uint8Array,
): Debit {
  return {
    ...pending,
    kind: DebitKind.settlement,
    state,
    evidence,
    tac,
    gateId: slot.gateId,
    gateSequence: slot.sequence,
    instantMs: slot.instantMs,
    mode: slot.inForce.mode,
    denylistVersion: slot.inForce.denylistVersion,
    clockQuality: slot.inForce.clockQuality,
    parametersVersion: slot.inForce.parametersVersion,
    refersTo: { gateId: pending.gateId, gateSequence: pending.gateSequence },
  };
}

/**
 * The journey record on the card is the one this debit wrote: asks it for the proof and its TAC.
 * `unproven`: no proof whose MAC2 verifies. A record alone proves nothing, for whoever tore the
 * card away has seen it. `cardGone`: the card left again. Neither settles anything.
 */
export function* settleByProof(
  slot: SettlementSlot,
  purse: SelectedPurse,
  pending: Debit,
): TapDialogue<Debit | 'cardGone' | 'unproven'> {
  const proof = yield* proveTransaction(
    purse.profile,
    pending.transactionType,
    pending.offlineCounter,
  );
  if (proof !== 'unavailable' && isFault(proof) && proof.fault === 'gone') return 'cardGone';
  if (proof !== 'unavailable' && !isFault(proof)) {
    // The session key of the unfinished debit is made again from its own record.
    const mac1 = yield* askMac1({
      key: {
        ...keyRef(purse),
        keyIndex: pending.keyIndex,
        keyVersion: pending.keyVersion,
        algorithm: pending.algorithm,
      },
      random: pending.random,
      offlineCounter: pending.offlineCounter,
      terminalSequence: pending.terminalSequence,
      amountMinor: pending.amountMinor,
      transactionType: pending.transactionType,
      terminalId: pending.terminalId,
      dateTime: pending.dateTime,
      cityCode: null,
    });
    if (!('refused' in mac1) && (yield* askMac2(proof.mac2))) {
      return settlement(slot, pending, DebitState.confirmed, Evidence.proof, proof.tac);
    }
  }
  return 'unproven';
}

/**
 * INITIALIZE tells the offline counter. Still that of the pending debit: it was never committed.
 * Past it, and the journey record on the card is its own: it was. Past it with another record: it
 * may have been, or a debit at another gate has taken its counter; only the ledger, which sees all
 * of the card's debits, can say which. Below it: a restored or foreign card; nothing can be said.
 */
export function settleByCounter(
  slot: SettlementSlot & { readonly pendingOnCard: boolean },
  profile: CompiledProfile,
  pending: Debit,
  init: PurseInit,
): Debit | null {
  const { offlineCounter } = init;
  const same = offlineCounter === pending.offlineCounter;
  const next = offlineCounter === nextOfflineCounter(profile, pending.offlineCounter);
  if (!same && !slot.pendingOnCard) return null;
  if (!same && !next && offlineCounter < pending.offlineCounter) return null;
  const state = same ? DebitState.void : DebitState.confirmed;
  return settlement(slot, pending, state, Evidence.cardState, pending.tac);
}

/**
 * The newest record of a DESFire card, read in its session, tells its counter. Still that of the
 * pending debit: it was never committed. The next one, in the record that the debit wrote: it was,
 * for counter, record and value change together. Else only the ledger can say.
 * @param pendingOnCard whether the record is the pending debit's own.
 */
export function settleByRecord(
  slot: SettlementSlot,
  pending: Debit,
  counter: number,
  pendingOnCard: boolean,
): Debit | null {
  const { offlineCounter, tac } = pending;
  if (counter === offlineCounter) {
    return settlement(slot, pending, DebitState.void, Evidence.cardState, tac);
  }
  if (counter !== offlineCounter + 1 || !pendingOnCard) return null;
  return settlement(slot, pending, DebitState.confirmed, Evidence.cardState, tac);
}

/** What a card with the extended application tells of a pending debit. */
export interface JourneySigns {
  /** Its record is the one that the debit wrote. */
  readonly pendingOnCard: boolean;
  /** It gave the TC of that very transaction. */
  readonly isProven: boolean;
  /** The ride that the debit was to end is open on the card still. */
  readonly isUndone?: boolean;
  /** Before the purchase at hand; null: not known. */
  readonly balanceMinor: number | null;
  /** Its transaction counter (ATC) now. */
  readonly counter: number;
}

/**
 * A card that keeps its journey commits record and money together. Its proof settles the debit;
 * without one, for a later purchase takes the proof away, its record with a balance that fits it.
 * Another record with the balance of before: it was never committed. Else only the ledger can say.
 */
export function settleByJourney(
  slot: SettlementSlot,
  pending: Debit,
  { pendingOnCard, isProven, isUndone = false, balanceMinor, counter }: JourneySigns,
): Debit | null {
  const { amountMinor, balanceBeforeMinor, offlineCounter, tac } = pending;
  if (counter <= offlineCounter) return null;
  const settled = (state: DebitState) => settlement(slot, pending, state, Evidence.cardState, tac);
  if (isProven) return settled(DebitState.confirmed);
  if (isUndone) return settled(DebitState.void);
  if (balanceBeforeMinor === 0 || balanceMinor === null) return null;
  const expectedMinor = balanceBeforeMinor - (pendingOnCard ? amountMinor : 0);
  if (balanceMinor !== expectedMinor) return null;
  return settled(pendingOnCard ? DebitState.confirmed : DebitState.void);
}

/**
 * A bank card tells the balance it has before the purchase at hand. What it had before the pending
 * debit: that was never committed. That without the amount: it was. Anything else, or where a
 * balance is not known: the card was used elsewhere, and only the ledger can say. A debit of
 * nothing leaves the balance as it was either way. A counter that the card has not passed is of
 * another card of its number: that debit says nothing of this one.
 * @param counter the card's transaction counter (ATC) now
 */
export function settleByBalance(
  slot: SettlementSlot,
  pending: Debit,
  counter: number,
  balanceMinor: number,
): Debit | null {
  const { amountMinor, balanceBeforeMinor, offlineCounter, tac } = pending;
  if (balanceBeforeMinor === 0 || amountMinor === 0 || counter <= offlineCounter) return null;
  if (balanceMinor === balanceBeforeMinor) {
    return settlement(slot, pending, DebitState.void, Evidence.cardState, tac);
  }
  if (balanceMinor !== balanceBeforeMinor - amountMinor) return null;
  return settlement(slot, pending, DebitState.confirmed, Evidence.cardState, tac);
}

/**
 * A debit that its card has paid, for a ride that the same card has paid again: the operator claims
 * one of them. Void, whatever the card's balance says of it.
 */
export function settleAsTwice(slot: SettlementSlot, pending: Debit): Debit {
  return settlement(slot, pending, DebitState.void, Evidence.cardState, pending.tac);
}
