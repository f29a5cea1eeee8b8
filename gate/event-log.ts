/**
 * One gate's way of writing events into its journal: between taps, because a tap knows its sequence
 * from its start. What cannot be written yet (a tap is in hand, the journal is full) waits, in
 * order.
 */
import { type EventBody, encodeEvent } from '../engine/debit/event.ts';
import { DEBIT_BYTES, type InForce } from '../engine/debit/record.ts';
import { EVENTS_WAITING_MAX } from '../engine/limits.ts';
import { writeLocalDateTime, type Zone } from '../engine/time.ts';
import type { Journal } from './journal/port.ts';

/** An event whose identity it gets when it is written. */
export interface WaitingEvent {
  readonly instantMs: number;
  /** Made when the event is written. */
  readonly body: () => EventBody;
  /** Whether it may be let go where too many wait: nothing hangs on it. */
  readonly mayGo?: boolean;
}

export interface EventLogParts {
  readonly gateId: string;
  readonly journal: Journal;
  /** Whether a failed intent only wants room; anything else is the journal's end. */
  readonly isFull: (error: unknown) => boolean;
}

/** Where the gate is and what is in force, for the head of an event. */
export interface EventScene {
  readonly zone: Zone;
  readonly station: Uint8Array;
  readonly inForce: InForce;
}

export class EventLog {
  readonly #parts: EventLogParts;
  readonly #waiting: WaitingEvent[] = [];
  #written: Promise<void> = Promise.resolve();
  #failure: unknown = null;

  constructor(parts: EventLogParts) {
    this.#parts = parts;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  /** Over the bound the oldest that may go is let go, else the oldest. */
  add(event: WaitingEvent): void {
    this.#waiting.push(event);
    if (this.#waiting.length <= EVENTS_WAITING_MAX) return;
    const least = this.#waiting.findIndex(({ mayGo }) => mayGo === true);
    this.#waiting.splice(Math.max(0, least), 1);
  }

  /**
   * Writes what waits, as far as there is room. Only while no tap is in hand.
   * @throws what the journal failed with, also when an event before did.
   */
  write(scene: EventScene): void {
    if (this.#failure !== null) throw this.#failure;
    while (this.#waiting.length > 0) {
      if (!this.#writeNext(scene)) return;
      this.#waiting.shift();
    }
  }

  /** Resolves when what was written is in the journal. Never rejects. */
  settled(): Promise<void> {
    return this.#written;
  }

  /** @returns false where the journal has no room. */
  #writeNext(scene: EventScene): boolean {
    const { gateId, journal, isFull } = this.#parts;
    const { instantMs, body } = this.#waiting[0]!;
    try {
      journal.reserve();
    } catch (error) {
      if (isFull(error)) return false;
      throw error;
    }
    const gateSequence = journal.nextSequence;
    const told = body();
    const dateTime = new Uint8Array(7);
    writeLocalDateTime(scene.zone, instantMs, dateTime, 0);
    const record = new Uint8Array(DEBIT_BYTES);
    const { mode, denylistVersion, clockQuality, parametersVersion } = scene.inForce;
    const head = { gateId, gateSequence, instantMs, dateTime, station: scene.station };
    const inForce = { mode, denylistVersion, clockQuality, parametersVersion };
    encodeEvent({ ...head, ...inForce, ...told }, record, 0);
    this.#written = journal
      .intent(record)
      .then(() => journal.close(record))
      .catch((error: unknown) => {
        this.#failure ??= error;
      });
    return true;
  }
}
