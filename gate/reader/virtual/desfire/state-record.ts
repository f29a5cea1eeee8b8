/**
 * A virtual DESFire card as one record of a file: what differs between two cards of an issuer and
 * two moments of a card. Keys are not written; they come from the issuer's masters again.
 */
import assert from 'node:assert/strict';
import { crc32 } from 'node:zlib';
import {
  readU16,
  readU32,
  readU48,
  writeU16,
  writeU32,
  writeU48,
} from '../../../../engine/bytes.ts';
import { FaregateError } from '../../../../engine/errors.ts';
import { type DesfireMasters, type DesfireState, type Generation, issueDesfire } from './state.ts';

export const DESFIRE_STATE_BYTES = 512;
const MAGIC = 0x4647_4441;
const RECORDS_MAX = 4;
const RECORD_BYTES_MAX = 48;
const generations: readonly Generation[] = ['ev1', 'ev2', 'light'];

const at = {
  magic: 0,
  generation: 4,
  disabled: 5,
  records: 6,
  recordLength: 8,
  uid: 10,
  value: 20,
  limitedCredit: 24,
  initialMinor: 28,
  creditedMinor: 34,
  debitedMinor: 40,
  tmc: 48,
  tmv: 52,
  content: 64,
  crc: DESFIRE_STATE_BYTES - 4,
} as const;

assert(at.content + RECORDS_MAX * RECORD_BYTES_MAX <= at.crc);

/** Whether the bytes at `offset` are such a record. */
export function isDesfireState(bytes: Uint8Array, offset: number): boolean {
  return readU32(bytes, offset) === MAGIC;
}

/** Writes `DESFIRE_STATE_BYTES` at `into[offset]`. */
export function encodeDesfireState(state: DesfireState, into: Uint8Array, offset: number): void {
  const bytes = into.subarray(offset, offset + DESFIRE_STATE_BYTES).fill(0);
  const { value, record, transactionMac } = state.application;
  assert(record.records.length <= RECORDS_MAX && record.length <= RECORD_BYTES_MAX);
  writeU32(bytes, at.magic, MAGIC);
  bytes[at.generation] = generations.indexOf(state.generation);
  bytes[at.disabled] = state.disabled ? 1 : 0;
  writeU16(bytes, at.records, record.records.length);
  writeU16(bytes, at.recordLength, record.length);
  bytes.set(state.uid, at.uid);
  writeU32(bytes, at.value, value.value);
  writeU32(bytes, at.limitedCredit, value.limitedCredit);
  writeU48(bytes, at.initialMinor, state.initialMinor);
  writeU48(bytes, at.creditedMinor, state.creditedMinor);
  writeU48(bytes, at.debitedMinor, state.debitedMinor);
  if (transactionMac) {
    writeU32(bytes, at.tmc, transactionMac.tmc);
    bytes.set(transactionMac.tmv, at.tmv);
  }
  record.records.forEach((one, i) => {
    bytes.set(one, at.content + i * record.length);
  });
  writeU32(bytes, at.crc, crc32(bytes.subarray(0, at.crc)));
}

/**
 * The card at `offset`, of an issuer with these masters.
 * @throws FaregateError CARD_STATE_INVALID for a damaged record.
 */
export function decodeDesfireState(
  from: Uint8Array,
  offset: number,
  masters: DesfireMasters,
): DesfireState {
  const bytes = from.slice(offset, offset + DESFIRE_STATE_BYTES);
  const generation = generations[bytes[at.generation]!];
  if (readU32(bytes, at.crc) !== crc32(bytes.subarray(0, at.crc)) || !generation) {
    throw new FaregateError('CARD_STATE_INVALID', `card state at byte ${offset}: damaged`);
  }
  const issued = issueDesfire(generation, bytes.slice(at.uid, at.uid + 7), masters, {
    disabled: bytes[at.disabled] === 1,
  });
  const { application } = issued;
  const { transactionMac } = application;
  const length = readU16(bytes, at.recordLength);
  const records = Array.from({ length: readU16(bytes, at.records) }, (_, i) =>
    bytes.slice(at.content + i * length, at.content + (i + 1) * length),
  );
  const tmv = bytes.slice(at.tmv, at.tmv + 8);
  return {
    ...issued,
    application: {
      ...application,
      value: {
        ...application.value,
        value: readU32(bytes, at.value),
        limitedCredit: readU32(bytes, at.limitedCredit),
      },
      record: { ...application.record, records },
      transactionMac: transactionMac && { ...transactionMac, tmc: readU32(bytes, at.tmc), tmv },
    },
    initialMinor: readU48(bytes, at.initialMinor),
    creditedMinor: readU48(bytes, at.creditedMinor),
    debitedMinor: readU48(bytes, at.debitedMinor),
  };
}
