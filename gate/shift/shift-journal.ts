/**
 * A journal whose records are counted by shift. It is the journal around which it is put, but for
 * one thing: what the engine has acknowledged is let go only once the counters that include it are
 * on disk (`shift-file.ts`). So, after a crash, what the counters lack is still in the journal and is
 * counted from there; nothing is counted twice or not at all. Only refusals and people under modes
 * leave no record: of these the last few seconds may be lost.
 */
import type { ShiftClosed } from '../../engine/debit/event.ts';
import { DEBIT_BYTES } from '../../engine/debit/record.ts';
import { SHIFT_KEEP_MS } from '../../engine/durations.ts';
import { SHIFT_READ_RECORDS, SHIFT_RECORDS_MAX } from '../../engine/limits.ts';
import type { Decision } from '../../engine/tap/decision.ts';
import type { Clock } from '../clock.ts';
import type { Disk } from '../journal/disk.ts';
import type { Journal } from '../journal/port.ts';
import { newShift, ShiftFold, type ShiftState } from './fold.ts';
import { ShiftFile } from './shift-file.ts';

export interface ShiftOptions {
  readonly disk: Disk;
  readonly clock: Clock;
  /** Told once when the counters could not be kept: the process should stop. */
  readonly failed: (error: unknown) => void;
}

export class ShiftJournal implements Journal {
  readonly #journal: Journal;
  readonly #options: ShiftOptions;
  readonly #file: ShiftFile;
  readonly #fold: ShiftFold;
  /** Everything up to here may be let go: the counters on disk include it. */
  #kept: number;
  #keptUs: number;
  #acknowledged: number;
  #looking: Promise<void> | null = null;
  #timer: NodeJS.Timeout | null = null;
  #ended = false;
  /** The counters have moved since they were kept. */
  #moved = false;
  /** Number of the shift whose closing event is on its way. */
  #closing = 0;
  /** What an earlier process left; an event that closed the shift may be in it. */
  readonly #left: number;

  private constructor(journal: Journal, options: ShiftOptions, file: ShiftFile, from: ShiftState) {
    this.#journal = journal;
    this.#options = options;
    this.#file = file;
    this.#fold = new ShiftFold(from);
    this.#kept = file.found === from ? from.through : journal.acknowledged;
    this.#keptUs = options.clock.monotonicUs();
    this.#acknowledged = journal.acknowledged;
    this.#left = journal.nextSequence - 1;
  }

  /**
   * Takes over what an earlier process counted, and counts what it had not yet.
   * @throws FaregateError DISK_FULL, DISK_FAILED, JOURNAL_CORRUPT.
   */
  static async open(journal: Journal, options: ShiftOptions): Promise<ShiftJournal> {
    const file = await ShiftFile.open(options.disk);
    const { found } = file;
    // Records that were let go without their counters belong to no shift; the engine sees that. And
    // counters past the journal's end are another journal's, which was here before.
    const lost =
      found === null ||
      found.through < journal.acknowledged ||
      found.through >= journal.nextSequence;
    const from = lost
      ? newShift((found?.shift ?? 0) + 1, journal.acknowledged + 1, options.clock.nowMs())
      : found;
    const counted = new ShiftJournal(journal, options, file, from);
    await counted.#count();
    return counted;
  }

  /** The open shift, as far as it is counted. */
  get state(): ShiftState {
    return this.#fold.state();
  }

  /** What a decision adds that leaves no record. */
  tapped(decision: Decision, mode: number): void {
    const denied = !decision.open && decision.reason !== 'cardGone';
    this.#fold.tapped(denied, decision.open ? 1 : 0, mode);
    this.#moved = true;
  }

  /** People who went through under `mode` without a tap. */
  passed(people: number, mode: number): void {
    this.#fold.tapped(false, people, mode);
    this.#moved = true;
  }

