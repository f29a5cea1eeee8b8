/**
 * Lantern Bay, the built-in sample city: four lines, thirty stations, names and distances made
 * up, fares by the Beijing metro's published tariff. It lets everything run without a table.
 */
import assert from 'node:assert/strict';
import { type FareVersions, fareBook } from './book.ts';
import { compileFares } from './compile.ts';
import type { CompiledFares, FareSet } from './fares.ts';
import { formatMinor } from './money.ts';
import { allDistances, type Edge, UNREACHABLE } from './network.ts';
import { assignCodes, type FareDraft, type StationDraft } from './set.ts';
import { beijing, TariffFares } from './tariff.ts';

/** A stop of a line and the metres of track from the stop before. */
type Stop = readonly [name: string, metres: number];

interface Line {
  readonly number: number;
  readonly stops: readonly Stop[];
  /** Metres from the last stop back to the first, on a ring. */
  readonly closing?: number;
}

/** A name that stands on two lines is an interchange. */
const lines: readonly Line[] = [
  {
    number: 1,
    stops: [
      ['Reed Marsh', 0],
      ['Tannery Road', 2_140],
      ['University', 1_680],
      ['Drum Tower', 1_920],
      ['Lantern Square', 1_310],
      ['Old Mint', 980],
      ['East Market', 1_260],
      ['Shipyard', 2_450],
      ['Salt Flats', 6_720],
      ['Airport', 14_850],
    ],
  },
  {
    number: 2,
    stops: [
      ['Drum Tower', 0],
      ['North Gate', 1_450],
      ['Observatory', 1_120],
      ['Rice Market', 1_390],
      ['East Market', 1_570],
      ['South Lake', 1_830],
      ['Silk Bridge', 1_240],
      ['Stadium', 1_510],
    ],
    closing: 1_660,
  },
  {
    number: 3,
    stops: [
      ['Hot Springs', 0],
      ['Quarry Hill', 9_380],
      ['Pine Ridge', 3_150],
      ['Observatory', 2_270],
      ['Lantern Square', 1_640],
      ['Silk Bridge', 1_760],
      ['Paper Mill', 2_030],
      ['River Port', 2_890],
      ['Brickworks', 5_440],
    ],
  },
  {
    number: 4,
    stops: [
      ['Kite Meadow', 0],
      ['Plum Orchard', 3_620],
      ['University', 2_510],
      ['Stadium', 2_380],
      ['Paper Mill', 1_950],
      ['Glassworks', 1_720],
      ['Lighthouse', 2_260],
      ['Shell Beach', 4_070],
      ['Terraces', 8_130],
      ['Cedar Valley', 11_490],
      ['Cloud Temple', 12_760],
    ],
  },
];

/** Students, seniors and children pay a share, rounded to 0.10 yuan, halves up. */
const riders = [
  { name: 'adult', percent: 100 },
  { name: 'student', percent: 50 },
  { name: 'senior', percent: 35 },
  { name: 'child', percent: 25 },
].map((rider) => ({ ...rider, tariff: beijing, unitMinor: 10 }));

/** The sample city's fares before they are a version of a directory; in force since 1970. */
export function sampleDraft(): FareDraft {
  const { drafts } = layOut();
  return {
    version: null,
    effectiveMs: 0,
    currency: 'CNY',
    stations: drafts,
    riders: riders.map(({ name }) => name),
    rules: {
      entryBalanceMinor: 300,
      sameStationMinor: 300,
      sameStationMinutes: 20,
      overstayMinor: 1000,
      maxMinutes: 240,
      passBackSeconds: 30,
      missingTapMinor: 1000,
    },
    matrix: sampleTariff().matrix(),
  };
}

/** The distances and the tariff that they are made of. */
export function sampleTariff(): TariffFares {
  const { drafts, edges } = layOut();
  const distances = allDistances(drafts.length, edges);
  assert(!distances.includes(UNREACHABLE));
  return new TariffFares(riders, distances);
}

/** The same as the tables that an operator would publish (docs/fare-extensions.md), by file. */
export function sampleTables(): ReadonlyMap<string, string> {
  const { drafts, edges } = layOut();
  const { steps, beyond, graceMetres, capMinor } = beijing;
  const money = (minor: number) => formatMinor(minor, 2);
  const table = (header: string, rows: readonly (readonly (string | number)[])[]) =>
    `${[header, ...rows.map((row) => row.join())].join('\n')}\n`;
  const rises = steps.map((step) => ['metro', step.uptoMetres, '', money(step.fareMinor)]);
  const last = ['metro', '', beyond.everyMetres, money(beyond.addMinor)];
  const classes = riders.map(({ name, percent, unitMinor }) => {
    return [name, 'metro', percent, money(unitMinor)];
  });
  const stations = drafts.map(({ id, name }) => [id, name]);
  const links = edges.map(({ a, b, metres }) => [drafts[a]!.id, drafts[b]!.id, metres]);
  return new Map([
    [
      'faregate_tariff_steps.txt',
      table('tariff_id,upto_metres,every_metres,amount', [...rises, last]),
    ],
    [
      'faregate_tariffs.txt',
      table('tariff_id,grace_metres,maximum', [['metro', graceMetres, money(capMinor!)]]),
    ],
    ['faregate_tariff_riders.txt', table('rider_category_id,tariff_id,percent,round_to', classes)],
    ['faregate_stations.txt', table('stop_id,stop_name', stations)],
    ['faregate_links.txt', table('from_stop_id,to_stop_id,metres', links)],
  ]);
}

/** The sample city's fares as version 1. */
export function sampleFareSet(): FareSet {
  const draft = sampleDraft();
  return { ...draft, version: 1, stations: assignCodes(draft.stations) };
}

export function sampleFares(): CompiledFares {
  return compileFares(sampleFareSet());
}

export function sampleFareBook(): FareVersions {
  return fareBook([sampleFares()]);
}

/** Ids are line and stop, `0104`; an interchange belongs to the first line that names it. */
function layOut(): { drafts: StationDraft[]; edges: Edge[] } {
  const drafts: StationDraft[] = [];
  const byName = new Map<string, number>();
  const edges: Edge[] = [];
  for (const { number, stops, closing } of lines) {
    for (const [order, [name, metres]] of stops.entries()) {
      if (!byName.has(name)) {
        byName.set(name, drafts.length);
        const id = `${String(number).padStart(2, '0')}${String(order + 1).padStart(2, '0')}`;
        drafts.push({ id, name, line: number });
      }
      const before = stops[order - 1];
      if (before) edges.push({ a: byName.get(before[0])!, b: byName.get(name)!, metres });
    }
    const first = byName.get(stops[0]![0])!;
    const last = byName.get(stops.at(-1)![0])!;
    if (closing !== undefined) edges.push({ a: last, b: first, metres: closing });
  }
  return { drafts, edges };
}
