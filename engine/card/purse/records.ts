/**
 * The purse's files as records, read and written: the public file 0x15 and the log 0x18. Readers
 * serve a tap, writers also personalise simulated cards.
 */
import assert from 'node:assert/strict';
import { bcd, copyBytes, readU16, readU32, writeU16, writeU32 } from '../../bytes.ts';
import { take } from '../apdu.ts';
import { takeField, writeField } from '../journey-record.ts';
import type { CompiledProfile } from './compile.ts';
import { readDate } from './selected.ts';

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
