/**
 * Frames of the vpcd protocol, which links card programs and readers over TCP: u16 big-endian
 * length, then the body. A body of one byte is power control or asks for the ATR; a longer one is a
 * C-APDU to the card or an R-APDU from it.
 */

/** Bodies of one byte, from the reader to the card. Only `atr` is answered. */
export const PowerControl = { off: 0, on: 1, reset: 2, atr: 4 } as const;

/** ATR of a contactless card without historical bytes (PC/SC part 3): T=0, T=1, no more. */
export const CONTACTLESS_ATR: Uint8Array = Uint8Array.of(0x3b, 0x81, 0x80, 0x01, 0x80, 0x80);

const HEADER_BYTES = 2;

/**
 * A whole frame, so that it goes out in one write: two writes cost 40 ms where Nagle meets ACKs.
 */
export function frame(body: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES + body.length);
  bytes[0] = body.length >>> 8;
  bytes[1] = body.length;
  bytes.set(body, HEADER_BYTES);
  return bytes;
}

/** Puts frames together from what a socket delivers; holds at most one frame over its bound. */
export class FrameBuffer {
  readonly #bodyBytesMax: number;
  #bytes: Uint8Array = new Uint8Array(0);

  constructor(bodyBytesMax: number) {
    this.#bodyBytesMax = bodyBytesMax;
  }

  push(chunk: Uint8Array): void {
    this.#bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk]);
  }

  /** The next body; null while it is not complete; `oversized` for good once one is too long. */
  next(): Uint8Array | null | 'oversized' {
    const bytes = this.#bytes;
    if (bytes.length < HEADER_BYTES) return null;
    const length = (bytes[0]! << 8) | bytes[1]!;
    if (length > this.#bodyBytesMax) return 'oversized';
    if (bytes.length < HEADER_BYTES + length) return null;
    this.#bytes = bytes.subarray(HEADER_BYTES + length);
    return new Uint8Array(bytes.subarray(HEADER_BYTES, HEADER_BYTES + length));
  }

  /** Whether bytes are left that belong to no frame taken yet. */
  get pending(): boolean {
    return this.#bytes.length > 0;
  }
}
