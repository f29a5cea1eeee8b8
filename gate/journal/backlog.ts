/**
 * What the journal knows of its records without reading them: which intents are open, where the
 * final record of every unacknowledged sequence stands, and how far the engine has acknowledged.
 * 8 to 16 bytes of memory a sequence (the ring doubles), plus the record of each open intent.
 */
import assert from 'node:assert/strict';
import { DEBIT_BYTES } from '../../engine/debit/record.ts';

/** Slots of the ring at first; it doubles when the backlog outgrows it. */
const RING_SLOTS_MIN = 1024;

interface OpenIntent {
  sequence: number;
  readonly record: Uint8Array;
}

export class Backlog {
  #acknowledged: number;
  #next: number;
  /** Position of the final record by sequence modulo length; 0 while the intent is open. */
  #finals = new Float64Array(RING_SLOTS_MIN);
  /**
   * In order of sequence. Nearly always there is one, and a Map that one key goes in and out of
   * makes itself anew all the time.
   */
  readonly #open: OpenIntent[] = [];
  /** What held intents that were closed, for the next ones. */
  readonly #spare: OpenIntent[] = [];

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
    return this.#open.length;
  }

  /** Final records not acknowledged. */
  get closedCount(): number {
    return this.#next - 1 - this.#acknowledged - this.#open.length;
  }

  /** The open intents' records, in order of sequence. */
  openRecords(): Uint8Array[] {
    return this.#open.map(({ record }) => record.slice());
  }

  isOpen(sequence: number): boolean {
    return this.#placeOf(sequence) >= 0;
  }

  /** Adds the intent `next`; its record is copied. */
  intent(record: Uint8Array): void {
    if (this.#next - this.#acknowledged > this.#finals.length) this.#grow();
    this.#finals[this.#slot(this.#next)] = 0;
    const held = this.#spare.pop() ?? { sequence: 0, record: new Uint8Array(DEBIT_BYTES) };
    held.sequence = this.#next;
    held.record.set(record);
    this.#open.push(held);
    this.#next++;
  }

  /** Notes that the final record of an open intent stands at `position`. */
  close(sequence: number, position: number): void {
    if (position <= 0) assert.fail('no position');
    const place = this.#placeOf(sequence);
    if (place < 0) assert.fail(`sequence ${sequence} is not open`);
    this.#spare.push(this.#open[place]!);
    for (let i = place + 1; i < this.#open.length; i++) this.#open[i - 1] = this.#open[i]!;
    this.#open.pop();
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

  #placeOf(sequence: number): number {
    for (let place = 0; place < this.#open.length; place++) {
      if (this.#open[place]!.sequence === sequence) return place;
    }
    return -1;
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
