/** A journal in memory, for single taps by hand: nothing is kept, and it says so by its name. */
import assert from 'node:assert/strict';
import { readU48 } from '../../engine/bytes.ts';
import { at } from '../../engine/debit/codec.ts';
import { DEBIT_BYTES } from '../../engine/debit/record.ts';
import type { Journal } from './port.ts';

export class MemoryJournal implements Journal {
  readonly #records: { bytes: Uint8Array; closed: boolean }[] = [];
  readonly #first: number;
  acknowledged = 0;

  /**
   * @param first sequence of the first intent. A terminal that starts again must not repeat its
   * sequences: a card could answer with what it answered then.
   */
  constructor(first = 1) {
    this.#first = first;
  }

  get nextSequence(): number {
    return this.#first + this.#records.length;
  }

  get backlog(): number {
    const done = Math.max(0, this.acknowledged - this.#first + 1);
    return this.#records.filter((record) => record.closed).length - done;
  }

  reserve(): void {}

  intent(record: Uint8Array): Promise<void> {
    assert.equal(readU48(record, at.gateSequence), this.nextSequence);
    this.#records.push({ bytes: record.slice(), closed: false });
    return Promise.resolve();
  }

  close(record: Uint8Array): void {
    const held = this.#records[readU48(record, at.gateSequence) - this.#first];
    assert(held && !held.closed);
    held.bytes = record.slice();
    held.closed = true;
  }

  open(): Uint8Array[] {
    return this.#records.filter((record) => !record.closed).map((record) => record.bytes);
  }

  async read(from: number, max: number): Promise<{ records: Uint8Array; count: number }> {
    const start = Math.max(0, from - this.#first);
    const end = this.#records.findIndex((record, i) => i >= start && !record.closed);
    const ready = this.#records.slice(start, end < 0 ? undefined : end).slice(0, max);
    const records = new Uint8Array(ready.length * DEBIT_BYTES);
    ready.forEach((record, i) => {
      records.set(record.bytes, i * DEBIT_BYTES);
    });
    return { records, count: ready.length };
  }

  acknowledge(through: number): void {
    this.acknowledged = Math.max(this.acknowledged, through);
  }

  async end(): Promise<void> {}
}
