/**
 * The clear form of an operator's keys, which is also what a sealed key file holds: one JSON object
 * with a key, or an array of keys, for each use, and the key that hashes card numbers. Documented
 * in `docs/keys.md`.
 */
import { fromHex, toHex } from '../bytes.ts';
import { FaregateError } from '../errors.ts';
import { CRYPTOGRAM_KEYS_MAX, KEYS_PER_USE_MAX } from '../limits.ts';
import { parseChecked } from '../schema/check.ts';
import type { AesKeyUse, AesMasterKey } from './aes-keyring.ts';
import type { CryptogramKey } from './cryptogram-keyring.ts';
import type { KeyUse, MasterKey } from './keyring.ts';
import type { PurseAlgorithm } from './purse-cipher.ts';

/** An operator's keys. */
export interface KeySet {
  readonly keys: readonly MasterKey[];
  /** Masters of AES closed-loop cards. */
  readonly aes: readonly AesMasterKey[];
  /** Issuers' masters of application cryptograms. */
  readonly cryptogram: readonly CryptogramKey[];
  /** AES-128 key of the keyed hash (CMAC) of card numbers. */
  readonly cardHash: Uint8Array;
}

/** A key set as an operator writes it, whose card-hash key may be left to us. */
export type ClearKeySet = Omit<KeySet, 'cardHash'> & { readonly cardHash: Uint8Array | null };

const USES: readonly KeyUse[] = ['purchase', 'tac', 'load', 'capp'];
const AES_USES: readonly AesKeyUse[] = [
  'debit',
  'load',
  'identity',
  'transactionMac',
  'card',
  'application',
];

interface JsonKey {
  readonly index: number;
  readonly version: number;
  readonly master: string;
  readonly algorithm?: PurseAlgorithm;
  readonly issuer?: string;
}

type JsonAesKey = Pick<JsonKey, 'version' | 'master'> & { readonly application?: string };

type JsonCryptogramKey = Omit<JsonKey, 'version' | 'issuer'> & { readonly prefix: string };

type JsonKeySet = Partial<Record<KeyUse, JsonKey | readonly JsonKey[]>> & {
  readonly desfire?: Partial<Record<AesKeyUse, JsonAesKey | readonly JsonAesKey[]>>;
  readonly cryptogram?: JsonCryptogramKey | readonly JsonCryptogramKey[];
  readonly cardHash?: { readonly master: string };
};

