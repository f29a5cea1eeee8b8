/**
 * What does a quote cost? A ride by a station matrix; a leg and a journey of three legs with
 * transfers by GTFS-Fares V2, on Boston's feed where it is at hand (`../shared/data`) and else on
 * a made-up city, against a scan of all rules; a journey from a line of JSON to a line of JSON
 * with its reasons, in the process and through the pipes of `faregate-engine quote`; and what
 * compiling costs in time and memory from 10 to 1,000 stations.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fareBook } from '../engine/fare/book.ts';
import { compileFares } from '../engine/fare/compile.ts';
import type { CompiledFares, FareSet } from '../engine/fare/fares.ts';
import { GtfsFares } from '../engine/fare/gtfs/fares.ts';
import { NO_NETWORK } from '../engine/fare/gtfs/leg-lookups.ts';
import { quoteGtfs } from '../engine/fare/gtfs/quote.ts';
import { ZoneTable } from '../engine/fare/gtfs/zones.ts';
import { parseJourney } from '../engine/fare/journey.ts';
import { exitFareMinor } from '../engine/fare/quote.ts';
import { openFares, SAMPLE } from '../engine/operator/fare-files.ts';
import { checkSource, type GtfsSource, readGtfs } from '../engine/operator/gtfs-files.ts';
import type { Benchmark, Contender, Question } from './harness.ts';
import { citySource } from './quote-city.ts';
import { ScanFares, type ScanLeg } from './quote-scan.ts';
import { importedFares, sampleFares, streamed } from './quote-stdin.ts';

const BATCH = 256;
const DAY_MS = 86_400_000;
/** Journeys that every way of compiling must price the same. */
const COMPILED_CHECKED = 64;
const BOSTON = fileURLToPath(new URL('../../../shared/data/gtfs-mbta-fares-v2', import.meta.url));
/** A Tuesday in the period of Boston's feed, and of the made-up city. */
const MORNING_MS = Date.parse('2024-10-01T08:00:00-04:00');

export const quoteBenchmark: Benchmark = {
  name: 'quote',
  async questions(smoke) {
    const { name, source: feed } = await source(smoke ? 10 : 100);
    const fares = compiled(feed);
    const journeys = journeysOf(fares, smoke ? BATCH : 16 * BATCH);
    const sizes = smoke ? [10] : [10, 100, 1000];
    const single = journeys.map((legs) => legs.slice(0, 1));
    const lines = linesOf(journeys);
    const streamedCount = smoke ? BATCH : 200_000;
    const imported = () => importedFares(feed);
    return [
      matrixQuestion(smoke ? 10 : 96),
      priced(`${name}, one leg`, fares, single, 100),
      priced(`${name}, three legs`, fares, journeys, undefined),
      inProcess(name, fares, lines),
      streamed('the sample city', await sampleLines(journeys.length), streamedCount, sampleFares),
      streamed(`${name}, one leg`, linesOf(single), streamedCount, imported),
      streamed(`${name}, three legs`, lines, streamedCount, imported),
      compiling(name, feed),
      ...sizes.map((stations) => compiling(`${stations} stations`, citySource(stations))),
      ...sizes.map((stations) => matrixCompiling(stations)),
    ];
  },
};

/** Boston's feed where it is at hand, and else a made-up city. */
export async function source(
  stations: number,
): Promise<{ readonly name: string; readonly source: GtfsSource }> {
  return existsSync(join(BOSTON, 'fare_leg_rules.txt'))
    ? { name: 'Boston', source: await readGtfs(BOSTON) }
    : { name: 'a made-up city', source: citySource(stations) };
}

export function compiled(source: GtfsSource): GtfsFares {
  const { feed, findings } = checkSource(source);
  if (!feed) throw new Error(findings.list[0]?.message ?? 'a feed with errors');
  return new GtfsFares(feed, 1, 0);
}

/** A seeded stream of numbers below a bound. */
function numbers(seed: number): (bound: number) => number {
  let state = seed;
  return (bound) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return Math.floor((state / 2 ** 32) * bound);
  };
}

