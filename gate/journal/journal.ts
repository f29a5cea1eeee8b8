/**
 * The gate's journal over a disk: a durable queue of debits in preallocated segment files.
 * `writer.ts` makes batches durable, `segments.ts` keeps the files, `backlog.ts` knows where every
 * record stands, `recovery.ts` reads it all back. `docs/journal.md` says what is promised.
 */
import assert from 'node:assert/strict';
import { setImmediate } from 'node:timers/promises';
import { readU48 } from '../../engine/bytes.ts';
import { at } from '../../engine/debit/codec.ts';
import { isEvent } from '../../engine/debit/event.ts';
import { DEBIT_BYTES, DebitKind, DebitState } from '../../engine/debit/record.ts';
import { createSealer, SEAL_KEY_BYTES, SEAL_SALT_BYTES } from '../../engine/debit/seal.ts';
import { JOURNAL_ACKNOWLEDGE_SYNC_MS, JOURNAL_CLOSE_SYNC_MS } from '../../engine/durations.ts';
import { FaregateError } from '../../engine/errors.ts';
import {
  JOURNAL_OPEN_MAX,
  JOURNAL_READ_BYTES,
  JOURNAL_READ_SLICE_RECORDS,
  JOURNAL_RECENT_RECORDS,
  JOURNAL_SEGMENT_BYTES,
  JOURNAL_SEGMENTS_MAX,
  JOURNAL_TAP_RECORDS,
} from '../../engine/limits.ts';
import { Backlog } from './backlog.ts';
import type { Disk } from './disk.ts';
import {
  ACKNOWLEDGED_FRAME_BYTES,
  FRAME_ALIGNMENT,
  FrameKind,
  openFrame,
  RECORD_FRAME_BYTES,
  readFrame,
} from './frame.ts';
import type { Journal } from './port.ts';
import { Recent } from './recent.ts';
import { corrupt, type Identity, type Recovered, recover } from './recovery.ts';
import { Sealers } from './sealers.ts';
import {
  HEADER_BYTES,
  offsetOf,
  positionOf,
  segmentName,
  segmentOf,
  writeHeader,
} from './segment.ts';
import { Segments } from './segments.ts';
import { Writer } from './writer.ts';

export interface JournalOptions {
  /** The journal's own from here on: closed by `end`, and when opening fails. */
  readonly disk: Disk;
  readonly gateId: string;
  /** 32 bytes: seals every record. */
  readonly key: Uint8Array;
  /** Random bytes for the salt of this opening; never the same twice. */
  readonly random: (bytes: number) => Uint8Array;
  /** Segment files at most, two or more; JOURNAL_SEGMENTS_MAX where absent. */
  readonly segments?: number;
  /** Size of the segment files of a new journal; JOURNAL_SEGMENT_BYTES where absent. */
  readonly segmentBytes?: number;
  /** Called once when the journal fails for good: the process should stop. */
  readonly failed?: (error: FaregateError) => void;
}

/**
 * Opens the journal of a gate, or makes it where there is none.
 * @throws FaregateError JOURNAL_CORRUPT (file and offset named), JOURNAL_REFUSED (another gate, key
 * or version), DISK_FULL, DISK_FAILED; nothing was changed.
 */
export async function openJournal(options: JournalOptions): Promise<Journal> {
  const { disk, gateId, key } = options;
  const segmentBytes = options.segmentBytes ?? JOURNAL_SEGMENT_BYTES;
  const segmentsMax = options.segments ?? JOURNAL_SEGMENTS_MAX;
  assert.equal(key.length, SEAL_KEY_BYTES);
  assert(segmentBytes % FRAME_ALIGNMENT === 0 && segmentBytes >= 8 * RECORD_FRAME_BYTES);
  assert(segmentsMax >= 2, 'a journal needs two segments');
  const identity = { gateId, key, segmentBytes };
  try {
    const salt = options.random(SEAL_SALT_BYTES);
    const recovered = (await recover(disk, identity)) ?? (await create(disk, identity, salt));
    const journal = new SegmentedJournal(options, segmentsMax, salt, recovered);
    await journal.settle();
    return journal;
  } catch (error) {
    await disk.close();
    throw error;
  }
}

