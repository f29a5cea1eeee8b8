/**
 * What a journal finds on its disk when it is opened, after a clean end, a kill or a power cut.
 *
 * The writer keeps three rules that make every case decidable: a batch is written only after the
 * batch before it is synced; a segment begins only after the one before it is synced, and says
 * where that one ended; the oldest segment is removed only after the next one is synced. So
 * - in the last segment, a bad frame and all after it are the batch that was not synced: dropped;
 * - unless a whole frame stands behind it whose batch starts later: then the bad frame had been
 *   synced, and the file is damaged;
 * - in an older segment, and in a header, everything was synced: whatever is bad there is damage;
 * - what is left behind the tail belongs to batches that start at or before it, and to another salt
 *   and chain, so that it is never taken for a frame, nor for evidence.
 */
import assert from 'node:assert/strict';
import { readU48 } from '../../engine/bytes.ts';
import { at } from '../../engine/debit/codec.ts';
import { createSealer, type Sealer } from '../../engine/debit/seal.ts';
import { FaregateError } from '../../engine/errors.ts';
import { Backlog } from './backlog.ts';
import type { Disk, DiskFile } from './disk.ts';
import {
  FRAME_ALIGNMENT,
  type Frame,
  FrameKind,
  openFrame,
  openingSalt,
  readFrame,
} from './frame.ts';
import { Sealers } from './sealers.ts';
import {
  HEADER_BYTES,
  isReadable,
  isSealed,
  positionOf,
  readHeader,
  segmentName,
  segmentNumber,
  type WrittenHeader,
} from './segment.ts';
import type { Segment } from './segments.ts';
import type { Cursor } from './writer.ts';

export interface Identity {
  readonly gateId: string;
  readonly key: Uint8Array;
  /** Of a journal that is made now; one that exists keeps its own. */
  readonly segmentBytes: number;
}

export interface Recovered {
  readonly segmentBytes: number;
  readonly kept: Segment[];
  readonly active: DiskFile;
  readonly spare: DiskFile | null;
  readonly tail: Cursor;
  readonly backlog: Backlog;
  readonly sealers: Sealers;
}

/**
 * Reads the journal and makes durable what it found; changes nothing but to remove files that never
 * began. Null where there is no journal yet.
 * @throws FaregateError JOURNAL_CORRUPT, JOURNAL_REFUSED naming file and offset.
 */
export async function recover(disk: Disk, identity: Identity): Promise<Recovered | null> {
  const numbers = (await disk.list())
    .map(segmentNumber)
    .filter((number) => number > 0)
    .sort((a, b) => a - b);
  const headers = await readHeaders(disk, numbers, identity);
  const rest = numbers.slice(headers.length);
  const oldest = headers[0];
  if (!oldest) {
    await takeSpare(disk, rest, 0, identity.segmentBytes);
    return null;
  }
  const last = headers.at(-1)!;
  const spare = await takeSpare(disk, rest, last.segment + 1, last.segmentBytes);
  const active = await disk.open(segmentName(last.segment));
  await active.sync();
  const walk = new Walk(identity, oldest);
  for (const [index, header] of headers.entries()) {
    const bytes = await readWhole(disk, header);
    walk.begin(header);
    walk.frames(bytes, header, headers[index + 1] ?? null);
  }
  return {
    segmentBytes: oldest.segmentBytes,
    kept: headers.map(({ segment, firstSequence }) => ({ number: segment, firstSequence })),
    active,
    spare,
    tail: walk.tail(),
    backlog: walk.backlog,
    sealers: walk.sealers,
  };
}

