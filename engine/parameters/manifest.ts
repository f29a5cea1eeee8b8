/**
 * The manifest of a parameter set: what an operator puts in force at gates, by hash, from an
 * instant on, signed as a whole. Its bytes are canonical, so that one set has one signature:
 *
 *     magic `FGPS` 4 ‖ layout 1 ‖ bytes of the body 3 ‖ body ‖ Ed25519 signature 64 (RFC 8032)
 *
 * The body is JSON as `bodyOf` writes it, without spaces; the signature is of everything before it.
 * Items are named by their SHA-256, so that a gate keeps what two sets share and can tell a whole
 * item from any other.
 */
import assert from 'node:assert/strict';
import { readU32, writeU32 } from '../bytes.ts';
import { GATE_ID_PATTERN } from '../debit/record.ts';
import { FaregateError } from '../errors.ts';
import {
  MANIFEST_BYTES_MAX,
  MANIFEST_GATES_MAX,
  PARAMETER_ITEM_BYTES_MAX,
  PARAMETER_ITEMS_MAX,
  PARAMETER_SET_BYTES_MAX,
  PARAMETERS_VERSION_MAX,
} from '../limits.ts';
import { parseChecked } from '../schema/check.ts';
import { faultOfItems, type ItemKind, itemKinds } from './item-kinds.ts';

const MAGIC = 0x4647_5053;
const LAYOUT = 1;
const MANIFEST_HEAD_BYTES = 8;
const SIGNATURE_BYTES = 64;
const U48_MAX = 2 ** 48 - 1;

export interface ParameterItem {
  readonly kind: ItemKind;
  /** Tells items of one kind apart, for people: `v3`, `full-12`, `tunion`. */
  readonly name: string;
  /** Of its content: a fare version, a list's version, or the set that brought it. */
  readonly version: number;
  readonly bytes: number;
  /** 64 hexadecimal digits, lower case. */
  readonly sha256: string;
}

export interface Manifest {
  /** 1 to PARAMETERS_VERSION_MAX; rises with every set an operator publishes. */
  readonly version: number;
  /** In force from then on, milliseconds since 1970. */
  readonly effectiveMs: number;
  readonly issuedMs: number;
  /** The older set whose content this one puts in force again; null for a set of its own. */
  readonly restores: number | null;
  /** Ids of the gates it is for, ascending; none: all gates. */
  readonly gates: readonly string[];
  /** In the order that counts for their kind: profiles in the order of selection. */
  readonly items: readonly ParameterItem[];
}

const whole = (minimum: number, maximum: number) => ({ type: 'integer', minimum, maximum });
const closed = (properties: Readonly<Record<string, object>>) => ({
  type: 'object',
  properties,
  required: Object.keys(properties),
  additionalProperties: false,
});

const manifestSchema = closed({
  version: whole(1, PARAMETERS_VERSION_MAX),
  effectiveMs: whole(0, U48_MAX),
  issuedMs: whole(0, U48_MAX),
  restores: { type: ['integer', 'null'], minimum: 1, maximum: PARAMETERS_VERSION_MAX },
  gates: {
    type: 'array',
    maxItems: MANIFEST_GATES_MAX,
    items: { type: 'string', pattern: GATE_ID_PATTERN.source },
  },
  items: {
    type: 'array',
    maxItems: PARAMETER_ITEMS_MAX,
    items: closed({
      kind: { enum: itemKinds },
      name: { type: 'string', pattern: '^[A-Za-z0-9._-]{1,64}$' },
      version: whole(0, U48_MAX),
      bytes: whole(1, PARAMETER_ITEM_BYTES_MAX),
      sha256: { type: 'string', pattern: '^[0-9a-f]{64}$' },
    }),
  },
});

