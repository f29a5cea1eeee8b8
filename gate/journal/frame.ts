/**
 * Frames of the journal: a head in clear, a checksum, and a sealed payload. Big-endian.
 *
 *   0  magic       u32  "FGF1"
 *   4  length      u16  of the sealed payload, its 16-byte tag included
 *   6  kind        u8
 *   7  zero        u8
 *   8  sequence    u48  the record's; for an acknowledgement everything up to it
 *  14  zero        u16
 *  16  batch       u32  offset where the batch of this frame starts: all before it was durable
 *  20  chain       u32  checksum of the frame before, or of the segment's header
 *  24  segment     u32  number of the segment
 *  28  checksum    u32  CRC-32 of bytes 0..28 and the sealed payload
 *  32  sealed payload
 *
 * Every frame is a multiple of 16 bytes. The checksum tells a torn write from a whole one; that
 * nobody changed the frame is what its seal tells. Magic number and alignment let a reader find the
 * next frame behind a bad one.
 */
import assert from 'node:assert/strict';
import { crc32 } from 'node:zlib';
import { readU16, readU32, readU48, writeU16, writeU32, writeU48 } from '../../engine/bytes.ts';
import { DEBIT_BYTES } from '../../engine/debit/record.ts';
import { SEAL_SALT_BYTES, SEAL_TAG_BYTES, type Sealer } from '../../engine/debit/seal.ts';
import { JOURNAL_FRAME_BYTES_MAX } from '../../engine/limits.ts';

export const FrameKind = {
  /** A process opened the journal here: its salt, in clear, before the tag of nothing. */
  opening: 1,
  /** A record in state `intended`. */
  intent: 2,
  /** The final record of an intent. */
  final: 3,
  /** Everything up to `sequence` is the engine's. No payload. */
  acknowledged: 4,
} as const;
export type FrameKind = (typeof FrameKind)[keyof typeof FrameKind];

const MAGIC = 0x46474631;
const HEAD_BYTES = 32;
/** What the seal authenticates: the head without the checksum. */
const SEALED_HEAD_BYTES = 28;
/** Frames start at multiples of this. */
export const FRAME_ALIGNMENT = 16;

/** The longest frame there is. */
export const RECORD_FRAME_BYTES = HEAD_BYTES + DEBIT_BYTES + SEAL_TAG_BYTES;
export const OPENING_FRAME_BYTES = HEAD_BYTES + SEAL_SALT_BYTES + SEAL_TAG_BYTES;
export const ACKNOWLEDGED_FRAME_BYTES = HEAD_BYTES + SEAL_TAG_BYTES;
for (const bytes of [RECORD_FRAME_BYTES, OPENING_FRAME_BYTES, ACKNOWLEDGED_FRAME_BYTES]) {
  assert(bytes % FRAME_ALIGNMENT === 0 && bytes <= JOURNAL_FRAME_BYTES_MAX);
}

/** What a frame says of itself in clear, and where it stands. */
export interface FrameHead {
  readonly kind: FrameKind;
  readonly sequence: number;
  readonly segment: number;
  readonly batchStart: number;
  readonly chain: number;
}

export interface Frame extends FrameHead {
  readonly offset: number;
  readonly checksum: number;
  /** Head as the seal covers it, and the sealed payload: views of the bytes read. */
  readonly sealedHead: Uint8Array;
  readonly sealed: Uint8Array;
  /** Offset of what follows. */
  readonly end: number;
}

/**
 * Writes a frame that will stand at `offset` of its segment into `out[at]`. `clear` goes before
 * the sealed payload unsealed (the salt of an opening).
 * @returns the checksum, which the next frame takes as its chain.
 */
export function writeFrame(
  out: Uint8Array,
  at: number,
  offset: number,
  head: FrameHead,
  sealer: Sealer,
  payload: Uint8Array,
  clear: Uint8Array,
): number {
  const length = clear.length + payload.length + SEAL_TAG_BYTES;
  if (offset % FRAME_ALIGNMENT !== 0 || head.batchStart > offset) assert.fail(`offset ${offset}`);
  writeU32(out, at, MAGIC);
  writeU16(out, at + 4, length);
  out[at + 6] = head.kind;
  out[at + 7] = 0;
  writeU48(out, at + 8, head.sequence);
  writeU16(out, at + 14, 0);
  writeU32(out, at + 16, head.batchStart);
  writeU32(out, at + 20, head.chain);
  writeU32(out, at + 24, head.segment);
  const sealedAt = at + HEAD_BYTES;
  out.set(clear, sealedAt);
  const sealedHead = out.subarray(at, at + SEALED_HEAD_BYTES);
  sealer.seal(head.segment, offset, sealedHead, payload, out, sealedAt + clear.length);
  const checksum = crc32(out.subarray(sealedAt, sealedAt + length), crc32(sealedHead));
  writeU32(out, at + 28, checksum);
  return checksum;
}

/**
 * The frame at `bytes[index]`, which stand at `offset` of their segment, or null where there is
 * none that is whole. Neither chain nor seal is checked here.
 */
export function readFrame(
  bytes: Uint8Array,
  index: number,
  segment: number,
  offset: number = index,
): Frame | null {
  if (index + HEAD_BYTES > bytes.length || readU32(bytes, index) !== MAGIC) return null;
  const length = readU16(bytes, index + 4);
  const kind = bytes[index + 6]! as FrameKind;
  const sealedAt = index + HEAD_BYTES;
  if (length !== sealedBytes(kind) || sealedAt + length > bytes.length) return null;
  const sealedHead = bytes.subarray(index, index + SEALED_HEAD_BYTES);
  const sealed = bytes.subarray(sealedAt, sealedAt + length);
  const checksum = readU32(bytes, index + 28);
  if (crc32(sealed, crc32(sealedHead)) !== checksum) return null;
  if (readU32(bytes, index + 24) !== segment) return null;
  return {
    kind,
    sequence: readU48(bytes, index + 8),
    segment,
    batchStart: readU32(bytes, index + 16),
    chain: readU32(bytes, index + 20),
    offset,
    checksum,
    sealedHead,
    sealed,
    end: offset + HEAD_BYTES + length,
  };
}

/** Length of the sealed payload of each kind; 0 for what is no kind. */
function sealedBytes(kind: FrameKind): number {
  switch (kind) {
    case FrameKind.opening:
      return SEAL_SALT_BYTES + SEAL_TAG_BYTES;
    case FrameKind.intent:
    case FrameKind.final:
      return DEBIT_BYTES + SEAL_TAG_BYTES;
    case FrameKind.acknowledged:
      return SEAL_TAG_BYTES;
    default:
      return 0;
  }
}

/** The salt an opening frame carries in clear. */
export function openingSalt(frame: Frame): Uint8Array {
  assert.equal(frame.kind, FrameKind.opening);
  return frame.sealed.slice(0, SEAL_SALT_BYTES);
}

/** The payload of a frame, or null where the seal is not of this key, gate, place and head. */
export function openFrame(frame: Frame, sealer: Sealer): Uint8Array | null {
  const sealed =
    frame.kind === FrameKind.opening ? frame.sealed.subarray(SEAL_SALT_BYTES) : frame.sealed;
  return sealer.open(frame.segment, frame.offset, frame.sealedHead, sealed);
}