/** Journeys of three legs that have a price: for each leg a rule is drawn, then stops for it. */
export function journeysOf(fares: GtfsFares, count: number): ScanLeg[][] {
  const draw = numbers(0x5eed);
  const { feed, evaluator, products } = fares;
  const zone = new ZoneTable(feed.timezone, MORNING_MS / DAY_MS - 10, MORNING_MS / DAY_MS + 10);
  const all = feed.stops.flatMap(({ id, type }) => (type === 0 ? [id] : []));
  const within = new Map<string, string[]>([['', all]]);
  for (const { area, stop } of feed.stopAreas) {
    within.set(area, [...(within.get(area) ?? []), stop]);
  }
  const stopIn = (area: string): string => {
    const stops = within.get(area) ?? all;
    return stops[draw(stops.length)]!;
  };
  const local = (ms: number): [number, number] => {
    const at = ms + zone.offsetsMs[zone.indexAt(ms)]!;
    return [Math.floor(at / DAY_MS), Math.floor((at % DAY_MS) / 1000)];
  };
  const drawLeg = (departureMs: number): ScanLeg => {
    for (;;) {
      const rule = feed.legRules[draw(feed.legRules.length)]!;
      const [network, from, to] = [rule.network, stopIn(rule.from), stopIn(rule.to)];
      const arrivalMs = departureMs + (10 + draw(40)) * 60_000;
      evaluator.clear();
      add(fares, { network, from, to, departureMs, arrivalMs });
      if (Number.isNaN(evaluator.total(products.column(0, 0)))) continue;
      const times = [...local(departureMs), ...local(arrivalMs)] as const;
      return { network, from, to, departureMs, arrivalMs, local: times as ScanLeg['local'] };
    }
  };
  return Array.from({ length: count }, () => {
    const first = drawLeg(MORNING_MS + draw(600) * 60_000);
    const second = drawLeg(first.arrivalMs + draw(30) * 60_000);
    return [first, second, drawLeg(second.arrivalMs + draw(30) * 60_000)];
  });
}

function add(fares: GtfsFares, leg: Omit<ScanLeg, 'local'>): void {
  const { stops, evaluator } = fares;
  const network = leg.network === '' ? NO_NETWORK : fares.networkOf(leg.network);
  const [from, to] = [stops.find(leg.from), stops.find(leg.to)];
  evaluator.add(network, from, to, leg.departureMs, leg.arrivalMs);
}

/** What journeys cost: by numbers, as a gate asks, and by a scan. */
function priced(
  name: string,
  fares: GtfsFares,
  journeys: readonly (readonly ScanLeg[])[],
  goal: number | undefined,
): Question {
  const { evaluator, products, stops } = fares;
  const column = products.column(0, 0);
  const asked = journeys.map((legs) =>
    legs.map((leg) => ({
      network: fares.networkOf(leg.network),
      from: stops.find(leg.from),
      to: stops.find(leg.to),
      departureMs: leg.departureMs,
      arrivalMs: leg.arrivalMs,
    })),
  );
  const total = (journey: number): number => {
    evaluator.clear();
    for (const leg of asked[journey]!) {
      evaluator.add(leg.network, leg.from, leg.to, leg.departureMs, leg.arrivalMs);
    }
    return evaluator.total(column);
  };
  const scan = new ScanFares(fares);
  return {
    name,
    operations: BATCH,
    ...(goal === undefined ? {} : { goal }),
    contenders: [
      batches('compiled', asked.length, total),
      batches('scan of all rules', asked.length, (journey) => scan.total(journeys[journey]!)),
    ],
  };
}

/** Something asked of each of `count` inputs, BATCH of them a run. */
function batches(name: string, count: number, ask: (input: number) => number): Contender {
  let at = 0;
  let sum = 0;
  return {
    name,
    answer: () => {
      const answers = Float64Array.from({ length: count }, (_, input) => ask(input));
      return new Uint8Array(answers.buffer);
    },
    run: () => {
      for (let i = 0; i < BATCH; i++) sum += ask((at + i) % count);
      at = (at + BATCH) % count;
      if (sum === Number.MIN_VALUE) throw new Error('never');
    },
  };
}

/** Journeys as lines of JSON. */
function linesOf(journeys: readonly (readonly ScanLeg[])[]): string[] {
  return journeys.map((legs, id) =>
    JSON.stringify({
      id,
      legs: legs.map(({ network, from, to, departureMs, arrivalMs }) => ({
        ...{ network, from, to },
        departure: new Date(departureMs).toISOString(),
        arrival: new Date(arrivalMs).toISOString(),
      })),
    }),
  );
}

/** Rides of the sample city, which has a matrix, as lines of JSON. */
async function sampleLines(count: number): Promise<string[]> {
  const { stations } = (await openFares(SAMPLE)).versions[0]!;
  const draw = numbers(3);
  const stop = () => stations[draw(stations.length)]!.id;
  const times = { departure: '2026-11-24T08:00:00+08:00', arrival: '2026-11-24T08:40:00+08:00' };
  return Array.from({ length: count }, (_, id) =>
    JSON.stringify({ id, legs: [{ from: stop(), to: stop(), ...times }] }),
  );
}

/** From a line of JSON to a line of JSON, as `faregate-engine quote` does. */
function inProcess(name: string, fares: GtfsFares, texts: readonly string[]): Question {
  const book = fareBook([fares]);
  const quote = (text: string): string => {
    const journey = parseJourney(text);
    return 'error' in journey ? JSON.stringify(journey) : quoteGtfs(book, journey);
  };
  return {
    name: `${name}, three legs, JSON in and out with reasons`,
    operations: BATCH,
    contenders: [batches('compiled', texts.length, (input) => quote(texts[input]!).length)],
  };
}

