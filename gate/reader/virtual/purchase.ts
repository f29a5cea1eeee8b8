/**
 * Purchase and CAPP purchase on a virtual card: INITIALIZE, UPDATE CAPP DATA CACHE, DEBIT and GET
 * TRANSACTION PROVE. Functions of the card's state and open transaction; what they change is in the
 * outcome, so that a card torn away in the middle has changed nothing.
 */
import { equalBytes, readU16, readU32, writeU16, writeU32 } from '../../../engine/bytes.ts';
import {
  purchaseMac1,
  purchaseMac2,
  purchaseSessionKey,
  purchaseTac,
  tacKey,
} from './card-crypto.ts';
import {
  type CardState,
  JOURNEY_BYTES,
  LOG_RECORD_BYTES,
  LOG_RECORDS,
  spendableMinor,
} from './card-state.ts';
import {
  answer,
  type Command,
  type Outcome,
  status,
  type Transaction,
  wrongLe,
} from './command.ts';
import { personalities, type Quirks } from './personality.ts';

export type RandomBytes = (length: number) => Uint8Array;

const PURCHASE = 6;
const CAPP_PURCHASE = 9;
const COUNTER_MAX = 0xffff;
const noCode = new Uint8Array(0);

/** 80 50 01|03 02 0B: key index ‖ amount(4) ‖ terminal(6). */
export function initializePurchase(
  state: CardState,
  quirks: Quirks,
  command: Command,
  randomBytes: RandomBytes,
): Outcome {
  const { data, p1 } = command;
  if (data.length !== 11) return status(0x6700);
  const refused = wrongLe(command, 15);
  if (refused) return refused;
  if (state.application === 'locked') return status(0x6985);
  if (state.offlineCounter >= COUNTER_MAX) return status(0x9402);
  if (data[0] !== (quirks.keyIndex ?? state.purchaseKey.index)) return status(0x9403);
  const amountMinor = readU32(data, 1);
  if (amountMinor > spendableMinor(state)) return status(0x9401);
  const random = randomBytes(4);
  const initialized = initializedAnswer(state, random);
  return {
    response: answer(initialized),
    transaction: {
      kind: 'purchase',
      transactionType: p1 === 3 ? CAPP_PURCHASE : PURCHASE,
      amountMinor,
      terminalId: data.slice(5, 11),
      random,
      initialized,
      cache: null,
    },
  };
}

/** balance(4) ‖ offline counter(2) ‖ overdraft limit(3) ‖ key version ‖ algorithm ‖ random(4). */
function initializedAnswer(state: CardState, random: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(15);
  writeU32(bytes, 0, spendableMinor(state));
  writeU16(bytes, 4, state.offlineCounter);
  writeU24(bytes, 6, state.overdraftLimitMinor);
  bytes[9] = state.purchaseKey.version;
  bytes.set(random, 11);
  return bytes;
}

/** 80 DC 00 P2: the new journey record, held until DEBIT. */
export function updateCache(
  state: CardState,
  transaction: Transaction | null,
  command: Command,
): Outcome {
  const { updateP2 } = personalities[state.personality];
  if (transaction?.kind !== 'purchase' || transaction.transactionType !== CAPP_PURCHASE) {
    return status(0x6985);
  }
  if (command.p2 >> 3 !== updateP2 >> 3) return status(0x6a82);
  if (command.p2 !== updateP2) return status(0x6a86);
  if (command.p1 !== 0) return status(0x6a83);
  if (command.data.length > JOURNEY_BYTES) return status(0x6a84);
  if (command.data.length < JOURNEY_BYTES) return status(0x6a80);
  return {
    response: answer(noCode),
    transaction: { ...transaction, cache: command.data.slice() },
  };
}

/** 80 54 01 00 0F: terminal sequence(4) ‖ date(4) ‖ time(3) ‖ MAC1(4); answers TAC ‖ MAC2. */
export function debit(
  state: CardState,
  quirks: Quirks,
  transaction: Transaction | null,
  command: Command,
): Outcome {
  const { data } = command;
  if (command.p1 !== 1 || command.p2 !== 0) return status(0x6a86);
  if (data.length !== 15) return status(0x6700);
  const refused = wrongLe(command, 8);
  if (refused) return refused;
  if (transaction?.kind !== 'purchase') return status(0x6985);
  const { amountMinor, transactionType, terminalId, cache, random } = transaction;
  if (transactionType === CAPP_PURCHASE && cache === null) {
    return status(quirks.cappWithoutUpdateStatus);
  }
  const terms = { amountMinor, transactionType, terminalId, dateTime: data.slice(4, 11) };
  const terminalSequence = data.slice(0, 4);
  const cityCode = personalities[state.personality].cityCode ?? noCode;
  const { key } = state.purchaseKey;
  const sessionKey = purchaseSessionKey(key, random, state.offlineCounter, terminalSequence);
  if (!equalBytes(purchaseMac1(sessionKey, terms, cityCode), data.subarray(11))) {
    return status(quirks.badMacStatus);
  }
  const mac2 = purchaseMac2(sessionKey, amountMinor);
  const tac = purchaseTac(tacKey(state.tacKey.key), terms, terminalSequence);
  const offlineCounter = nextCounter(state.offlineCounter, quirks);
  const serial = serialOf(quirks, state.offlineCounter, offlineCounter);
  return {
    response: answer(Buffer.concat([tac, mac2])),
    state: {
      ...state,
      balanceMinor: state.balanceMinor - amountMinor,
      spentMinor: state.spentMinor + amountMinor,
      offlineCounter,
      journey: cache ?? state.journey,
      log: withRecord(state, serial, terms),
      proof: { transactionType, serial, mac2, tac, initialized: transaction.initialized },
    },
  };
}

/** 80 5A 00 type 02: serial(2); answers MAC2 ‖ TAC of the last transaction if it is the one. */
export function prove(state: CardState, command: Command): Outcome {
  const { proof } = state;
  if (command.p1 !== 0) return status(0x6a86);
  if (command.data.length !== 2) return status(0x6700);
  const refused = wrongLe(command, 8);
  if (refused) return refused;
  if (proof?.transactionType !== command.p2 || proof.serial !== readU16(command.data, 0)) {
    return status(0x9406);
  }
  return { response: answer(Buffer.concat([proof.mac2, proof.tac])) };
}

function nextCounter(counter: number, quirks: Quirks): number {
  return quirks.counterRestarts && counter >= 0x0100 ? 1 : counter + 1;
}

/** The serial a transaction has in the log and in its proof. */
export function serialOf(quirks: Quirks, initialized: number, next: number): number {
  return quirks.serial === 'next' ? next : initialized;
}

/** The log with one more record, its oldest given up when it is full. */
export function withRecord(
  state: CardState,
  serial: number,
  terms: {
    readonly amountMinor: number;
    readonly transactionType: number;
    readonly terminalId: Uint8Array;
    readonly dateTime: Uint8Array;
  },
): Uint8Array[] {
  const record = new Uint8Array(LOG_RECORD_BYTES);
  writeU16(record, 0, serial);
  writeU24(record, 2, state.overdraftLimitMinor);
  writeU32(record, 5, terms.amountMinor);
  record[9] = terms.transactionType;
  record.set(terms.terminalId, 10);
  record.set(terms.dateTime, 16);
  return [record, ...state.log.slice(0, LOG_RECORDS - 1)];
}

function writeU24(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 16;
  writeU16(bytes, at + 1, value);
}