/** Headers of the segments that have begun: the first files of `numbers`, without gaps. */
async function readHeaders(
  disk: Disk,
  numbers: readonly number[],
  identity: Identity,
): Promise<WrittenHeader[]> {
  const found: (WrittenHeader | null)[] = [];
  for (const number of numbers) {
    const bytes = await readStart(disk, number);
    const header = readHeader(bytes);
    if (header) checkIdentity(bytes, header, number, identity, found.length === 0);
    found.push(header);
  }
  const begun = found.findLastIndex((header) => header !== null) + 1;
  const headers = found.slice(0, begun);
  for (const [index, header] of headers.entries()) {
    const number = numbers[index]!;
    if (!header) throw corrupt(number, 0, 'its header is damaged');
    if (number !== numbers[0]! + index) {
      throw corrupt(number - 1, 0, 'the file is missing between others');
    }
  }
  // The header of the oldest segment was durable before the one before it was removed.
  if (begun === 0 && numbers[0] !== undefined && numbers[0] > 1) {
    throw corrupt(numbers[0], 0, 'its header is damaged');
  }
  return headers as WrittenHeader[];
}

function checkIdentity(
  bytes: Uint8Array,
  header: WrittenHeader,
  number: number,
  identity: Identity,
  isFirst: boolean,
): void {
  const name = segmentName(number);
  if (!isReadable(header)) {
    throw new FaregateError('JOURNAL_REFUSED', `${name}: format version ${header.version}`);
  }
  if (header.gateId !== identity.gateId) {
    const whose = `is of gate ${JSON.stringify(header.gateId)}, not ${identity.gateId}`;
    throw new FaregateError('JOURNAL_REFUSED', `${name}: ${whose}`);
  }
  if (header.segment !== number) throw corrupt(number, 0, `it is segment ${header.segment}`);
  const sealer = createSealer(identity.key, identity.gateId, header.salt);
  if (isSealed(bytes, header, sealer)) return;
  if (!isFirst) throw corrupt(number, 0, 'its header is not as it was sealed');
  throw new FaregateError('JOURNAL_REFUSED', `${name}: does not open under this gate's key`);
}

/** The spare segment among the files that have not begun, if it is whole; removes any other. */
async function takeSpare(
  disk: Disk,
  rest: readonly number[],
  spareNumber: number,
  segmentBytes: number,
): Promise<DiskFile | null> {
  let spare: DiskFile | null = null;
  for (const number of rest) {
    const name = segmentName(number);
    const file = await disk.open(name);
    const bytes = await file.read(0, segmentBytes + 1);
    // Without a header a file may hold its first batch only, which was never synced.
    if (hasLaterBatch(bytes, 0, number)) throw corrupt(number, 0, 'its header is damaged');
    if (number === spareNumber && bytes.length === segmentBytes) {
      await file.sync();
      spare = file;
    } else {
      await file.close();
      await disk.remove(name);
    }
  }
  return spare;
}

/** Whether a whole frame stands behind `from` whose batch starts behind it too. */
function hasLaterBatch(bytes: Uint8Array, from: number, segment: number): boolean {
  for (let offset = from + FRAME_ALIGNMENT; offset < bytes.length; offset += FRAME_ALIGNMENT) {
    const frame = readFrame(bytes, offset, segment);
    if (frame && frame.batchStart > from) return true;
  }
  return false;
}

async function readStart(disk: Disk, number: number): Promise<Uint8Array> {
  const file = await disk.open(segmentName(number));
  try {
    return await file.read(0, HEADER_BYTES);
  } finally {
    await file.close();
  }
}

async function readWhole(disk: Disk, header: WrittenHeader): Promise<Uint8Array> {
  const file = await disk.open(segmentName(header.segment));
  try {
    const bytes = await file.read(0, header.segmentBytes);
    if (bytes.length === header.segmentBytes) return bytes;
    throw corrupt(header.segment, bytes.length, `the file is cut short of ${header.segmentBytes}`);
  } finally {
    await file.close();
  }
}

/** Reads segments in order and gathers what they say. */
class Walk {
  readonly backlog: Backlog;
  readonly sealers: Sealers;
  /** Everything before the oldest segment's first sequence is acknowledged: its file is gone. */
  readonly #gone: number;
  #sealer: Sealer | null = null;
  #salt = '';
  #segment = 0;
  #offset = 0;
  #chain = 0;
  /** Where the next opening goes: over the last one, where nothing came after it. */
  #tail: Cursor = { segment: 0, offset: 0, chain: 0 };

