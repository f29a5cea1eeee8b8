/**
 * The journal's segment files: the one being written, the next one preallocated ahead of need, and
 * the older ones until everything in them is acknowledged. Making and removing files happens in the
 * background, one at a time, oldest first, so that files are always numbered without gaps.
 */
import assert from 'node:assert/strict';
import { FaregateError } from '../../engine/errors.ts';
import type { Disk, DiskFile } from './disk.ts';
import { segmentName } from './segment.ts';

export interface Segment {
  readonly number: number;
  /** Sequence the next intent had when the segment began. */
  readonly firstSequence: number;
}

export interface SegmentsState {
  readonly disk: Disk;
  readonly segmentBytes: number;
  readonly segmentsMax: number;
  /** Segments in use, oldest first; the last one is the active. */
  readonly kept: Segment[];
  readonly active: DiskFile;
  readonly spare: DiskFile | null;
}

const NOTHING_TO_DO: Promise<void> = Promise.resolve();

export class Segments {
  readonly segmentBytes: number;
  readonly #disk: Disk;
  readonly #max: number;
  readonly #kept: Segment[];
  readonly #failed: (error: unknown) => void;
  #active: DiskFile;
  #spare: DiskFile | null;
  /** Files no longer written, closed once their last write is durable. */
  #retired: DiskFile[] = [];
  #isDiskFull = false;
  /** Whether a full disk is worth another try. */
  #isRetryDue = false;
  #reads = 0;
  #durableSegment: number;
  #acknowledged = 0;
  #upkeep: Promise<void> | null = null;
  #ended = false;

  constructor(state: SegmentsState, failed: (error: unknown) => void) {
    assert(state.segmentsMax >= 2, 'a journal needs two segments');
    this.segmentBytes = state.segmentBytes;
    this.#disk = state.disk;
    this.#max = state.segmentsMax;
    this.#kept = state.kept;
    this.#active = state.active;
    this.#spare = state.spare;
    this.#durableSegment = this.activeNumber;
    this.#failed = failed;
  }

  get activeNumber(): number {
    return this.#kept.at(-1)!.number;
  }

  get active(): DiskFile {
    return this.#active;
  }

  get oldestNumber(): number {
    return this.#kept[0]!.number;
  }

  get hasSpare(): boolean {
    return this.#spare !== null;
  }

  /** Makes the spare segment the active one. */
  advance(firstSequence: number): DiskFile {
    assert(this.#spare, 'room was checked before');
    this.#retired.push(this.#active);
    this.#kept.push({ number: this.activeNumber + 1, firstSequence });
    this.#active = this.#spare;
    this.#spare = null;
    return this.#active;
  }

  /**
   * Notes what is durable and acknowledged, and starts whatever upkeep follows from it.
   * @returns when there is nothing left to do, or it failed.
   */
  settle(durableSegment: number, acknowledged: number): Promise<void> {
    this.#durableSegment = durableSegment;
    this.#acknowledged = acknowledged;
    return this.#keepUp();
  }

  /** Why there is no more room than there is; tries again for space on a disk that was full. */
  shortage(): FaregateError {
    if (this.#isDiskFull) {
      this.#isRetryDue = true;
      void this.#keepUp();
      return new FaregateError('DISK_FULL', `${this.#nextName()}: no space for the next segment`);
    }
    const used = `${this.#kept.length} of ${this.#max} segments`;
    const why = this.#spare
      ? 'what is free is kept for the ends of open intents'
      : this.#kept.length < this.#max
        ? `${this.#nextName()} is still being made`
        : 'all are in use';
    return new FaregateError('JOURNAL_FULL', `${used}: ${why}`);
  }

  /** Reads one segment, which stays until the read is over. */
  async read(segment: number, position: number, length: number): Promise<Uint8Array> {
    assert(segment >= this.oldestNumber);
    this.#reads++;
    try {
      if (segment === this.activeNumber) return await this.#active.read(position, length);
      const file = await this.#disk.open(segmentName(segment));
      try {
        return await file.read(position, length);
      } finally {
        await file.close();
      }
    } finally {
      this.#reads--;
      void this.#keepUp();
    }
  }

  /** Waits for upkeep and closes every file. */
  async end(): Promise<void> {
    this.#ended = true;
    await this.#upkeep;
    const files = [this.#active, ...this.#retired, ...(this.#spare ? [this.#spare] : [])];
    for (const file of files) await file.close();
  }

  #nextName(): string {
    return segmentName(this.activeNumber + 1);
  }

  /** Nearly always there is nothing to do, and then it costs nothing. */
  #keepUp(): Promise<void> {
    if (this.#upkeep === null && this.#nextStep() === null) return NOTHING_TO_DO;
    this.#upkeep ??= Promise.resolve().then(() => this.#work());
    return this.#upkeep;
  }

  async #work(): Promise<void> {
    try {
      while (!this.#ended) {
        const step = this.#nextStep();
        if (!step) break;
        await step();
      }
    } catch (error) {
      this.#ended = true;
      this.#failed(error);
    } finally {
      this.#upkeep = null;
    }
  }

  #nextStep(): (() => Promise<void>) | null {
    const isActiveDurable = this.activeNumber === this.#durableSegment;
    if (isActiveDurable && this.#retired.length > 0) return () => this.#retired.pop()!.close();
    if (this.#reads === 0 && this.#isOldestDone()) return () => this.#removeOldest();
    const mayGrow = this.#kept.length < this.#max && (!this.#isDiskFull || this.#isRetryDue);
    if (isActiveDurable && !this.#spare && mayGrow) return () => this.#makeSpare();
    return null;
  }

  async #removeOldest(): Promise<void> {
    const { number } = this.#kept.shift()!;
    await this.#disk.remove(segmentName(number));
    this.#isRetryDue = true;
  }

  /** Whether every intent of the oldest segment is acknowledged and a durable one follows it. */
  #isOldestDone(): boolean {
    const next = this.#kept[1];
    if (!next || next.number > this.#durableSegment) return false;
    return next.firstSequence - 1 <= this.#acknowledged;
  }

  async #makeSpare(): Promise<void> {
    this.#isRetryDue = false;
    try {
      this.#spare = await this.#disk.preallocate(this.#nextName(), this.segmentBytes);
      this.#isDiskFull = false;
    } catch (error) {
      if (!(error instanceof FaregateError) || error.code !== 'DISK_FULL') throw error;
      this.#isDiskFull = true;
    }
  }
}
