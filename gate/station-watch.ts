/**
 * What a station process does once a second beside its taps: looks whether its clock jumped, counts
 * shifts and closes them at the end of the service day, and writes events that waited for a tap to
 * end or for room in a journal.
 */
import { setImmediate } from 'node:timers/promises';
import { STATION_LOOK_GATES, STATION_LOOK_MS } from '../engine/limits.ts';
import { serviceDay } from '../engine/service-day.ts';
import type { Zone } from '../engine/time.ts';
import type { Clock } from './clock.ts';
import type { ClockWatch } from './clock-watch.ts';
import type { Gate } from './controller.ts';
import type { ShiftJournal } from './shift/shift-journal.ts';

/** A gate as the watch sees it. */
export interface WatchedGate {
  readonly gate: Pick<Gate, 'note' | 'look'>;
  readonly shifts: ShiftJournal;
  readonly zone: Zone;
}

export interface WatchParts {
  readonly clock: Clock;
  readonly clockWatch: ClockWatch;
  readonly gates: () => Iterable<WatchedGate>;
  /** The service day of an instant; `serviceDay` unless a test is in a hurry. */
  readonly dayOf?: (zone: Zone, instantMs: number) => number;
  /** STATION_LOOK_MS unless a simulation has days to pass. */
  readonly lookMs?: number;
  /** Told what a journal failed with. */
  readonly failed: (error: unknown) => void;
}

export class StationWatch {
  readonly #parts: WatchParts;
  #timer: NodeJS.Timeout | null = null;
  #stopped = false;

  constructor(parts: WatchParts) {
    this.#parts = parts;
  }

  start(): void {
    if (this.#stopped || this.#timer) return;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#lookInTurns().then(
        () => this.start(),
        (error: unknown) => this.#parts.failed(error),
      );
    }, this.#parts.lookMs ?? STATION_LOOK_MS);
  }

  stop(): void {
    this.#stopped = true;
    if (this.#timer) clearTimeout(this.#timer);
  }

  /** One look at all gates. @throws what a journal failed with. */
  look(): void {
    for (const _ of this.#looks());
  }

  /**
   * A few gates in each turn of the event loop, so that no tap waits for all of them; and one after
   * another where their records have to be read from the disk and opened.
   */
  async #lookInTurns(): Promise<void> {
    let looked = 0;
    for (const counting of this.#looks()) {
      await counting;
      if (this.#stopped) return;
      looked += 1;
      if (looked % STATION_LOOK_GATES === 0) await setImmediate();
    }
  }

  /** Looks at one gate after another; what each yields resolves when its records are counted. */
  *#looks(): Generator<Promise<void> | null, void> {
    const { clock, clockWatch, gates, dayOf = serviceDay } = this.#parts;
    const jump = clockWatch.look();
    for (const { gate, shifts, zone } of gates()) {
      // Of this gate: counting the ones before may have taken a while.
      const nowMs = clock.nowMs();
      if (jump) gate.note({ instantMs: nowMs, body: () => jump, mayGo: true });
      const closing = shifts.closeDue(nowMs, (instantMs) => dayOf(zone, instantMs));
      if (closing) gate.note({ instantMs: nowMs, body: closing });
      gate.look();
      yield shifts.isLookDue ? shifts.look() : null;
    }
  }
}
