/**
 * A journey to be quoted, parsed from one line of JSON:
 * `{id, rider?, media?, legs:[{from, to, network?, departure, arrival}]}`. A leg may also name its
 * `route`, and stops it passes `via`, which fares of GTFS may turn on. Checked by hand rather than
 * by schema: a quote stream runs at hundreds of thousands of lines a second, and each fault is a
 * value that names its field.
 */
import type { ErrorCode } from '../errors.ts';
import { JOURNEY_LEGS_MAX, JOURNEY_VIA_MAX } from '../limits.ts';
import { parseInstant } from './instant.ts';

export type JourneyId = string | number | null;

export interface Leg {
  /** Id or name of a station. */
  readonly from: string;
  readonly to: string;
  readonly network: string | null;
  readonly route: string | null;
  /** Ids or names of stops passed. */
  readonly via: readonly string[];
  readonly departureMs: number;
  readonly arrivalMs: number;
}

export interface Journey {
  readonly id: JourneyId;
  /** A rider class; null for the fare set's default. */
  readonly rider: string | null;
  readonly media: string | null;
  readonly legs: readonly Leg[];
}

/** A journey with its price: items that add up to it, and the reasons in words. */
export interface PricedAs<Item> {
  readonly id: JourneyId;
  /** Decimal text with all the currency's decimals. */
  readonly amount: string;
  readonly amountMinor: number;
  readonly currency: string;
  readonly items: readonly Item[];
  readonly why: readonly string[];
}

/** A journey that has no price, and why. */
export interface RefusedJourney {
  readonly id: JourneyId;
  readonly error: { readonly code: ErrorCode; readonly message: string };
}

export function refused(id: JourneyId, code: ErrorCode, message: string): RefusedJourney {
  return { id, error: { code, message } };
}

const NO_STOPS: readonly string[] = [];

type Fields = Readonly<Record<string, unknown>>;

/** Thrown and caught in this file only: the first field that does not fit. */
class Misfit extends Error {}

/** Parses one line. Fields beyond the contract are left unread. */
export function parseJourney(line: string): Journey | RefusedJourney {
  let data: unknown;
  try {
    data = JSON.parse(line);
  } catch (error) {
    return refused(null, 'JOURNEY_INVALID', `not JSON: ${(error as Error).message}`);
  }
  if (!isFields(data)) return refused(null, 'JOURNEY_INVALID', 'not a JSON object');
  const id = data.id;
  if (typeof id !== 'string' && typeof id !== 'number') {
    return refused(null, 'JOURNEY_INVALID', 'field id is not a text or a number');
  }
  try {
    const rider = optionalText(data, 'rider', 'rider');
    const media = optionalText(data, 'media', 'media');
    return { id, rider, media, legs: parseLegs(data.legs) };
  } catch (error) {
    if (!(error instanceof Misfit)) throw error;
    return refused(id, 'JOURNEY_INVALID', error.message);
  }
}

function parseLegs(legs: unknown): Leg[] {
  if (!Array.isArray(legs) || legs.length === 0)
    throw new Misfit('field legs is not a list of legs');
  if (legs.length > JOURNEY_LEGS_MAX) {
    throw new Misfit(`field legs has ${legs.length} legs, over the bound of ${JOURNEY_LEGS_MAX}`);
  }
  let beforeMs = Number.NEGATIVE_INFINITY;
  return legs.map((leg: unknown, index) => {
    const path = `legs[${index}]`;
    if (!isFields(leg)) throw new Misfit(`field ${path} is not an object`);
    const parsed = {
      from: station(leg, 'from', path),
      to: station(leg, 'to', path),
      network: optionalText(leg, 'network', `${path}.network`),
      route: optionalText(leg, 'route', `${path}.route`),
      via: leg.via === undefined ? NO_STOPS : stops(leg.via, path),
      departureMs: instant(leg, 'departure', path),
      arrivalMs: instant(leg, 'arrival', path),
    };
    if (parsed.departureMs < beforeMs) {
      throw new Misfit(`field ${path}.departure is before the previous leg's arrival`);
    }
    if (parsed.arrivalMs < parsed.departureMs) {
      throw new Misfit(`field ${path}.arrival is before its departure`);
    }
    beforeMs = parsed.arrivalMs;
    return parsed;
  });
}

function stops(via: unknown, path: string): string[] {
  if (!Array.isArray(via) || via.length > JOURNEY_VIA_MAX) {
    throw new Misfit(`field ${path}.via is not a list of up to ${JOURNEY_VIA_MAX} stops`);
  }
  return via.map((stop: unknown) => {
    if (typeof stop === 'string' && stop !== '') return stop;
    throw new Misfit(`field ${path}.via holds what is not a stop's id or name`);
  });
}

function isFields(data: unknown): data is Fields {
  return typeof data === 'object' && data !== null && !Array.isArray(data);
}

/** Ids are texts in a fare set; a table of numbers often reaches us as JSON numbers. */
function station(leg: Fields, name: string, path: string): string {
  const value = leg[name];
  if (typeof value === 'string' && value !== '') return value;
  if (Number.isSafeInteger(value)) return String(value);
  throw new Misfit(`field ${path}.${name} is not a station's id or name`);
}

function instant(leg: Fields, name: string, path: string): number {
  const value = leg[name];
  if (typeof value !== 'string') throw new Misfit(`field ${path}.${name} is not a text`);
  const ms = parseInstant(value);
  if (Number.isNaN(ms)) {
    throw new Misfit(
      `field ${path}.${name} is not an ISO 8601 instant with a zone: ${JSON.stringify(value)}`,
    );
  }
  return ms;
}

function optionalText(fields: Fields, name: string, path: string): string | null {
  const value = fields[name] ?? null;
  if (value !== null && typeof value !== 'string') throw new Misfit(`field ${path} is not a text`);
  return value;
}
