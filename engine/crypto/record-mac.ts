/**
 * The MAC over a record of e-cash's extended application: retail MAC (ISO 9797-1 algorithm 3,
 * padding 2) with an initial value, of which the left four bytes are sent [1].
 */
import { copyBytes } from '../bytes.ts';
import { invariant } from '../invariant.ts';
import { EDE_SCHEDULE_WORDS } from './des.ts';
import type { MasterSchedule } from './keyring.ts';
import { retailMac } from './mac.ts';
import { tripleDes } from './purse-cipher.ts';
import { loadWord, storeWord } from './words.ts';

const BLOCK_BYTES = 8;

/** The schedule of a card's record key: the master's, diversified by a factor of 8 bytes [U]. */
export function recordKeySchedule({ schedule }: MasterSchedule, factor: Uint8Array): Int32Array {
  invariant(factor.length === BLOCK_BYTES, 'a factor of 8 bytes');
  const key = new Int32Array(4);
  tripleDes.diversify(schedule, loadWord(factor, 0), loadWord(factor, 4), key);
  const own = new Int32Array(EDE_SCHEDULE_WORDS);
  tripleDes.expandKey(key, own);
  key.fill(0);
  return own;
}

/**
 * @param ede schedule of the record's key
 * @param iv 8 bytes
 * @param bytes at least 8
 * @param out receives 4 bytes
 */
export function recordMac(
  ede: Int32Array,
  iv: Uint8Array,
  bytes: Uint8Array,
  out: Uint8Array,
): void {
  invariant(iv.length === BLOCK_BYTES && bytes.length >= BLOCK_BYTES, 'a block to begin with');
  // An initial value is one that the first block is XORed with.
  const message = new Uint8Array(bytes.length);
  copyBytes(bytes, 0, message, 0, bytes.length);
  for (let i = 0; i < BLOCK_BYTES; i++) message[i]! ^= iv[i]!;
  const mac = new Int32Array(2);
  retailMac(ede, message, message.length, mac);
  storeWord(mac[0]!, out, 0);
}
