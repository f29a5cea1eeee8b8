/**
 * A journey to be quoted, parsed from one line of JSON:
 * `{id, rider?, media?, legs:[{from, to, network?, departure, arrival}]}`. A leg may also name its
 * `route`, and stops it passes `via`, which fares of GTFS may turn on. Checked by hand rather than
 * by schema: a quote stream runs at hundreds of thousands of lines a second, and each fault is a
 * value that names its field.
 */

import type { ErrorCode } from '../errors.ts';
import { isFields, parseFields } from '../fields.ts';
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
/** Index of a field that is the journey's own. */
const NO_LEG = -1;

/** Thrown and caught in this file only: the first field that does not fit. */
class Misfit extends Error {}

/** Parses one line. Fields beyond the contract are left unread. */
export function parseJourney(line: string): Journey | RefusedJourney {
  const data = parseFields(line);
  if (typeof data === 'string') return refused(null, 'JOURNEY_INVALID', data);
  const id = data.id;
  if (typeof id !== 'string' && typeof id !== 'number') {
    return refused(null, 'JOURNEY_INVALID', 'field id is not a text or a number');
  }
  try {
    const rider = optionalText(data.rider, 'rider', NO_LEG);
    const media = optionalText(data.media, 'media', NO_LEG);
    return { id, rider, media, legs: parseLegs(data.legs) };
  } catch (error) {
    if (!(error instanceof Misfit)) throw error;
    return refused(id, 'JOURNEY_INVALID', error.message);
  }
}

function parseLegs(data: unknown): Leg[] {
  if (!Array.isArray(data) || data.length === 0)
    throw new Misfit('field legs is not a list of legs');
  if (data.length > JOURNEY_LEGS_MAX) {
    throw new Misfit(`field legs has ${data.length} legs, over the bound of ${JOURNEY_LEGS_MAX}`);
  }
  let beforeMs = Number.NEGATIVE_INFINITY;
  const legs: Leg[] = [];
  for (let index = 0; index < data.length; index++) {
    const leg: unknown = data[index];
    if (!isFields(leg)) throw new Misfit(`field legs[${index}] is not an object`);
    const parsed = {
      from: station(leg.from, 'from', index),
      to: station(leg.to, 'to', index),
      network: optionalText(leg.network, 'network', index),
      route: optionalText(leg.route, 'route', index),
      via: leg.via === undefined ? NO_STOPS : stops(leg.via, index),
      departureMs: instant(leg.departure, 'departure', index),
      arrivalMs: instant(leg.arrival, 'arrival', index),
    };
    if (parsed.departureMs < beforeMs) {
      throw new Misfit(`field legs[${index}].departure is before the previous leg's arrival`);
    }
    if (parsed.arrivalMs < parsed.departureMs) {
      throw new Misfit(`field legs[${index}].arrival is before its departure`);
    }
    beforeMs = parsed.arrivalMs;
    legs.push(parsed);
  }
  return legs;
}

function stops(via: unknown, index: number): string[] {
  if (!Array.isArray(via) || via.length > JOURNEY_VIA_MAX) {
    throw new Misfit(`field legs[${index}].via is not a list of up to ${JOURNEY_VIA_MAX} stops`);
  }
  return via.map((stop: unknown) => {
    if (typeof stop === 'string' && stop !== '') return stop;
    throw new Misfit(`field legs[${index}].via holds what is not a stop's id or name`);
  });
}

/** Ids are texts in a fare set; a table of numbers often reaches us as JSON numbers. */
function station(value: unknown, name: string, index: number): string {
  if (typeof value === 'string' && value !== '') return value;
  if (Number.isSafeInteger(value)) return String(value);
  throw new Misfit(`field ${place(name, index)} is not a station's id or name`);
}

function instant(value: unknown, name: string, index: number): number {
  if (typeof value !== 'string') throw new Misfit(`field ${place(name, index)} is not a text`);
  const ms = parseInstant(value);
  if (!Number.isNaN(ms)) return ms;
  const why = `is not an ISO 8601 instant with a zone: ${JSON.stringify(value)}`;
  throw new Misfit(`field ${place(name, index)} ${why}`);
}

function optionalText(value: unknown, name: string, index: number): string | null {
  if (value === undefined || value === null) return null;
  if (typeof value !== 'string') throw new Misfit(`field ${place(name, index)} is not a text`);
  return value;
}

/** A field of the journey, or of a leg. */
function place(name: string, index: number): string {
  return index === NO_LEG ? name : `legs[${index}].${name}`;
}
