/**
 * Which debits are settled, as one bit for each sequence of a gate, in rows of 4,096 bits: base64
 * of 512 bytes under `gate id, chunk`. A gate's sequences have few gaps, so a day of debits takes
 * one bit each, whatever the order in which they become final.
 */
import assert from 'node:assert/strict';
import type { DebitId } from '../debit/record.ts';
import { type CardReader, type CardWriter, eachRow, getRow, putRow } from './rows.ts';

const CHUNK_BITS = 4096;

/** Marks as they were on disk, and those that are added in memory until `write`. */
export class SettledMarks {
  readonly #reader: CardReader;
  readonly #chunks = new Map<string, Uint8Array>();
  readonly #changed = new Set<string>();

  constructor(reader: CardReader) {
    this.#reader = reader;
  }

  has({ gateId, gateSequence }: DebitId): boolean {
    const bits = this.#chunk(chunkKey(gateId, gateSequence));
    const bit = gateSequence % CHUNK_BITS;
    return (bits[bit >> 3]! & (1 << (bit & 7))) !== 0;
  }

  /** Marks a debit that is not marked. */
  add(id: DebitId): void {
    assert(!this.has(id), 'a debit is settled once');
    const key = chunkKey(id.gateId, id.gateSequence);
    const bit = id.gateSequence % CHUNK_BITS;
    this.#chunk(key)[bit >> 3]! |= 1 << (bit & 7);
    this.#changed.add(key);
  }

  write(writer: CardWriter): void {
    for (const key of this.#changed) {
      putRow(writer, 'settled', key, Buffer.from(this.#chunks.get(key)!).toString('base64'));
    }
  }

  #chunk(key: string): Uint8Array {
    let bits = this.#chunks.get(key);
    if (!bits) {
      const row = getRow(this.#reader, 'settled', key);
      bits = row === undefined ? new Uint8Array(CHUNK_BITS / 8) : bitsOf(row);
      this.#chunks.set(key, bits);
    }
    return bits;
  }
}

function chunkKey(gateId: string, gateSequence: number): string {
  return `${gateId} ${Math.floor(gateSequence / CHUNK_BITS)}`;
}

function bitsOf(row: string): Uint8Array {
  return new Uint8Array(Buffer.from(row, 'base64'));
}

/** All marks on disk, counted. */
export function countMarks(reader: CardReader): number {
  let marks = 0;
  for (const { row } of eachRow(reader, 'settled')) {
    for (const byte of bitsOf(row)) {
      for (let rest = byte; rest !== 0; rest &= rest - 1) marks++;
    }
  }
  return marks;
}