/** Makes the first segment and its header durable. */
async function create(disk: Disk, identity: Identity, salt: Uint8Array): Promise<Recovered> {
  const { gateId, key, segmentBytes } = identity;
  const active = await disk.preallocate(segmentName(1), segmentBytes);
  const bytes = new Uint8Array(HEADER_BYTES);
  const header = {
    gateId,
    segment: 1,
    segmentBytes,
    firstSequence: 1,
    acknowledged: 0,
    previousEnd: 0,
    previousChain: 0,
    salt,
  };
  const chain = writeHeader(bytes, header, createSealer(key, gateId, salt));
  await active.write(bytes, 0);
  await active.sync();
  const sealers = new Sealers(key, gateId);
  sealers.add(positionOf(1, 0), salt);
  return {
    segmentBytes,
    kept: [{ number: 1, firstSequence: 1 }],
    active,
    spare: null,
    tail: { segment: 1, offset: HEADER_BYTES, chain },
    backlog: new Backlog(1),
    sealers,
  };
}

/** Bytes read from `position` on, which may hold the records that follow too. */
interface Window {
  readonly position: number;
  readonly bytes: Uint8Array;
}

class SegmentedJournal implements Journal {
  readonly #backlog: Backlog;
  readonly #segments: Segments;
  readonly #sealers: Sealers;
  readonly #recent = new Recent(JOURNAL_RECENT_RECORDS);
  readonly #writer: Writer;
  readonly #disk: Disk;
  readonly #onFailure: (error: FaregateError) => void;
  #failure: FaregateError | null = null;
  #ended = false;

