/**
 * Which timeframe groups an instant is in, at a place (reference, timeframes.txt and "Timeframe
 * Local Time Semantics"): the current day is the local calendar day, not the service day, and times
 * of day are wall-clock times. Compiled to one lookup of the day and one of the time.
 */
import type { GtfsFeed, Service, Timeframe } from './feed.ts';
import { ZoneTable } from './zones.ts';

const DAY_MS = 86_400_000;

/** A rule that names no timeframe. */
export const ANY_TIME = -1;
/** A rule that names a group which timeframes.txt does not hold: never. */
export const NEVER = -2;

/** First and last day of the services that timeframes name, or null where none runs. */
export function daysOf(feed: GtfsFeed): { readonly first: number; readonly last: number } | null {
  const named = new Set(feed.timeframes.map(({ service }) => service));
  let first = Number.POSITIVE_INFINITY;
  let last = Number.NEGATIVE_INFINITY;
  for (const { id, weekdays, startDay, endDay, added } of feed.services) {
    if (!named.has(id)) continue;
    const regular = weekdays.includes(true) && endDay >= startDay ? [startDay, endDay] : [];
    for (const day of [...regular, ...added]) {
      if (day < first) first = day;
      if (day > last) last = day;
    }
  }
  return first <= last ? { first, last } : null;
}

/** Whether a service runs on a day since 1970. */
export function runsOn(service: Service, day: number): boolean {
  if (service.removed.includes(day)) return false;
  if (service.added.includes(day)) return true;
  // 1970-01-01 was a Thursday; Monday is 0.
  const weekday = (((day + 3) % 7) + 7) % 7;
  return day >= service.startDay && day <= service.endDay && service.weekdays[weekday] === true;
}

export class TimeframeTable {
  readonly #groups = new Map<string, number>();
  readonly #zones: ZoneTable[];
  readonly #firstDay: number;
  /** Kind of each day from the first. */
  readonly #kinds: Int32Array;
  /** Of each kind of day: where its stretches begin in the two arrays after this. */
  readonly #stretches: Int32Array;
  readonly #fromSeconds: Int32Array;
  readonly #states: Int32Array;
  /** Groups that hold in each state, 32 to a word. */
  readonly #words: Uint32Array;
  readonly #wordsEach: number;
  /** Of each zone: from when until when the state holds that was asked for last. */
  readonly #sinceMs: Float64Array;
  readonly #untilMs: Float64Array;
  readonly #lastStates: Int32Array;

