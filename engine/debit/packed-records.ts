/**
 * Records of one gate side by side, as evidence of a batch keeps them. Of the 160 bytes of a debit
 * some hundred are the same in all debits of a batch (gate, issuer, versions, zeros), and as many
 * of an event, so that of each kind a pair of bytes that differs nowhere is kept once: a ledger's
 * disk is what ingest waits for.
 *
 * Layout: marker 80 ‖ kinds K ‖ records 2 ‖ where K is not 1, the place of each record's kind, a
 * byte each, filled up with zeros to an even number ‖ for each kind: a bit for each of 80 pairs of
 * bytes, set where it differs, highest bit first, 10 ‖ for each pair in turn 2 bytes where it does
 * not differ, else 2 for each record of the kind. Big-endian. Records never begin with the marker,
 * which no layout version is: what is no shorter packed stays as it is, and so do batches kept
 * before there was this layout.
 */
import assert from 'node:assert/strict';
import { readU16, writeU16 } from '../bytes.ts';
import { BATCH_RECORDS_MAX } from '../limits.ts';
import { at } from './codec.ts';
import { DEBIT_BYTES } from './record.ts';

const MARKER = 0x80;
const PAIRS = DEBIT_BYTES / 2;
const WORDS = DEBIT_BYTES / 4;
const HEAD_BYTES = 4;
const BITS_BYTES = PAIRS / 8;
/** Debits, settlements, events, and room for what may come. */
const KINDS_MAX = 8;

/** Packs batch after batch in the same memory. */
export class RecordPacker {
  /** The records, those of one kind after another. */
  readonly #pairs = new Uint16Array(BATCH_RECORDS_MAX * PAIRS);
  readonly #words = new Int32Array(this.#pairs.buffer);
  readonly #bytes = new Uint8Array(this.#pairs.buffer);
  readonly #packed = new Uint16Array(roomBytes(BATCH_RECORDS_MAX) / 2);
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
    const kinds = kindsIn(records);
    if (count === 0 || kinds.length > KINDS_MAX) return records;
    const bytes = this.#packedBytes;
    bytes[0] = MARKER;
    bytes[1] = kinds.length;
    writeU16(bytes, 2, count);
    let to = HEAD_BYTES;
    if (kinds.length === 1) {
      this.#bytes.set(records);
      to = this.#packKind(0, count, to);
    } else {
      const places = bytes.subarray(to, to + evenBytes(count));
      to += places.length;
      let first = 0;
      for (const [place, kind] of kinds.entries()) {
        const end = this.#gather(records, kind, place, places, first);
        to = this.#packKind(first, end, to);
        first = end;
      }
      places.fill(0, count);
    }
    return to < records.length ? bytes.subarray(0, to) : records;
  }

  /** Copies the records of a kind to `first` and on, and writes their `place`. @returns the end. */
  #gather(
    records: Uint8Array,
    kind: number,
    place: number,
    places: Uint8Array,
    first: number,
  ): number {
    let end = first;
    for (let from = 0, i = 0; from < records.length; from += DEBIT_BYTES, i++) {
      if (records[from + at.kind] !== kind) continue;
      this.#bytes.set(records.subarray(from, from + DEBIT_BYTES), end * DEBIT_BYTES);
      places[i] = place;
      end += 1;
    }
    return end;
  }

  /** Packs records `first` to before `end` at byte `to`. @returns the byte after them. */
  #packKind(first: number, end: number, to: number): number {
    this.#compare(first, end);
    const bits = this.#packedBytes.subarray(to, to + BITS_BYTES).fill(0);
    let place = (to + BITS_BYTES) / 2;
    for (let pair = 0; pair < PAIRS; pair++) {
      if (this.#differentPairs[pair] === 0) {
        this.#packed[place++] = this.#pairs[first * PAIRS + pair]!;
      } else {
        bits[pair >> 3]! |= 0x80 >> (pair & 7);
        place = this.#copy(pair, first, end, place);
      }
    }
    return 2 * place;
  }

  #compare(from: number, to: number): void {
    const words = this.#words;
    const end = to * WORDS;
    for (let word = 0; word < WORDS; word++) {
      const start = from * WORDS + word;
      const first = words[start]!;
      let different = 0;
      for (let place = start + WORDS; place < end; place += WORDS) {
        different |= words[place]! ^ first;
      }
      this.#differentWords[word] = different;
    }
  }

  #copy(pair: number, first: number, end: number, to: number): number {
    const pairs = this.#pairs;
    const packed = this.#packed;
    const stop = end * PAIRS;
    let place = to;
    for (let from = first * PAIRS + pair; from < stop; from += PAIRS)
      packed[place++] = pairs[from]!;
    return place;
  }
}

/** The kinds of the records, each once. */
function kindsIn(records: Uint8Array): number[] {
  const kinds: number[] = [];
  let last = -1;
  for (let from = at.kind; from < records.length; from += DEBIT_BYTES) {
    const kind = records[from]!;
    if (kind === last) continue;
    last = kind;
    if (!kinds.includes(kind)) kinds.push(kind);
  }
  return kinds;
}

function evenBytes(count: number): number {
  return count + (count & 1);
}

/** What so many records take at most. */
function roomBytes(count: number): number {
  return HEAD_BYTES + evenBytes(count) + KINDS_MAX * BITS_BYTES + count * DEBIT_BYTES;
}

/** @returns the records of what `pack` returned, or null where it is neither. */
export function unpackRecords(packed: Uint8Array): Uint8Array | null {
  if (packed[0] !== MARKER) return packed.length % DEBIT_BYTES === 0 ? packed : null;
  if (packed.length < HEAD_BYTES) return null;
  const kinds = packed[1]!;
  const count = readU16(packed, 2);
  if (kinds === 0 || kinds > KINDS_MAX || count > BATCH_RECORDS_MAX) return null;
  const placesBytes = kinds === 1 ? 0 : evenBytes(count);
  if (packed.length < HEAD_BYTES + placesBytes) return null;
  const places = packed.subarray(HEAD_BYTES, HEAD_BYTES + placesBytes);
  const records = new Uint8Array(count * DEBIT_BYTES);
  let from = HEAD_BYTES + placesBytes;
  for (let kind = 0; kind < kinds; kind++) {
    const indices: number[] = [];
    for (let i = 0; i < count; i++) if (kinds === 1 || places[i] === kind) indices.push(i);
    from = unpackKind(packed, from, indices, records);
    if (from > packed.length) return null;
  }
  return from === packed.length ? records : null;
}

/** Writes the records of a kind to their `indices`. @returns the byte after what they came from. */
function unpackKind(
  packed: Uint8Array,
  bitsAt: number,
  indices: readonly number[],
  records: Uint8Array,
): number {
  let from = bitsAt + BITS_BYTES;
  for (let pair = 0; pair < PAIRS; pair++) {
    const differs = (packed[bitsAt + (pair >> 3)]! & (0x80 >> (pair & 7))) !== 0;
    const end = from + (differs ? 2 * indices.length : 2);
    if (end > packed.length) return packed.length + 1;
    for (const [i, index] of indices.entries()) {
      const source = differs ? from + 2 * i : from;
      const to = index * DEBIT_BYTES + 2 * pair;
      records[to] = packed[source]!;
      records[to + 1] = packed[source + 1]!;
    }
    from = end;
  }
  return from;
}
