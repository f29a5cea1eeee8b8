/** The card accounts on the operator's disk: `cards/` and `cards.json` in the data folder. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { CmacKey } from '../crypto/mac.ts';
import { hashKeyCheck } from '../denylist/card-hash.ts';
import { FaregateError } from '../errors.ts';
import { LmdbStore } from '../ledger/lmdb-store.ts';
import {
  CARD_SETTLING_DAYS,
  LOAD_LIMIT_MINOR,
  OPERATOR_GATES_MAX,
  OPERATORS_MAX,
} from '../limits.ts';
import { readSettingsFile } from '../schema/settings-file.ts';
import type { LoadLimits } from './model.ts';
import { type CardStore, cardTables, getRow, putRow } from './rows.ts';
import type { OperatorOf } from './settle.ts';

const LAYOUT_VERSION = 1;
const FOLDER = 'cards';
const ONLY_OPERATOR = 'operator';

/** `cards.json`; each member may be left out. */
export interface CardSettings {
  readonly zone: string;
  /** Built-in names or files of the profiles whose cards are loaded. */
  readonly profiles: readonly string[];
  /** Enrolled ids that may load. */
  readonly machines: readonly string[];
  readonly settlingDays: number;
  readonly perLoadMinor: number;
  readonly perDayMinor: number;
  readonly anonymousCeilingMinor: number;
  readonly namedCeilingMinor: number;
  /** Who is paid for debits of which gates; none: one operator, `operator`, has all. */
  readonly operators: readonly OperatorGates[];
}

export interface OperatorGates {
  readonly id: string;
  /** Beginnings of gate ids; the longest that fits a gate counts. */
  readonly gates: readonly string[];
}

const defaults: CardSettings = {
  zone: 'Asia/Shanghai',
  profiles: ['tunion', 'city-union', 'jrt0025'],
  machines: [],
  settlingDays: CARD_SETTLING_DAYS,
  perLoadMinor: LOAD_LIMIT_MINOR,
  perDayMinor: LOAD_LIMIT_MINOR,
  anonymousCeilingMinor: LOAD_LIMIT_MINOR,
  namedCeilingMinor: LOAD_LIMIT_MINOR,
  operators: [],
};

const texts = { type: 'array', items: { type: 'string', minLength: 1 }, maxItems: 4096 };
/** A purse's balance has 31 bits. */
const minor = { type: 'integer', minimum: 1, maximum: 0x7fff_ffff };
const schema = {
  type: 'object',
  properties: {
    zone: { type: 'string' },
    profiles: texts,
    machines: texts,
    settlingDays: { type: 'integer', minimum: 0, maximum: 365 },
    perLoadMinor: minor,
    perDayMinor: minor,
    anonymousCeilingMinor: minor,
    namedCeilingMinor: minor,
    operators: {
      type: 'array',
      maxItems: OPERATORS_MAX,
      items: {
        type: 'object',
        properties: {
          id: { type: 'string', pattern: '^[A-Za-z0-9._-]{1,32}$' },
          gates: {
            type: 'array',
            minItems: 1,
            maxItems: OPERATOR_GATES_MAX,
            items: { type: 'string', pattern: '^[A-Za-z0-9._-]{0,12}$' },
          },
        },
        required: ['id', 'gates'],
        additionalProperties: false,
      },
    },
  },
  additionalProperties: false,
};

/** @throws FaregateError CONFIG_INVALID naming the field, FILE_UNREADABLE. */
export async function readCardSettings(dataDir: string): Promise<CardSettings> {
  const path = join(dataDir, 'cards.json');
  const settings = await readSettingsFile(path, schema, defaults);
  const repeated = repeatedIn(settings.operators.flatMap(({ gates }) => gates));
  if (repeated === null) return settings;
  const message = `${path}: field /operators names gates ${JSON.stringify(repeated)} twice`;
  throw new FaregateError('CONFIG_INVALID', message);
}

function repeatedIn(texts: readonly string[]): string | null {
  return texts.find((text, index) => texts.indexOf(text) !== index) ?? null;
}

/** Who is paid for a gate's debits. */
export function operatorsOf({ operators }: Pick<CardSettings, 'operators'>): OperatorOf {
  if (operators.length === 0) return () => ONLY_OPERATOR;
  const byPrefix = new Map(operators.flatMap(({ id, gates }) => gates.map((gate) => [gate, id])));
  return (gateId) => {
    for (let length = gateId.length; length >= 0; length--) {
      const id = byPrefix.get(gateId.slice(0, length));
      if (id !== undefined) return id;
    }
    return null;
  };
}

export function limitsOf(settings: CardSettings): LoadLimits {
  const { perLoadMinor, perDayMinor, anonymousCeilingMinor, namedCeilingMinor } = settings;
  const ceilingMinor = { anonymous: anonymousCeilingMinor, named: namedCeilingMinor };
  return { perLoadMinor, perDayMinor, ceilingMinor };
}

/** Whether an engine has card accounts. */
export function hasCards(dataDir: string): boolean {
  return existsSync(join(dataDir, FOLDER, 'data.mdb'));
}

/**
 * Opens the accounts, made at the first use; several processes may.
 * @param cardHash the key that cards are named under.
 * @param mustExist makes none: whose key file may be another one must not found accounts that the
 *   office's own then could not open.
 * @throws FaregateError STORE_FAILED for another layout, KEYS_REFUSED for another hashing key,
 *   CARDS_MISSING where they must exist and do not.
 */
export async function openCards(
  dataDir: string,
  cardHash: CmacKey,
  { mustExist = false }: { readonly mustExist?: boolean } = {},
): Promise<CardStore> {
  const path = join(dataDir, FOLDER);
  const missing = () => new FaregateError('CARDS_MISSING', `${path}: there are no card accounts`);
  if (mustExist && !hasCards(dataDir)) throw missing();
  const store = LmdbStore.openTables(path, cardTables, 'card account');
  try {
    await store.transaction((writer) => {
      const layout = getRow(writer, 'meta', 'layout');
      if (layout === undefined) {
        if (mustExist) throw missing();
        putRow(writer, 'meta', 'layout', LAYOUT_VERSION);
        putRow(writer, 'meta', 'hashKey', hashKeyCheck(cardHash));
      } else if (layout !== LAYOUT_VERSION) {
        const versions = `version ${layout}, this program reads ${LAYOUT_VERSION}`;
        throw new FaregateError('STORE_FAILED', `${path}: the layout is ${versions}`);
      } else if (getRow(writer, 'meta', 'hashKey') !== hashKeyCheck(cardHash)) {
        const message = `${path}: its cards are named under another cardHash key`;
        throw new FaregateError('KEYS_REFUSED', message);
      }
    });
    return store;
  } catch (error) {
    await store.close();
    throw error;
  }
}
