/**
 * CA public keys and revoked issuer certificates, from a JSON file that is checked before use: its
 * schema, of an RSA key its published hash, SHA-1 over RID ‖ index ‖ modulus ‖ exponent (EMV 4.3
 * Book 2, 11.2.2), and of an SM2 key that it is a point of the curve, which no damaged one is.
 * `docs/ecash.md` describes the file.
 */
import { createHash } from 'node:crypto';
import { fromHex, toHex } from '../../../bytes.ts';
import {
  CA_KEYS_FILE_BYTES_MAX,
  CA_KEYS_MAX,
  REVOKED_CERTIFICATES_MAX,
} from '../../../card-limits.ts';
import { type RsaKey, rsaKey } from '../../../crypto/rsa.ts';
import { type Sm2Key, sm2Key } from '../../../crypto/sm2/signature.ts';
import { FaregateError } from '../../../errors.ts';
import { parseChecked } from '../../../schema/check.ts';

/** A CA's key made ready. */
export type CaKey = {
  /** Last day it may be used, YYYYMMDD; null: not limited. */
  readonly lastDay: number | null;
} & (
  | { readonly algorithm: 'rsa'; readonly key: RsaKey }
  | { readonly algorithm: 'sm2'; readonly key: Sm2Key }
);

const rid = { type: 'string', pattern: '^[0-9A-Fa-f]{10}$' };
const index = { type: 'string', pattern: '^[0-9A-Fa-f]{2}$' };
const lastDay = { type: 'string', pattern: '^\\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\\d|3[01])$' };

/** An object whose members are all required but for `optional`, and no others allowed. */
function object(properties: Record<string, object>, optional: readonly string[] = []): object {
  const required = Object.keys(properties).filter((name) => !optional.includes(name));
  return { type: 'object', properties, required, additionalProperties: false };
}

const rsaKeySchema = object(
  {
    rid,
    index,
    lastDay,
    modulus: { type: 'string', pattern: '^([0-9A-Fa-f]{2}){64,248}$' },
    exponent: { enum: ['03', '010001'] },
    sha1: { type: 'string', pattern: '^[0-9A-Fa-f]{40}$' },
  },
  ['lastDay'],
);
const sm2KeySchema = object(
  { rid, index, lastDay, sm2: { type: 'string', pattern: '^[0-9A-Fa-f]{128}$' } },
  ['lastDay'],
);

const caKeysSchema = object(
  {
    keys: {
      type: 'array',
      maxItems: CA_KEYS_MAX,
      items: {
        if: { type: 'object', properties: { sm2: {} }, required: ['sm2'] },
        // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
        then: sm2KeySchema,
        else: rsaKeySchema,
      },
    },
    revoked: {
      type: 'array',
      maxItems: REVOKED_CERTIFICATES_MAX,
      items: object({ rid, index, serial: { type: 'string', pattern: '^[0-9A-Fa-f]{6}$' } }),
    },
  },
  ['revoked'],
);

interface KeyName {
  readonly rid: string;
  readonly index: string;
}

interface FileKey extends KeyName {
  readonly lastDay?: string;
  readonly modulus?: string;
  readonly exponent?: string;
  readonly sha1?: string;
  readonly sm2?: string;
}

interface CaKeysFile {
  readonly keys: readonly FileKey[];
  readonly revoked?: readonly (KeyName & { readonly serial: string })[];
}

function nameOf(ridHex: string, indexHex: string): string {
  return `${ridHex}${indexHex}`.toUpperCase();
}

/** Keys and revoked certificates in force; does not change. */
export class CaKeys {
  readonly #keys: ReadonlyMap<string, CaKey>;
  readonly #revoked: ReadonlySet<string>;

  /**
   * Reads the file's text. @param what its name, for messages
   * @throws FaregateError CA_KEYS_INVALID naming the field or the key that is wrong
   */
  static parse(text: string, what: string): CaKeys {
    if (text.length > CA_KEYS_FILE_BYTES_MAX) {
      throw invalid(what, `larger than ${CA_KEYS_FILE_BYTES_MAX} bytes`);
    }
    const file = parseChecked<CaKeysFile>(caKeysSchema, text, 'CA_KEYS_INVALID', what);
    const keys = new Map<string, CaKey>();
    for (const [place, given] of file.keys.entries()) {
      const name = nameOf(given.rid, given.index);
      if (keys.has(name)) throw invalid(what, `field /keys/${place} repeats a key`);
      keys.set(name, readKey(given, `${what}: field /keys/${place}`));
    }
    const revoked = (file.revoked ?? []).map((one) => nameOf(one.rid, `${one.index}${one.serial}`));
    return new CaKeys(keys, new Set(revoked));
  }

  private constructor(keys: ReadonlyMap<string, CaKey>, revoked: ReadonlySet<string>) {
    this.#keys = keys;
    this.#revoked = revoked;
  }

  /** @param rid 5 bytes, @param index the card's 8F */
  find(rid: Uint8Array, index: number): CaKey | undefined {
    return this.#keys.get(nameOf(toHex(rid), toHex(Uint8Array.of(index))));
  }

  /** Whether the issuer certificate of this serial number (3 bytes) is revoked. */
  isRevoked(rid: Uint8Array, index: number, serial: Uint8Array): boolean {
    if (this.#revoked.size === 0) return false;
    return this.#revoked.has(nameOf(toHex(rid), toHex(Uint8Array.of(index)) + toHex(serial)));
  }
}

function readKey(given: FileKey, where: string): CaKey {
  const day = given.lastDay === undefined ? null : Number(given.lastDay.replaceAll('-', ''));
  if (given.sm2 !== undefined) {
    const key = sm2Key(fromHex(given.sm2), 'known');
    if (key === null) throw invalid(where, 'sm2 is no point of the curve');
    return { algorithm: 'sm2', key, lastDay: day };
  }
  const { modulus, exponent, sha1 } = given as Required<FileKey>;
  const hashed = fromHex(`${given.rid}${given.index}${modulus}${exponent}`);
  const digest = createHash('sha1').update(hashed).digest('hex');
  if (digest !== sha1.toLowerCase()) throw invalid(where, 'sha1 is not that of the key');
  const key = rsaKey(fromHex(modulus), fromHex(exponent));
  if (key === null) throw invalid(where, 'modulus is no RSA modulus');
  return { algorithm: 'rsa', key, lastDay: day };
}

function invalid(where: string, problem: string): FaregateError {
  return new FaregateError('CA_KEYS_INVALID', `${where}: ${problem}`);
}
