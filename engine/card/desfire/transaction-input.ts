/**
 * What a transaction MAC is computed over (TMI, MF2DL(H)x0 data sheet, 10.3.4): each command that
 * reads or changes a file adds itself and its plain data, each padded with zeros to whole blocks.
 * How the commands were protected, and in how many frames they came, leaves no trace in it.
 */
import { copyBytes } from '../../bytes.ts';
import { DESFIRE_TMI_BYTES_MAX } from '../../card-limits.ts';
import { invariant } from '../../invariant.ts';
import { take } from '../apdu.ts';

const BLOCK_BYTES = 16;

export class TransactionInput {
  readonly #bytes = new Uint8Array(DESFIRE_TMI_BYTES_MAX);
  #length = 0;

  /** The card began a transaction anew: select, commit, abort. */
  clear(): void {
    this.#bytes.fill(0, 0, this.#length);
    this.#length = 0;
  }

  /** Cmd ‖ FileNo ‖ value or amount, 4 bytes. */
  addValue(ins: number, fileNumber: number, value: number): void {
    const at = this.#block(6);
    this.#bytes[at] = ins;
    this.#bytes[at + 1] = fileNumber;
    writeLittle(this.#bytes, at + 2, 4, value);
  }

  /** Cmd ‖ FileNo ‖ a ‖ b, 3 bytes each, then the records. */
  addRecords(ins: number, fileNumber: number, a: number, b: number, data: Uint8Array): void {
    const at = this.#block(8);
    this.#bytes[at] = ins;
    this.#bytes[at + 1] = fileNumber;
    writeLittle(this.#bytes, at + 2, 3, a);
    writeLittle(this.#bytes, at + 5, 3, b);
    copyBytes(data, 0, this.#bytes, this.#block(data.length), data.length);
  }

  /** A copy; whole blocks. */
  bytes(): Uint8Array {
    return take(this.#bytes, 0, this.#length);
  }

  /** Room for `length` bytes in blocks of zeros. */
  #block(length: number): number {
    const at = this.#length;
    this.#length += Math.ceil(length / BLOCK_BYTES) * BLOCK_BYTES;
    invariant(this.#length <= DESFIRE_TMI_BYTES_MAX, 'a transaction of few records');
    return at;
  }
}

/** `length` bytes, least significant first. */
export function writeLittle(bytes: Uint8Array, at: number, length: number, value: number): void {
  for (let i = 0; i < length; i++) bytes[at + i] = value >>> (8 * i);
}

/** Four bytes as a signed number, as values and counters are. */
export function readLittle(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
}
