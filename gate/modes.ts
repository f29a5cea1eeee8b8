/**
 * The modes of a station process: which are in force, when which held, and who must know. A mode
 * takes force at once, at the next tap of every gate; only then is it written down, because people
 * must get out of a station whose disk fails. `modes-file.ts` keeps them over a restart.
 */
import { MODE_HISTORY_MS } from '../engine/durations.ts';
import { MODE_PERIODS_MAX } from '../engine/limits.ts';
import { ModeHistory, type ModePeriod, stationNumber } from '../engine/tap/mode-history.ts';
import { NORMAL } from '../engine/tap/modes.ts';
import type { StationModes } from '../engine/tap/setting.ts';
import type { Clock } from './clock.ts';

/** What survives a restart. */
export interface ModesKept {
  readonly mode: number;
  readonly sinceMs: number;
  /** Of all stations, those that last included. */
  readonly periods: readonly ModePeriod[];
}

export interface ModesKeeper {
  /** Makes it durable. @throws FaregateError. */
  keep(kept: ModesKept): Promise<void>;
}

/** One change of the modes in force. */
export interface ModeChange {
  readonly before: number;
  readonly after: number;
  readonly instantMs: number;
}

export class ModesInForce implements StationModes {
  mode: number;
  sinceMs: number;
  history: ModeHistory;
  readonly #clock: Clock;
  readonly #keeper: ModesKeeper | null;
  readonly #stations = new Set<number>();
  readonly #listeners: ((change: ModeChange) => void)[] = [];

  /** @param kept what an earlier process left; null: normal, and nothing is known. */
  constructor(clock: Clock, kept: ModesKept | null, keeper: ModesKeeper | null) {
    this.#clock = clock;
    this.#keeper = keeper;
    this.mode = kept?.mode ?? NORMAL;
    this.sinceMs = kept?.sinceMs ?? clock.nowMs();
    this.history = new ModeHistory(kept?.periods ?? []);
  }

  /** A gate of this process is at the station of this 4-byte code. */
  serve(station: Uint8Array): void {
    const number = stationNumber(station);
    if (this.#stations.has(number)) return;
    this.#stations.add(number);
    if (this.mode === NORMAL || this.#lasting(number)) return;
    const period = { station: number, mode: this.mode, fromMs: this.sinceMs, toMs: Infinity };
    this.history = new ModeHistory([...this.history.periods, period]);
  }

  /** Told of every change, as it takes force. */
  onChange(listener: (change: ModeChange) => void): void {
    this.#listeners.push(listener);
  }

  /**
   * Puts `mode` in force; false where it was already. Resolves once it is written down too.
   * @throws FaregateError of the keeper; the mode is in force all the same.
   */
  async set(mode: number): Promise<boolean> {
    if (mode === this.mode) return false;
    // A clock that was set back must not end a period before it began.
    const instantMs = Math.max(this.#clock.nowMs(), this.sinceMs);
    const change = { before: this.mode, after: mode, instantMs };
    const periods = this.history.periods.map((period) =>
      this.#isOwn(period) ? { ...period, toMs: instantMs } : period,
    );
    if (mode !== NORMAL) {
      for (const station of this.#stations) {
        periods.push({ station, mode, fromMs: instantMs, toMs: Infinity });
      }
    }
    this.mode = mode;
    this.sinceMs = instantMs;
    this.history = this.#pruned(periods);
    // On its way to the disk before anybody is told: what they do may end the process, and the next
    // one must know.
    const kept = this.#keep();
    for (const listener of this.#listeners) listener(change);
    await kept;
    return true;
  }

  /**
   * Takes over what is known of other stations: for those named, it takes the place of what was
   * known before. What is said of this process's own stations is left out.
   * @throws FaregateError of the keeper; it is in force all the same.
   */
  async learn(periods: readonly ModePeriod[]): Promise<void> {
    const foreign = periods.filter(({ station }) => !this.#stations.has(station));
    const named = new Set(foreign.map(({ station }) => station));
    const rest = this.history.periods.filter(({ station }) => !named.has(station));
    this.history = this.#pruned([...rest, ...foreign]);
    await this.#keep();
  }

  #isOwn({ station, toMs }: ModePeriod): boolean {
    return toMs === Infinity && this.#stations.has(station);
  }

  #lasting(station: number): boolean {
    return this.history.periods.some((one) => one.station === station && one.toMs === Infinity);
  }

  #pruned(periods: readonly ModePeriod[]): ModeHistory {
    const oldestMs = this.#clock.nowMs() - MODE_HISTORY_MS;
    return new ModeHistory(periods.filter(({ toMs }) => toMs >= oldestMs).slice(-MODE_PERIODS_MAX));
  }

  async #keep(): Promise<void> {
    const { mode, sinceMs, history } = this;
    await this.#keeper?.keep({ mode, sinceMs, periods: history.periods });
  }
}
