/**
 * What the journal knows of its records without reading them: which intents are open, where the
 * final record of every unacknowledged sequence stands, and how far the engine has acknowledged.
 * Eight bytes of memory a sequence, plus the record of each open intent.
 */
import assert from 'node:assert/strict';
import { DEBIT_BYTES } from '../../engine/debit/record.ts';

/** Slots of the ring at first; it doubles when the backlog outgrows it. */
const RING_SLOTS_MIN = 1024;

export class Backlog {
  #acknowledged: number;
  #next: number;
  /** Position of the final record by sequence modulo length; 0 while the intent is open. */
  #finals = new Float64Array(RING_SLOTS_MIN);
  readonly #open = new Map<number, Uint8Array>();
  /** Buffers of intents that were closed, for the next ones. */
  readonly #spare: Uint8Array[] = [];

  /** @param next The sequence the next intent takes; everything before it is acknowledged. */
  constructor(next: number) {
    assert(next >= 1);
    this.#next = next;
    this.#acknowledged = next - 1;
  }

  get next(): number {
    return this.#next;
  }

  get acknowledged(): number {
    return this.#acknowledged;
  }

  /** Intents without a final record. */
  get openCount(): number {
    return this.#open.size;
  }

  /** Final records not acknowledged. */
  get closedCount(): number {
    return this.#next - 1 - this.#acknowledged - this.#open.size;
  }

  /** The open intents' records, in order of sequence. */
  openRecords(): Uint8Array[] {
    return [...this.#open.values()].map((record) => record.slice());
  }

  isOpen(sequence: number): boolean {
    return this.#open.has(sequence);
  }

  /** Adds the intent `next`; its record is copied. */
  intent(record: Uint8Array): void {
    if (this.#next - this.#acknowledged > this.#finals.length) this.#grow();
    this.#finals[this.#slot(this.#next)] = 0;
    const held = this.#spare.pop() ?? new Uint8Array(DEBIT_BYTES);
    held.set(record);
    this.#open.set(this.#next, held);
    this.#next++;
  }

  /** Notes that the final record of an open intent stands at `position`. */
  close(sequence: number, position: number): void {
    if (position <= 0) assert.fail('no position');
    const held = this.#open.get(sequence);
    if (!held) assert.fail(`sequence ${sequence} is not open`);
    this.#open.delete(sequence);
    this.#spare.push(held);
    this.#finals[this.#slot(sequence)] = position;
  }

  /** Where the final record of `sequence` stands; 0 where there is none. */
  finalAt(sequence: number): number {
    if (sequence <= this.#acknowledged) assert.fail(`${sequence} is acknowledged`);
    return sequence < this.#next ? this.#finals[this.#slot(sequence)]! : 0;
  }

  /** Whether everything up to `through` is there and closed before `position`. */
  isClosed(through: number, position: number): boolean {
    if (through >= this.#next) return false;
    for (let sequence = this.#acknowledged + 1; sequence <= through; sequence++) {
      const at = this.finalAt(sequence);
      if (at === 0 || at >= position) return false;
    }
    return true;
  }

  acknowledge(through: number): void {
    assert(through < this.#next);
    if (through > this.#acknowledged) this.#acknowledged = through;
  }

  #slot(sequence: number): number {
    return sequence & (this.#finals.length - 1);
  }

  #grow(): void {
    const old = this.#finals;
    this.#finals = new Float64Array(old.length * 2);
    for (let sequence = this.#acknowledged + 1; sequence < this.#next; sequence++) {
      this.#finals[this.#slot(sequence)] = old[sequence & (old.length - 1)]!;
    }
  }
}
