/**
 * The station's modes on its disk: one JSON file, replaced whole, that an operator can read. The
 * history of other stations comes in the same form (`docs/modes.md`).
 */
import { fromHex, toHex } from '../engine/bytes.ts';
import { FaregateError } from '../engine/errors.ts';
import { MODE_PERIODS_MAX } from '../engine/limits.ts';
import { readIfPresent, writeWhole } from '../engine/pki/files.ts';
import { parseChecked } from '../engine/schema/check.ts';
import { type ModePeriod, stationNumber } from '../engine/tap/mode-history.ts';
import { modeNames, modeOf, namesOf } from '../engine/tap/modes.ts';
import type { ModesKeeper, ModesKept } from './modes.ts';

/** One period as people write it. */
export interface PeriodText {
  /** The station's code, 4 bytes in hexadecimal. */
  readonly station: string;
  readonly mode: readonly string[];
  /** ISO 8601 in UTC. */
  readonly from: string;
  /** Null while it lasts. */
  readonly to: string | null;
}

interface FileText {
  readonly mode: readonly string[];
  readonly since: string;
  readonly periods: readonly PeriodText[];
}

const instant = {
  type: 'string',
  pattern: '^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]{1,3})?Z$',
};
export const modesSchema = {
  type: 'array',
  maxItems: modeNames.length,
  items: { enum: ['normal', ...modeNames] },
};
export const periodsSchema = {
  type: 'array',
  maxItems: MODE_PERIODS_MAX,
  items: {
    type: 'object',
    additionalProperties: false,
    required: ['station', 'mode', 'from', 'to'],
    properties: {
      station: { type: 'string', pattern: '^[0-9A-Fa-f]{8}$' },
      mode: { ...modesSchema, minItems: 1 },
      from: instant,
      to: { anyOf: [instant, { type: 'null' }] },
    },
  },
};
const fileSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['mode', 'since', 'periods'],
  properties: { mode: modesSchema, since: instant, periods: periodsSchema },
};

/** @throws FaregateError MODE_INVALID naming the period and what is wrong with it. */
export function readPeriods(texts: readonly PeriodText[]): ModePeriod[] {
  return texts.map(({ station, mode, from, to }, i) => {
    const fromMs = readInstant(from, `period ${i}, from`);
    const toMs = to === null ? Infinity : readInstant(to, `period ${i}, to`);
    if (toMs < fromMs) {
      throw new FaregateError('MODE_INVALID', `period ${i}: it ends before it begins`);
    }
    return { station: stationNumber(fromHex(station)), mode: modeOf(mode), fromMs, toMs };
  });
}

function writePeriods(periods: readonly ModePeriod[]): PeriodText[] {
  return periods.map(({ station, mode, fromMs, toMs }) => ({
    station: toHex(
      Uint8Array.of(station >>> 24, (station >>> 16) & 255, (station >>> 8) & 255, station & 255),
    ),
    mode: namesOf(mode),
    from: new Date(fromMs).toISOString(),
    to: toMs === Infinity ? null : new Date(toMs).toISOString(),
  }));
}

function readInstant(text: string, what: string): number {
  const instantMs = Date.parse(text);
  if (!Number.isNaN(instantMs)) return instantMs;
  throw new FaregateError('MODE_INVALID', `${what}: ${text} is no instant`);
}

export class ModesFile implements ModesKeeper {
  readonly #path: string;
  /** Written one after another; the last one asked for is what stays. */
  #writing: Promise<void> = Promise.resolve();

  constructor(path: string) {
    this.#path = path;
  }

  /**
   * What an earlier process kept; null where there is none.
   * @throws FaregateError FILE_UNREADABLE, MODE_INVALID naming the file and field.
   */
  async read(): Promise<ModesKept | null> {
    const text = await readIfPresent(this.#path);
    if (text === null) return null;
    const file = parseChecked<FileText>(fileSchema, text, 'MODE_INVALID', this.#path);
    return {
      mode: modeOf(file.mode),
      sinceMs: readInstant(file.since, `${this.#path}: since`),
      periods: readPeriods(file.periods),
    };
  }

  keep({ mode, sinceMs, periods }: ModesKept): Promise<void> {
    const file: FileText = {
      mode: namesOf(mode),
      since: new Date(sinceMs).toISOString(),
      periods: writePeriods(periods),
    };
    const text = `${JSON.stringify(file, null, 2)}\n`;
    const written = this.#writing.then(() => writeWhole(this.#path, [text], 0o600));
    this.#writing = written.catch(() => undefined);
    return written;
  }
}
