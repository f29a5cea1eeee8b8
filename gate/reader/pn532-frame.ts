/**
 * Frames of the NXP PN532 on its serial interface (UM0701-02, 6.2.1): preamble 00, start code
 * 00 FF, length and its checksum, payload and its checksum, postamble 00. A payload begins with D4
 * towards the chip and D5 from it. Over 255 bytes the extended form has a length of two bytes.
 */
import { PN532_PAYLOAD_BYTES_MAX } from '../../engine/limits.ts';

/** The chip has taken a command; sent by the host, it aborts one. */
export const PN532_ACK: Uint8Array = Uint8Array.of(0x00, 0x00, 0xff, 0x00, 0xff, 0x00);
/** Asks the chip to send its last answer again. */
export const PN532_NACK: Uint8Array = Uint8Array.of(0x00, 0x00, 0xff, 0xff, 0x00, 0x00);

export type Pn532Frame =
  | { readonly kind: 'ack' }
  | { readonly kind: 'nack' }
  /** The chip found an error of syntax in the command. */
  | { readonly kind: 'error' }
  | { readonly kind: 'payload'; readonly payload: Uint8Array }
  /** Something that begins like a frame and is none. */
  | { readonly kind: 'broken'; readonly why: string };

const NORMAL_LENGTH_MAX = 255;
/** Payload of the frame with which the chip reports an error of syntax. */
const SYNTAX_ERROR = 0x7f;

/** A whole frame around D4 or D5 and what follows it, 1 to 265 bytes. */
export function pn532Frame(payload: Uint8Array): Uint8Array {
  const { length } = payload;
  const extended = length > NORMAL_LENGTH_MAX;
  const header = extended
    ? [0x00, 0x00, 0xff, 0xff, 0xff, length >>> 8, length & 0xff, -((length >>> 8) + length)]
    : [0x00, 0x00, 0xff, length, -length];
  const frame = new Uint8Array(header.length + length + 2);
  frame.set(header.map((byte) => byte & 0xff));
  frame.set(payload, header.length);
  frame[header.length + length] = -sum(payload);
  return frame;
}

/** Finds frames in what comes, and skips what is none. */
export class Pn532Scanner {
  #bytes: Uint8Array = new Uint8Array(0);

  push(chunk: Uint8Array): void {
    this.#bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk]);
  }

  /** Whether a frame has begun that is not complete. */
  get begun(): boolean {
    return this.#bytes.length >= 2 && this.#seek();
  }

  /** Forgets what has come: for a fresh start. */
  clear(): void {
    this.#bytes = new Uint8Array(0);
  }

  /** The next frame, or null while none is complete. After `broken` it looks further on. */
  next(): Pn532Frame | null {
    if (!this.#seek()) return null;
    const bytes = this.#bytes;
    if (bytes.length < 4) return null;
    const length = bytes[2]!;
    const check = bytes[3]!;
    if (length === 0x00 && check === 0xff) return this.#take(4, { kind: 'ack' });
    if (length === 0xff && check === 0x00) return this.#take(4, { kind: 'nack' });
    if (length === 0xff && check === 0xff) return this.#extended();
    if (((length + check) & 0xff) !== 0) return this.#skip('length checksum');
    return this.#payload(4, length);
  }

  #extended(): Pn532Frame | null {
    const bytes = this.#bytes;
    if (bytes.length < 7) return null;
    if (((bytes[4]! + bytes[5]! + bytes[6]!) & 0xff) !== 0) return this.#skip('length checksum');
    return this.#payload(7, (bytes[4]! << 8) | bytes[5]!);
  }

  #payload(at: number, length: number): Pn532Frame | null {
    if (length === 0 || length > PN532_PAYLOAD_BYTES_MAX) return this.#skip(`length ${length}`);
    if (this.#bytes.length < at + length + 1) return null;
    const payload = new Uint8Array(this.#bytes.subarray(at, at + length));
    if (((sum(payload) + this.#bytes[at + length]!) & 0xff) !== 0) {
      return this.#skip('data checksum');
    }
    const isError = length === 1 && payload[0] === SYNTAX_ERROR;
    return this.#take(at + length + 1, isError ? { kind: 'error' } : { kind: 'payload', payload });
  }

  /** Drops what stands before the next start code; false where there is none. */
  #seek(): boolean {
    const bytes = this.#bytes;
    for (let i = 0; i + 1 < bytes.length; i++) {
      if (bytes[i] === 0x00 && bytes[i + 1] === 0xff) {
        this.#bytes = bytes.subarray(i);
        return true;
      }
    }
    // The last byte may be the first half of a start code.
    this.#bytes = bytes.subarray(Math.max(0, bytes.length - 1));
    return false;
  }

  #take(length: number, frame: Pn532Frame): Pn532Frame {
    this.#bytes = this.#bytes.subarray(length);
    return frame;
  }

  /** Only the start code is dropped: a frame may begin inside what was taken for one. */
  #skip(why: string): Pn532Frame {
    return this.#take(2, { kind: 'broken', why });
  }
}

function sum(bytes: Uint8Array): number {
  let total = 0;
  for (const byte of bytes) total += byte;
  return total;
}
