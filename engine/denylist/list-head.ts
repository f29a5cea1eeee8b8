/**
 * The head of a denylist file, full list or delta; big-endian. A signature over the head covers the
 * body through its hash, so that a gate knows from the first 176 bytes whether to take the rest.
 *
 * | at  | bytes | what                                                              |
 * |-----|-------|-------------------------------------------------------------------|
 * | 0   | 4     | `FGDL`                                                            |
 * | 4   | 1     | layout, 1                                                         |
 * | 5   | 1     | 1 full list, 2 delta                                              |
 * | 6   | 2     | 0                                                                 |
 * | 8   | 6     | version                                                           |
 * | 14  | 6     | version a delta builds on; 0 for a full list                      |
 * | 20  | 6     | issued, milliseconds since 1970                                   |
 * | 26  | 2     | 0                                                                 |
 * | 28  | 4     | single cards on the list that results                             |
 * | 32  | 4     | keys added (of a full list: all)                                  |
 * | 36  | 4     | keys removed                                                      |
 * | 40  | 4     | ranges                                                            |
 * | 44  | 4     | check of the hashing key                                          |
 * | 48  | 16    | digest of the keys a delta builds on                              |
 * | 64  | 16    | digest of the keys that result                                    |
 * | 80  | 32    | SHA-256 of the body                                               |
 * | 112 | 64    | Ed25519 signature (RFC 8032) of the 112 bytes before              |
 *
 * The body: all ranges of the resulting list (`ranges.ts`), then keys added, then keys removed,
 * each ascending and 8 bytes: low half, high half, both little-endian, as machines sort them
 * fastest.
 */
import assert from 'node:assert/strict';
import { readU32, readU48, writeU32, writeU48 } from '../bytes.ts';
import { DENYLIST_CHANGES_MAX, DENYLIST_ENTRIES_MAX, DENYLIST_RANGES_MAX } from '../limits.ts';
import { RANGE_BYTES } from './ranges.ts';
import { DIGEST_WORDS, sameDigest } from './set-digest.ts';

export const HEAD_BYTES = 176;
export const SIGNED_BYTES = 112;
export const KEY_BYTES = 8;
const MAGIC = 0x4647_444c;
const LAYOUT = 1;
const kinds = ['full', 'delta'] as const;

export interface ListHead {
  readonly kind: (typeof kinds)[number];
  readonly version: number;
  readonly fromVersion: number;
  readonly issuedMs: number;
  readonly entries: number;
  readonly added: number;
  readonly removed: number;
  readonly ranges: number;
  /** `hashKeyCheck` of the key the card numbers were hashed under. */
  readonly keyCheck: number;
  readonly fromDigest: Int32Array;
  readonly digest: Int32Array;
  /** 32 bytes. */
  readonly bodySha256: Uint8Array;
}

/** The head with room for its signature at `SIGNED_BYTES`. */
export function encodeHead(head: ListHead): Uint8Array {
  assert.equal(head.bodySha256.length, 32);
  const bytes = new Uint8Array(HEAD_BYTES);
  writeU32(bytes, 0, MAGIC);
  bytes[4] = LAYOUT;
  bytes[5] = 1 + kinds.indexOf(head.kind);
  writeU48(bytes, 8, head.version);
  writeU48(bytes, 14, head.fromVersion);
  writeU48(bytes, 20, head.issuedMs);
  for (const [i, count] of [head.entries, head.added, head.removed, head.ranges].entries()) {
    writeU32(bytes, 28 + 4 * i, count);
  }
  writeU32(bytes, 44, head.keyCheck);
  for (let i = 0; i < DIGEST_WORDS; i++) {
    writeU32(bytes, 48 + 4 * i, head.fromDigest[i]!);
    writeU32(bytes, 64 + 4 * i, head.digest[i]!);
  }
  bytes.set(head.bodySha256, 80);
  return bytes;
}

/** The head in 176 bytes, or what is wrong with it. The signature is the caller's to verify. */
export function decodeHead(bytes: Uint8Array): ListHead | string {
  if (readU32(bytes, 0) !== MAGIC) return 'not a denylist';
  if (bytes[4] !== LAYOUT) return `of layout ${bytes[4]}, which this version does not know`;
  const kind = kinds[bytes[5]! - 1];
  if (!kind || bytes[6] !== 0 || bytes[7] !== 0) return 'of a kind this version does not know';
  const head: ListHead = {
    kind,
    version: readU48(bytes, 8),
    fromVersion: readU48(bytes, 14),
    issuedMs: readU48(bytes, 20),
    entries: readU32(bytes, 28),
    added: readU32(bytes, 32),
    removed: readU32(bytes, 36),
    ranges: readU32(bytes, 40),
    keyCheck: readU32(bytes, 44),
    fromDigest: Int32Array.from({ length: DIGEST_WORDS }, (_, i) => readU32(bytes, 48 + 4 * i)),
    digest: Int32Array.from({ length: DIGEST_WORDS }, (_, i) => readU32(bytes, 64 + 4 * i)),
    bodySha256: bytes.slice(80, SIGNED_BYTES),
  };
  return faultOfHead(head) ?? head;
}

function faultOfHead(head: ListHead): string | null {
  const { kind, version, fromVersion, entries, added, removed, ranges } = head;
  if (entries > DENYLIST_ENTRIES_MAX) return `of ${entries} cards; ${DENYLIST_ENTRIES_MAX} may be`;
  if (ranges > DENYLIST_RANGES_MAX) return `of ${ranges} ranges; ${DENYLIST_RANGES_MAX} may be`;
  if (kind === 'full') {
    const wrong = version === 0 || fromVersion !== 0 || added !== entries || removed !== 0;
    return wrong || !sameDigest(head.fromDigest, NOTHING) ? 'no full list: counts disagree' : null;
  }
  if (added > DENYLIST_CHANGES_MAX || removed > DENYLIST_CHANGES_MAX) {
    return `a delta of more than ${DENYLIST_CHANGES_MAX} changes; send a full list`;
  }
  return version > fromVersion ? null : `a delta from version ${fromVersion} back to ${version}`;
}

const NOTHING = new Int32Array(DIGEST_WORDS);

/** Bytes of the whole file that the head promises. */
export function fileBytes(head: ListHead): number {
  return HEAD_BYTES + RANGE_BYTES * head.ranges + KEY_BYTES * (head.added + head.removed);
}
