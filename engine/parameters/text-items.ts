/**
 * The items of a parameter set that are a few lines of JSON: purchase key versions that gates
 * accept, the part of their configuration that an operator sets from afar, the mode of a station.
 */
import { GATE_ID_PATTERN } from '../debit/record.ts';
import { FaregateError } from '../errors.ts';
import { KEYS_PER_USE_MAX, PARAMETER_MODES_MAX, STATION_GATES_MAX } from '../limits.ts';
import { parseChecked } from '../schema/check.ts';
import { modeOf } from '../tap/modes.ts';
import type { Side } from '../tap/setting.ts';

/** A card whose key is not named here is refused, though the gate may hold it. No key material. */
export interface KeyVersions {
  readonly purchase: readonly { readonly index: number; readonly versions: readonly number[] }[];
}

/** What is left out stays as the gate's own configuration has it. */
export interface GateSettings {
  /** Gate id -> the direction it serves. */
  readonly sides?: Readonly<Record<string, Side>>;
  /** 2 and 8 bytes of journey records, hexadecimal. */
  readonly city?: string;
  readonly institution?: string;
}

const byte = { type: 'integer', minimum: 0, maximum: 255 };
const closed = (properties: object, required: readonly string[]) => ({
  type: 'object',
  properties,
  required,
  additionalProperties: false,
});

const keysSchema = closed(
  {
    purchase: {
      type: 'array',
      minItems: 1,
      maxItems: KEYS_PER_USE_MAX,
      items: closed(
        {
          index: byte,
          versions: { type: 'array', minItems: 1, maxItems: KEYS_PER_USE_MAX, items: byte },
        },
        ['index', 'versions'],
      ),
    },
  },
  ['purchase'],
);

const settingsSchema = closed(
  {
    sides: {
      type: 'object',
      maxProperties: STATION_GATES_MAX,
      propertyNames: { pattern: GATE_ID_PATTERN.source },
      additionalProperties: { enum: ['entry', 'exit', 'single'] },
    },
    city: { type: 'string', pattern: '^[0-9A-Fa-f]{4}$' },
    institution: { type: 'string', pattern: '^[0-9A-Fa-f]{16}$' },
  },
  [],
);

const modesSchema = {
  type: 'array',
  maxItems: PARAMETER_MODES_MAX,
  items: { type: 'string', pattern: '^[A-Za-z][A-Za-z-]{0,31}$' },
};

/** @param source names the item in errors. @throws FaregateError PARAMETERS_REFUSED, its field. */
export function parseKeyVersions(text: string, source: string): KeyVersions {
  return parseChecked<KeyVersions>(keysSchema, text, 'PARAMETERS_REFUSED', source);
}

/** As `parseKeyVersions`. */
export function parseGateSettings(text: string, source: string): GateSettings {
  return parseChecked<GateSettings>(settingsSchema, text, 'PARAMETERS_REFUSED', source);
}

/** The modes a station is in, by their names, as a mask. As `parseKeyVersions`. */
export function parseModes(text: string, source: string): number {
  const names = parseChecked<readonly string[]>(modesSchema, text, 'PARAMETERS_REFUSED', source);
  try {
    return modeOf(names);
  } catch (cause) {
    throw new FaregateError('PARAMETERS_REFUSED', `${source}: ${(cause as Error).message}`, {
      cause,
    });
  }
}

/** Whether a set accepts a purchase key. */
export function acceptsKey(allowed: KeyVersions, index: number, version: number): boolean {
  return allowed.purchase.some((one) => one.index === index && one.versions.includes(version));
}