  /** @param zones names of the time zones there are, by number */
  constructor(feed: GtfsFeed, zones: readonly string[]) {
    for (const { group } of feed.timeframes) {
      if (!this.#groups.has(group)) this.#groups.set(group, this.#groups.size);
    }
    this.#wordsEach = Math.max(1, Math.ceil(this.#groups.size / 32));
    const days = daysOf(feed);
    this.#firstDay = days?.first ?? 0;
    // A day's margin, for the zones of a day differ.
    const [from, to] = [this.#firstDay - 2, (days?.last ?? 0) + 3];
    this.#zones = days ? zones.map((zone) => new ZoneTable(zone, from, to)) : [];
    const kinds = new Map<string, number>([['', 0]]);
    this.#kinds = new Int32Array(days ? days.last - days.first + 1 : 0);
    const services = new Map(feed.services.map((service) => [service.id, service]));
    for (let i = 0; i < this.#kinds.length; i++) {
      const held = feed.timeframes.flatMap(({ service }, index) =>
        runsOn(services.get(service)!, this.#firstDay + i) ? [index] : [],
      );
      const kind = kinds.get(held.join()) ?? kinds.size;
      kinds.set(held.join(), kind);
      this.#kinds[i] = kind;
    }
    const states = new Map<string, number>([['', 0]]);
    const parts = [...kinds.keys()].map((text) => {
      const rows =
        text === '' ? [] : text.split(',').map((index) => feed.timeframes[Number(index)]!);
      return this.#stretchesOf(rows, states);
    });
    this.#stretches = new Int32Array(parts.length + 1);
    for (const [kind, { length }] of parts.entries()) {
      this.#stretches[kind + 1] = this.#stretches[kind]! + length;
    }
    this.#fromSeconds = Int32Array.from(parts.flat(), ({ from: second }) => second);
    this.#states = Int32Array.from(parts.flat(), ({ state }) => state);
    this.#words = this.#wordsOf([...states.keys()]);
    this.#sinceMs = new Float64Array(zones.length);
    this.#untilMs = new Float64Array(zones.length);
    this.#lastStates = new Int32Array(zones.length);
  }

  /** The stretches of a day of one kind: from which second which state holds. */
  #stretchesOf(
    rows: readonly Timeframe[],
    states: Map<string, number>,
  ): { readonly from: number; readonly state: number }[] {
    const edges = new Set([0, ...rows.flatMap((row) => [row.startSeconds, row.endSeconds])]);
    return [...edges]
      .sort((a, b) => a - b)
      .map((from) => {
        const held = rows
          .filter((row) => row.startSeconds <= from && from < row.endSeconds)
          .map(({ group }) => this.#groups.get(group)!);
        const text = [...new Set(held)].sort((a, b) => a - b).join();
        const state = states.get(text) ?? states.size;
        states.set(text, state);
        return { from, state };
      });
  }

  #wordsOf(states: readonly string[]): Uint32Array {
    const words = new Uint32Array(states.length * this.#wordsEach);
    for (const [state, text] of states.entries()) {
      for (const group of text === '' ? [] : text.split(',').map(Number)) {
        const word = state * this.#wordsEach + (group >>> 5);
        words[word] = (words[word]! | (1 << (group & 31))) >>> 0;
      }
    }
    return words;
  }

  /** Number of a group for `holds`; ANY_TIME for none, NEVER for one that is not defined. */
  groupOf(id: string): number {
    return id === '' ? ANY_TIME : (this.#groups.get(id) ?? NEVER);
  }

  /** What holds at an instant by the clocks of a zone; 0 where nothing does. Allocates nothing. */
  stateAt(zone: number, instantMs: number): number {
    const isLast = this.#sinceMs[zone]! <= instantMs && instantMs < this.#untilMs[zone]!;
    if (!isLast) this.#find(zone, instantMs);
    return this.#lastStates[zone]!;
  }

  /** Puts down the state of an instant, and from when until when it holds. */
  #find(zone: number, instantMs: number): void {
    const clocks = this.#zones[zone];
    // No zones where no service runs.
    if (!clocks) return;
    const { fromMs, offsetsMs } = clocks;
    const change = clocks.indexAt(instantMs);
    const day = Math.floor((instantMs + offsetsMs[change]!) / DAY_MS);
    const startMs = day * DAY_MS - offsetsMs[change]!;
    const kind = this.#kinds[day - this.#firstDay] ?? 0;
    const end = this.#stretches[kind + 1]!;
    let next = this.#stretches[kind]! + 1;
    while (next < end && startMs + this.#fromSeconds[next]! * 1000 <= instantMs) next++;
    const untilMs = next < end ? startMs + this.#fromSeconds[next]! * 1000 : startMs + DAY_MS;
    this.#lastStates[zone] = this.#states[next - 1]!;
    this.#sinceMs[zone] = Math.max(fromMs[change]!, startMs + this.#fromSeconds[next - 1]! * 1000);
    this.#untilMs[zone] = Math.min(fromMs[change + 1] ?? Number.POSITIVE_INFINITY, untilMs);
  }

  /** Whether a group holds in a state. Allocates nothing. */
  holds(state: number, group: number): boolean {
    if (group < 0) return group === ANY_TIME;
    return ((this.#words[state * this.#wordsEach + (group >>> 5)]! >>> (group & 31)) & 1) === 1;
  }

  get bytes(): number {
    const arrays = [this.#kinds, this.#stretches, this.#fromSeconds, this.#states, this.#words];
    return arrays.reduce((sum, { byteLength }) => sum + byteLength, 0);
  }
}
