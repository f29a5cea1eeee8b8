/**
 * Segment files: their names and the header each starts with. A segment is preallocated as zeros
 * and has begun once its header is written. Big-endian, 96 bytes.
 *
 *   0  magic         8   "FGATEJNL"
 *   8  version       u16
 *  10  zero          u16
 *  12  gate id       12  NUL-padded
 *  24  segment       u32  number, from 1, without gaps
 *  28  bytes         u32  size of each segment file of this journal
 *  32  first         u48  sequence the next intent takes when the segment begins
 *  38  acknowledged  u48  at that time
 *  44  previous end  u32  offset where the segment before ends; 0 for the first
 *  48  previous chain u32  checksum of its last frame; 0 for the first
 *  52  salt          16   of the opening that began the segment
 *  68  tag           16   seal of nothing with bytes 0..68 as its head, at offset 0
 *  84  zero          8
 *  92  checksum      u32  CRC-32 of bytes 0..92; the first frame's chain
 */
import assert from 'node:assert/strict';
import { crc32 } from 'node:zlib';
import {
  equalRange,
  readU16,
  readU32,
  readU48,
  writeU16,
  writeU32,
  writeU48,
} from '../../engine/bytes.ts';
import {
  GATE_ID_BYTES,
  gateIdBytes,
  SEAL_SALT_BYTES,
  SEAL_TAG_BYTES,
  type Sealer,
} from '../../engine/debit/seal.ts';

export const HEADER_BYTES = 96;
const MAGIC = new TextEncoder().encode('FGATEJNL');
const VERSION = 1;
const SALT_AT = 52;
const TAG_AT = SALT_AT + SEAL_SALT_BYTES;
const CHECKSUM_AT = 92;

export interface Header {
  readonly gateId: string;
  readonly segment: number;
  readonly segmentBytes: number;
  readonly firstSequence: number;
  readonly acknowledged: number;
  readonly previousEnd: number;
  readonly previousChain: number;
  readonly salt: Uint8Array;
}

export function segmentName(segment: number): string {
  return `segment-${String(segment).padStart(8, '0')}.log`;
}

/** The number in a segment's name, or 0 where the name is not one. */
export function segmentNumber(name: string): number {
  const match = /^segment-(\d{8})\.log$/.exec(name);
  return match ? Number(match[1]) : 0;
}

/**
 * One number for a place in the journal, ordered as frames are appended. Exact for two million
 * segments, some five thousand million taps.
 */
export function positionOf(segment: number, offset: number): number {
  return segment * 0x1_0000_0000 + offset;
}

export function segmentOf(position: number): number {
  return Math.floor(position / 0x1_0000_0000);
}

export function offsetOf(position: number): number {
  return position % 0x1_0000_0000;
}

/**
 * Writes a header at the start of `out`.
 * @returns its checksum, the chain of the first frame.
 */
export function writeHeader(out: Uint8Array, header: Header, sealer: Sealer): number {
  assert(header.segment >= 1 && Number.isSafeInteger(positionOf(header.segment, 0)));
  out.fill(0, 0, HEADER_BYTES);
  out.set(MAGIC);
  writeU16(out, 8, VERSION);
  out.set(gateIdBytes(header.gateId), 12);
  writeU32(out, 24, header.segment);
  writeU32(out, 28, header.segmentBytes);
  writeU48(out, 32, header.firstSequence);
  writeU48(out, 38, header.acknowledged);
  writeU32(out, 44, header.previousEnd);
  writeU32(out, 48, header.previousChain);
  out.set(header.salt, SALT_AT);
  sealer.seal(header.segment, 0, out.subarray(0, TAG_AT), new Uint8Array(0), out, TAG_AT);
  const checksum = crc32(out.subarray(0, CHECKSUM_AT));
  writeU32(out, CHECKSUM_AT, checksum);
  return checksum;
}

export interface WrittenHeader extends Header {
  readonly version: number;
  readonly checksum: number;
}

/** The header of a segment file, or null where none is whole. The seal is not checked here. */
export function readHeader(bytes: Uint8Array): WrittenHeader | null {
  if (bytes.length < HEADER_BYTES || !equalRange(bytes, 0, MAGIC, 0, MAGIC.length)) return null;
  const checksum = readU32(bytes, CHECKSUM_AT);
  if (crc32(bytes.subarray(0, CHECKSUM_AT)) !== checksum) return null;
  const gate = bytes.subarray(12, 12 + GATE_ID_BYTES);
  return {
    version: readU16(bytes, 8),
    gateId: String.fromCharCode(...gate).split('\0', 1)[0]!,
    segment: readU32(bytes, 24),
    segmentBytes: readU32(bytes, 28),
    firstSequence: readU48(bytes, 32),
    acknowledged: readU48(bytes, 38),
    previousEnd: readU32(bytes, 44),
    previousChain: readU32(bytes, 48),
    salt: bytes.slice(SALT_AT, TAG_AT),
    checksum,
  };
}

/** Whether this build reads the header's version of the format. */
export function isReadable(header: WrittenHeader): boolean {
  return header.version === VERSION;
}

/** Whether the header was sealed under the sealer's key, for its gate and place. */
export function isSealed(bytes: Uint8Array, header: WrittenHeader, sealer: Sealer): boolean {
  const tag = bytes.subarray(TAG_AT, TAG_AT + SEAL_TAG_BYTES);
  return sealer.open(header.segment, 0, bytes.subarray(0, TAG_AT), tag) !== null;
}
