/**
 * A small encoder of WebAssembly modules (WebAssembly core specification 2.0, chapter 5, binary
 * format): functions without results over one memory of fixed size, which is all that bitsliced DES
 * and the seals (`../chacha/`) need, and the little of the host's WebAssembly interface it
 * takes.
 */
import assert from 'node:assert/strict';

const VALUE_TYPES = { i32: 0x7f, i64: 0x7e, v128: 0x7b } as const;

export type ValueType = keyof typeof VALUE_TYPES;

/** Instructions without immediates. */
const OPERATIONS = {
  'i32.add': [0x6a],
  'i32.sub': [0x6b],
  'i32.and': [0x71],
  'i32.eq': [0x46],
  'i32.ne': [0x47],
  'i32.lt_u': [0x49],
  'i64.add': [0x7c],
  'i64.mul': [0x7e],
  'i64.and': [0x83],
  'i64.or': [0x84],
  'i64.xor': [0x85],
  'i64.shl': [0x86],
  'i64.shr_s': [0x87],
  'i64.shr_u': [0x88],
  'i64.lt_u': [0x54],
  'i64.extend_i32_u': [0xad],
  'v128.andnot': [0xfd, 0x4f],
  'v128.and': [0xfd, 0x4e],
  'v128.or': [0xfd, 0x50],
  'v128.xor': [0xfd, 0x51],
  'i32x4.splat': [0xfd, 0x11],
  'i32x4.add': [0xfd, 0xae, 0x01],
  'i32x4.shl': [0xfd, 0xab, 0x01],
  'i32x4.shr_u': [0xfd, 0xad, 0x01],
  'i64x2.shl': [0xfd, 0xcb, 0x01],
  'i64x2.shr_u': [0xfd, 0xcd, 0x01],
} as const;

export type Operation = keyof typeof OPERATIONS;

/** Accesses to memory, before alignment and offset. */
const ACCESSES = {
  'i32.load': [0x28],
  'i64.load': [0x29],
  'i64.load32_u': [0x35],
  'i64.store': [0x37],
  'v128.load': [0xfd, 0x00],
  'v128.load32_splat': [0xfd, 0x09],
  'v128.store': [0xfd, 0x0b],
  'v128.load8_lane': [0xfd, 0x54],
  'v128.load16_lane': [0xfd, 0x55],
} as const;

const V128_CONST = [0xfd, 0x0c];
const SHUFFLE = [0xfd, 0x0d];
/** The type of a block that leaves nothing. */
const NO_RESULT = 0x40;
const END = 0x0b;

export type Access = keyof typeof ACCESSES;

/** Bytes that grow at their end. Lists of numbers for some 30,000 of them take 100 ms instead. */
class Bytes {
  #bytes: Uint8Array<ArrayBuffer> = new Uint8Array(64);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** A view that the next byte added may leave behind. */
  get written(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.#length);
  }