  constructor(
    options: JournalOptions,
    segmentsMax: number,
    salt: Uint8Array,
    recovered: Recovered,
  ) {
    this.#disk = options.disk;
    this.#onFailure = options.failed ?? (() => {});
    this.#backlog = recovered.backlog;
    this.#sealers = recovered.sealers;
    const failed = (error: unknown): void => this.#fail(error);
    this.#segments = new Segments({ disk: options.disk, segmentsMax, ...recovered }, failed);
    this.#writer = new Writer(
      { gateId: options.gateId, salt },
      recovered.tail,
      this.#segments,
      this.#sealers,
      {
        nextSequence: () => this.#backlog.next,
        acknowledged: () => this.#backlog.acknowledged,
        synced: () => void this.settle(),
        failed,
      },
    );
  }

  get nextSequence(): number {
    return this.#backlog.next;
  }

  get backlog(): number {
    return this.#backlog.closedCount;
  }

  get acknowledged(): number {
    return this.#backlog.acknowledged;
  }

  reserve(): void {
    const refusal = this.#refusal(JOURNAL_TAP_RECORDS);
    if (refusal) throw refusal;
  }

  intent(record: Uint8Array): Promise<void> {
    const sequence = this.#backlog.next;
    if (record.length !== DEBIT_BYTES) assert.fail(`a record of ${record.length} bytes`);
    const isIntent =
      record[at.state] === DebitState.intended ||
      record[at.kind] === DebitKind.settlement ||
      isEvent(record, 0);
    if (!isIntent) assert.fail('the record is final already');
    if (readU48(record, at.gateSequence) !== sequence) assert.fail(`${sequence} comes next`);
    const refusal = this.#refusal(1);
    if (refusal) return Promise.reject(refusal);
    this.#writer.append(FrameKind.intent, sequence, record, RECORD_FRAME_BYTES);
    this.#backlog.intent(record);
    return this.#writer.flush();
  }

  close(record: Uint8Array): void {
    this.#checkUsable();
    const sequence = readU48(record, at.gateSequence);
    if (record.length !== DEBIT_BYTES) assert.fail(`a record of ${record.length} bytes`);
    if (record[at.state] === DebitState.intended) assert.fail('the record is not final');
    if (!this.#backlog.isOpen(sequence)) assert.fail(`sequence ${sequence} is not open`);
    const position = this.#writer.append(FrameKind.final, sequence, record, RECORD_FRAME_BYTES);
    this.#backlog.close(sequence, position);
    this.#recent.keep(sequence, record);
    this.#writer.flushWithin(JOURNAL_CLOSE_SYNC_MS);
  }

  open(): Uint8Array[] {
    return this.#backlog.openRecords();
  }

  async read(from: number, max: number): Promise<{ records: Uint8Array; count: number }> {
    this.#checkUsable();
    assert(from > this.#backlog.acknowledged, `sequence ${from} is acknowledged`);
    const positions: number[] = [];
    while (positions.length < max) {
      const position = this.#backlog.finalAt(from + positions.length);
      if (position === 0 || position >= this.#writer.durable) break;
      positions.push(position);
    }
    const records = new Uint8Array(positions.length * DEBIT_BYTES);
    let window: Window = { position: 0, bytes: EMPTY };
    let opened = 0;
    for (const [index, position] of positions.entries()) {
      if (this.#recent.copy(from + index, records, index * DEBIT_BYTES)) continue;
      const behind = position - window.position;
      if (behind < 0 || behind + RECORD_FRAME_BYTES > window.bytes.length) {
        window = { position, bytes: await this.#readFrom(position) };
      }
      const record = this.#recordAt(window, position, from + index);
      records.set(record, index * DEBIT_BYTES);
      // Opening seals takes the thread: taps come in between.
      opened += 1;
      if (opened % JOURNAL_READ_SLICE_RECORDS === 0) await setImmediate();
    }
    return { records, count: positions.length };
  }

  acknowledge(through: number): void {
    this.#checkUsable();
    if (through <= this.#backlog.acknowledged) return;
    assert(this.#backlog.isClosed(through, this.#writer.durable), `${through} was never read`);
    this.#backlog.acknowledge(through);
    if (this.#writer.slots > this.#slotsOfOpen()) {
      const { acknowledged } = FrameKind;
      this.#writer.append(acknowledged, through, EMPTY, ACKNOWLEDGED_FRAME_BYTES);
      this.#writer.flushWithin(JOURNAL_ACKNOWLEDGE_SYNC_MS);
    }
    void this.settle();
    // What was sealed in segments that have gone since the last time.
    this.#sealers.drop(positionOf(this.#segments.oldestNumber, 0));
  }

  async end(): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    await this.#writer.end().catch((error: unknown) => this.#fail(error));
    await this.#segments.end();
    await this.#disk.close();
    if (this.#failure) throw this.#failure;
  }

  /** Lets the segments follow what is durable and acknowledged now. */
  settle(): Promise<void> {
    return this.#segments.settle(segmentOf(this.#writer.durable), this.#backlog.acknowledged);
  }

  /**
   * Slots that the open intents may yet take: each its final record and, if a crash comes before
   * it, one opening; and an opening for the frame that comes next.
   */
  #slotsOfOpen(more = 0): number {
    return 2 * (this.#backlog.openCount + more) + 1;
  }

  /** Why that many intents more cannot be taken, or null. */
  #refusal(intents: number): FaregateError | null {
    this.#checkEnded();
    if (this.#failure) return this.#failure;
    if (this.#backlog.openCount + intents > JOURNAL_OPEN_MAX) {
      return new FaregateError('JOURNAL_FULL', `${JOURNAL_OPEN_MAX} intents without final record`);
    }
    if (this.#writer.slots >= this.#slotsOfOpen(intents) + intents) return null;
    return this.#segments.shortage();
  }

  #readFrom(position: number): Promise<Uint8Array> {
    const offset = offsetOf(position);
    const length = Math.min(JOURNAL_READ_BYTES, this.#segments.segmentBytes - offset);
    return this.#segments.read(segmentOf(position), offset, length);
  }

  /** The final record at `position`, out of the bytes read there. */
  #recordAt(window: Window, position: number, sequence: number): Uint8Array {
    const segment = segmentOf(position);
    const behind = position - window.position;
    const frame = readFrame(window.bytes, behind, segment, offsetOf(position));
    const record = frame && openFrame(frame, this.#sealers.at(position));
    if (record && frame.kind === FrameKind.final && frame.sequence === sequence) return record;
    throw corrupt(segment, offsetOf(position), `the final record of ${sequence} is damaged`);
  }

  #checkEnded(): void {
    if (this.#ended) assert.fail('the journal is closed');
  }

  #checkUsable(): void {
    this.#checkEnded();
    if (this.#failure) throw this.#failure;
  }

  /**
   * The first error is the journal's; those after it still find someone waiting. It is DISK_FAILED
   * whatever the disk called it: DISK_FULL is kept for refusals that appended nothing.
   */
  #fail(error: unknown): void {
    const isFirst = this.#failure === null;
    this.#failure ??=
      error instanceof FaregateError && error.code === 'DISK_FAILED'
        ? error
        : new FaregateError('DISK_FAILED', `the journal stopped: ${error}`, { cause: error });
    this.#writer.fail(this.#failure);
    if (isFirst) this.#onFailure(this.#failure);
  }
}

const EMPTY = new Uint8Array(0);
