/**
 * What ChangeKey (C4) carries before it is enciphered, in the three generations of sessions: after
 * AuthenticateEV2First (NXP AN12196, 6.16 [R]), after AuthenticateAES or AuthenticateISO (EV1 [R])
 * and after the first generation's Authenticate. Keys are here and in the key holder alone.
 */
import { crc32 } from 'node:zlib';
import { copyBytes } from '../../bytes.ts';
import { invariant } from '../../invariant.ts';

const INS_CHANGE_KEY = 0xc4;
const KEY_BYTES = 16;

/** By which checksum a session's generation proves the new key. */
export type KeyChangeScheme =
  /** EV2: the session's MAC, and a CRC-32 of the new key where it is not the session's. */
  | 'mac'
  /** EV1: a CRC-32 over command and data, the same of the new key. */
  | 'crc32'
  /** First generation: a CRC-16 over the data. */
  | 'crc16';

export interface KeyChange {
  readonly scheme: KeyChangeScheme;
  /** Key number, with the bits of the key's type (80: AES) for the card's own master key. */
  readonly keyByte: number;
  /** 16 bytes. */
  readonly key: Uint8Array;
  readonly version: number;
  /** What the card has there now, 16 bytes; null: the key that the session is under. */
  readonly current: Uint8Array | null;
}

/**
 * CRC-32 as DESFire has it: that of IEEE 802.3 without the last inversion; it is sent least
 * significant byte first.
 */
export function desfireCrc32(bytes: Uint8Array): number {
  return ~crc32(bytes) >>> 0;
}

/** CRC_A of ISO/IEC 14443-3, B.2: what the first generation checks its data by. */
export function crcA(bytes: Uint8Array): number {
  let crc = 0x6363;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0x8408 : 0);
  }
  return crc;
}

/**
 * Writes the data at `into[at]`: key ‖ version ‖ checksums, without the session's padding.
 * @returns 17 to 25 bytes.
 */
export function writeKeyChange(change: KeyChange, into: Uint8Array, at: number): number {
  const { scheme, keyByte, key, version, current } = change;
  invariant(key.length === KEY_BYTES && (current?.length ?? KEY_BYTES) === KEY_BYTES, '16 bytes');
  copyBytes(key, 0, into, at, KEY_BYTES);
  if (current) for (let i = 0; i < KEY_BYTES; i++) into[at + i]! ^= current[i]!;
  let end = at + KEY_BYTES;
  into[end++] = version;
  const data = into.slice(at, end);
  if (scheme === 'crc32') {
    const sent = new Uint8Array(2 + data.length);
    sent[0] = INS_CHANGE_KEY;
    sent[1] = keyByte;
    sent.set(data, 2);
    end = appendLittle(into, end, 4, desfireCrc32(sent));
    sent.fill(0);
  } else if (scheme === 'crc16') {
    end = appendLittle(into, end, 2, crcA(data));
  }
  data.fill(0);
  if (!current) return end - at;
  const ofKey = scheme === 'crc16' ? crcA(key) : desfireCrc32(key);
  return appendLittle(into, end, scheme === 'crc16' ? 2 : 4, ofKey) - at;
}

/** @returns where the next byte goes. */
function appendLittle(into: Uint8Array, at: number, length: number, value: number): number {
  for (let i = 0; i < length; i++) into[at + i] = value >>> (8 * i);
  return at + length;
}
