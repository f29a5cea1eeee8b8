/** Load on a virtual card: INITIALIZE FOR LOAD and CREDIT FOR LOAD of a PBOC e-purse. */
import { equalBytes, readU32, writeU16, writeU32 } from '../../../engine/bytes.ts';
import { loadMac1, loadMac2, loadSessionKey, loadTac, tacKey } from './card-crypto.ts';
import { type CardState, spendableMinor } from './card-state.ts';
import {
  answer,
  type Command,
  type Outcome,
  status,
  type Transaction,
  wrongLe,
} from './command.ts';
import type { Quirks } from './personality.ts';
import { type RandomBytes, serialOf, withRecord } from './purchase.ts';

const LOAD = 2;
const COUNTER_MAX = 0xffff;
/** Readers ignore the top bit of a balance, so a purse never reaches it. */
const BALANCE_MAX = 0x7fffffff;

/** 80 50 00 02 0B: key index ‖ amount(4) ‖ terminal(6). */
export function initializeLoad(
  state: CardState,
  command: Command,
  randomBytes: RandomBytes,
): Outcome {
  const { data } = command;
  if (data.length !== 11) return status(0x6700);
  const refused = wrongLe(command, 16);
  if (refused) return refused;
  if (state.application === 'locked') return status(0x6985);
  if (state.onlineCounter >= COUNTER_MAX) return status(0x9402);
  if (data[0] !== state.loadKey.index) return status(0x9403);
  const amountMinor = readU32(data, 1);
  if (spendableMinor(state) + amountMinor > BALANCE_MAX) return status(0x6985);
  const random = randomBytes(4);
  const terminalId = data.slice(5, 11);
  const sessionKey = loadSessionKey(state.loadKey.key, random, state.onlineCounter);
  const terms = { amountMinor, transactionType: LOAD, terminalId };
  const bytes = new Uint8Array(16);
  writeU32(bytes, 0, spendableMinor(state));
  writeU16(bytes, 4, state.onlineCounter);
  bytes[6] = state.loadKey.version;
  bytes.set(random, 8);
  bytes.set(loadMac1(sessionKey, spendableMinor(state), terms), 12);
  return {
    response: answer(bytes),
    transaction: { kind: 'load', amountMinor, terminalId, random },
  };
}

/** 80 52 00 00 0B: date(4) ‖ time(3) ‖ MAC2(4); answers TAC. */
export function creditLoad(
  state: CardState,
  quirks: Quirks,
  transaction: Transaction | null,
  command: Command,
): Outcome {
  const { data } = command;
  if (command.p1 !== 0 || command.p2 !== 0) return status(0x6a86);
  if (data.length !== 11) return status(0x6700);
  const refused = wrongLe(command, 4);
  if (refused) return refused;
  if (transaction?.kind !== 'load') return status(0x6985);
  const { amountMinor, terminalId, random } = transaction;
  const terms = { amountMinor, transactionType: LOAD, terminalId, dateTime: data.slice(0, 7) };
  const sessionKey = loadSessionKey(state.loadKey.key, random, state.onlineCounter);
  const mac2 = loadMac2(sessionKey, terms);
  if (!equalBytes(mac2, data.subarray(7))) return status(quirks.badMacStatus);
  const onlineCounter = state.onlineCounter + 1;
  const serial = serialOf(quirks, state.onlineCounter, onlineCounter);
  const newBalanceMinor = spendableMinor(state) + amountMinor;
  const tac = loadTac(tacKey(state.tacKey.key), newBalanceMinor, state.onlineCounter, terms);
  return {
    response: answer(tac),
    state: {
      ...state,
      balanceMinor: state.balanceMinor + amountMinor,
      loadedMinor: state.loadedMinor + amountMinor,
      onlineCounter,
      log: withRecord(state, serial, terms),
      proof: { transactionType: LOAD, serial, mac2, tac, initialized: new Uint8Array(15) },
    },
  };
}