  constructor(identity: Identity, oldest: WrittenHeader) {
    this.backlog = new Backlog(oldest.firstSequence);
    this.sealers = new Sealers(identity.key, identity.gateId);
    this.#gone = oldest.firstSequence - 1;
  }

  /** Where the next frame goes. */
  tail(): Cursor {
    this.sealers.cut(positionOf(this.#tail.segment, this.#tail.offset));
    return this.#tail;
  }

  begin(header: WrittenHeader): void {
    const isFirst = this.#segment === 0;
    const follows =
      header.previousChain === this.#chain && header.firstSequence === this.backlog.next;
    if (!isFirst && !follows) throw corrupt(header.segment, 0, 'it does not follow the one before');
    this.#segment = header.segment;
    this.#offset = HEADER_BYTES;
    this.#chain = header.checksum;
    this.#useSalt(header.salt, positionOf(header.segment, 0));
    this.#acknowledge(header.acknowledged, 0);
    this.#settle();
  }

  /** Takes every frame up to the segment's end, which the next header tells where there is one. */
  frames(bytes: Uint8Array, header: WrittenHeader, next: WrittenHeader | null): void {
    const end = next ? next.previousEnd : bytes.length;
    while (this.#offset < end) {
      const frame = readFrame(bytes, this.#offset, header.segment);
      if (!frame || frame.chain !== this.#chain || frame.end > end) {
        if (next || hasLaterBatch(bytes, this.#offset, header.segment)) {
          throw corrupt(header.segment, this.#offset, 'a frame that had been durable is damaged');
        }
        return;
      }
      this.#take(frame);
      this.#offset = frame.end;
      this.#chain = frame.checksum;
      if (frame.kind !== FrameKind.opening) this.#settle();
    }
  }

  #settle(): void {
    this.#tail = { segment: this.#segment, offset: this.#offset, chain: this.#chain };
  }

  #useSalt(salt: Uint8Array, position: number): void {
    const text = salt.join();
    if (text !== this.#salt) this.#sealer = this.sealers.add(position, salt);
    this.#salt = text;
  }

  #take(frame: Frame): void {
    const position = positionOf(frame.segment, frame.offset);
    if (frame.kind === FrameKind.opening) this.#useSalt(openingSalt(frame), position);
    const payload = openFrame(frame, this.#sealer!);
    if (!payload) throw this.#corrupt('a frame is not as it was sealed');
    if (frame.kind === FrameKind.acknowledged) this.#acknowledge(frame.sequence, position);
    if (frame.kind === FrameKind.intent || frame.kind === FrameKind.final) {
      if (readU48(payload, at.gateSequence) !== frame.sequence) {
        throw this.#corrupt(`a frame of sequence ${frame.sequence} holds another's record`);
      }
      if (frame.kind === FrameKind.intent) this.#takeIntent(frame.sequence, payload);
      else this.#takeFinal(frame.sequence, position);
    }
  }

  #takeIntent(sequence: number, record: Uint8Array): void {
    if (sequence !== this.backlog.next) {
      throw this.#corrupt(`an intent has sequence ${sequence}, not ${this.backlog.next}`);
    }
    this.backlog.intent(record);
  }

  #takeFinal(sequence: number, position: number): void {
    if (sequence <= this.#gone) return;
    if (!this.backlog.isOpen(sequence)) throw this.#corrupt(`sequence ${sequence} was not open`);
    this.backlog.close(sequence, position);
  }

  #acknowledge(through: number, position: number): void {
    if (through <= this.backlog.acknowledged) return;
    if (!this.backlog.isClosed(through, position || Number.POSITIVE_INFINITY)) {
      throw this.#corrupt(`it acknowledges ${through}, which was not closed`);
    }
    this.backlog.acknowledge(through);
  }

  #corrupt(what: string): FaregateError {
    return corrupt(this.#segment, this.#offset, what);
  }
}

export function corrupt(segment: number, offset: number, what: string): FaregateError {
  assert(segment > 0);
  return new FaregateError('JOURNAL_CORRUPT', `${segmentName(segment)} at byte ${offset}: ${what}`);
}
