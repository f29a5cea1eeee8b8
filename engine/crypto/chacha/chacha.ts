/**
 * ChaCha20-Poly1305 (RFC 8439, 2.8) on the module of `module.ts`: one instance and memory in
 * a process, in which one message after another is laid out, sealed or opened, and taken out.
 */
import { equalRange, writeU32 } from '../../bytes.ts';
import type { WebAssemblyHost } from '../bitslice/wasm.ts';
import { KEY, MASK, MESSAGE, MESSAGE_BYTES_MAX, NONCE, TAG } from './layout.ts';
import { buildChachaModule } from './module.ts';

const TAG_BYTES = 16;

type Work = (text: number, length: number, end: number) => void;

let made: { readonly host: WebAssemblyHost; readonly chacha: Chacha | null } | null = null;

export class Chacha {
  readonly #memory: Uint8Array<ArrayBuffer>;
  readonly #words: Int32Array<ArrayBuffer>;
  readonly #sealInPlace: Work;
  readonly #openInPlace: Work;
  /** The subkey that lies at KEY. */
  #subkey: Int32Array | null = null;
  /** What was taken out last: messages of one length and kind follow each other. */
  #taken: Uint8Array<ArrayBuffer>;

  private constructor(exports: Readonly<Record<string, unknown>>) {
    const { buffer } = exports.memory as { readonly buffer: ArrayBuffer };
    this.#memory = new Uint8Array(buffer);
    this.#words = new Int32Array(buffer);
    this.#sealInPlace = exports.seal as Work;
    this.#openInPlace = exports.open as Work;
    this.#memory.fill(0xff, MASK, MASK + 16);
    this.#taken = this.#memory.subarray(MESSAGE, MESSAGE);
  }

  /** The process's own; null where the host cannot run it (`BitslicedDes.create`). */
  static of(host: WebAssemblyHost | null): Chacha | null {
    if (host === null) return null;
    if (made?.host !== host) made = { host, chacha: Chacha.#make(host) };
    return made.chacha;
  }

  static #make(host: WebAssemblyHost): Chacha | null {
    const bytes = buildChachaModule();
    if (!host.validate(bytes)) return null;
    try {
      return new Chacha(new host.Instance(new host.Module(bytes)).exports);
    } catch (error) {
      // No address space left.
      if (error instanceof RangeError) return null;
      throw error;
    }
  }

  /** Whether associated data and text of such lengths fit. */
  static takes(associatedBytes: number, textBytes: number): boolean {
    return pad16(associatedBytes) + pad16(textBytes) + TAG_BYTES <= MESSAGE_BYTES_MAX;
  }

  /**
   * Writes ciphertext and tag at `out[at]`. Lengths are such as `takes` says.
   * @param subkey 8 words as the host has them, little-endian; taken to be the same while it is the
   *   same array.
   */
  seal(
    subkey: Int32Array,
    nonceHigh: number,
    nonceLow: number,
    associated: Uint8Array,
    plain: Uint8Array,
    out: Uint8Array,
    at: number,
  ): void {
    const { length } = plain;
    this.#useKey(subkey, nonceHigh, nonceLow);
    const text = this.#layAssociated(associated);
    this.#memory.set(plain, text);
    const end = this.#layLengths(text, associated.length, length);
    this.#sealInPlace(text, length, end);
    out.set(this.#take(text, length + TAG_BYTES), at);
  }

  /** The plaintext of ciphertext and tag, or null. At least a tag's bytes are given. */
  open(
    subkey: Int32Array,
    nonceHigh: number,
    nonceLow: number,
    associated: Uint8Array,
    sealed: Uint8Array,
  ): Uint8Array | null {
    const length = sealed.length - TAG_BYTES;
    this.#useKey(subkey, nonceHigh, nonceLow);
    const text = this.#layAssociated(associated);
    this.#memory.set(sealed, text);
    if ((length & 15) !== 0) this.#memory.fill(0, text + length, text + pad16(length));
    const end = this.#layLengths(text, associated.length, length);
    this.#openInPlace(text, length, end);
    if (!equalRange(this.#memory, TAG, sealed, length, TAG_BYTES)) return null;
    return this.#memory.slice(text, text + length);
  }

  #useKey(subkey: Int32Array, nonceHigh: number, nonceLow: number): void {
    if (this.#subkey !== subkey) {
      for (let i = 0; i < 8; i++) this.#words[KEY / 4 + i] = subkey[i]!;
      this.#subkey = subkey;
    }
    writeU32(this.#memory, NONCE, nonceHigh);
    writeU32(this.#memory, NONCE + 4, nonceLow);
  }

  /** Associated data and its padding. @returns where the text goes. */
  #layAssociated(associated: Uint8Array): number {
    const text = MESSAGE + pad16(associated.length);
    if (text > MESSAGE) {
      for (let i = text / 4 - 4; i < text / 4; i++) this.#words[i] = 0;
      this.#memory.set(associated, MESSAGE);
    }
    return text;
  }

  /** Both lengths as little-endian u64. @returns where the message ends. */
  #layLengths(text: number, associatedBytes: number, textBytes: number): number {
    const at = text + pad16(textBytes);
    this.#words[at / 4] = associatedBytes;
    this.#words[at / 4 + 1] = 0;
    this.#words[at / 4 + 2] = textBytes;
    this.#words[at / 4 + 3] = 0;
    return at + 16;
  }

  #take(at: number, length: number): Uint8Array {
    if (this.#taken.byteOffset !== at || this.#taken.length !== length) {
      this.#taken = this.#memory.subarray(at, at + length);
    }
    return this.#taken;
  }
}

function pad16(length: number): number {
  return (length + 15) & ~15;
}
