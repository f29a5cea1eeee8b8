/**
 * Frames between gate and engine: four bytes of length, big-endian, then that many bytes. The
 * decoder takes the stream in whatever pieces it comes and holds no more than one unfinished frame.
 */

import type { BytePool } from '../byte-pool.ts';
import { readU32, writeU32 } from '../bytes.ts';
import { FaregateError } from '../errors.ts';
import { FRAME_BYTES_MAX } from '../limits.ts';

export const FRAME_HEADER_BYTES = 4;
/** A frame's length is believed only as far as its bytes have come. */
const FIRST_ALLOCATION_BYTES = 64 * 1024;

/**
 * `body` behind its length.
 * @throws FaregateError UPLOAD_TOO_LARGE over FRAME_BYTES_MAX, UPLOAD_MALFORMED when empty.
 */
export function encodeFrame(body: Uint8Array): Uint8Array {
  checkLength(body.length);
  const frame = new Uint8Array(FRAME_HEADER_BYTES + body.length);
  writeU32(frame, 0, body.length);
  frame.set(body, FRAME_HEADER_BYTES);
  return frame;
}

/** Cuts a stream into frame bodies: `push` what came, then `next` until it answers null. */
export class FrameDecoder {
  readonly #pool: BytePool | null;
  /** Bytes not yet looked at; a view of the last chunk pushed. */
  #rest: Uint8Array = new Uint8Array(0);
  readonly #header = new Uint8Array(FRAME_HEADER_BYTES);
  #headerLength = 0;
  /** The body under construction when it does not lie whole in one chunk. */
  #body: Uint8Array | null = null;
  #bodyLength = 0;

  /** @param pool bodies come from here, for the caller to give back; null: they are made anew. */
  constructor(pool: BytePool | null = null) {
    this.#pool = pool;
  }

  /** Whether a frame has begun and is not whole yet, or bytes wait to be looked at. */
  get partial(): boolean {
    return this.#headerLength > 0 || this.#rest.length > 0;
  }

  /** Adds a chunk; the decoder keeps a view of it until its frames are taken. */
  push(chunk: Uint8Array): void {
    if (this.#rest.length === 0) {
      this.#rest = chunk;
      return;
    }
    const joined = new Uint8Array(this.#rest.length + chunk.length);
    joined.set(this.#rest);
    joined.set(chunk, this.#rest.length);
    this.#rest = joined;
  }

  /**
   * The next whole body, or null until more bytes come. Once it has thrown, the stream has lost its
   * place and every further call throws the same.
   * @throws FaregateError UPLOAD_TOO_LARGE, UPLOAD_MALFORMED (a frame of no bytes).
   */
  next(): Uint8Array | null {
    if (!this.#readHeader()) return null;
    const length = readU32(this.#header, 0);
    checkLength(length);
    if (this.#body === null && this.#rest.length >= length) return this.#take(length);
    this.#gather(length);
    if (this.#bodyLength < length) return null;
    const body = this.#body!.subarray(0, length);
    this.#body = null;
    this.#bodyLength = 0;
    this.#headerLength = 0;
    return body;
  }

  #readHeader(): boolean {
    while (this.#headerLength < FRAME_HEADER_BYTES && this.#rest.length > 0) {
      this.#header[this.#headerLength++] = this.#rest[0]!;
      this.#rest = this.#rest.subarray(1);
    }
    return this.#headerLength === FRAME_HEADER_BYTES;
  }

  #take(length: number): Uint8Array {
    const body = this.#rest.subarray(0, length);
    this.#rest = this.#rest.subarray(length);
    this.#headerLength = 0;
    return body;
  }

  /** Moves what there is of the body into a buffer that doubles as the bytes come. */
  #gather(length: number): void {
    const part = this.#rest.subarray(0, length - this.#bodyLength);
    const needed = this.#bodyLength + part.length;
    if (this.#body === null || this.#body.length < needed) {
      const size = Math.max(needed, FIRST_ALLOCATION_BYTES, 2 * (this.#body?.length ?? 0));
      const grownLength = Math.min(length, size);
      const grown = this.#pool?.take(grownLength) ?? new Uint8Array(grownLength);
      if (this.#body) {
        grown.set(this.#body.subarray(0, this.#bodyLength));
        this.#pool?.give(this.#body);
      }
      this.#body = grown;
    }
    this.#body.set(part, this.#bodyLength);
    this.#bodyLength = needed;
    this.#rest = this.#rest.subarray(part.length);
  }
}

function checkLength(length: number): void {
  if (length > FRAME_BYTES_MAX) {
    throw new FaregateError(
      'UPLOAD_TOO_LARGE',
      `a frame of ${length} bytes; at most ${FRAME_BYTES_MAX} are allowed`,
    );
  }
  if (length === 0) throw new FaregateError('UPLOAD_MALFORMED', 'a frame of no bytes');
}
