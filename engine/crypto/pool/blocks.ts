/**
 * Blocks of shared memory for jobs on their way: as many as there may be jobs with workers, made
 * when first needed and used again.
 */
import { POOL_JOB_BYTES_MAX } from '../../limits.ts';

/** One job's memory: what the worker reads, and where it writes. */
export interface JobMemory {
  readonly block: SharedArrayBuffer;
  readonly input: Uint8Array;
  readonly output: Uint8Array;
}

export class Blocks {
  readonly #free: SharedArrayBuffer[] = [];
  readonly #keepMax: number;

  constructor(keepMax: number) {
    this.#keepMax = keepMax;
  }

  /** Copies `input` into a block, unless it lies in shared memory already. */
  take(input: Uint8Array, outputBytes: number): JobMemory {
    const block = this.#free.pop() ?? new SharedArrayBuffer(POOL_JOB_BYTES_MAX);
    if (input.buffer instanceof SharedArrayBuffer) {
      return { block, input, output: new Uint8Array(block, 0, outputBytes) };
    }
    // Results first, so that they start on a boundary of words.
    const copy = new Uint8Array(block, outputBytes, input.length);
    copy.set(input);
    return { block, input: copy, output: new Uint8Array(block, 0, outputBytes) };
  }

  /** Takes a block back. Results may be keys: they are wiped. */
  give(memory: JobMemory): void {
    memory.output.fill(0);
    if (this.#free.length < this.#keepMax) this.#free.push(memory.block);
  }

  get free(): number {
    return this.#free.length;
  }
}
