/**
 * Taps of accounts as lines of JSON: `{account, rider?, media?, passes?:[{pass, from}], id, at, kind,
 * stop, network?, route?, paidMinor?}`. Checked by hand; each fault is a value that names its field.
 */
import { type Fields, isFields, parseFields } from '../../fields.ts';
import { ACCOUNT_PASSES_MAX, FARE_AMOUNT_MINOR_MAX, FARE_NAME_LENGTH_MAX } from '../../limits.ts';
import { parseInstant } from '../instant.ts';
import type { AccountTap, HeldPass } from './account.ts';

export interface TapLine {
  readonly account: string;
  /** undefined where the line says nothing of it. */
  readonly rider: string | undefined;
  readonly media: string | undefined;
  readonly passes: readonly HeldPass[] | undefined;
  readonly tap: AccountTap;
  /** What the tap took from a card, in minor units; undefined where nothing is said of it. */
  readonly paidMinor: number | undefined;
}

/** Thrown and caught in this file only: the first field that does not fit. */
class Misfit extends Error {}

/** @returns the line, or what is wrong with it. Fields beyond these are left unread. */
export function parseTapLine(line: string): TapLine | string {
  const data = parseFields(line);
  if (typeof data === 'string') return data;
  try {
    return {
      account: text(data, 'account'),
      rider: optional(data, 'rider'),
      media: optional(data, 'media'),
      passes: data.passes === undefined ? undefined : passesOf(data.passes),
      tap: tapOf(data),
      paidMinor: paidOf(data),
    };
  } catch (error) {
    if (!(error instanceof Misfit)) throw error;
    return error.message;
  }
}

function paidOf({ paidMinor }: Fields): number | undefined {
  if (paidMinor === undefined) return undefined;
  const isAmount = Number.isInteger(paidMinor) && (paidMinor as number) >= 0;
  if (isAmount && (paidMinor as number) <= FARE_AMOUNT_MINOR_MAX) return paidMinor as number;
  throw new Misfit('field paidMinor is not a whole number of minor units');
}

function tapOf(data: Fields): AccountTap {
  const { kind } = data;
  if (kind !== 'entry' && kind !== 'exit' && kind !== 'single') {
    throw new Misfit('field kind is not "entry", "exit" or "single"');
  }
  return {
    id: text(data, 'id'),
    atMs: instant(data, 'at', 'at'),
    kind,
    stop: text(data, 'stop'),
    network: optional(data, 'network') ?? '',
    route: optional(data, 'route') ?? '',
  };
}

function passesOf(data: unknown): HeldPass[] {
  if (!Array.isArray(data) || data.length > ACCOUNT_PASSES_MAX) {
    throw new Misfit(`field passes is not a list of up to ${ACCOUNT_PASSES_MAX} passes`);
  }
  return data.map((held: unknown, index) => {
    const path = `passes[${index}]`;
    if (!isFields(held)) throw new Misfit(`field ${path} is not an object`);
    return {
      pass: text(held, 'pass', `${path}.pass`),
      fromMs: instant(held, 'from', `${path}.from`),
    };
  });
}

function text(data: Fields, name: string, path = name): string {
  const value = data[name];
  if (typeof value === 'string' && value !== '' && value.length <= FARE_NAME_LENGTH_MAX) {
    return value;
  }
  throw new Misfit(`field ${path} is not a text of 1 to ${FARE_NAME_LENGTH_MAX} characters`);
}

function optional(data: Fields, name: string): string | undefined {
  const value = data[name] ?? undefined;
  if (value === undefined || value === '') return undefined;
  return text(data, name);
}

function instant(data: Fields, name: string, path: string): number {
  const value = data[name];
  const ms = typeof value === 'string' ? parseInstant(value) : Number.NaN;
  if (!Number.isNaN(ms)) return ms;
  throw new Misfit(`field ${path} is not an ISO 8601 instant with a zone`);
}
