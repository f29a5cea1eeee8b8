/**
 * Buffers of some kilobytes that are used again and again. Memory outside the heap is dear to
 * collect: every 64 MB of it make V8 go through the whole heap, which took an engine at full load
 * an eighth of its time.
 */
import { BYTE_POOL_KEPT_BYTES_MAX } from './limits.ts';

/** What is smaller costs less to make than to keep. */
const SIZE_MIN = 4096;

export class BytePool {
  /** By size, a power of two. */
  readonly #free = new Map<number, ArrayBuffer[]>();
  readonly #given = new WeakSet<ArrayBufferLike>();
  #keptBytes = 0;

  /** `length` bytes of any content. */
  take(length: number): Uint8Array {
    if (length < SIZE_MIN) return new Uint8Array(length);
    const size = 2 ** Math.ceil(Math.log2(length));
    let buffer = this.#free.get(size)?.pop();
    if (buffer) this.#keptBytes -= size;
    else buffer = new ArrayBuffer(size);
    this.#given.add(buffer);
    return new Uint8Array(buffer, 0, length);
  }

  /**
   * Takes back what `take` gave, or a view of it, once nobody looks at it any more; anything else
   * is left to the collector.
   */
  give(bytes: Uint8Array): void {
    const { buffer } = bytes;
    if (!(buffer instanceof ArrayBuffer) || !this.#given.delete(buffer)) return;
    const size = buffer.byteLength;
    if (this.#keptBytes + size > BYTE_POOL_KEPT_BYTES_MAX) return;
    this.#keptBytes += size;
    const free = this.#free.get(size);
    if (free) free.push(buffer);
    else this.#free.set(size, [buffer]);
  }
}
