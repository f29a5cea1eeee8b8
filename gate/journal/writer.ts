/**
 * The journal's pen: appends frames to the batch being gathered and makes batches durable one
 * after another. At most one batch is ever unsynced: a batch is written, with one write, only
 * after the sync of the batch before it; what arrives meanwhile gathers in the next. A batch that
 * runs over the end of a segment is written in two parts, each synced before the next. Recovery
 * relies on this (`recovery.ts`).
 */
import assert from 'node:assert/strict';
import type { Sealer } from '../../engine/debit/seal.ts';
import { Deferred } from './deferred.ts';
import type { DiskFile } from './disk.ts';
import { FrameKind, OPENING_FRAME_BYTES, RECORD_FRAME_BYTES, writeFrame } from './frame.ts';
import type { Sealers } from './sealers.ts';
import { HEADER_BYTES, positionOf, writeHeader } from './segment.ts';
import type { Segments } from './segments.ts';

/** Where the next frame goes. */
export interface Cursor {
  readonly segment: number;
  readonly offset: number;
  /** Checksum of the frame before. */
  readonly chain: number;
}

/** Bytes of one segment that are written at once. */
interface Part {
  readonly file: DiskFile;
  readonly segment: number;
  /** Offset of the first byte in the segment. */
  readonly start: number;
  bytes: Uint8Array;
  length: number;
}

/** Parts written one after another, and what waits for them. */
interface Batch {
  readonly parts: readonly Part[];
  readonly durable: Deferred | null;
}

/** What the writer asks of the journal around it. */
export interface WriterHost {
  /** For the header of a segment that begins now. */
  nextSequence(): number;
  acknowledged(): number;
  /** A batch became durable. */
  synced(): void;
  /** A write or a sync failed: nothing more will be written. */
  failed(error: unknown): void;
}

const PART_BYTES_MIN = 4096;
const EMPTY = new Uint8Array(0);

export class Writer {
  readonly #gateId: string;
  readonly #salt: Uint8Array;
  readonly #segments: Segments;
  readonly #sealers: Sealers;
  readonly #host: WriterHost;
  #sealer: Sealer | null = null;
  #segment: number;
  #offset: number;
  #chain: number;
  #parts: Part[] = [];
  /** What waits for the batch being gathered; null where nobody does. */
  #gathered: Deferred | null = null;
  /** The batch on its way to the disk, and which of its parts is. */
  #flying: Batch | null = null;
  #flyingPart = 0;
  /** Made once: a batch is under way in every tap. */
  readonly #onDurable = (): void => this.#partDurable();
  readonly #onFailure = (error: unknown): void => this.#stop(error);
  /** Whether the gathered batch is to be written as soon as the disk is free. */
  #isDue = false;
  #timer: NodeJS.Timeout | null = null;
  #timerDueMs = 0;
  /** What the timer was set to. */
  #timerMs = 0;
  /** Told when no batch is under way any more. */
  #idle: Deferred | null = null;
  #failure: Error | null = null;
  /** Everything before this position is durable. */
  #durable: number;
  /** Buffers of parts already written, for the next ones. */
  readonly #buffers: Uint8Array[] = [];

  /** @param salt The salt of this opening: it stands in the journal before the first frame. */
  constructor(
    identity: { gateId: string; salt: Uint8Array },
    tail: Cursor,
    segments: Segments,
    sealers: Sealers,
    host: WriterHost,
  ) {
    this.#gateId = identity.gateId;
    this.#salt = identity.salt;
    this.#segments = segments;
    this.#sealers = sealers;
    this.#host = host;
    this.#segment = tail.segment;
    this.#offset = tail.offset;
    this.#chain = tail.chain;
    this.#durable = positionOf(tail.segment, tail.offset);
  }

  get durable(): number {
    return this.#durable;
  }

