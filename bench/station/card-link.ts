/**
 * Between a station's readers and the thread of its cards: one ring of frames each way in shared
 * memory. A real reader's link costs calls into the system, whose price depends on the link and,
 * where both ends are on one machine, mostly on whom they wake; here it is left out, so that what
 * is measured is the station. The cards' thread looks by itself; the station is sent one message
 * for all that has come since it looked last.
 *
 * A frame: length u16 ‖ kind u8 ‖ zero u8 ‖ gate u32 ‖ the sender's monotonic clock in microseconds
 * f64 ‖ bytes, in a slot of its own. Little-endian.
 */
import assert from 'node:assert/strict';

export const FrameKind = { arrived: 1, command: 2, answer: 3, released: 4 } as const;
export type FrameKind = (typeof FrameKind)[keyof typeof FrameKind];

const SLOT_BYTES = 320;
const HEAD_BYTES = 16;
/** A gate has one frame under way each way; a released card and the next may follow at once. */
const SLOTS_PER_GATE = 4;
const HEAD = 0;
const TAIL = 1;
/** Whether the reader of the ring was told and has not looked yet. */
const TOLD = 2;
const CONTROL_BYTES = 64;
const NOTHING = new Uint8Array(0);

/** What `performance.now` starts from, on the clock that all threads share. */
const originUs = foundOriginUs();

/** The first look at a clock takes a millisecond or two, which would be between the two. */
function foundOriginUs(): number {
  let least = Number.POSITIVE_INFINITY;
  for (let looks = 0; looks < 10; looks++) {
    const beforeUs = performance.now() * 1000;
    least = Math.min(least, Number(process.hrtime.bigint()) / 1000 - beforeUs);
  }
  return least;
}

/** Monotonic, the same in all threads of a machine (CLOCK_MONOTONIC on Linux). */
export function nowUs(): number {
  return originUs + performance.now() * 1000;
}

export type Hear = (kind: FrameKind, gate: number, sentUs: number, bytes: Uint8Array) => void;

/** Memory of both rings, for a `Ring` on either side. */
export interface CardLinkMemory {
  readonly toCards: SharedArrayBuffer;
  readonly toStation: SharedArrayBuffer;
}

export function cardLinkMemory(gates: number): CardLinkMemory {
  const bytes = CONTROL_BYTES + SLOT_BYTES * 2 ** Math.ceil(Math.log2(gates * SLOTS_PER_GATE));
  return {
    toCards: new SharedArrayBuffer(bytes),
    toStation: new SharedArrayBuffer(bytes),
  };
}

/** One way, one writer and one reader. */
export class Ring {
  readonly #control: Int32Array;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #mask: number;

  constructor(memory: SharedArrayBuffer) {
    this.#control = new Int32Array(memory, 0, CONTROL_BYTES / 4);
    this.#bytes = new Uint8Array(memory, CONTROL_BYTES);
    this.#view = new DataView(memory, CONTROL_BYTES);
    this.#mask = this.#bytes.length / SLOT_BYTES - 1;
  }

  /**
   * Puts a frame in the ring. @returns whether its reader is to be told.
   * @param sentUs when what it tells of was meant to be, where that is not now
   */
  send(kind: FrameKind, gate: number, bytes: Uint8Array = NOTHING, sentUs = nowUs()): boolean {
    const head = this.#control[HEAD]!;
    const used = head - Atomics.load(this.#control, TAIL);
    if (used > this.#mask || bytes.length > SLOT_BYTES - HEAD_BYTES) assert.fail('a full ring');
    const at = (head & this.#mask) * SLOT_BYTES;
    this.#view.setUint16(at, bytes.length, true);
    this.#view.setUint8(at + 2, kind);
    this.#view.setUint32(at + 4, gate, true);
    this.#view.setFloat64(at + 8, sentUs, true);
    this.#bytes.set(bytes, at + HEAD_BYTES);
    Atomics.store(this.#control, HEAD, head + 1);
    return Atomics.exchange(this.#control, TOLD, 1) === 0;
  }

  /**
   * Takes every frame there is.
   * @param keeps whether their bytes are used after `hear` has returned, and so copied for it
   */
  take(hear: Hear, keeps: boolean): void {
    Atomics.store(this.#control, TOLD, 0);
    let tail = this.#control[TAIL]!;
    for (; tail !== Atomics.load(this.#control, HEAD); tail++) {
      const at = (tail & this.#mask) * SLOT_BYTES;
      const length = this.#view.getUint16(at, true);
      const view = this.#bytes.subarray(at + HEAD_BYTES, at + HEAD_BYTES + length);
      const bytes = keeps ? new Uint8Array(view) : view;
      const kind = this.#view.getUint8(at + 2) as FrameKind;
      const gate = this.#view.getUint32(at + 4, true);
      const sentUs = this.#view.getFloat64(at + 8, true);
      hear(kind, gate, sentUs, bytes);
      Atomics.store(this.#control, TAIL, tail + 1);
    }
  }

  /** Waits for a frame, `ms` at most. Blocks the thread. */
  wait(ms: number): void {
    const head = Atomics.load(this.#control, HEAD);
    if (head === this.#control[TAIL]) Atomics.wait(this.#control, HEAD, head, ms);
  }
}
