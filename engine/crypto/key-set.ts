/**
 * The clear form of an operator's keys, which is also what a sealed key file holds: one JSON object
 * with a key, or an array of keys, for each use, and the key that hashes card numbers. Documented
 * in `docs/keys.md`.
 */
import { fromHex, toHex } from '../bytes.ts';
import { FaregateError } from '../errors.ts';
import { KEYS_PER_USE_MAX } from '../limits.ts';
import { checkSchema } from '../schema/check.ts';
import type { KeyUse, MasterKey } from './keyring.ts';
import type { PurseAlgorithm } from './purse-cipher.ts';

/** An operator's keys. */
export interface KeySet {
  readonly keys: readonly MasterKey[];
  /** AES-128 key of the keyed hash (CMAC) of card numbers. */
  readonly cardHash: Uint8Array;
}

/** A key set as an operator writes it, whose card-hash key may be left to us. */
export type ClearKeySet = Omit<KeySet, 'cardHash'> & { readonly cardHash: Uint8Array | null };

const USES: readonly KeyUse[] = ['purchase', 'tac', 'load'];

interface JsonKey {
  readonly index: number;
  readonly version: number;
  readonly master: string;
  readonly algorithm?: PurseAlgorithm;
}

type JsonKeySet = Partial<Record<KeyUse, JsonKey | readonly JsonKey[]>> & {
  readonly cardHash?: { readonly master: string };
};

const master = { type: 'string', pattern: '^[0-9A-Fa-f]{32}$' };
const byte = { type: 'integer', minimum: 0, maximum: 255 };
const key = {
  type: 'object',
  properties: { index: byte, version: byte, master, algorithm: { enum: ['3des', 'sm4'] } },
  required: ['index', 'version', 'master'],
  additionalProperties: false,
};
const keysOfUse = {
  if: { type: 'array' },
  // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
  then: { type: 'array', items: key, minItems: 1, maxItems: KEYS_PER_USE_MAX },
  else: key,
};
const keySetSchema = {
  type: 'object',
  properties: {
    purchase: keysOfUse,
    tac: keysOfUse,
    load: keysOfUse,
    cardHash: {
      type: 'object',
      properties: { master },
      required: ['master'],
      additionalProperties: false,
    },
  },
  additionalProperties: false,
};

/**
 * Reads the clear form.
 * @param what the file's name, for messages
 * @throws FaregateError KEYS_INVALID naming the field; never with key digits.
 */
export function parseKeySet(text: string, what: string): ClearKeySet {
  const json = checkSchema<JsonKeySet>(keySetSchema, parseJson(text, what), 'KEYS_INVALID', what);
  const keys: MasterKey[] = [];
  for (const use of USES) {
    const given = json[use];
    if (given === undefined) continue;
    const list = Array.isArray(given) ? (given as readonly JsonKey[]) : [given as JsonKey];
    for (const [place, one] of list.entries()) {
      const algorithm = one.algorithm ?? '3des';
      const { index, version } = one;
      const same = (k: MasterKey) =>
        k.use === use && k.index === index && k.version === version && k.algorithm === algorithm;
      if (keys.some(same)) {
        const name = `${algorithm} key of index ${index} and version ${version}`;
        throw new FaregateError(
          'KEYS_INVALID',
          `${what}: field /${use}/${place} repeats the ${name}`,
        );
      }
      keys.push({ use, index, version, algorithm, master: fromHex(one.master) });
    }
  }
  if (keys.length === 0) {
    throw new FaregateError('KEYS_INVALID', `${what}: none of ${USES.join(', ')} is given`);
  }
  return { keys, cardHash: json.cardHash ? fromHex(json.cardHash.master) : null };
}

/**
 * The parser's own message quotes the text around the mistake, which may be a key: it is dropped.
 */
function parseJson(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const place = /at position \d+/.exec(String(error))?.[0] ?? '';
    throw new FaregateError('KEYS_INVALID', `${what}: not JSON ${place}`.trimEnd());
  }
}

/** Writes the clear form: bytes to be sealed. */
export function printKeySet(set: KeySet): string {
  const json: Record<string, unknown> = {};
  for (const use of USES) {
    const keys = set.keys.filter((k) => k.use === use);
    if (keys.length === 0) continue;
    json[use] = keys.map(({ index, version, algorithm, master }) => ({
      index,
      version,
      algorithm,
      master: toHex(master),
    }));
  }
  json.cardHash = { master: toHex(set.cardHash) };
  return JSON.stringify(json);
}
