/**
 * What a virtual e-cash card keeps without power as one record of a file: balance, counter and, of
 * the extended application, its records and the proof of its last transaction. Number and keys are
 * not written; they come from the issuer again.
 */
import assert from 'node:assert/strict';
import { crc32 } from 'node:zlib';
import { readU16, readU32, readU48, writeU16, writeU32, writeU48 } from '../../../engine/bytes.ts';
import { FaregateError } from '../../../engine/errors.ts';
import type { EcashState } from './ecash-card.ts';
import type { CappRecord, ExtendedState } from './ecash-extended.ts';

export const ECASH_STATE_BYTES = 192;
const MAGIC = 0x4647_4543;
const RECORDS_MAX = 2;
const RECORD_BYTES_MAX = 56;
const TC_BYTES = 8;

const at = {
  magic: 0,
  extended: 4,
  records: 5,
  hasProof: 6,
  atc: 8,
  balanceMinor: 10,
  deductedMinor: 16,
  proofAtc: 22,
  proofTc: 24,
  content: 32,
  crc: ECASH_STATE_BYTES - 4,
} as const;

/** Of a record in the content: file, length, what is held on it, bytes. */
const recordAt = { sfi: 0, length: 1, heldMinor: 2, bytes: 8 } as const;
const RECORD_ROOM = recordAt.bytes + RECORD_BYTES_MAX;

assert(at.content + RECORDS_MAX * RECORD_ROOM <= at.crc);

/** Whether the bytes at `offset` are such a record. */
export function isEcashState(bytes: Uint8Array, offset: number): boolean {
  return readU32(bytes, offset) === MAGIC;
}

/** Writes `ECASH_STATE_BYTES` at `into[offset]`. */
export function encodeEcashState(state: EcashState, into: Uint8Array, offset: number): void {
  const bytes = into.subarray(offset, offset + ECASH_STATE_BYTES).fill(0);
  const { atc, balanceMinor, extended } = state;
  writeU32(bytes, at.magic, MAGIC);
  writeU16(bytes, at.atc, atc);
  writeU48(bytes, at.balanceMinor, balanceMinor);
  if (extended) {
    const { records, deductedMinor, proof } = extended;
    assert(records.length <= RECORDS_MAX);
    bytes[at.extended] = 1;
    bytes[at.records] = records.length;
    writeU48(bytes, at.deductedMinor, deductedMinor);
    if (proof) {
      bytes[at.hasProof] = 1;
      writeU16(bytes, at.proofAtc, proof.atc);
      bytes.set(proof.tc.subarray(0, TC_BYTES), at.proofTc);
    }
    records.forEach((record, i) => {
      writeRecord(record, bytes.subarray(at.content + i * RECORD_ROOM));
    });
  }
  writeU32(bytes, at.crc, crc32(bytes.subarray(0, at.crc)));
}

/**
 * The state at `from[offset]`; copies what it keeps.
 * @throws FaregateError CARD_STATE_INVALID.
 */
export function decodeEcashState(from: Uint8Array, offset: number): EcashState {
  const bytes = from.slice(offset, offset + ECASH_STATE_BYTES);
  const isWhole =
    bytes.length === ECASH_STATE_BYTES &&
    readU32(bytes, at.magic) === MAGIC &&
    readU32(bytes, at.crc) === crc32(bytes.subarray(0, at.crc)) &&
    bytes[at.records]! <= RECORDS_MAX;
  if (!isWhole) {
    throw new FaregateError(
      'CARD_STATE_INVALID',
      `card state at byte ${offset}: not e-cash, whole`,
    );
  }
  const plain = {
    balanceMinor: readU48(bytes, at.balanceMinor),
    atc: readU16(bytes, at.atc),
  };
  if (bytes[at.extended] === 0) return plain;
  const extended: ExtendedState = {
    records: Array.from({ length: bytes[at.records]! }, (_, i) =>
      readRecord(bytes.subarray(at.content + i * RECORD_ROOM)),
    ),
    deductedMinor: readU48(bytes, at.deductedMinor),
    proof:
      bytes[at.hasProof] === 0
        ? null
        : {
            atc: readU16(bytes, at.proofAtc),
            tc: bytes.subarray(at.proofTc, at.proofTc + TC_BYTES),
          },
  };
  return { ...plain, extended };
}

function writeRecord({ sfi, bytes, heldMinor }: CappRecord, into: Uint8Array): void {
  assert(bytes.length <= RECORD_BYTES_MAX);
  into[recordAt.sfi] = sfi;
  into[recordAt.length] = bytes.length;
  writeU48(into, recordAt.heldMinor, heldMinor);
  into.set(bytes, recordAt.bytes);
}

function readRecord(from: Uint8Array): CappRecord {
  const length = Math.min(from[recordAt.length]!, RECORD_BYTES_MAX);
  return {
    sfi: from[recordAt.sfi]!,
    bytes: from.slice(recordAt.bytes, recordAt.bytes + length),
    heldMinor: readU48(from, recordAt.heldMinor),
  };
}
