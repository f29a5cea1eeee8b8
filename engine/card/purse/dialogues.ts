/**
 * The steps of a purchase after SELECT, each a dialogue of one command (PBOC e-purse; CAPP after
 * JR/T 0025.9-2010, 7.4). A dialogue ends in what the card said or in a `CardFault`; `meanwhile`
 * runs while the command is on the air. All bytes they return are copies.
 *
 * After DEBIT was sent, `gone` and `malformed` do not say whether the card committed: only
 * `proveTransaction` or the card's counter on a later tap does. A status word says that it did not.
 */
import { invariant } from '../../invariant.ts';
import { COMMAND_DATA_AT } from '../apdu.ts';
import { type Answer, type CardAsk, type CardFault, type Dialogue, isFault } from '../dialogue.ts';
import { askOf, complete, isWhole } from '../exchange.ts';
import type { JourneyWriter } from '../journey-form.ts';
import { malformed } from '../status.ts';
import { type CommandBuffers, makeBuffers } from './command-buffers.ts';
import { debit, type PurseDebit } from './commands/debit.ts';
import { getBalance } from './commands/get-balance.ts';
import { getCityCode } from './commands/get-city-code.ts';
import { getTransactionProve } from './commands/get-transaction-prove.ts';
import { initializeForCappPurchase } from './commands/initialize-for-capp-purchase.ts';
import { initializeForPurchase, type PurseInit } from './commands/initialize-for-purchase.ts';
import { readRecord } from './commands/read-record.ts';
import { updateCappCache } from './commands/update-capp-cache.ts';
import type { CompiledProfile } from './compile.ts';
import type { PurchaseKind } from './profile.ts';
import { LOG_RECORD_BYTES, type LogRecord, readLogRecord } from './records.ts';
import { nextOfflineCounter } from './selected.ts';

type Meanwhile = (() => void) | null;

/**
 * The journey record, as long as the profile says, or `absent` where the card has none. The
 * profile has a journey file.
 */
export function* readJourney(
  profile: CompiledProfile,
  meanwhile: Meanwhile = null,
): Dialogue<Uint8Array | 'absent' | CardFault> {
  const ask = readJourneyAsk(profile, meanwhile);
  const answer = yield ask;
  return isWhole(answer)
    ? journeyRead(profile, answer)
    : yield* journeyReadLate(profile, ask, answer);
}

/** The ask of `readJourney`, for a dialogue that yields it itself. */
export function readJourneyAsk(profile: CompiledProfile, meanwhile: Meanwhile): CardAsk {
  invariant(profile.journey !== null, 'the profile has a journey file');
  return askOf(readRecord, profile.journey.read, meanwhile);
}

/** What a whole answer to `readJourneyAsk` says. */
export function journeyRead(
  profile: CompiledProfile,
  response: Uint8Array,
): Uint8Array | 'absent' | CardFault {
  return readRecord.parse(response, profile.journey!.layout.recordLength);
}

/** The same for an answer that is not whole. */
export function* journeyReadLate(
  profile: CompiledProfile,
  ask: CardAsk,
  answer: Answer,
): Dialogue<Uint8Array | 'absent' | CardFault> {
  const response = yield* complete(readRecord, ask.apdu, answer);
  return 'fault' in response ? response : journeyRead(profile, response);
}

/** The command of a purchase's INITIALIZE. */
function initializeCommand(kind: PurchaseKind) {
  return kind === 'capp' ? initializeForCappPurchase : initializeForPurchase;
}

/**
 * Asks the card to prepare a purchase of `amountMinor` (32 bits) at `terminalId` (6 bytes);
 * `keyIndex` as `keyRef` gives it. The algorithm byte is translated by the profile (00 is 3DES, any
 * other SM4); a card with one the profile does not name is `malformed`: no key could serve it.
 */
export function* initializePurchase(
  profile: CompiledProfile,
  kind: PurchaseKind,
  keyIndex: number,
  amountMinor: number,
  terminalId: Uint8Array,
  meanwhile: Meanwhile = null,
): Dialogue<PurseInit | 'insufficient' | CardFault> {
  const buffers = makeBuffers(profile);
  const ask = initializeAsk(buffers, kind, keyIndex, amountMinor, terminalId, meanwhile);
  const answer = yield ask;
  return isWhole(answer)
    ? initialized(profile, kind, answer)
    : yield* initializedLate(profile, kind, ask, answer);
}

/** The ask of `initializePurchase` in the buffers given, for a dialogue that yields it itself. */
export function initializeAsk(
  buffers: CommandBuffers,
  kind: PurchaseKind,
  keyIndex: number,
  amountMinor: number,
  terminalId: Uint8Array,
  meanwhile: Meanwhile = null,
): CardAsk {
  invariant(amountMinor >= 0 && amountMinor <= 0xffff_ffff, 'an amount of 32 bits');
  invariant(terminalId.length === 6, 'a terminal id of 6 bytes');
  const command = initializeCommand(kind);
  const apdu = buffers.initialize[kind];
  command.write(apdu, keyIndex, amountMinor, terminalId);
  return askOf(command, apdu, meanwhile);
}

/** What a whole answer (`isWhole`) to `initializeAsk` says. */
export function initialized(
  profile: CompiledProfile,
  kind: PurchaseKind,
  response: Uint8Array,
): PurseInit | 'insufficient' | CardFault {
  const command = initializeCommand(kind);
  const init = command.parse(response);
  if ('fault' in init) {
    const short = init.fault === 'status' && profile.insufficientStatuses.includes(init.sw);
    return short ? 'insufficient' : init;
  }
  const algorithm = profile.algorithmOf[init.algorithm]!;
  if (algorithm < 0) {
    return malformed(command, `algorithm byte ${init.algorithm} is not in the profile`);
  }
  return algorithm === init.algorithm ? init : { ...init, algorithm };
}

