/**
 * Debits a purse: INITIALIZE, MAC1, the intent, the journey record (CAPP only), DEBIT, MAC2 (PBOC
 * e-purse, purchase and CAPP purchase). The order is what loses nothing: the intent is written while
 * the card takes the journey record, and it must be durable before DEBIT is sent.
 */
import { copyBytes } from '../bytes.ts';
import { askMac1, askMac2, type CardFault, type CardKeyRef, isFault } from '../card/dialogue.ts';
import type { PurseInit } from '../card/purse/commands/initialize-for-purchase.ts';
import {
  debitPurse,
  initializePurchase,
  readCityCode,
  updateJourney,
} from '../card/purse/dialogues.ts';
import { cardNumber, issuer, keyRef, type SelectedPurse } from '../card/purse/selected.ts';
import { type Debit, DebitKind, DebitState, Evidence, type TapKind } from '../debit/record.ts';
import { askCommit, askIntent, type TapDialogue } from './decision.ts';
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
  readonly journey: ((balanceAfterMinor: number) => Uint8Array) | null;
  /** An earlier debit of this card whose outcome is unknown. */
  readonly pending: Debit | null;
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
  const { amountMinor } = request;
  let cityCode: Uint8Array | null = null;
  if (profile.cityCode) {
    const code = yield* readCityCode();
    if (isFault(code)) return { ...nothing('cardFaulty', '', null), ...faultOutcome(code) };
    cityCode = code;
  }
  const init = yield* initializePurchase(
    profile,
    request.kind,
    profile.keyIndex,
    amountMinor,
    request.terminalId,
  );
  if (init === 'insufficient') return nothing('balanceTooLow', '', null);
  if (isFault(init)) return { ...nothing('cardFaulty', '', null), ...faultOutcome(init) };
  if (init.balanceMinor < amountMinor + request.minimumBalanceMinor) {
    return nothing('balanceTooLow', '', init.balanceMinor);
  }

  const { pending } = request;
  const settlement = pending ? settleByCounter(request, profile, pending, init) : null;
  if (settlement) yield* askIntent(settlement);
  const intentSequence = request.sequence + (settlement ? 1 : 0);
  const key = keyRef(purse, init);
  const mac1 = yield* askMac1({
    key,
    random: init.random,
    offlineCounter: init.offlineCounter,
    terminalSequence: intentSequence >>> 0,
    amountMinor,
    transactionType: profile.transactionTypes[request.kind],
    terminalId: request.terminalId,
    dateTime: request.dateTime,
    cityCode,
  });
  const done = {
    closed: settlement ? [settlement] : [],
    unconfirmed: null,
    settled: settlement ? pending : null,
    balanceMinor: init.balanceMinor,
  };
  if ('refused' in mac1) {
    const detail = `index ${key.keyIndex} version ${init.keyVersion}`;
    return { ...done, reason: 'keyUnknown', detail };
  }
  const intent = makeIntent(purse, request, init, key, intentSequence, mac1.terminalSequence);
  yield* askIntent(intent);
  const outcome = yield* sendDebit(purse, request, intent, mac1.mac1);
  return { ...done, ...outcome, closed: [...done.closed, ...outcome.closed] };
}

/** From the journey record to MAC2; the intent is appended. */
function* sendDebit(
  purse: SelectedPurse,
  request: DebitRequest,
  intent: Debit,
  mac1: Uint8Array,
): TapDialogue<Omit<DebitOutcome, 'settled'>> {
  const { profile } = purse;
  const before = intent.balanceBeforeMinor;
  const balanceAfterMinor = before - request.amountMinor;
  if (request.journey) {
    const updated = yield* updateJourney(profile, request.journey(balanceAfterMinor));
    if (updated) return { ...abandoned(intent, before), ...faultOutcome(updated) };
  }
  const verdict = yield* askCommit();
  if (verdict === 'late') return { ...abandoned(intent, before), reason: 'deadline' };
  if (verdict === 'failed') {
    return { ...abandoned(intent, before), reason: 'gateClosed', closed: [] };
  }
  const answer = yield* debitPurse(intent.terminalSequence, request.dateTime, mac1);
  if (isFault(answer)) {
    if (answer.fault === 'status') {
      const refused = { ...intent, state: DebitState.void, evidence: Evidence.refused };
      const told = faultOutcome(answer);
      return { ...told, balanceMinor: before, closed: [refused], unconfirmed: null };
    }
    return unknown(intent, faultOutcome(answer));
  }
  if (!(yield* askMac2(answer.mac2))) {
    return unknown(intent, { reason: 'mac2Invalid', detail: 'MAC2 does not verify' });
  }
  const confirmed: Debit = {
    ...intent,
    state: DebitState.confirmed,
    evidence: Evidence.debitAnswer,
    tac: answer.tac,
  };
  return {
    reason: 'open',
    detail: '',
    balanceMinor: balanceAfterMinor,
    closed: [confirmed],
    unconfirmed: null,
  };
}

/** DEBIT was never sent. */
function abandoned(intent: Debit, balanceMinor: number): Omit<DebitOutcome, 'settled'> {
  const closed = [{ ...intent, state: DebitState.void, evidence: Evidence.notSent }];
  return { reason: 'cardFaulty', detail: '', balanceMinor, closed, unconfirmed: null };
}

/** DEBIT was sent, and no answer that proves anything came back. */
function unknown(
  intent: Debit,
  told: { reason: Reason; detail: string },
): Omit<DebitOutcome, 'settled'> {
  const unconfirmed: Debit = { ...intent, state: DebitState.unconfirmed };
  return { ...told, balanceMinor: null, closed: [unconfirmed], unconfirmed };
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
  const factors = new Uint8Array(16);
  for (let i = 0; i < key.factors.length; i++) copyBytes(key.factors[i]!, 0, factors, 8 * i, 8);
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
    cardNumber: cardNumber(purse),
    factors,
    factorLevels: key.factors.length,
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
  };
}