/** A manifest's bytes. @param sign the Ed25519 signature, 64 bytes, of a message. */
export function encodeManifest(
  manifest: Manifest,
  sign: (message: Uint8Array) => Uint8Array,
): Uint8Array {
  assert.equal(faultOf(manifest), null);
  const body = bodyOf(manifest);
  const signed = new Uint8Array(MANIFEST_HEAD_BYTES + body.length);
  writeU32(signed, 0, MAGIC);
  writeU32(signed, 4, body.length);
  signed[4] = LAYOUT;
  signed.set(body, MANIFEST_HEAD_BYTES);
  const bytes = new Uint8Array(signed.length + SIGNATURE_BYTES);
  bytes.set(signed);
  const signature = sign(signed);
  assert.equal(signature.length, SIGNATURE_BYTES);
  bytes.set(signature, signed.length);
  return bytes;
}

/**
 * The manifest in `bytes`, whose signature is good.
 * @param source names it in errors
 * @throws FaregateError PARAMETERS_REFUSED saying what is wrong
 */
export function decodeManifest(
  bytes: Uint8Array,
  verify: (message: Uint8Array, signature: Uint8Array) => boolean,
  source: string,
): Manifest {
  const refuse = (why: string) => new FaregateError('PARAMETERS_REFUSED', `${source}: ${why}`);
  if (bytes.length > MANIFEST_BYTES_MAX) throw refuse(`over ${MANIFEST_BYTES_MAX} bytes`);
  const least = MANIFEST_HEAD_BYTES + SIGNATURE_BYTES;
  if (bytes.length < least || readU32(bytes, 0) !== MAGIC) throw refuse('no parameter set');
  if (bytes[4] !== LAYOUT) throw refuse(`of layout ${bytes[4]}, which this version does not know`);
  const end = MANIFEST_HEAD_BYTES + (readU32(bytes, 4) & 0xff_ffff);
  if (bytes.length !== end + SIGNATURE_BYTES) throw refuse('cut, or longer than it says');
  if (!verify(bytes.subarray(0, end), bytes.subarray(end))) {
    throw refuse('not signed by the operator, or damaged');
  }
  const text = Buffer.from(bytes.subarray(MANIFEST_HEAD_BYTES, end)).toString('utf8');
  const manifest = parseChecked<Manifest>(manifestSchema, text, 'PARAMETERS_REFUSED', source);
  const fault = faultOf(manifest);
  if (fault !== null) throw refuse(fault);
  if (!Buffer.from(bytes.subarray(MANIFEST_HEAD_BYTES, end)).equals(bodyOf(manifest))) {
    throw refuse('not written as sets are');
  }
  return manifest;
}

/** What is wrong with a manifest that fits the schema, or null. */
export function faultOf(manifest: Manifest): string | null {
  const { version, restores, gates, items } = manifest;
  if (restores !== null && restores >= version)
    return `restores ${restores}, which is no older set`;
  const unsorted = gates.findIndex((gate, i) => i > 0 && gates[i - 1]! >= gate);
  if (unsorted >= 0) return `field /gates/${unsorted} is out of order`;
  const bytes = items.reduce((sum, item) => sum + item.bytes, 0);
  if (bytes > PARAMETER_SET_BYTES_MAX) return `items of ${bytes} bytes are over the bound`;
  if (bodyOf(manifest).length + MANIFEST_HEAD_BYTES + SIGNATURE_BYTES > MANIFEST_BYTES_MAX) {
    return `over ${MANIFEST_BYTES_MAX} bytes`;
  }
  return faultOfItems(items);
}

/** The body's only form: fields in this order, no spaces. */
function bodyOf({ version, effectiveMs, issuedMs, restores, gates, items }: Manifest): Buffer {
  return Buffer.from(
    JSON.stringify({
      version,
      effectiveMs,
      issuedMs,
      restores,
      gates,
      items: items.map(({ kind, name, version: of, bytes, sha256 }) => {
        return { kind, name, version: of, bytes, sha256 };
      }),
    }),
  );
}
