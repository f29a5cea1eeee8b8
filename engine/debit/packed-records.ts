/**
 * Records of one gate side by side, as evidence of a batch keeps them. Of a record's 160 bytes
 * some hundred are the same in all of a batch (gate, issuer, versions, zeros), so that each pair of
 * bytes that differs nowhere is kept once: a ledger's disk is what ingest waits for.
 *
 * Layout: marker 80 ‖ 0 ‖ records 2 ‖ a bit for each of 80 pairs of bytes, set where it differs,
 * highest bit first, 10 ‖ for each pair in turn 2 bytes where it does not differ, else 2 for each
 * record. Big-endian. Records never begin with the marker, which no layout version is: what is no
 * shorter packed stays as it is, and so do batches kept before there was this layout.
 */
import assert from 'node:assert/strict';
import { readU16, writeU16 } from '../bytes.ts';
import { BATCH_RECORDS_MAX } from '../limits.ts';
import { DEBIT_BYTES } from './record.ts';

const MARKER = 0x80;
const PAIRS = DEBIT_BYTES / 2;
const BITS_AT = 4;
const HEAD_BYTES = BITS_AT + PAIRS / 8;

/** Packs batch after batch in the same memory. */
export class RecordPacker {
  readonly #records = new Uint16Array(BATCH_RECORDS_MAX * PAIRS);
  readonly #recordBytes = new Uint8Array(this.#records.buffer);
  readonly #packed = new Uint16Array(HEAD_BYTES / 2 + BATCH_RECORDS_MAX * PAIRS);
  readonly #packedBytes = new Uint8Array(this.#packed.buffer);

  /**
   * @param records at most BATCH_RECORDS_MAX whole ones
   * @returns them packed, valid until the next call, or `records` where that is no longer.
   */
  pack(records: Uint8Array): Uint8Array {
    assert(records.length % DEBIT_BYTES === 0 && records.length <= this.#recordBytes.length);
    const count = records.length / DEBIT_BYTES;
    this.#recordBytes.set(records);
    const bytes = this.#packedBytes;
    bytes.fill(0, 0, HEAD_BYTES);
    bytes[0] = MARKER;
    writeU16(bytes, 2, count);
    let to = HEAD_BYTES / 2;
    for (let pair = 0; pair < PAIRS; pair++) {
      if (differs(this.#records, pair, count)) {
        bytes[BITS_AT + (pair >> 3)]! |= 0x80 >> (pair & 7);
        to = this.#copy(pair, count, to);
      } else to = this.#copy(pair, Math.min(count, 1), to);
    }
    return 2 * to < records.length ? bytes.subarray(0, 2 * to) : records;
  }

  #copy(pair: number, count: number, to: number): number {
    const records = this.#records;
    const packed = this.#packed;
    for (let i = 0; i < count; i++) packed[to + i] = records[i * PAIRS + pair]!;
    return to + count;
  }
}

function differs(records: Uint16Array, pair: number, count: number): boolean {
  const first = records[pair];
  const end = count * PAIRS;
  for (let at = PAIRS + pair; at < end; at += PAIRS) if (records[at] !== first) return true;
  return false;
}

/** @returns the records of what `pack` returned, or null where it is neither. */
export function unpackRecords(packed: Uint8Array): Uint8Array | null {
  if (packed[0] !== MARKER) return packed.length % DEBIT_BYTES === 0 ? packed : null;
  if (packed.length < HEAD_BYTES) return null;
  const count = readU16(packed, 2);
  if (count > BATCH_RECORDS_MAX || packed.length !== packedBytes(packed, count)) return null;
  const records = new Uint8Array(count * DEBIT_BYTES);
  let from = HEAD_BYTES;
  for (let pair = 0; pair < PAIRS; pair++) {
    const step = isSet(packed, pair) ? 2 : 0;
    for (let i = 0; i < count; i++) {
      const to = i * DEBIT_BYTES + 2 * pair;
      records[to] = packed[from + i * step]!;
      records[to + 1] = packed[from + i * step + 1]!;
    }
    from += step === 0 ? 2 : 2 * count;
  }
  return records;
}

function packedBytes(packed: Uint8Array, count: number): number {
  let bytes = HEAD_BYTES;
  for (let pair = 0; pair < PAIRS; pair++) bytes += isSet(packed, pair) ? 2 * count : 2;
  return bytes;
}

function isSet(packed: Uint8Array, pair: number): boolean {
  return (packed[BITS_AT + (pair >> 3)]! & (0x80 >> (pair & 7))) !== 0;
}
