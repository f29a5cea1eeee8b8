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
const WORDS = DEBIT_BYTES / 4;
const BITS_AT = 4;
const HEAD_BYTES = BITS_AT + PAIRS / 8;

/** Packs batch after batch in the same memory. */
export class RecordPacker {
  readonly #pairs = new Uint16Array(BATCH_RECORDS_MAX * PAIRS);
  readonly #words = new Int32Array(this.#pairs.buffer);
  readonly #bytes = new Uint8Array(this.#pairs.buffer);
  readonly #packed = new Uint16Array(HEAD_BYTES / 2 + BATCH_RECORDS_MAX * PAIRS);
  readonly #packedBytes = new Uint8Array(this.#packed.buffer);
  /** In which bits the records differ from the first: by words, which is faster, and by pairs. */
  readonly #differentWords = new Int32Array(WORDS);
  readonly #differentPairs = new Uint16Array(this.#differentWords.buffer);

  /**
   * @param records at most BATCH_RECORDS_MAX whole ones
   * @returns them packed, valid until the next call, or `records` where that is no longer.
   */
  pack(records: Uint8Array): Uint8Array {
    assert(records.length % DEBIT_BYTES === 0 && records.length <= this.#bytes.length);
    const count = records.length / DEBIT_BYTES;
    this.#bytes.set(records);
    this.#compare(count);
    const bytes = this.#packedBytes;
    bytes.fill(0, 0, HEAD_BYTES);
    bytes[0] = MARKER;
    writeU16(bytes, 2, count);
    let to = HEAD_BYTES / 2;
    for (let pair = 0; pair < PAIRS; pair++) {
      if (this.#differentPairs[pair] === 0) this.#packed[to++] = this.#pairs[pair]!;
      else {
        bytes[BITS_AT + (pair >> 3)]! |= 0x80 >> (pair & 7);
        to = this.#copy(pair, count, to);
      }
    }
    return 2 * to < records.length ? bytes.subarray(0, 2 * to) : records;
  }

  #compare(count: number): void {
    const words = this.#words;
    const end = count * WORDS;
    for (let word = 0; word < WORDS; word++) {
      const first = words[word]!;
      let different = 0;
      for (let at = WORDS + word; at < end; at += WORDS) different |= words[at]! ^ first;
      this.#differentWords[word] = different;
    }
  }

  #copy(pair: number, count: number, to: number): number {
    const pairs = this.#pairs;
    const packed = this.#packed;
    const end = count * PAIRS;
    let place = to;
    for (let at = pair; at < end; at += PAIRS) packed[place++] = pairs[at]!;
    return place;
  }
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