  /**
   * Where the shift is over, what makes the event that closes it, once: at another day by `dayOf`,
   * or at too many records. A clock set back over midnight does not end a day twice.
   */
  closeDue(nowMs: number, dayOf: (instantMs: number) => number): (() => ShiftClosed) | null {
    if (this.#closing === this.#fold.shift || this.#fold.through < this.#left) return null;
    const days = dayOf(nowMs) - dayOf(this.#fold.openedMs);
    const isOver = days > 0 || days < -1 || this.#fold.records >= SHIFT_RECORDS_MAX;
    return isOver ? this.closing() : null;
  }

  /** What makes the event that closes the shift, whenever it is written. */
  closing(): () => ShiftClosed {
    this.#closing = this.#fold.shift;
    return () => this.#fold.closing();
  }

  /** Whether a look would find something to do. */
  get isLookDue(): boolean {
    return this.#journal.nextSequence - 1 > this.#fold.through || this.#isKeepDue();
  }

  /** Counts what is new; keeps the counters and lets go of records where that is due. */
  look(): Promise<void> {
    this.#looking ??= this.#look(false).finally(() => {
      this.#looking = null;
    });
    return this.#looking;
  }

  get nextSequence(): number {
    return this.#journal.nextSequence;
  }

  get backlog(): number {
    return this.#journal.backlog - (this.#acknowledged - this.#journal.acknowledged);
  }

  get acknowledged(): number {
    return this.#acknowledged;
  }

  reserve(): void {
    this.#journal.reserve();
  }

  intent(record: Uint8Array): Promise<void> {
    return this.#journal.intent(record);
  }

  close(record: Uint8Array): void {
    this.#journal.close(record);
  }

  open(): Uint8Array[] {
    return this.#journal.open();
  }

  read(from: number, max: number): Promise<{ records: Uint8Array; count: number }> {
    return this.#journal.read(from, max);
  }

  acknowledge(through: number): void {
    if (through <= this.#acknowledged) return;
    this.#acknowledged = through;
    if (through <= this.#kept) this.#letGo();
    else this.#lookSoon();
  }

  async end(): Promise<void> {
    if (this.#ended) return;
    if (this.#timer) clearTimeout(this.#timer);
    await this.#looking;
    await this.#look(true);
    this.#ended = true;
    await this.#file.end();
    await this.#journal.end();
  }

  #letGo(): void {
    const through = Math.min(this.#acknowledged, this.#kept);
    if (through > this.#journal.acknowledged) this.#journal.acknowledge(through);
  }

  /** At once where the journal needs the room. */
  #lookSoon(): void {
    if (this.#timer) return;
    const waitMs = this.#isFull() ? 0 : Math.max(0, SHIFT_KEEP_MS - this.#sinceKeptMs());
    this.#timer = setTimeout(() => {
      this.#timer = null;
      if (!this.#ended) void this.look();
    }, waitMs);
  }

  #sinceKeptMs(): number {
    return (this.#options.clock.monotonicUs() - this.#keptUs) / 1000;
  }

  #isFull(): boolean {
    try {
      this.#journal.reserve();
      return false;
    } catch {
      return true;
    }
  }

  #isKeepDue(): boolean {
    const isWanted = this.#moved || this.#acknowledged > this.#kept;
    return isWanted && (this.#sinceKeptMs() >= SHIFT_KEEP_MS || this.#isFull());
  }

  async #look(ending: boolean): Promise<void> {
    if (this.#ended) return;
    try {
      await this.#count();
      if (ending || this.#isKeepDue()) await this.#keep();
    } catch (error) {
      this.#options.failed(error);
    }
  }

  /** Counts what is closed and durable. */
  async #count(): Promise<void> {
    for (;;) {
      const from = this.#fold.through + 1;
      const { records, count } = await this.#journal.read(from, SHIFT_READ_RECORDS);
      for (let i = 0; i < count; i++) this.#fold.add(records, i * DEBIT_BYTES);
      if (count === 0) return;
      this.#moved = true;
    }
  }

  async #keep(): Promise<void> {
    const state = this.#fold.state();
    this.#moved = false;
    await this.#file.keep(state);
    this.#kept = state.through;
    this.#keptUs = this.#options.clock.monotonicUs();
    this.#letGo();
  }
}
