/**
 * INITIALIZE FOR PURCHASE (PBOC e-purse): 80 50 01 P2 0B, key index ‖ amount4 ‖ terminal6, Le 0F.
 * The answer's layout is that of a published worked purchase; INITIALIZE FOR CAPP PURCHASE shares
 * it.
 */
import { copyBytes, readU16, readU32, writeU32 } from '../../../bytes.ts';
import { buildCommand, COMMAND_DATA_AT, dataLength, statusWord, take } from '../../apdu.ts';
import type { CardFault } from '../../dialogue.ts';
import {
  baseStatuses,
  type CardCommand,
  refused,
  type StatusTable,
  SW_OK,
  wrongLength,
} from '../../status.ts';

const DATA_BYTES = 11;
const ANSWER_BYTES = 15;
const TERMINAL_BYTES = 6;

/** What the card says before it is debited. */
export interface PurseInit {
  readonly balanceMinor: number;
  /** Offline counter before the increment, 16 bits. */
  readonly offlineCounter: number;
  /** Overdraft limit, 24 bits. */
  readonly overdraftMinor: number;
  readonly keyVersion: number;
  /** Algorithm byte: 00 is 3DES, others by profile. */
  readonly algorithm: number;
  /** 4 bytes. */
  readonly random: Uint8Array;
}

export const initializeStatuses: StatusTable = {
  ...baseStatuses,
  '6985': 'the purse is not open, or another transaction is under way',
  '6A81': 'the purse does not support this purchase',
  '9301': 'the balance is too low',
  '9401': 'the balance is too low',
  '9402': 'the offline counter is at its maximum',
  '9403': 'the card has no purchase key of this index',
};

/** INITIALIZE with P1 `p1` and zeros where its data goes. */
export function initializeTemplate(p1: number, purseId: number): Uint8Array {
  return buildCommand(0x80, 0x50, p1, purseId, new Uint8Array(DATA_BYTES), ANSWER_BYTES);
}

/** Writes the data into a copy of the template; `terminalId` of 6 bytes, `amountMinor` 32 bits. */
export function writeInitialize(
  apdu: Uint8Array,
  keyIndex: number,
  amountMinor: number,
  terminalId: Uint8Array,
): void {
  apdu[COMMAND_DATA_AT] = keyIndex;
  writeU32(apdu, COMMAND_DATA_AT + 1, amountMinor);
  copyBytes(terminalId, 0, apdu, COMMAND_DATA_AT + 5, TERMINAL_BYTES);
}

/** balance4 ‖ offline counter2 ‖ overdraft3 ‖ key version1 ‖ algorithm1 ‖ random4. */
export function parseInitialize(command: CardCommand, response: Uint8Array): PurseInit | CardFault {
  const sw = statusWord(response);
  if (sw !== SW_OK) return refused(command, sw);
  if (dataLength(response) !== ANSWER_BYTES) {
    return wrongLength(command, dataLength(response), ANSWER_BYTES);
  }
  return {
    balanceMinor: readU32(response, 0),
    offlineCounter: readU16(response, 4),
    overdraftMinor: (response[6]! << 16) | readU16(response, 7),
    keyVersion: response[9]!,
    algorithm: response[10]!,
    random: take(response, 11, 4),
  };
}

export const initializeForPurchase = {
  name: 'INITIALIZE FOR PURCHASE',
  statuses: initializeStatuses,

  template(purseId: number): Uint8Array {
    return initializeTemplate(0x01, purseId);
  },
  write: writeInitialize,
  parse(response: Uint8Array): PurseInit | CardFault {
    return parseInitialize(initializeForPurchase, response);
  },
};
