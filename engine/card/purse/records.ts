/**
 * The purse's files as records, read and written: the public file 0x15, the log 0x18 and the
 * journey record (T-Union's 0x1E). Readers serve a tap, writers also personalise simulated cards.
 */
import assert from 'node:assert/strict';
import { bcd, copyBytes, readU16, readU32, writeU16, writeU32 } from '../../bytes.ts';
import { invariant } from '../../invariant.ts';
import { take } from '../apdu.ts';
import type { CompiledProfile, JourneyLayout } from './compile.ts';
import type { Field, JourneyType } from './profile.ts';
import { readDate } from './selected.ts';

/**
 * A journey record. Byte fields have the layout's length; a shorter value is written right-aligned
 * after zeros (a terminal id of 6 bytes in a field of 8). A field the scheme does not have is
 * empty or 0 when read, and not written.
 */
export interface JourneyRecord {
  readonly type: JourneyType;
  readonly terminal: Uint8Array;
  readonly industry: number;
  /** 4 bytes. */
  readonly station: Uint8Array;
  readonly stationRest: Uint8Array;
  readonly amountMinor: number;
  readonly balanceMinor: number;
  /** YYYYMMDDhhmmss, 7 BCD bytes. */
  readonly dateTime: Uint8Array;
  readonly city: Uint8Array;
  readonly institution: Uint8Array;
  readonly maxIncompleteAmountMinor: number;
  readonly maxTime: number;
}

/** What the record says of the journey. Allocates nothing. */
export function journeyType(layout: JourneyLayout, bytes: Uint8Array): JourneyType {
  return layout.typeOf[bytes[layout.type.offset]!]!;
}

/** The whole record. A tap rather reads at the layout's offsets what it needs. */
export function readJourneyRecord(layout: JourneyLayout, bytes: Uint8Array): JourneyRecord {
  assert.equal(bytes.length, layout.recordLength);
  return {
    type: journeyType(layout, bytes),
    terminal: takeField(bytes, layout.terminal),
    industry: readUint(bytes, layout.industry),
    station: takeField(bytes, layout.station),
    stationRest: takeField(bytes, layout.stationRest),
    amountMinor: readUint(bytes, layout.amount),
    balanceMinor: readUint(bytes, layout.balance),
    dateTime: takeField(bytes, layout.dateTime),
    city: takeField(bytes, layout.city),
    institution: takeField(bytes, layout.institution),
    maxIncompleteAmountMinor: readUint(bytes, layout.maxIncompleteAmount),
    maxTime: readUint(bytes, layout.maxTime),
  };
}

/**
 * Writes the fields into `out` (the layout's record length) and leaves the bytes between them as
 * they are. Allocates nothing. The type is one the scheme has a byte for, so not `unknown`.
 */
export function writeJourneyRecord(
  layout: JourneyLayout,
  record: JourneyRecord,
  out: Uint8Array,
  at: number,
): void {
  invariant(at + layout.recordLength <= out.length, 'room for the record');
  invariant(record.type !== 'unknown', 'an unknown journey type has no byte');
  out[at + layout.type.offset] = layout.typeByte[record.type];
  writeField(out, at, layout.terminal, record.terminal);
  writeUint(out, at, layout.industry, record.industry);
  writeField(out, at, layout.station, record.station);
  writeField(out, at, layout.stationRest, record.stationRest);
  writeUint(out, at, layout.amount, record.amountMinor);
  writeUint(out, at, layout.balance, record.balanceMinor);
  writeField(out, at, layout.dateTime, record.dateTime);
  writeField(out, at, layout.city, record.city);
  writeField(out, at, layout.institution, record.institution);
  writeUint(out, at, layout.maxIncompleteAmount, record.maxIncompleteAmountMinor);
  writeUint(out, at, layout.maxTime, record.maxTime);
}

/** Serial2 ‖ overdraft3 ‖ amount4 ‖ type1 ‖ terminal6 ‖ date4 ‖ time3. */
export const LOG_RECORD_BYTES = 23;

/** One transaction in the log 0x18. */
export interface LogRecord {
  /** The offline counter after the transaction: INITIALIZE's plus one. */
  readonly serial: number;
  readonly overdraftMinor: number;
  readonly amountMinor: number;
  /** 02 load, 06 purchase, 09 CAPP purchase. */
  readonly type: number;
  /** 6 bytes. */
  readonly terminalId: Uint8Array;
  /** YYYYMMDDhhmmss, 7 BCD bytes. */
  readonly dateTime: Uint8Array;
}

