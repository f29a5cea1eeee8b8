/**
 * Frames of the ACR122S, ACR122L and ACR1281S on a serial line (ACS ACR122S communication protocol
 * 2.01, 4.0): 02, a header of ten bytes like CCID's, data, the XOR of header and data, 03. Each
 * command is first met by a short status frame: 02, status, its XOR, 03.
 */
import { ACR122_DATA_BYTES_MAX } from '../../engine/limits.ts';

export const MessageType = {
  powerOn: 0x62,
  powerOff: 0x63,
  transfer: 0x6f,
  dataBlock: 0x80,
  slotStatus: 0x81,
} as const;

/** What a status frame says of the command before it. */
export const FrameStatus = {
  taken: 0x00,
  timeout: 0xfc,
  noEtx: 0xfd,
  wrongLength: 0xfe,
  wrongChecksum: 0xff,
} as const;

export type Acr122Frame =
  | { readonly kind: 'status'; readonly status: number }
  | {
      readonly kind: 'message';
      readonly sequence: number;
      /** Of CCID: 0 in bits 7-6 is success, 1 failure, 2 asks for more time. */
      readonly outcome: number;
      readonly data: Uint8Array;
    }
  | { readonly kind: 'broken'; readonly why: string };

const STX = 0x02;
const ETX = 0x03;
const HEADER_BYTES = 10;
/** STX, header, checksum, ETX. */
const AROUND_BYTES = HEADER_BYTES + 3;
const STATUS_FRAME_BYTES = 4;

/** Asks the reader to send its last message again. */
export const ACR122_NAK: Uint8Array = Uint8Array.of(STX, ...new Uint8Array(11), ETX);

/** A whole frame from host to reader, slot 0; `parameter` is the first of three header bytes. */
export function acr122Frame(
  type: number,
  sequence: number,
  data: Uint8Array,
  parameter = 0,
): Uint8Array {
  const { length } = data;
  const frame = new Uint8Array(AROUND_BYTES + length);
  frame.set([STX, type, length & 0xff, length >>> 8, 0, 0, 0, sequence, parameter]);
  frame.set(data, 1 + HEADER_BYTES);
  frame[frame.length - 2] = xor(frame.subarray(1, 1 + HEADER_BYTES + length));
  frame[frame.length - 1] = ETX;
  return frame;
}

/** Finds the reader's frames in what comes, and skips what is none. */
export class Acr122Scanner {
  #bytes: Uint8Array = new Uint8Array(0);

  push(chunk: Uint8Array): void {
    this.#bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk]);
  }

  get begun(): boolean {
    return this.#seek();
  }

  clear(): void {
    this.#bytes = new Uint8Array(0);
  }

  /** The next frame, or null while none is complete. After `broken` it looks further on. */
  next(): Acr122Frame | null {
    if (!this.#seek() || this.#bytes.length < STATUS_FRAME_BYTES) return null;
    const type = this.#bytes[1];
    const isMessage = type === MessageType.dataBlock || type === MessageType.slotStatus;
    return isMessage ? this.#message() : this.#status();
  }

  #status(): Acr122Frame {
    const [, status, check, end] = this.#bytes;
    if (status !== check || end !== ETX) return this.#skip('neither status nor message');
    return this.#take(STATUS_FRAME_BYTES, { kind: 'status', status: status! });
  }

  #message(): Acr122Frame | null {
    const bytes = this.#bytes;
    if (bytes.length < AROUND_BYTES) return null;
    const length = bytes[2]! | (bytes[3]! << 8);
    if (length > ACR122_DATA_BYTES_MAX || bytes[4] !== 0 || bytes[5] !== 0) {
      return this.#skip('length');
    }
    const whole = AROUND_BYTES + length;
    if (bytes.length < whole) return null;
    if (bytes[whole - 1] !== ETX) return this.#skip('no ETX');
    if (xor(bytes.subarray(1, whole - 1)) !== 0) return this.#skip('checksum');
    return this.#take(whole, {
      kind: 'message',
      sequence: bytes[7]!,
      outcome: bytes[8]! >>> 6,
      data: new Uint8Array(bytes.subarray(1 + HEADER_BYTES, whole - 2)),
    });
  }

  /** Drops what stands before the next STX; false where there is none. */
  #seek(): boolean {
    const at = this.#bytes.indexOf(STX);
    this.#bytes = at < 0 ? new Uint8Array(0) : this.#bytes.subarray(at);
    return at >= 0;
  }

  #take(length: number, frame: Acr122Frame): Acr122Frame {
    this.#bytes = this.#bytes.subarray(length);
    return frame;
  }

  /** Only the STX is dropped: a frame may begin inside what was taken for one. */
  #skip(why: string): Acr122Frame {
    return this.#take(1, { kind: 'broken', why });
  }
}

function xor(bytes: Uint8Array): number {
  let value = 0;
  for (const byte of bytes) value ^= byte;
  return value;
}
