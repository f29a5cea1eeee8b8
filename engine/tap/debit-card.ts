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
  readCityCode,
  updateAsk,
  updatedLate,
} from '../card/purse/dialogues.ts';
import { keyAsCardSays, type SelectedPurse } from '../card/purse/selected.ts';
import { type Debit, DebitKind, DebitState, Evidence } from '../debit/record.ts';
import type { TapDialogue } from './decision.ts';
import { faultOutcome } from './fault.ts';
import { abandoned, debited, nothing, refusedDebit, unknown } from './outcome.ts';
import type { DebitOutcome, DebitRequest } from './request.ts';
import { settleByCounter } from './settle.ts';

const NO_TAC = new Uint8Array(4);

/** What a purse's debit needs beside the request. */
export interface PurseMeans {
  readonly kind: 'purchase' | 'capp';
  readonly key: CardKeyRef;
  readonly buffers: GateBuffers;
}

/** What to debit of which purse. */
export interface PurseDebit {
  readonly purse: SelectedPurse;
  readonly means: PurseMeans;
  readonly request: DebitRequest;
}

export function* debitCard({ purse, means, request }: PurseDebit): TapDialogue<DebitOutcome> {
  const { profile } = purse;
  const { amountMinor, pending, terminalId } = request;
  let cityCode: Uint8Array | null = null;
  if (profile.cityCode) {
    const code = yield* readCityCode();
    if ('fault' in code) return { ...nothing('cardFaulty', '', null), ...faultOutcome(code) };
    cityCode = code;
  }
  const { kind } = means;
  const buffers = means.buffers.of(profile);
  const asked = initializeAsk(buffers, kind, profile.keyIndex, amountMinor, terminalId);
  const answered = yield asked;
  const init = isWhole(answered)
    ? initialized(profile, kind, answered)
    : yield* initializedLate(profile, kind, asked, answered);
  if (init === 'insufficient') return nothing('balanceTooLow', '', null);
  if ('fault' in init) return { ...nothing('cardFaulty', '', null), ...faultOutcome(init) };
  if (init.balanceMinor < amountMinor + Math.max(0, request.minimumBalanceMinor)) {
    return nothing('balanceTooLow', '', init.balanceMinor);
  }

  const settlement = pending ? settleByCounter(request, profile, pending, init) : null;
  if (settlement) yield { ask: 'intent', debit: settlement };
  const intentSequence = request.sequence + (settlement ? 1 : 0);
  const key = keyAsCardSays(means.key, init);
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
  const intent = makeIntent(purse, kind, request, init, key, intentSequence, mac1.terminalSequence);
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

/** A status word says that the card did not commit; anything else says nothing. */
function undebited(intent: Debit, fault: CardFault): DebitOutcome {
  const told = faultOutcome(fault);
  return fault.fault === 'status' ? refusedDebit(intent, told) : unknown(intent, told);
}

function makeIntent(
  purse: SelectedPurse,
  kind: PurseMeans['kind'],
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
    issuer: key.issuer,
    cardNumber: request.cardNumber,
    factors: key.factors,
    factorLevels: key.factorLevels,
    keyIndex: key.keyIndex,
    keyVersion: init.keyVersion,
    algorithm: init.algorithm,
    transactionType: profile.transactionTypes[kind],
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
