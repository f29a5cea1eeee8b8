/**
 * Debits a purse: INITIALIZE, MAC1, the intent, the journey record (CAPP only), DEBIT, MAC2 (PBOC
 * e-purse, purchase and CAPP purchase). The order is what loses nothing: the intent is written
 * while the card takes the journey record, and it must be durable before DEBIT is sent.
 *
 * Asks are yielded here and not through helpers: a generator within a generator costs the tap more
 * than its cryptography.
 */
import type { CardFault, CardKeyRef, CommitAnswer, Mac1Answer } from '../card/dialogue.ts';
import { isWhole } from '../card/exchange.ts';
import type { GateBuffers } from '../card/purse/command-buffers.ts';
import { debit } from '../card/purse/commands/debit.ts';
import type { PurseInit } from '../card/purse/commands/initialize-for-purchase.ts';
import { updateCappCache } from '../card/purse/commands/update-capp-cache.ts';
import {
  debitAsk,
  debitedLate,
  initializeAsk,
  initialized,
  initializedLate,
  type JourneyWriter,
  readCityCode,
  updateAsk,
  updatedLate,
} from '../card/purse/dialogues.ts';
import { issuer, keyAsCardSays, type SelectedPurse } from '../card/purse/selected.ts';
import {
  type Debit,
  DebitKind,
  DebitState,
  Evidence,
  type InForce,
  type TapKind,
} from '../debit/record.ts';
import type { TapDialogue } from './decision.ts';
import type { Reason } from './reasons.ts';
import { settleByCounter } from './settle.ts';

const NO_TAC = new Uint8Array(4);

/** What the tap wants debited; everything but the card's answer to INITIALIZE is known. */
export interface DebitRequest {
  readonly kind: 'purchase' | 'capp';
  readonly gateId: string;
  readonly tapKind: TapKind;
  readonly sequence: number;
  readonly instantMs: number;
  readonly dateTime: Uint8Array;
  readonly terminalId: Uint8Array;
  readonly amountMinor: number;
  /** Balance that must be left after the debit. */
  readonly minimumBalanceMinor: number;
  readonly fromStation: Uint8Array;
  readonly toStation: Uint8Array;
  readonly entryInstantMs: number;
  readonly fareVersion: number;
  readonly rider: number;
  /** Writes the journey record for the balance after the debit; null for a plain purchase. */
  readonly journey: JourneyWriter | null;
  /** The card's number and key, as they were read from its public file. */
  readonly cardNumber: Uint8Array;
  readonly key: CardKeyRef;
  readonly buffers: GateBuffers;
  /** An earlier debit of this card whose outcome is unknown. */
  readonly pending: Debit | null;
  readonly inForce: InForce;
  /** The card's journey record is the one that it wrote. */
  readonly pendingOnCard: boolean;
}

/** How it ended. `closed` are the final records of the intents appended, in their order. */
export interface DebitOutcome {
  readonly reason: Reason;
  readonly detail: string;
  readonly balanceMinor: number | null;
  readonly closed: readonly Debit[];
  readonly unconfirmed: Debit | null;
  readonly settled: Debit | null;
}

/** The reason and detail of a card that could not go on. */
export function faultOutcome(fault: CardFault): { reason: Reason; detail: string } {
  if (fault.fault === 'gone') return { reason: 'cardGone', detail: fault.command };
  if (fault.fault === 'malformed') {
    return { reason: 'cardFaulty', detail: `${fault.command}: ${fault.what}` };
  }
  const sw = fault.sw.toString(16).toUpperCase().padStart(4, '0');
  return { reason: 'cardRefused', detail: `${fault.command}: ${sw} ${fault.meaning}` };
}

function nothing(reason: Reason, detail: string, balanceMinor: number | null): DebitOutcome {
  return { reason, detail, balanceMinor, closed: [], unconfirmed: null, settled: null };
}

