/**
 * Heads on disk. Now and then one segment is written, in turn, as of the last block; at a start all
 * segments are read, and the blocks after the oldest one's are gone through again, each segment
 * taking what is news to it. So a start takes as long as a bounded number of rows, however many
 * there are, and writing never stops for long.
 *
 * A segment's row: checksum 4 (CRC-32 of all after it) ‖ number of the last block it knows 4 ‖
 * slots.
 */
import { crc32 } from 'node:zlib';
import { readU32, writeU32 } from '../bytes.ts';
import { FaregateError } from '../errors.ts';
import { Block } from './block.ts';
import { readTotal } from './books.ts';
import { Heads, SEGMENTS, SLOT_BYTES } from './heads.ts';
import { u48 } from './rows.ts';
import type { StoreReader, StoreWriter } from './store.ts';

const HEADER_BYTES = 8;

/** Writes a segment as of block `through`. */
export function saveSegment(
  writer: StoreWriter,
  heads: Heads,
  segment: number,
  through: number,
): void {
  const value = heads.segmentBytes(segment, HEADER_BYTES);
  writeU32(value, 4, through);
  writeU32(value, 0, crc32(value.subarray(4)));
  writer.put('heads', u48(segment), value);
}

/**
 * @returns undefined where the segment was not saved or is damaged: its blocks say it all again.
 */
export function readSegment(
  reader: StoreReader,
  segment: number,
): { through: number; slots: Uint8Array } | undefined {
  const value = reader.get('heads', u48(segment));
  const whole =
    value !== undefined &&
    value.length >= HEADER_BYTES &&
    (value.length - HEADER_BYTES) % SLOT_BYTES === 0 &&
    readU32(value, 0) === crc32(value.subarray(4));
  return whole ? { through: readU32(value, 4), slots: value.subarray(HEADER_BYTES) } : undefined;
}

/**
 * The heads as of the reader's last block.
 * @throws FaregateError LEDGER_BROKEN naming a block that is missing or damaged.
 */
export function loadHeads(reader: StoreReader): Heads {
  const heads = new Heads();
  const known = new Float64Array(SEGMENTS);
  for (let segment = 0; segment < SEGMENTS; segment++) {
    const saved = readSegment(reader, segment);
    if (!saved) continue;
    heads.setSegment(segment, saved.slots);
    known[segment] = saved.through;
  }
  const oldest = known.reduce((a, b) => Math.min(a, b));
  replay(reader, oldest, (block) => {
    heads.apply(block, (segment) => block.number > known[segment]!);
  });
  heads.through = readTotal(reader, 'blocks');
  return heads;
}

/**
 * Takes over the blocks that are news to heads whose ledger does not post itself.
 * @throws FaregateError LEDGER_BROKEN naming a block that is missing or damaged.
 */
export function catchUp(reader: StoreReader, heads: Heads): void {
  replay(reader, heads.through, (block) => {
    heads.apply(block, () => true);
    heads.through = block.number;
  });
}

/**
 * Hands on every block after number `after`, in order.
 * @throws FaregateError LEDGER_BROKEN naming a block that is missing or damaged.
 */
export function replay(reader: StoreReader, after: number, hear: (block: Block) => void): void {
  const last = readTotal(reader, 'blocks');
  let next = after + 1;
  for (const { key, value } of reader.range('blocks', { from: u48(next) })) {
    if (Buffer.compare(key, u48(next)) !== 0) break;
    hear(new Block(next, value));
    next++;
  }
  if (next === last + 1) return;
  const what = next <= last ? `block ${next} is missing` : `there are ${next - 1} blocks`;
  throw new FaregateError('LEDGER_BROKEN', `${what}, there should be ${last}`);
}
