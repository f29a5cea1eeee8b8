/**
 * Between the station's process and the cards': frames of a length (u16), a kind (u8), a gate
 * (u16), the sender's monotonic clock in microseconds (f64), which the processes of one machine
 * share, and bytes.
 */
import type { Socket } from 'node:net';

export const FrameKind = { arrived: 1, command: 2, answer: 3, released: 4 } as const;
export type FrameKind = (typeof FrameKind)[keyof typeof FrameKind];

const LENGTH_BYTES = 2;
const HEAD_BYTES = LENGTH_BYTES + 11;
const GATHER_BYTES = 256 * 1024;
/** Else a third of what the station does would be calls that wake the cards' process. */
const GATHER_MS = 1;
const NOTHING = new Uint8Array(0);

/** What `performance.now` starts from, on the clock that all processes share. */
const originUs = Number(process.hrtime.bigint()) / 1000 - performance.now() * 1000;

/** Monotonic, the same in all processes of a machine (CLOCK_MONOTONIC on Linux). */
export function nowUs(): number {
  return originUs + performance.now() * 1000;
}

export type Hear = (kind: FrameKind, gate: number, sentUs: number, bytes: Uint8Array) => void;

/**
 * One connection. Where it `gathers`, the frames of all gates within GATHER_MS travel with one
 * write; else each is written at once, as to a reader of its own.
 */
export class CardWire {
  readonly #socket: Socket;
  readonly #gathers: boolean;
  #out: Buffer = Buffer.allocUnsafe(GATHER_BYTES);
  #length = 0;
  #rest: Buffer = Buffer.alloc(0);

  constructor(socket: Socket, gathers: boolean, hear: (wire: CardWire) => Hear) {
    this.#socket = socket;
    this.#gathers = gathers;
    const heard = hear(this);
    socket.on('error', () => socket.destroy());
    socket.on('data', (chunk) => this.#cut(chunk as Buffer, heard));
  }

  send(kind: FrameKind, gate: number, bytes: Uint8Array = NOTHING): void {
    if (this.#length + HEAD_BYTES + bytes.length > this.#out.length) this.#flush();
    const at = this.#length;
    this.#out.writeUInt16BE(HEAD_BYTES - LENGTH_BYTES + bytes.length, at);
    this.#out[at + LENGTH_BYTES] = kind;
    this.#out.writeUInt16BE(gate, at + LENGTH_BYTES + 1);
    this.#out.writeDoubleBE(nowUs(), at + LENGTH_BYTES + 3);
    this.#out.set(bytes, at + HEAD_BYTES);
    this.#length += HEAD_BYTES + bytes.length;
    if (!this.#gathers) this.#flush();
    else if (at === 0) setTimeout(() => this.#flush(), GATHER_MS);
  }

  #flush(): void {
    if (this.#length === 0 || this.#socket.destroyed) return;
    this.#socket.write(Buffer.from(this.#out.subarray(0, this.#length)));
    this.#length = 0;
  }

  #cut(chunk: Buffer, hear: Hear): void {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let at = 0;
    while (bytes.length - at >= LENGTH_BYTES) {
      const end = at + LENGTH_BYTES + bytes.readUInt16BE(at);
      if (bytes.length < end) break;
      const kind = bytes[at + LENGTH_BYTES]! as FrameKind;
      const gate = bytes.readUInt16BE(at + LENGTH_BYTES + 1);
      const sentUs = bytes.readDoubleBE(at + LENGTH_BYTES + 3);
      hear(kind, gate, sentUs, new Uint8Array(bytes.subarray(at + HEAD_BYTES, end)));
      at = end;
    }
    this.#rest = at === bytes.length ? Buffer.alloc(0) : bytes.subarray(at);
  }
}
