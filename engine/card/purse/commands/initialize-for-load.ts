/**
 * INITIALIZE FOR LOAD (PBOC e-purse): 80 50 00 P2 0B, key index ‖ amount4 ‖ terminal6, Le 10. The
 * answer's layout is that of a published worked load. It moves no money: its MAC1, under a session
 * key of the card's random and online counter, proves to the issuer balance and counter as of now.
 */
import { readU16, readU32 } from '../../../bytes.ts';
import { buildCommand, dataLength, statusWord, take } from '../../apdu.ts';
import type { CardFault } from '../../dialogue.ts';
import { baseStatuses, refused, SW_OK, wrongLength } from '../../status.ts';
import { writeInitialize } from './initialize-for-purchase.ts';

const DATA_BYTES = 11;
/** Bytes of the answer's data, as a load host is handed them. */
export const LOAD_INIT_BYTES = 16;

/** What the card says before it is credited. */
export interface LoadInit {
  readonly balanceMinor: number;
  /** Online counter before the increment, 16 bits. */
  readonly onlineCounter: number;
  readonly keyVersion: number;
  /** Algorithm byte: 00 is 3DES, others by profile. */
  readonly algorithm: number;
  /** 4 bytes. */
  readonly random: Uint8Array;
  /** The card's proof to the host, 4 bytes. */
  readonly mac1: Uint8Array;
  /** The 16 bytes as the card sent them. */
  readonly bytes: Uint8Array;
}

export const initializeForLoad = {
  name: 'INITIALIZE FOR LOAD',
  statuses: {
    ...baseStatuses,
    '6982': 'the PIN was not verified',
    '6985': 'the purse is not open, or would hold too much',
    '6A81': 'the purse does not support a load',
    '9402': 'the online counter is at its maximum',
    '9403': 'the card has no load key of this index',
  },

  /** The command with zeros where its data goes. */
  template(purseId: number): Uint8Array {
    const data = new Uint8Array(DATA_BYTES);
    return buildCommand(0x80, 0x50, 0x00, purseId, data, LOAD_INIT_BYTES);
  },
  write: writeInitialize,

  /** balance4 ‖ online counter2 ‖ key version1 ‖ algorithm1 ‖ random4 ‖ MAC1(4). */
  parse(response: Uint8Array): LoadInit | CardFault {
    const sw = statusWord(response);
    if (sw !== SW_OK) return refused(initializeForLoad, sw);
    if (dataLength(response) !== LOAD_INIT_BYTES) {
      return wrongLength(initializeForLoad, dataLength(response), LOAD_INIT_BYTES);
    }
    return readLoadInit(take(response, 0, LOAD_INIT_BYTES));
  },
};

/** @param bytes `LOAD_INIT_BYTES`, kept. */
export function readLoadInit(bytes: Uint8Array): LoadInit {
  return {
    balanceMinor: readU32(bytes, 0),
    onlineCounter: readU16(bytes, 4),
    keyVersion: bytes[6]!,
    algorithm: bytes[7]!,
    random: take(bytes, 8, 4),
    mac1: take(bytes, 12, 4),
    bytes,
  };
}
