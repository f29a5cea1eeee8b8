/**
 * The final records a journal closed last, in memory, so that a gate whose uplink keeps up with it
 * neither reads its disk nor opens seals for it.
 */
import { DEBIT_BYTES } from '../../engine/debit/record.ts';

export class Recent {
  readonly #records: Uint8Array;
  /** Sequence held in each slot; 0 for none. */
  readonly #sequences: Float64Array;

  /** @param count records kept, a power of two. */
  constructor(count: number) {
    this.#records = new Uint8Array(count * DEBIT_BYTES);
    this.#sequences = new Float64Array(count);
  }

  keep(sequence: number, record: Uint8Array): void {
    const slot = sequence & (this.#sequences.length - 1);
    this.#sequences[slot] = sequence;
    this.#records.set(record, slot * DEBIT_BYTES);
  }

  /** Copies the record of `sequence` to `out[at]`; false where it is not here any more. */
  copy(sequence: number, out: Uint8Array, at: number): boolean {
    const slot = sequence & (this.#sequences.length - 1);
    if (this.#sequences[slot] !== sequence) return false;
    const from = slot * DEBIT_BYTES;
    out.set(this.#records.subarray(from, from + DEBIT_BYTES), at);
    return true;
  }
}