  /** Frames of any kind that surely fit in the active and the spare segment. */
  get slots(): number {
    const active = slotsFrom(this.#offset, this.#segments.segmentBytes);
    const spare = this.#segments.hasSpare
      ? slotsFrom(HEADER_BYTES, this.#segments.segmentBytes)
      : 0;
    return active + spare;
  }

  /** Adds a frame to the batch. @returns the frame's position. */
  append(kind: FrameKind, sequence: number, payload: Uint8Array, frameBytes: number): number {
    if (this.#failure) assert.fail('the writer has stopped');
    this.#startOpening();
    if (!this.#fits(frameBytes)) this.#roll();
    return this.#place(kind, sequence, payload, EMPTY, frameBytes);
  }

  /** Writes the batch at once, or as soon as the one on its way is durable. */
  flush(): Promise<void> {
    if (this.#failure) return Promise.reject(this.#failure);
    this.#isDue = true;
    this.#gathered ??= new Deferred();
    const { promise } = this.#gathered;
    if (this.#flying === null) this.#writeBatch();
    return promise;
  }

  /** Has the batch written within `ms`, unless another reason writes it earlier. */
  flushWithin(ms: number): void {
    // One that was set earlier to no more is due earlier: no need to ask the clock.
    if (this.#timer && ms >= this.#timerMs) return;
    const dueMs = performance.now() + ms;
    if (this.#timer) {
      if (dueMs >= this.#timerDueMs) return;
      clearTimeout(this.#timer);
    }
    this.#timerDueMs = dueMs;
    this.#timerMs = ms;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      // A batch that was written meanwhile leaves the timer alone: setting one costs more.
      if (this.#failure || this.#parts.length === 0) return;
      this.#isDue = true;
      if (this.#flying === null) this.#writeBatch();
    }, ms);
  }

  /** Makes everything appended durable and stops; after a failure only stops. */
  async end(): Promise<void> {
    if (this.#parts.length > 0 && !this.#failure) await this.flush();
    if (this.#flying !== null) {
      this.#idle ??= new Deferred();
      await this.#idle.promise;
    }
    this.#clearTimer();
  }

  /** Refuses everything from here on, and whoever waits. */
  fail(error: Error): void {
    this.#failure ??= error;
    this.#clearTimer();
    this.#gathered?.reject(this.#failure);
    this.#gathered = null;
  }

  #fits(frameBytes: number): boolean {
    return this.#offset + frameBytes <= this.#segments.segmentBytes;
  }

  /** Makes sure that this opening's salt stands before its first frame. */
  #startOpening(): void {
    if (this.#sealer) return;
    if (!this.#fits(OPENING_FRAME_BYTES)) {
      this.#roll();
      return;
    }
    this.#sealer = this.#sealers.add(positionOf(this.#segment, this.#offset), this.#salt);
    const sequence = this.#host.nextSequence();
    this.#place(FrameKind.opening, sequence, EMPTY, this.#salt, OPENING_FRAME_BYTES);
  }

  /** Begins the spare segment. */
  #roll(): void {
    const previousEnd = this.#offset;
    const firstSequence = this.#host.nextSequence();
    this.#segments.advance(firstSequence);
    this.#segment = this.#segments.activeNumber;
    this.#offset = 0;
    this.#sealer ??= this.#sealers.add(positionOf(this.#segment, 0), this.#salt);
    const part = this.#partFor(HEADER_BYTES);
    const header = {
      gateId: this.#gateId,
      segment: this.#segment,
      segmentBytes: this.#segments.segmentBytes,
      firstSequence,
      acknowledged: this.#host.acknowledged(),
      previousEnd,
      previousChain: this.#chain,
      salt: this.#salt,
    };
    this.#chain = writeHeader(part.bytes, header, this.#sealer);
    part.length = this.#offset = HEADER_BYTES;
  }

  #place(
    kind: FrameKind,
    sequence: number,
    payload: Uint8Array,
    clear: Uint8Array,
    frameBytes: number,
  ): number {
    const sealer = this.#sealer;
    if (!sealer) assert.fail('no opening');
    const part = this.#partFor(frameBytes);
    const position = positionOf(this.#segment, this.#offset);
    const head = {
      kind,
      sequence,
      segment: this.#segment,
      batchStart: part.start,
      chain: this.#chain,
    };
    const at = part.length;
    this.#chain = writeFrame(part.bytes, at, this.#offset, head, sealer, payload, clear);
    part.length += frameBytes;
    this.#offset += frameBytes;
    return position;
  }

  /** The part being gathered for the active segment, with room for `bytes` more. */
  #partFor(bytes: number): Part {
    let part = this.#parts.at(-1);
    if (part?.segment !== this.#segment) {
      part = {
        file: this.#segments.active,
        segment: this.#segment,
        start: this.#offset,
        bytes: this.#buffers.pop() ?? new Uint8Array(PART_BYTES_MIN),
        length: 0,
      };
      this.#parts.push(part);
    }
    if (part.length + bytes > part.bytes.length) {
      const grown = new Uint8Array(part.bytes.length * 2);
      grown.set(part.bytes);
      part.bytes = grown;
    }
    return part;
  }

  #writeBatch(): void {
    if (this.#flying !== null) assert.fail('a batch is on its way');
    this.#flying = { parts: this.#parts, durable: this.#gathered };
    this.#flyingPart = 0;
    this.#parts = [];
    this.#gathered = null;
    this.#isDue = false;
    this.#writePart();
  }

  #writePart(): void {
    const part = this.#flying!.parts[this.#flyingPart];
    if (!part) {
      this.#batchDurable();
      return;
    }
    const bytes = part.bytes.subarray(0, part.length);
    part.file.writeDurably(bytes, part.start).then(this.#onDurable, this.#onFailure);
  }

  #partDurable(): void {
    const part = this.#flying!.parts[this.#flyingPart]!;
    this.#durable = positionOf(part.segment, part.start + part.length);
    if (this.#buffers.length < 2) this.#buffers.push(part.bytes);
    this.#flyingPart += 1;
    this.#writePart();
  }

  #batchDurable(): void {
    const { durable } = this.#flying!;
    this.#flying = null;
    durable?.resolve();
    this.#host.synced();
    if (this.#isDue && !this.#failure) this.#writeBatch();
    else this.#rest();
  }

  /** Nobody knows what of the batch is durable. */
  #stop(error: unknown): void {
    const { durable } = this.#flying!;
    this.#flying = null;
    this.#host.failed(error);
    durable?.reject(this.#failure);
    this.#rest();
  }

  #rest(): void {
    this.#idle?.resolve();
    this.#idle = null;
  }

  #clearTimer(): void {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
  }
}

function slotsFrom(offset: number, segmentBytes: number): number {
  return Math.max(0, Math.floor((segmentBytes - offset) / RECORD_FRAME_BYTES));
}
