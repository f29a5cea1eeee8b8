/**
 * Blocks of shared memory for batches on their way: as many as there may be batches with threads,
 * made when first needed and used again. A block holds a mark of 8 bytes, by which a thread tells
 * how far it is, then the results, then the items, unless those lie in the caller's shared memory.
 */
import { POOL_JOB_BYTES_MAX } from '../../limits.ts';

/** Results start here: on a boundary of words. */
const RESULTS = 8;

/** How far a batch is, for when its thread dies without saying. */
export const marks = { waiting: 0, begun: 1, done: 2 } as const;

/** One batch's memory, as both sides see it. */
export interface BatchMemory {
  readonly block: SharedArrayBuffer;
  /** One word, of `marks`. */
  readonly mark: Int32Array;
  readonly input: Uint8Array;
  readonly output: Uint8Array;
}

/** Looks at a block. @param input the caller's shared memory, or null where items are copied. */
export function viewBlock(
  block: SharedArrayBuffer,
  input: Uint8Array | null,
  inputBytes: number,
  outputBytes: number,
): BatchMemory {
  return {
    block,
    mark: new Int32Array(block, 0, 1),
    input: input ?? new Uint8Array(block, RESULTS + outputBytes, inputBytes),
    output: new Uint8Array(block, RESULTS, outputBytes),
  };
}

/** `input` where it lies in shared memory, else null: it has to be copied. */
export function sharedOnly(input: Uint8Array): Uint8Array | null {
  return input.buffer instanceof SharedArrayBuffer ? input : null;
}

export class Blocks {
  readonly #free: SharedArrayBuffer[] = [];
  readonly #keepMax: number;

  constructor(keepMax: number) {
    this.#keepMax = keepMax;
  }

  /** A block with room for the results of `input`, and `input` in it unless it is shared. */
  take(input: Uint8Array, outputBytes: number): BatchMemory {
    const block = this.#free.pop() ?? new SharedArrayBuffer(RESULTS + POOL_JOB_BYTES_MAX);
    const shared = sharedOnly(input);
    const memory = viewBlock(block, shared, input.length, outputBytes);
    memory.mark[0] = marks.waiting;
    if (shared === null) memory.input.set(input);
    return memory;
  }

  /** Takes a block back. Results may be keys: they are wiped. */
  give({ block, output }: BatchMemory): void {
    output.fill(0);
    if (this.#free.length < this.#keepMax) this.#free.push(block);
  }

  get free(): number {
    return this.#free.length;
  }
}