export function* debitCard(purse: SelectedPurse, request: DebitRequest): TapDialogue<DebitOutcome> {
  const { profile } = purse;
  const { amountMinor, pending } = request;
  let cityCode: Uint8Array | null = null;
  if (profile.cityCode) {
    const code = yield* readCityCode();
    if ('fault' in code) return { ...nothing('cardFaulty', '', null), ...faultOutcome(code) };
    cityCode = code;
  }
  const { kind, terminalId } = request;
  const buffers = request.buffers.of(profile);
  const asked = initializeAsk(buffers, kind, profile.keyIndex, amountMinor, terminalId);
  const answered = yield asked;
  const init = isWhole(answered)
    ? initialized(profile, kind, answered)
    : yield* initializedLate(profile, kind, asked, answered);
  if (init === 'insufficient') return nothing('balanceTooLow', '', null);
  if ('fault' in init) return { ...nothing('cardFaulty', '', null), ...faultOutcome(init) };
  if (init.balanceMinor < amountMinor + request.minimumBalanceMinor) {
    return nothing('balanceTooLow', '', init.balanceMinor);
  }

  const settlement = pending ? settleByCounter(request, profile, pending, init) : null;
  if (settlement) yield { ask: 'intent', debit: settlement };
  const intentSequence = request.sequence + (settlement ? 1 : 0);
  const key = keyAsCardSays(request.key, init);
  const mac1 = (yield {
    ask: 'mac1',
    key,
    random: init.random,
    offlineCounter: init.offlineCounter,
    terminalSequence: intentSequence >>> 0,
    amountMinor,
    transactionType: profile.transactionTypes[kind],
    terminalId,
    dateTime: request.dateTime,
    cityCode,
  }) as Mac1Answer;
  if ('refused' in mac1) {
    const detail = `index ${key.keyIndex} version ${init.keyVersion}`;
    return settled(nothing('keyUnknown', detail, init.balanceMinor), pending, settlement);
  }
  const intent = makeIntent(purse, request, init, key, intentSequence, mac1.terminalSequence);
  yield { ask: 'intent', debit: intent };

  const balanceAfterMinor = init.balanceMinor - amountMinor;
  let end: DebitOutcome | null = null;
  if (request.journey) {
    const ask = updateAsk(buffers, request.journey, balanceAfterMinor);
    const answer = yield ask;
    const updated = isWhole(answer)
      ? updateCappCache.parse(answer)
      : yield* updatedLate(ask, answer);
    if (updated) end = { ...abandoned(intent, 'cardFaulty'), ...faultOutcome(updated) };
  }
  if (!end) {
    const verdict = (yield { ask: 'commit', debit: intent }) as CommitAnswer;
    if (verdict === 'late') end = abandoned(intent, 'deadline');
    if (verdict === 'failed') end = nothing('gateClosed', 'the journal failed', init.balanceMinor);
  }
  if (!end) {
    const ask = debitAsk(buffers.debit, mac1.terminalSequence, request.dateTime, mac1.mac1);
    const answer = yield ask;
    const said = isWhole(answer) ? debit.parse(answer) : yield* debitedLate(ask, answer);
    if ('fault' in said) end = undebited(intent, said);
    else if (!((yield { ask: 'mac2', mac2: said.mac2 }) as boolean)) {
      end = unknown(intent, { reason: 'mac2Invalid', detail: 'MAC2 does not verify' });
    } else end = debited(intent, said.tac, balanceAfterMinor);
  }
  return settled(end, pending, settlement);
}

/** The outcome with the settlement of an earlier debit, where there was one, in front. */
function settled(
  outcome: DebitOutcome,
  pending: Debit | null,
  settlement: Debit | null,
): DebitOutcome {
  if (!settlement) return outcome;
  return { ...outcome, closed: [settlement, ...outcome.closed], settled: pending };
}

function debited(intent: Debit, tac: Uint8Array, balanceMinor: number): DebitOutcome {
  const state = DebitState.confirmed;
  const confirmed: Debit = { ...intent, state, evidence: Evidence.debitAnswer, tac };
  return {
    reason: 'open',
    detail: '',
    balanceMinor,
    closed: [confirmed],
    unconfirmed: null,
    settled: null,
  };
}

/** A status word says that the card did not commit; anything else says nothing. */
function undebited(intent: Debit, fault: CardFault): DebitOutcome {
  const told = faultOutcome(fault);
  if (fault.fault !== 'status') return unknown(intent, told);
  const refused = { ...intent, state: DebitState.void, evidence: Evidence.refused };
  return { ...nothing(told.reason, told.detail, intent.balanceBeforeMinor), closed: [refused] };
}

/** DEBIT was never sent. */
function abandoned(intent: Debit, reason: Reason): DebitOutcome {
  const closed = [{ ...intent, state: DebitState.void, evidence: Evidence.notSent }];
  return { ...nothing(reason, '', intent.balanceBeforeMinor), closed };
}

/** DEBIT was sent, and no answer that proves anything came back. */
function unknown(intent: Debit, told: { reason: Reason; detail: string }): DebitOutcome {
  const unconfirmed: Debit = { ...intent, state: DebitState.unconfirmed };
  return { ...nothing(told.reason, told.detail, null), closed: [unconfirmed], unconfirmed };
}

function makeIntent(
  purse: SelectedPurse,
  request: DebitRequest,
  init: PurseInit,
  key: CardKeyRef,
  gateSequence: number,
  terminalSequence: number,
): Debit {
  const { profile } = purse;
  return {
    kind: DebitKind.debit,
    state: DebitState.intended,
    evidence: Evidence.none,
    tapKind: request.tapKind,
    gateId: request.gateId,
    gateSequence,
    instantMs: request.instantMs,
    dateTime: request.dateTime,
    terminalId: request.terminalId,
    terminalSequence,
    issuer: issuer(purse),
    cardNumber: request.cardNumber,
    factors: key.factors,
    factorLevels: key.factorLevels,
    keyIndex: key.keyIndex,
    keyVersion: init.keyVersion,
    algorithm: init.algorithm,
    transactionType: profile.transactionTypes[request.kind],
    offlineCounter: init.offlineCounter,
    balanceBeforeMinor: init.balanceMinor,
    amountMinor: request.amountMinor,
    currency: profile.currency,
    random: init.random,
    tac: NO_TAC,
    fromStation: request.fromStation,
    toStation: request.toStation,
    entryInstantMs: request.entryInstantMs,
    fareVersion: request.fareVersion,
    rider: request.rider,
    tapMs: 0,
    hostUs: 0,
    refersTo: null,
    mode: request.inForce.mode,
    denylistVersion: request.inForce.denylistVersion,
    clockQuality: request.inForce.clockQuality,
    parametersVersion: request.inForce.parametersVersion,
  };
}
