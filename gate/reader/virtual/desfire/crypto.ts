/**
 * What a virtual DESFire card computes, with node:crypto only: a second implementation of the rules
 * in `engine/crypto/desfire`, so that the two meet on the wire. Slow, and one call a step.
 */
import { createCipheriv, createDecipheriv } from 'node:crypto';

export const ZERO_BLOCK: Uint8Array = new Uint8Array(16);

export function encryptCbc(key: Uint8Array, iv: Uint8Array, data: Uint8Array): Uint8Array {
  const cipher = createCipheriv('aes-128-cbc', key, iv).setAutoPadding(false);
  return new Uint8Array(cipher.update(data));
}

export function decryptCbc(key: Uint8Array, iv: Uint8Array, data: Uint8Array): Uint8Array {
  const cipher = createDecipheriv('aes-128-cbc', key, iv).setAutoPadding(false);
  return new Uint8Array(cipher.update(data));
}

export function join(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

export function littleEndian(value: number, length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => Math.floor(value / 256 ** i) & 0xff);
}

/** `data` and zeros to whole blocks. */
export function zeroPadded(data: Uint8Array): Uint8Array {
  return join(data, new Uint8Array((16 - (data.length % 16)) % 16));
}

/** `data`, 80 and zeros to whole blocks. */
export function bitPadded(data: Uint8Array): Uint8Array {
  return zeroPadded(join(data, Uint8Array.of(0x80)));
}

/** CMAC (NIST SP 800-38B), begun with another block than zeros in EV1's chain. */
export function cmac(key: Uint8Array, data: Uint8Array, iv: Uint8Array = ZERO_BLOCK): Uint8Array {
  const l = encryptCbc(key, ZERO_BLOCK, ZERO_BLOCK);
  const isWhole = data.length > 0 && data.length % 16 === 0;
  const message = isWhole ? data.slice() : bitPadded(data);
  const subkey = isWhole ? timesX(l) : timesX(timesX(l));
  const last = message.length - 16;
  for (let i = 0; i < 16; i++) message[last + i]! ^= subkey[i]!;
  return encryptCbc(key, iv, message).slice(last);
}

function timesX(block: Uint8Array): Uint8Array {
  const out = block.map((byte, i) => (byte << 1) | ((block[i + 1] ?? 0) >> 7));
  if (block[0]! >= 0x80) out[15]! ^= 0x87;
  return out;
}

/** The bytes of a CMAC that EV2 sends. */
export function everySecond(mac: Uint8Array): Uint8Array {
  return mac.filter((_, i) => i % 2 === 1);
}

export function rotated(random: Uint8Array): Uint8Array {
  return join(random.subarray(1), random.subarray(0, 1));
}

export function ev1Key(a: Uint8Array, b: Uint8Array): Uint8Array {
  return join(a.subarray(0, 4), b.subarray(0, 4), a.subarray(12), b.subarray(12));
}

/** The session key of a label, A5 5A for encryption, 5A A5 for MACs. */
export function ev2Key(
  key: Uint8Array,
  label: readonly [number, number],
  a: Uint8Array,
  b: Uint8Array,
): Uint8Array {
  const mixed = a.slice(2, 8).map((byte, i) => byte ^ b[i]!);
  const fixed = Uint8Array.of(...label, 0x00, 0x01, 0x00, 0x80);
  return cmac(key, join(fixed, a.subarray(0, 2), mixed, b.subarray(6), a.subarray(8)));
}

/** A key from a master by UID and the issuer's bytes (NXP AN10922, AES-128). */
export function diversified(master: Uint8Array, input: Uint8Array): Uint8Array {
  const data = join(Uint8Array.of(0x01), input);
  if (data.length > 16) return cmac(master, data);
  // Padded to two blocks where CMAC would take one.
  const padded = join(bitPadded(data), data.length === 16 ? new Uint8Array(0) : ZERO_BLOCK);
  const subkey = timesX(timesX(encryptCbc(master, ZERO_BLOCK, ZERO_BLOCK)));
  for (let i = 0; i < 16; i++) padded[16 + i]! ^= subkey[i]!;
  return encryptCbc(master, ZERO_BLOCK, padded).slice(16);
}

/** The transaction MAC value under the application's key; `tmc` after its increment. */
export function transactionMacValue(
  key: Uint8Array,
  tmc: number,
  uid: Uint8Array,
  input: Uint8Array,
): Uint8Array {
  const vector = join(Uint8Array.of(0x5a, 0x00, 0x01, 0x00, 0x80), littleEndian(tmc, 4), uid);
  return everySecond(cmac(cmac(key, vector), input));
}
