/**
 * Reads a denylist file from pieces of any size, checking as it goes: the signature before anything
 * of the body is taken, the counts, the order of keys, the hash of the body, the digest of the
 * keys. Nothing it hands out before `end` returned may be put in force.
 */
import { createHash } from 'node:crypto';
import { equalBytes } from '../bytes.ts';
import { FaregateError } from '../errors.ts';
import { keyBefore } from './card-hash.ts';
import {
  decodeHead,
  fileBytes,
  HEAD_BYTES,
  KEY_BYTES,
  type ListHead,
  SIGNED_BYTES,
} from './list-head.ts';
import { faultOfRanges, RANGE_BYTES } from './ranges.ts';
import { addToDigest, removeFromDigest, sameDigest } from './set-digest.ts';

/** Takes the body's keys as they come; false where it has no room. */
export interface KeySink {
  add(high: number, low: number): boolean;
  remove(high: number, low: number): boolean;
}

export interface ListReaderOptions {
  /** Names the list in errors: a file or a peer. */
  readonly source: string;
  /** Whether `signature` is the operator's, of `message`. */
  readonly verify: (message: Uint8Array, signature: Uint8Array) => boolean;
  /** Looks at a head with a good signature. @throws FaregateError where the list is not wanted. */
  readonly accept: (head: ListHead) => KeySink;
}

/** A file read to its end and found good. */
export interface ReadList {
  readonly head: ListHead;
  readonly ranges: Uint8Array;
}

const CHUNK_KEYS = 1024;

export class ListReader {
  readonly #options: ListReaderOptions;
  readonly #hash = createHash('sha256');
  readonly #headBytes = new Uint8Array(HEAD_BYTES);
  /** Bytes taken so far, of the whole file. */
  #taken = 0;
  #head: ListHead | null = null;
  #sink: KeySink | null = null;
  #ranges = new Uint8Array(0);
  readonly #digest = new Int32Array(4);
  /** Bytes of keys that wait to be whole, and their words. */
  readonly #chunk = new Uint8Array(CHUNK_KEYS * KEY_BYTES);
  readonly #words = new Int32Array(this.#chunk.buffer);
  #chunkUsed = 0;
  #keysRead = 0;
  #lastHigh = 0;
  #lastLow = 0;

  constructor(options: ListReaderOptions) {
    this.#options = options;
  }

  /** The head, once its bytes have come. */
  get head(): ListHead | null {
    return this.#head;
  }

  /** Takes the next bytes. @throws FaregateError DENYLIST_REFUSED, or what `accept` throws. */
  push(piece: Uint8Array): void {
    let at = 0;
    if (!this.#head) {
      at = Math.min(piece.length, HEAD_BYTES - this.#taken);
      this.#headBytes.set(piece.subarray(0, at), this.#taken);
      this.#taken += at;
      if (this.#taken < HEAD_BYTES) return;
      this.#takeHead();
    }
    const rest = piece.subarray(at);
    if (this.#taken + rest.length > fileBytes(this.#head!)) {
      throw this.#refuse(`longer than the ${fileBytes(this.#head!)} bytes it says`);
    }
    this.#hash.update(rest);
    for (let done = 0; done < rest.length; ) done += this.#takeBody(rest.subarray(done));
  }

  /** All pieces were pushed. @throws FaregateError DENYLIST_REFUSED. */
  end(): ReadList {
    const head = this.#head;
    if (!head) throw this.#refuse(`ends after ${this.#taken} bytes, within its head`);
    if (this.#taken < fileBytes(head)) {
      throw this.#refuse(`ends after ${this.#taken} of ${fileBytes(head)} bytes`);
    }
    this.#takeKeys();
    if (!equalBytes(this.#hash.digest(), head.bodySha256)) {
      throw this.#refuse('its content is damaged');
    }
    if (!sameDigest(this.#digest, head.digest)) throw this.#refuse('its digest is wrong');
    return { head, ranges: this.#ranges };
  }

  #takeHead(): void {
    const head = decodeHead(this.#headBytes);
    if (typeof head === 'string') throw this.#refuse(head);
    const signature = this.#headBytes.subarray(SIGNED_BYTES);
    if (!this.#options.verify(this.#headBytes.subarray(0, SIGNED_BYTES), signature)) {
      throw this.#refuse('not signed by the operator, or damaged');
    }
    this.#sink = this.#options.accept(head);
    this.#head = head;
    this.#ranges = new Uint8Array(head.ranges * RANGE_BYTES);
    this.#digest.set(head.fromDigest);
    this.#checkRanges();
  }

  /** Takes bytes of one section; returns how many. */
  #takeBody(bytes: Uint8Array): number {
    const rangesLeft = HEAD_BYTES + this.#ranges.length - this.#taken;
    if (rangesLeft > 0) {
      const count = Math.min(rangesLeft, bytes.length);
      this.#ranges.set(bytes.subarray(0, count), this.#taken - HEAD_BYTES);
      this.#taken += count;
      this.#checkRanges();
      return count;
    }
    const count = Math.min(bytes.length, this.#chunk.length - this.#chunkUsed);
    this.#chunk.set(bytes.subarray(0, count), this.#chunkUsed);
    this.#chunkUsed += count;
    this.#taken += count;
    if (this.#chunkUsed === this.#chunk.length) this.#takeKeys();
    return count;
  }

  #checkRanges(): void {
    if (this.#taken !== HEAD_BYTES + this.#ranges.length) return;
    const fault = faultOfRanges(this.#ranges);
    if (fault !== null) throw this.#refuse(fault);
  }

  #takeKeys(): void {
    const { added } = this.#head!;
    const sink = this.#sink!;
    const words = this.#words;
    for (let i = 0; i < this.#chunkUsed / 4; i += 2) {
      const low = words[i]!;
      const high = words[i + 1]!;
      const adding = this.#keysRead < added;
      const first = this.#keysRead === 0 || this.#keysRead === added;
      if (low === 0 || !(first || keyBefore(this.#lastHigh, this.#lastLow, high, low))) {
        throw this.#refuse(`key ${this.#keysRead + 1} is out of order`);
      }
      if (adding) addToDigest(this.#digest, high, low);
      else removeFromDigest(this.#digest, high, low);
      if (!(adding ? sink.add(high, low) : sink.remove(high, low))) {
        throw this.#refuse('its keys do not spread as hashes do');
      }
      this.#lastHigh = high;
      this.#lastLow = low;
      this.#keysRead += 1;
    }
    this.#chunkUsed = 0;
  }

  #refuse(why: string): FaregateError {
    return new FaregateError('DENYLIST_REFUSED', `${this.#options.source}: ${why}`);
  }
}