export function readLogRecord(bytes: Uint8Array): LogRecord {
  assert.equal(bytes.length, LOG_RECORD_BYTES);
  return {
    serial: readU16(bytes, 0),
    overdraftMinor: (bytes[2]! << 16) | readU16(bytes, 3),
    amountMinor: readU32(bytes, 5),
    type: bytes[9]!,
    terminalId: take(bytes, 10, 6),
    dateTime: take(bytes, 16, 7),
  };
}

/** Writes the 23 bytes of `out`. */
export function writeLogRecord(record: LogRecord, out: Uint8Array): void {
  assert.equal(out.length, LOG_RECORD_BYTES);
  assert(record.terminalId.length === 6 && record.dateTime.length === 7);
  writeU16(out, 0, record.serial);
  out[2] = record.overdraftMinor >>> 16;
  writeU16(out, 3, record.overdraftMinor & 0xffff);
  writeU32(out, 5, record.amountMinor);
  out[9] = record.type;
  copyBytes(record.terminalId, 0, out, 10, 6);
  copyBytes(record.dateTime, 0, out, 16, 7);
}

/** The public file 0x15. */
export interface PublicFile {
  /** 8 bytes. */
  readonly issuer: Uint8Array;
  readonly applicationType: number;
  readonly startFlag: number;
  /** 10 bytes. */
  readonly cardNumber: Uint8Array;
  /** YYYYMMDD, or NaN where the card has no date: written as zeros. */
  readonly enableDate: number;
  readonly expiryDate: number;
}

export function readPublicFile(profile: CompiledProfile, bytes: Uint8Array): PublicFile {
  const { publicFile } = profile;
  assert.equal(bytes.length, publicFile.length);
  return {
    issuer: takeField(bytes, publicFile.issuer),
    applicationType: bytes[publicFile.applicationType.offset]!,
    startFlag: bytes[publicFile.startFlag.offset]!,
    cardNumber: takeField(bytes, publicFile.cardNumber),
    enableDate: readDate(bytes, publicFile.enableDate.offset),
    expiryDate: readDate(bytes, publicFile.expiryDate.offset),
  };
}

/** Writes the fields into `out` (the profile's length); the bytes between them stay as they are. */
export function writePublicFile(profile: CompiledProfile, file: PublicFile, out: Uint8Array): void {
  const { publicFile } = profile;
  assert.equal(out.length, publicFile.length);
  writeField(out, 0, publicFile.issuer, file.issuer);
  out[publicFile.applicationType.offset] = file.applicationType;
  out[publicFile.startFlag.offset] = file.startFlag;
  writeField(out, 0, publicFile.cardNumber, file.cardNumber);
  writeDate(out, publicFile.enableDate.offset, file.enableDate);
  writeDate(out, publicFile.expiryDate.offset, file.expiryDate);
}

function writeDate(out: Uint8Array, at: number, date: number): void {
  const value = Number.isNaN(date) ? 0 : date;
  out[at] = bcd(Math.floor(value / 1_000_000));
  out[at + 1] = bcd(Math.floor(value / 10_000) % 100);
  out[at + 2] = bcd(Math.floor(value / 100) % 100);
  out[at + 3] = bcd(value % 100);
}

function takeField(bytes: Uint8Array, field: Field): Uint8Array {
  return take(bytes, field.offset, field.length);
}

/** Right-aligned, after zeros. */
function writeField(out: Uint8Array, at: number, field: Field, value: Uint8Array): void {
  if (field.length === 0) return;
  const zeros = field.length - value.length;
  invariant(zeros >= 0, 'a value longer than its field');
  const from = at + field.offset;
  for (let i = 0; i < zeros; i++) out[from + i] = 0;
  copyBytes(value, 0, out, from + zeros, value.length);
}

/** Big-endian integer of 1 to 4 bytes; 0 for an absent field. */
function readUint(bytes: Uint8Array, field: Field): number {
  let value = 0;
  for (let i = 0; i < field.length; i++) value = value * 256 + bytes[field.offset + i]!;
  return value;
}

/** Largest number of a field, by its length. */
const UINT_MAX = [0, 0xff, 0xffff, 0xff_ffff, 0xffff_ffff] as const;

/** Big-endian, in the field's 1 to 4 bytes; an absent field is left out. */
export function writeUint(out: Uint8Array, at: number, field: Field, value: number): void {
  const { length } = field;
  const offset = at + field.offset;
  if (length === 0) return;
  invariant(value >= 0 && value <= UINT_MAX[length]!, 'a number larger than its field');
  for (let i = 0, shift = (length - 1) * 8; i < length; i++, shift -= 8) {
    out[offset + i] = value >>> shift;
  }
}
