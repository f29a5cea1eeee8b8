/**
 * What a station process does once a second beside its taps: looks whether its clock jumped, counts
 * shifts and closes them at the end of the service day, and writes events that waited for a tap to
 * end or for room in a journal.
 */
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
  #turn: NodeJS.Immediate | null = null;
  #stopped = false;

  constructor(parts: WatchParts) {
    this.#parts = parts;
  }

  start(): void {
    if (this.#stopped || this.#timer) return;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#goOn(this.#looks());
    }, this.#parts.lookMs ?? STATION_LOOK_MS);
  }

  stop(): void {
    this.#stopped = true;
    if (this.#timer) clearTimeout(this.#timer);
    if (this.#turn) clearImmediate(this.#turn);
  }

  /** One look at all gates. @throws what a journal failed with. */
  look(): void {
    const looks = this.#looks();
    while (looks.next().done !== true);
  }

  /** A few gates in each turn of the event loop, so that no tap waits for all of them. */
  #goOn(looks: Generator<void, void>): void {
    this.#turn = null;
    try {
      if (looks.next().done === true) this.start();
      else this.#turn = setImmediate(() => this.#goOn(looks));
    } catch (error) {
      this.#parts.failed(error);
    }
  }

  *#looks(): Generator<void, void> {
    const { clock, clockWatch, gates, dayOf = serviceDay } = this.#parts;
    const jump = clockWatch.look();
    const nowMs = clock.nowMs();
    let looked = 0;
    for (const { gate, shifts, zone } of gates()) {
      if (looked > 0 && looked % STATION_LOOK_GATES === 0) yield;
      looked += 1;
      if (jump) gate.note({ instantMs: nowMs, body: () => jump, mayGo: true });
      const closing = shifts.closeDue(nowMs, (instantMs) => dayOf(zone, instantMs));
      if (closing) gate.note({ instantMs: nowMs, body: closing });
      gate.look();
      if (shifts.isLookDue) void shifts.look();
    }
  }
}