/** The same for an answer that is not whole. */
export function* initializedLate(
  profile: CompiledProfile,
  kind: PurchaseKind,
  ask: CardAsk,
  answer: Answer,
): Dialogue<PurseInit | 'insufficient' | CardFault> {
  const response = yield* complete(initializeCommand(kind), ask.apdu, answer);
  return 'fault' in response ? response : initialized(profile, kind, response);
}

/** Sends the new journey record; the card keeps it until DEBIT. */
export function* updateJourney(
  profile: CompiledProfile,
  write: JourneyWriter,
  balanceAfterMinor: number,
): Dialogue<null | CardFault> {
  const ask = updateAsk(makeBuffers(profile), write, balanceAfterMinor);
  const answer = yield ask;
  return isWhole(answer) ? updateCappCache.parse(answer) : yield* updatedLate(ask, answer);
}

/**
 * The ask of `updateJourney` in the buffers given; a whole answer is for `updateCappCache.parse`.
 */
export function updateAsk(
  buffers: CommandBuffers,
  write: JourneyWriter,
  balanceAfterMinor: number,
): CardAsk {
  const apdu = buffers.update;
  invariant(apdu.length > 0, 'the profile has a journey file');
  write(balanceAfterMinor, apdu, COMMAND_DATA_AT);
  return askOf(updateCappCache, apdu, null);
}

export function* updatedLate(ask: CardAsk, answer: Answer): Dialogue<null | CardFault> {
  const response = yield* complete(updateCappCache, ask.apdu, answer);
  return 'fault' in response ? response : updateCappCache.parse(response);
}

/**
 * Debits the purse. `terminalSequence` of 32 bits, `dateTime` YYYYMMDDhhmmss of 7 BCD bytes and
 * `mac1` of 4, all as they went into MAC1. The caller still has to check MAC2.
 */
export function* debitPurse(
  terminalSequence: number,
  dateTime: Uint8Array,
  mac1: Uint8Array,
  meanwhile: Meanwhile = null,
): Dialogue<PurseDebit | CardFault> {
  const ask = debitAsk(debit.template(), terminalSequence, dateTime, mac1, meanwhile);
  const answer = yield ask;
  return isWhole(answer) ? debit.parse(answer) : yield* debitedLate(ask, answer);
}

/**
 * The ask of `debitPurse` in `apdu`, a copy of its template; a whole answer is for `debit.parse`.
 */
export function debitAsk(
  apdu: Uint8Array,
  terminalSequence: number,
  dateTime: Uint8Array,
  mac1: Uint8Array,
  meanwhile: Meanwhile = null,
): CardAsk {
  invariant(dateTime.length === 7 && mac1.length === 4, 'date and time of 7 bytes, MAC1 of 4');
  debit.write(apdu, terminalSequence, dateTime, mac1);
  return askOf(debit, apdu, meanwhile);
}

export function* debitedLate(ask: CardAsk, answer: Answer): Dialogue<PurseDebit | CardFault> {
  const response = yield* complete(debit, ask.apdu, answer);
  return 'fault' in response ? response : debit.parse(response);
}

/**
 * Asks for the proof of an earlier debit by its type (`profile.transactionTypes`) and the counter
 * that its INITIALIZE gave; the profile says which counter the card wants. `unavailable` where the
 * card keeps no such proof: it did not commit, or has debited since.
 */
export function* proveTransaction(
  profile: CompiledProfile,
  transactionType: number,
  offlineCounter: number,
): Dialogue<PurseDebit | 'unavailable' | CardFault> {
  const { counterOffset, order } = profile.proof;
  const counter =
    counterOffset === 0 ? offlineCounter : nextOfflineCounter(profile, offlineCounter);
  const apdu = getTransactionProve.build(transactionType, counter);
  const answer = yield askOf(getTransactionProve, apdu, null);
  const response = isWhole(answer) ? answer : yield* complete(getTransactionProve, apdu, answer);
  return 'fault' in response ? response : getTransactionProve.parse(response, order);
}

/** The balance in minor units. */
export function* readBalance(profile: CompiledProfile): Dialogue<number | CardFault> {
  const answer = yield askOf(getBalance, profile.readBalance, null);
  const response = isWhole(answer)
    ? answer
    : yield* complete(getBalance, profile.readBalance, answer);
  if ('fault' in response) return response;
  const balance = getBalance.parse(response);
  if (typeof balance !== 'number') return balance;
  return profile.settings.balance.ignoreTopBit ? balance % 0x8000_0000 : balance;
}

/** Record `record` of the log 0x18, from 1; which is the newest, the profile says. */
export function* readLog(
  profile: CompiledProfile,
  record: number,
): Dialogue<LogRecord | 'absent' | CardFault> {
  const apdu = readRecord.build(profile.logSfi, record, LOG_RECORD_BYTES);
  const answer = yield askOf(readRecord, apdu, null);
  const response = isWhole(answer) ? answer : yield* complete(readRecord, apdu, answer);
  if ('fault' in response) return response;
  const bytes = readRecord.parse(response, LOG_RECORD_BYTES);
  if (bytes === 'absent' || isFault(bytes)) return bytes;
  return readLogRecord(bytes);
}

/** The nine bytes a city-union card puts into MAC1. */
export function* readCityCode(): Dialogue<Uint8Array | CardFault> {
  const answer = yield askOf(getCityCode, getCityCode.build(), null);
  const response = isWhole(answer)
    ? answer
    : yield* complete(getCityCode, getCityCode.build(), answer);
  return 'fault' in response ? response : getCityCode.parse(response);
}