function compiling(name: string, source: GtfsSource): Question {
  const fares = compiled(source);
  const { feed } = fares;
  const rules = feed.legRules.length;
  let last = fares;
  const figures = () => ({ rules, stops: feed.stops.length, bytes: last.bytes });
  const journeys = journeysOf(fares, COMPILED_CHECKED);
  const totals = (of: GtfsFares) => {
    const answers = Float64Array.from(journeys, (legs) => {
      of.evaluator.clear();
      for (const leg of legs) add(of, leg);
      return of.evaluator.total(of.products.column(0, 0));
    });
    return new Uint8Array(answers.buffer);
  };
  return {
    name: `compile ${name}`,
    operations: 1,
    timeMs: 500,
    iterationsMin: 3,
    contenders: [
      {
        name: 'checked feed to tables',
        answer: () => totals(new GtfsFares(feed, 1, 0)),
        run: () => {
          last = new GtfsFares(feed, 1, 0);
        },
        figures,
      },
      {
        name: 'files to tables',
        answer: () => totals(compiled(source)),
        run: () => void compiled(source),
      },
    ],
  };
}

function matrixSet(stations: number): FareSet {
  const draw = numbers(stations);
  const matrix = new Int32Array(2 * stations * stations);
  for (let i = 0; i < matrix.length; i++) matrix[i] = 100 + draw(5000);
  return {
    version: 1,
    effectiveMs: 0,
    currency: 'HKD',
    riders: ['adult', 'child'],
    stations: Array.from({ length: stations }, (_, i) => ({
      id: `s${i}`,
      name: `Station ${i}`,
      code: Uint8Array.of(1, 0, i >> 8, (i & 255) + 1),
    })),
    rules: {
      entryBalanceMinor: 0,
      sameStationMinor: 0,
      sameStationMinutes: 20,
      overstayMinor: 9000,
      maxMinutes: 150,
      passBackSeconds: 30,
      missingTapMinor: null,
    },
    matrix,
  };
}

/** A gate's question at exit: two codes from cards, a rider, two instants. */
function matrixQuestion(stations: number): Question {
  const set = matrixSet(stations);
  const fares = compileFares(set);
  const draw = numbers(7);
  const rides = Array.from({ length: 4096 }, () => ({
    ...{ from: draw(stations), to: draw(stations), rider: draw(2), minutes: draw(200) },
  }));
  const byText = faresByText(set);
  const asWritten = (ride: number): number => {
    const { from, to, rider, minutes } = rides[ride]!;
    const { sameStationMinor, sameStationMinutes, overstayMinor, maxMinutes } = set.rules;
    if (from === to) return minutes <= sameStationMinutes ? sameStationMinor : overstayMinor;
    if (minutes > maxMinutes) return overstayMinor;
    const key = `${set.stations[from]!.id}|${set.stations[to]!.id}|${set.riders[rider]}`;
    return byText.get(key)!;
  };
  return {
    name: `matrix of ${stations} stations, a ride`,
    operations: BATCH,
    contenders: [
      batches('compiled', rides.length, (ride) => {
        const { from, to, rider, minutes } = rides[ride]!;
        const entry = fares.stationByCode(set.stations[from]!.code, 0);
        const exit = fares.stationByCode(set.stations[to]!.code, 0);
        return exitFareMinor(fares, entry, exit, rider, MORNING_MS, MORNING_MS + minutes * 60_000);
      }),
      batches('Map by text', rides.length, asWritten),
    ],
  };
}

function faresByText(set: FareSet): Map<string, number> {
  const byText = new Map<string, number>();
  const size = set.stations.length;
  for (let i = 0; i < set.matrix.length; i++) {
    const to = i % size;
    const from = Math.floor(i / size) % size;
    const rider = set.riders[Math.floor(i / size ** 2)]!;
    byText.set(`${set.stations[from]!.id}|${set.stations[to]!.id}|${rider}`, set.matrix[i]!);
  }
  return byText;
}

/** Every fare, as a compiled set tells it. */
function faresOf(fares: CompiledFares): Uint8Array {
  const size = fares.stations.length;
  const all = Int32Array.from({ length: fares.riders.length * size ** 2 }, (_, i) =>
    fares.fareMinor(Math.floor(i / size) % size, i % size, Math.floor(i / size ** 2)),
  );
  return new Uint8Array(all.buffer);
}

function matrixCompiling(stations: number): Question {
  const set = matrixSet(stations);
  return {
    name: `compile a matrix of ${stations} stations`,
    operations: 1,
    timeMs: 300,
    iterationsMin: 3,
    contenders: [
      {
        name: 'fare set to tables',
        answer: () => faresOf(compileFares(set)),
        run: () => void compileFares(set),
        figures: () => ({ pairs: stations ** 2, bytes: set.matrix.byteLength }),
      },
    ],
  };
}
