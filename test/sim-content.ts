/**
 * What a simulated file holds: bytes that never change, in pages that contents share. So a write
 * costs the pages it touches, a copy of a disk costs nothing, and zeros take no room.
 */

const PAGE_BYTES = 1024;

/** Null: all zeros. */
type Page = Uint8Array | null;

let zeroBytes = new Uint8Array(0);

/** Zeros, to be read only: `Content.with` knows them and copies nothing. */
export function zeros(length: number): Uint8Array {
  if (length > zeroBytes.length) zeroBytes = new Uint8Array(2 * length);
  return zeroBytes.subarray(0, length);
}

export class Content {
  static readonly empty = new Content([], 0);
  readonly length: number;
  readonly #pages: readonly Page[];

  private constructor(pages: readonly Page[], length: number) {
    this.#pages = pages;
    this.length = length;
  }

  static of(bytes: Uint8Array): Content {
    return Content.empty.with(bytes, 0);
  }

  /** These bytes with `bytes` at `position`, longer where they reach over the end. */
  with(bytes: Uint8Array, position: number): Content {
    if (bytes.length === 0) return this;
    const end = position + bytes.length;
    const isZero = bytes.buffer === zeroBytes.buffer;
    const pages = this.#pages.slice();
    while (pages.length * PAGE_BYTES < end) pages.push(null);
    for (let at = position; at < end; ) {
      const place = Math.floor(at / PAGE_BYTES);
      const start = at % PAGE_BYTES;
      const count = Math.min(PAGE_BYTES - start, end - at);
      const old = pages[place] ?? null;
      if (isZero && (old === null || count === PAGE_BYTES)) pages[place] = null;
      else {
        const page = old === null ? new Uint8Array(PAGE_BYTES) : old.slice();
        page.set(bytes.subarray(at - position, at - position + count), start);
        pages[place] = page;
      }
      at += count;
    }
    return new Content(pages, Math.max(this.length, end));
  }

  /** A copy of up to `length` bytes at `position`: shorter at the end. */
  read(position: number, length: number): Uint8Array {
    const end = Math.min(this.length, position + length);
    const result = new Uint8Array(Math.max(0, end - position));
    for (let at = position; at < end; ) {
      const start = at % PAGE_BYTES;
      const count = Math.min(PAGE_BYTES - start, end - at);
      const page = this.#pages[Math.floor(at / PAGE_BYTES)];
      if (page) result.set(page.subarray(start, start + count), at - position);
      at += count;
    }
    return result;
  }
}
