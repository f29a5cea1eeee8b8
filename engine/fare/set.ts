/**
 * What holds for every fare set, whoever made it: the checks that come before compiling, and the
 * 4-byte station codes.
 */
import { readU16, readU32, writeU16 } from '../bytes.ts';
import { FARE_NAME_LENGTH_MAX, FARE_RIDERS_MAX, FARE_STATIONS_MAX } from '../limits.ts';
import { currencyOf } from './currencies.ts';
import type { FareRules, FareSet, Station } from './fares.ts';
import { faultOfProducts } from './product-schema.ts';

/** A station before its code is assigned; `line` is 0 where the source names none. */
export interface StationDraft {
  readonly id: string;
  readonly name: string;
  readonly line: number;
}

/** A fare set before its place among an operator's versions is known. */
export interface FareDraft extends Omit<FareSet, 'version' | 'stations'> {
  /** null takes the next number. */
  readonly version: number | null;
  readonly stations: readonly StationDraft[];
}

/** What is wrong with a fare set (`field /riders/2 ...`), or null. */
export function faultOf(set: FareSet): string | null {
  const { stations, riders, matrix } = set;
  if (!(Number.isInteger(set.version) && set.version >= 1 && set.version <= 0xffff_ffff)) {
    return 'field /version is not a whole number from 1 to 4294967295';
  }
  if (!Number.isSafeInteger(set.effectiveMs)) return 'field /effective is not an instant';
  if (!currencyOf(set.currency)) return `field /currency is no ISO 4217 code: ${set.currency}`;
  if (stations.length < 2 || stations.length > FARE_STATIONS_MAX) {
    return `field /stations holds ${stations.length}, not 2 to ${FARE_STATIONS_MAX}`;
  }
  if (riders.length < 1 || riders.length > FARE_RIDERS_MAX) {
    return `field /riders holds ${riders.length}, not 1 to ${FARE_RIDERS_MAX}`;
  }
  const repeated = repeatedIn(riders);
  if (repeated >= 0) return `field /riders/${repeated} is empty, too long or given twice`;
  const cells = riders.length * stations.length ** 2;
  if (matrix.length !== cells) return `the matrix holds ${matrix.length} fares, not ${cells}`;
  const negative = matrix.findIndex((fare) => fare < 0);
  if (negative >= 0) return `the matrix holds a negative fare, number ${negative}`;
  return (
    faultOfStations(stations) ??
    faultOfRules(set.rules) ??
    faultOfCard(set) ??
    (set.products ? faultOfProducts(set.products) : null)
  );
}

function faultOfStations(stations: readonly Station[]): string | null {
  const ids = repeatedIn(stations.map((station) => station.id));
  if (ids >= 0) return `field /stations/${ids}/id is empty, too long or given twice`;
  const codes = new Set<number>();
  for (const [index, { code }] of stations.entries()) {
    if (code.length !== 4) return `field /stations/${index}/code is not 4 bytes`;
    const value = readU32(code, 0);
    if (value === 0) return `field /stations/${index}/code is zero, which a blank card carries`;
    if (codes.has(value)) return `field /stations/${index}/code is another station's too`;
    codes.add(value);
  }
  return null;
}

function faultOfRules(rules: FareRules): string | null {
  for (const [name, value] of Object.entries(rules) as [string, number | null][]) {
    if (value === null ? name !== 'missingTapMinor' : !(Number.isSafeInteger(value) && value >= 0))
      return `field /rules/${name} is not a whole number from 0 up`;
  }
  return null;
}

/** What the schema of the document cannot say of the rules for cards. */
function faultOfCard({ card, riders }: FareSet): string | null {
  if (!card) return null;
  if (card.riders.length !== riders.length) {
    return `field /card/riders holds ${card.riders.length} classes, not ${riders.length}`;
  }
  for (const [rider, { discounts, transfers, month, dayCap }] of card.riders.entries()) {
    const networks = [
      ...[...discounts, month, dayCap].flatMap((rule) => (rule ? [rule.network] : [])),
      ...transfers.flatMap(({ fromNetwork, toNetwork }) => [fromNetwork, toNetwork]),
    ];
    if (networks.some((network) => network >= card.networks.length)) {
      return `field /card/riders/${rider} names a network that /card/networks does not hold`;
    }
    const steps = month?.steps ?? [];
    if (steps.some(({ fromMinor }, i) => i > 0 && fromMinor <= steps[i - 1]!.fromMinor)) {
      return `field /card/riders/${rider}/month/steps does not rise`;
    }
  }
  return null;
}

/** Index of the first text that is empty, too long or seen before, or -1. */
function repeatedIn(texts: readonly string[]): number {
  const seen = new Set<string>();
  return texts.findIndex((text) => {
    const bad = text === '' || text.length > FARE_NAME_LENGTH_MAX || seen.has(text);
    seen.add(text);
    return bad;
  });
}

/**
 * Gives each station its code: line (2 bytes) and a number on that line (2 bytes, from 1). A
 * station that had a code in an earlier version keeps it, and no code goes to another station, so
 * that a card which entered before a change of version still leaves by the right fare.
 */
export function assignCodes(
  drafts: readonly StationDraft[],
  earlier: readonly FareSet[] = [],
): Station[] {
  const codes = new Map<string, Uint8Array>();
  const last = new Map<number, number>();
  for (const { stations } of earlier) {
    for (const { id, code } of stations) {
      codes.set(id, code);
      const line = readU16(code, 0);
      last.set(line, Math.max(last.get(line) ?? 0, readU16(code, 2)));
    }
  }
  return drafts.map(({ id, name, line }) => {
    const known = codes.get(id);
    if (known) return { id, name, code: known };
    const number = (last.get(line) ?? 0) + 1;
    last.set(line, number);
    const code = new Uint8Array(4);
    writeU16(code, 0, line);
    writeU16(code, 2, number);
    return { id, name, code };
  });
}