  byte(value: number): void {
    if (this.#length === this.#bytes.length) this.#grow(this.#length + 1);
    this.#bytes[this.#length++] = value;
  }

  bytes(values: readonly number[] | Uint8Array): void {
    for (let i = 0; i < values.length; i++) this.byte(values[i]!);
  }

  /** Unsigned LEB128. */
  unsigned(value: number): void {
    let rest = value;
    for (; rest >= 128; rest >>>= 7) this.byte((rest & 127) | 128);
    this.byte(rest);
  }

  /** Signed LEB128 of a 32-bit number. */
  signed(value: number): void {
    let rest = value;
    for (; rest < -64 || rest > 63; rest >>= 7) this.byte((rest & 127) | 128);
    this.byte(rest & 127);
  }

  /** `other` after its length. */
  sized(other: Bytes): void {
    this.unsigned(other.length);
    if (this.#length + other.length > this.#bytes.length) this.#grow(this.#length + other.length);
    this.#bytes.set(other.written, this.#length);
    this.#length += other.length;
  }

  #grow(least: number): void {
    const larger = new Uint8Array(Math.max(least, 2 * this.#bytes.length));
    larger.set(this.#bytes);
    this.#bytes = larger;
  }
}

/** One function: parameters, locals, and the instructions emitted so far. */
export class FunctionCode {
  readonly params: readonly ValueType[];
  readonly #locals: ValueType[] = [];
  readonly #code = new Bytes();

  constructor(params: readonly ValueType[]) {
    this.params = params;
  }

  /** Declares a local, zero at first; returns its index. */
  local(type: ValueType): number {
    this.#locals.push(type);
    return this.params.length + this.#locals.length - 1;
  }

  locals(type: ValueType, count: number): number[] {
    return Array.from({ length: count }, () => this.local(type));
  }

  get(local: number): void {
    this.#code.byte(0x20);
    this.#code.unsigned(local);
  }

  set(local: number): void {
    this.#code.byte(0x21);
    this.#code.unsigned(local);
  }

  i32(value: number): void {
    this.#code.byte(0x41);
    this.#code.signed(value);
  }

  /** A 64-bit number that 32 bits hold with their sign. */
  i64(value: number): void {
    this.#code.byte(0x42);
    this.#code.signed(value);
  }

  /** A vector of 16 equal bytes. */
  splat(byte: number): void {
    this.vector(new Array<number>(16).fill(byte));
  }

  vector(bytes: readonly number[]): void {
    assert(bytes.length === 16);
    this.#code.bytes(V128_CONST);
    this.#code.bytes(bytes);
  }

  do(operation: Operation): void {
    this.#code.bytes(OPERATIONS[operation]);
  }

  /** Accesses memory at the address on the stack plus `offset`; `lane` of the lane forms. */
  at(access: Access, offset: number, lane?: number): void {
    this.#code.bytes(ACCESSES[access]);
    // The alignment, as a power of two: only a hint, and records lie at any address.
    this.#code.byte(0);
    this.#code.unsigned(offset);
    if (lane !== undefined) this.#code.byte(lane);
  }

  /** Picks 16 bytes of the two vectors on the stack, the first is 0 to 15, the second 16 to 31. */
  shuffle(lanes: readonly number[]): void {
    assert(lanes.length === 16);
    this.#code.bytes(SHUFFLE);
    this.#code.bytes(lanes);
  }

  call(index: number): void {
    this.#code.byte(0x10);
    this.#code.unsigned(index);
  }

  /** Repeats `body` as long as it leaves a number other than 0. */
  repeat(body: () => void): void {
    this.#code.bytes([0x03, NO_RESULT]);
    body();
    this.#code.bytes([0x0d, 0, END]);
  }

  /** Runs `body` if the number on the stack is not 0. */
  when(body: () => void): void {
    this.#code.bytes([0x04, NO_RESULT]);
    body();
    this.#code.byte(END);
  }

  /** Adds the body to the code section. */
  write(section: Bytes): void {
    const body = new Bytes();
    body.unsigned(this.#locals.length);
    for (const type of this.#locals) body.bytes([1, VALUE_TYPES[type]]);
    body.bytes(this.#code.written);
    body.byte(END);
    section.sized(body);
  }
}

export interface ModuleParts {
  /** Pages of 64 KiB; the memory neither grows nor shrinks, and is exported as `memory`. */
  readonly memoryPages: number;
  /** A function calls another by its place in this list. */
  readonly functions: readonly FunctionCode[];
  /** Names of exported functions by their place. */
  readonly exports: ReadonlyMap<string, number>;
}

/** The module's bytes. */
export function encodeModule(parts: ModuleParts): Uint8Array<ArrayBuffer> {
  const { functions, memoryPages, exports } = parts;
  const out = new Bytes();
  out.bytes([0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00]);
  const section = (id: number, items: number, write: (content: Bytes) => void) => {
    const content = new Bytes();
    content.unsigned(items);
    write(content);
    out.byte(id);
    out.sized(content);
  };
  section(1, functions.length, (types) => {
    for (const { params } of functions) {
      types.bytes([0x60, params.length, ...params.map((type) => VALUE_TYPES[type]), 0]);
    }
  });
  section(3, functions.length, (indexes) => {
    for (const index of functions.keys()) indexes.unsigned(index);
  });
  section(5, 1, (memories) => {
    memories.byte(1);
    memories.unsigned(memoryPages);
    memories.unsigned(memoryPages);
  });
  section(7, exports.size + 1, (names) => {
    for (const [kind, name, index] of [
      [2, 'memory', 0],
      ...[...exports].map(([name, index]) => [0, name, index] as const),
    ] as const) {
      names.unsigned(name.length);
      names.bytes(Buffer.from(name, 'latin1'));
      names.byte(kind);
      names.unsigned(index);
    }
  });
  section(10, functions.length, (bodies) => {
    for (const code of functions) code.write(bodies);
  });
  return out.written.slice();
}

/** What this folder uses of the host's `WebAssembly`. */
export interface WebAssemblyHost {
  validate(bytes: Uint8Array<ArrayBuffer>): boolean;
  readonly Module: new (bytes: Uint8Array<ArrayBuffer>) => object;
  readonly Instance: new (
    module: object,
  ) => { readonly exports: Readonly<Record<string, unknown>> };
}

/** The host's `WebAssembly`, or null where it has none. */
export const webAssembly: WebAssemblyHost | null =
  (globalThis as { readonly WebAssembly?: WebAssemblyHost }).WebAssembly ?? null;
