/**
 * Bytes as cards and records have them: big-endian integers, hexadecimal and BCD. Plain functions
 * over Uint8Array; DataView and Buffer cost more than the shifts on values this small.
 */
import assert from 'node:assert/strict';

/** Upper-case hexadecimal, as card specifications print it. */
export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    .toString('hex')
    .toUpperCase();
}

/** Whether `text` is hexadecimal of whole bytes; `length` bytes where given. */
export function isHex(text: string, length?: number): boolean {
  return /^([0-9A-Fa-f]{2})*$/.test(text) && (length === undefined || text.length === length * 2);
}

/** Bytes of a hexadecimal string that is known to be one (constants, tests, checked input). */
export function fromHex(text: string): Uint8Array {
  assert(isHex(text), `not hexadecimal: ${text}`);
  return new Uint8Array(Buffer.from(text, 'hex'));
}

export function readU16(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 8) | bytes[at + 1]!;
}

export function readU32(bytes: Uint8Array, at: number): number {
  return (
    ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0
  );
}

/** 48 bits: sequences and instants in milliseconds; exact in a double. */
export function readU48(bytes: Uint8Array, at: number): number {
  return readU16(bytes, at) * 0x1_0000_0000 + readU32(bytes, at + 2);
}

export function writeU16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 8;
  bytes[at + 1] = value;
}

export function writeU32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}

export function writeU48(bytes: Uint8Array, at: number, value: number): void {
  const high = Math.floor(value / 0x1_0000_0000);
  writeU16(bytes, at, high);
  // Not `%`: on doubles that is a call of fmod.
  writeU32(bytes, at + 2, value - high * 0x1_0000_0000);
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && equalRange(a, 0, b, 0, a.length);
}

/** Whether all bytes are 0: by one comparison with themselves, one byte on; fast over megabytes. */
export function isAllZero(bytes: Uint8Array): boolean {
  const { length } = bytes;
  if (length === 0) return true;
  return bytes[0] === 0 && Buffer.compare(bytes.subarray(1), bytes.subarray(0, length - 1)) === 0;
}

/** Compares `length` bytes without stopping early, so that time says nothing about a MAC. */
export function equalRange(
  a: Uint8Array,
  aAt: number,
  b: Uint8Array,
  bAt: number,
  length: number,
): boolean {
  let difference = 0;
  for (let i = 0; i < length; i++) difference |= a[aAt + i]! ^ b[bAt + i]!;
  return difference === 0;
}

/** Copies `length` bytes; for the few bytes of card fields a loop beats `TypedArray.set`. */
export function copyBytes(
  from: Uint8Array,
  fromAt: number,
  to: Uint8Array,
  toAt: number,
  length: number,
): void {
  for (let i = 0; i < length; i++) to[toAt + i] = from[fromAt + i]!;
}

/** Two decimal digits as one BCD byte. */
export function bcd(value: number): number {
  return (((value / 10) | 0) << 4) | (value % 10);
}

/** One BCD byte as a number, or -1 where a nibble is no digit. */
export function fromBcd(byte: number): number {
  const high = byte >> 4;
  const low = byte & 15;
  return high > 9 || low > 9 ? -1 : high * 10 + low;
}
