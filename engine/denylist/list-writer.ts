/** Writes denylist files: head, signature and body from sorted keys (`list-head.ts`). */
import { createHash } from 'node:crypto';
import { encodeHead, HEAD_BYTES, KEY_BYTES, type ListHead, SIGNED_BYTES } from './list-head.ts';
import { RANGE_BYTES } from './ranges.ts';
import { digestOf } from './sorted-keys.ts';

/** What stands on a list: all of it, sorted. */
export interface ListContent {
  readonly version: number;
  /** Pairs (high, low), ascending. */
  readonly keys: Int32Array;
  readonly ranges: Uint8Array;
}

export interface ListOrigin {
  readonly issuedMs: number;
  readonly keyCheck: number;
  /** Ed25519 signature, 64 bytes, of a message. */
  readonly sign: (message: Uint8Array) => Uint8Array;
}

/** The parts of a file in their order. */
export type ListParts = readonly Uint8Array[];

export function writeFullList(list: ListContent, origin: ListOrigin): ListParts {
  const { version, keys, ranges } = list;
  return write(origin, [ranges, keyBytes(keys)], {
    kind: 'full',
    version,
    fromVersion: 0,
    entries: keys.length / 2,
    added: keys.length / 2,
    removed: 0,
    ranges: ranges.length / RANGE_BYTES,
    fromDigest: new Int32Array(4),
    digest: digestOf(keys),
  });
}

/** @param from version and digest that the delta builds on. @param to the list that results. */
export function writeDelta(
  from: { readonly version: number; readonly digest: Int32Array },
  to: {
    readonly version: number;
    readonly entries: number;
    readonly digest: Int32Array;
    readonly ranges: Uint8Array;
  },
  changes: { readonly added: Int32Array; readonly removed: Int32Array },
  origin: ListOrigin,
): ListParts {
  const { added, removed } = changes;
  return write(origin, [to.ranges, keyBytes(added), keyBytes(removed)], {
    kind: 'delta',
    version: to.version,
    fromVersion: from.version,
    entries: to.entries,
    added: added.length / 2,
    removed: removed.length / 2,
    ranges: to.ranges.length / RANGE_BYTES,
    fromDigest: from.digest,
    digest: to.digest,
  });
}

function write(
  { issuedMs, keyCheck, sign }: ListOrigin,
  body: ListParts,
  head: Omit<ListHead, 'issuedMs' | 'keyCheck' | 'bodySha256'>,
): ListParts {
  const hash = createHash('sha256');
  for (const part of body) hash.update(part);
  const bodySha256 = new Uint8Array(hash.digest());
  const bytes = encodeHead({ ...head, issuedMs, keyCheck, bodySha256 });
  const signature = sign(bytes.subarray(0, SIGNED_BYTES));
  bytes.set(signature.subarray(0, HEAD_BYTES - SIGNED_BYTES), SIGNED_BYTES);
  return [bytes, ...body];
}

function keyBytes(keys: Int32Array): Uint8Array {
  const words = new Int32Array(keys.length);
  for (let i = 0; i < keys.length; i += 2) {
    words[i] = keys[i + 1]!;
    words[i + 1] = keys[i]!;
  }
  return new Uint8Array(words.buffer, 0, (keys.length / 2) * KEY_BYTES);
}