const master = { type: 'string', pattern: '^[0-9A-Fa-f]{32}$' };
const byte = { type: 'integer', minimum: 0, maximum: 255 };
const algorithm = { enum: ['3des', 'sm4'] };
const issuer = { type: 'string', pattern: '^[0-9A-Fa-f]{16}$' };
const application = { type: 'string', pattern: '^([0-9A-Fa-f]{2}){1,16}$' };
/** Of records of e-cash, which name no issuer of 8 bytes. */
const recordKey = {
  type: 'object',
  properties: { index: byte, version: byte, master, algorithm },
  required: ['index', 'version', 'master'],
  additionalProperties: false,
};
const key = { ...recordKey, properties: { ...recordKey.properties, issuer } };
const aesKey = {
  type: 'object',
  properties: { version: byte, master, application },
  required: ['version', 'master'],
  additionalProperties: false,
};
const cryptogramKey = {
  type: 'object',
  properties: {
    prefix: { type: 'string', pattern: '^[0-9]{1,12}$' },
    index: byte,
    master,
    algorithm,
  },
  required: ['prefix', 'index', 'master'],
  additionalProperties: false,
};
/** One key, or several. */
const severalOf = (one: object, maxItems = KEYS_PER_USE_MAX): object => ({
  if: { type: 'array' },
  // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
  then: { type: 'array', items: one, minItems: 1, maxItems },
  else: one,
});
const keysOfUse = severalOf(key);
const keySetSchema = {
  type: 'object',
  properties: {
    purchase: keysOfUse,
    tac: keysOfUse,
    load: keysOfUse,
    capp: severalOf(recordKey),
    desfire: {
      type: 'object',
      properties: Object.fromEntries(AES_USES.map((use) => [use, severalOf(aesKey)])),
      additionalProperties: false,
    },
    cryptogram: severalOf(cryptogramKey, CRYPTOGRAM_KEYS_MAX),
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
  const json = parseChecked<JsonKeySet>(keySetSchema, text, 'KEYS_INVALID', what);
  const keys: MasterKey[] = [];
  const named = new Set<string>();
  for (const use of USES) {
    for (const [place, one] of listOf(json[use]).entries()) {
      const algorithm = one.algorithm ?? '3des';
      const { index, version } = one;
      const issuer = one.issuer?.toUpperCase();
      const of = issuer === undefined ? '' : ` and issuer ${issuer}`;
      const name = `${algorithm} key of index ${index} and version ${version}${of}`;
      if (named.has(`${use} ${name}`)) throw repeated(what, `/${use}/${place}`, name);
      named.add(`${use} ${name}`);
      const made = { use, index, version, algorithm, master: fromHex(one.master) };
      keys.push(issuer === undefined ? made : { ...made, issuer: fromHex(issuer) });
    }
  }
  const aes = aesKeysOf(json, what);
  const cryptogram = cryptogramKeysOf(json, what);
  if (keys.length + aes.length + cryptogram.length === 0) {
    throw new FaregateError(
      'KEYS_INVALID',
      `${what}: none of ${USES.join(', ')}, desfire, cryptogram is given`,
    );
  }
  const cardHash = json.cardHash ? fromHex(json.cardHash.master) : null;
  return { keys, aes, cryptogram, cardHash };
}

function cryptogramKeysOf({ cryptogram }: JsonKeySet, what: string): CryptogramKey[] {
  const named = new Set<string>();
  return listOf(cryptogram).map(({ prefix, index, algorithm = '3des', master: hex }, place) => {
    const name = `${algorithm} key of prefix ${prefix} and index ${index}`;
    if (named.has(name)) throw repeated(what, `/cryptogram/${place}`, name);
    named.add(name);
    return { prefix, index, algorithm, master: fromHex(hex) };
  });
}

function aesKeysOf({ desfire = {} }: JsonKeySet, what: string): AesMasterKey[] {
  const keys: AesMasterKey[] = [];
  const named = new Set<string>();
  for (const use of AES_USES) {
    for (const [place, one] of listOf(desfire[use]).entries()) {
      const { version } = one;
      const application = one.application?.toUpperCase();
      const of = application === undefined ? '' : ` and application ${application}`;
      const name = `key of version ${version}${of}`;
      if (named.has(`${use} ${name}`)) throw repeated(what, `/desfire/${use}/${place}`, name);
      named.add(`${use} ${name}`);
      const made = { use, version, master: fromHex(one.master) };
      keys.push(application === undefined ? made : { ...made, application: fromHex(application) });
    }
  }
  if (keys.length <= KEYS_PER_USE_MAX) return keys;
  throw new FaregateError('KEYS_INVALID', `${what}: field /desfire has over ${KEYS_PER_USE_MAX}`);
}

function listOf<T extends object>(given: T | readonly T[] | undefined): readonly T[] {
  if (given === undefined) return [];
  return Array.isArray(given) ? (given as readonly T[]) : [given as T];
}

function repeated(what: string, field: string, name: string): FaregateError {
  return new FaregateError('KEYS_INVALID', `${what}: field ${field} repeats the ${name}`);
}

/** Writes the clear form: bytes to be sealed. */
export function printKeySet(set: KeySet): string {
  const json: Record<string, unknown> = {};
  for (const use of USES) {
    const keys = set.keys.filter((k) => k.use === use);
    if (keys.length === 0) continue;
    json[use] = keys.map(({ index, version, algorithm, master, issuer }) => ({
      index,
      version,
      algorithm,
      master: toHex(master),
      ...(issuer ? { issuer: toHex(issuer) } : {}),
    }));
  }
  for (const use of AES_USES) {
    const keys = set.aes.filter((k) => k.use === use);
    if (keys.length === 0) continue;
    const shown = keys.map(({ version, master, application }) => ({
      version,
      master: toHex(master),
      ...(application ? { application: toHex(application) } : {}),
    }));
    json.desfire = { ...(json.desfire as object | undefined), [use]: shown };
  }
  if (set.cryptogram.length > 0) {
    json.cryptogram = set.cryptogram.map((key) => ({ ...key, master: toHex(key.master) }));
  }
  json.cardHash = { master: toHex(set.cardHash) };
  return JSON.stringify(json);
}
