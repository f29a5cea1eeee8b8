/**
 * The bitsliced module: its functions put together, encoded once in a process, and an instance of
 * it with its memory. One call works on 128 lanes.
 */
import { DES_SCHEDULE_WORDS, PC2 } from '../des.ts';
import {
  des,
  ede,
  factor,
  type MessageBit,
  macAndCompare,
  ONE_BIT,
  putKeys,
  takeKey,
  ZERO_BIT,
} from './cipher.ts';
import {
  BACKWARDS,
  BLOCK_A,
  BLOCK_B,
  CARD_LEFT,
  CARD_RIGHT,
  FACTORS,
  FIRST,
  FORWARDS,
  KEY_REPEATS,
  KEYS,
  keyOffset,
  MASTER_LEFT,
  MASTER_RIGHT,
  MEMORY_PAGES,
  ROTATIONS,
  SECOND,
  SLICE_BYTES,
  TAC_KEY,
} from './layout.ts';
import {
  readFactors,
  readFirst,
  readSecond,
  secondColumn,
  turnBits,
  writeRows,
} from './transpose.ts';
import { encodeModule, FunctionCode, type WebAssemblyHost } from './wasm.ts';

/** Slices of one byte. */
const BYTE_BYTES = 8 * SLICE_BYTES;

/** The bits of a TAC's message: amount4 ‖ type1 ‖ terminal6 ‖ sequence4 ‖ date4 ‖ time3 ‖ 8000. */
function tacMessage(): MessageBit[] {
  const bits = (columns: number, from: number, bytes: number) =>
    Array.from({ length: 8 * bytes }, (_, bit) => columns + from * BYTE_BYTES + bit * SLICE_BYTES);
  return [
    ...bits(SECOND, secondColumn.amount, 4),
    ...bits(SECOND, secondColumn.type, 1),
    ...bits(FIRST, 8, 6),
    ...bits(FIRST, 14, 2),
    ...bits(SECOND, secondColumn.sequenceEnd, 2),
    ...bits(FIRST, 0, 7),
    ONE_BIT,
    ...new Array<MessageBit>(15).fill(ZERO_BIT),
  ];
}

/** The functions by name; a later one calls earlier ones by their place. */
class Functions {
  readonly list: FunctionCode[] = [];
  readonly exports: Map<string, number> = new Map<string, number>();

  add(code: FunctionCode): number {
    return this.list.push(code) - 1;
  }

  export(name: string, code: FunctionCode): number {
    const index = this.add(code);
    this.exports.set(name, index);
    return index;
  }
}

/** The module's bytes. */
function buildModule(): Uint8Array<ArrayBuffer> {
  const functions = new Functions();
  const turn = functions.add(turnBits());
  const desIndex = functions.add(des());
  const edeIndex = functions.add(ede(desIndex));
  const derive = addDerivation(functions, edeIndex, turn);

  const mac = new FunctionCode([]);
  const readers = [readFirst(), readSecond()].map((code) => functions.add(code));
  for (const reader of readers) mac.call(reader);
  for (const columns of [FIRST, SECOND]) {
    mac.i32(columns);
    mac.call(turn);
  }
  const expected = SECOND + secondColumn.tac * BYTE_BYTES;
  mac.call(functions.add(macAndCompare(desIndex, tacMessage(), expected)));
  const macIndex = functions.export('mac', mac);

  const tac = new FunctionCode(['i32']);
  tac.get(0);
  tac.call(derive);
  tac.call(functions.add(takeKey([BLOCK_A, BLOCK_B], TAC_KEY)));
  tac.call(macIndex);
  functions.export('tac', tac);

  const keys = new FunctionCode(['i32']);
  keys.get(0);
  keys.call(derive);
  keys.call(functions.add(putKeys()));
  keys.i32(KEYS);
  keys.call(turn);
  keys.call(functions.add(writeRows()));
  functions.export('keys', keys);

  const { list, exports } = functions;
  return encodeModule({ memoryPages: MEMORY_PAGES, functions: list, exports });
}

/**
 * `derive(second)`: card keys from the factors of ROWS by one level, or two if `second` is not 0.
 */
function addDerivation(functions: Functions, edeIndex: number, turn: number): number {
  const factorIndex = functions.add(factor());
  const takes = [
    functions.add(takeKey([BLOCK_A], CARD_LEFT)),
    functions.add(takeKey([BLOCK_B], CARD_RIGHT)),
  ];
  const code = new FunctionCode(['i32']);
  const level = (slices: number, left: number, right: number) => {
    code.i32(slices);
    code.call(factorIndex);
    for (const block of [BLOCK_A, BLOCK_B]) {
      code.i32(block);
      code.i32(left);
      code.i32(right);
      code.call(edeIndex);
    }
  };
  code.call(functions.add(readFactors()));
  code.i32(FACTORS);
  code.call(turn);
  level(FACTORS, MASTER_LEFT, MASTER_RIGHT);
  code.get(0);
  code.when(() => {
    for (const take of takes) code.call(take);
    level(FACTORS + 8 * BYTE_BYTES, CARD_LEFT, CARD_RIGHT);
  });
  return functions.add(code);
}

let compiled: { readonly host: WebAssemblyHost; readonly module: object } | null = null;

/** Compiles the module once for each host, or returns null where the host has no SIMD. */
function compile(host: WebAssemblyHost): object | null {
  if (compiled?.host === host) return compiled.module;
  const bytes = buildModule();
  if (!host.validate(bytes)) return null;
  const module = new host.Module(bytes);
  compiled = { host, module };
  return module;
}

/** An instance: functions over `memory`, laid out as `layout.ts` says. */
export class BitslicedDes {
  readonly memory: Uint8Array<ArrayBuffer>;
  readonly words: Int32Array<ArrayBuffer>;
  /** Checks the TACs of the records at ROWS, under the keys at TAC_KEY, into DIFFERENT. */
  readonly mac: () => void;
  /** The same from the master key; 1 for two levels of factors, else 0. */
  readonly tac: (second: number) => void;
  /** Derives keys from the factors at ROWS into KEY_ROWS; parameter as `tac`. */
  readonly keys: (second: number) => void;
  #master: Int32Array | null = null;

  private constructor(exports: Readonly<Record<string, unknown>>) {
    const { buffer } = exports.memory as { readonly buffer: ArrayBuffer };
    this.memory = new Uint8Array(buffer);
    this.words = new Int32Array(buffer);
    this.mac = exports.mac as () => void;
    this.tac = exports.tac as (second: number) => void;
    this.keys = exports.keys as (second: number) => void;
    for (const [round, rotation] of ROTATIONS.entries()) {
      this.words[FORWARDS / 4 + round] = rotation * SLICE_BYTES;
      this.words[BACKWARDS / 4 + 15 - round] = rotation * SLICE_BYTES;
    }
  }

  /** Null where the host cannot run the module: no WebAssembly, no SIMD, no address space left. */
  static create(host: WebAssemblyHost | null): BitslicedDes | null {
    const module = host === null ? null : compile(host);
    if (host === null || module === null) return null;
    try {
      return new BitslicedDes(new host.Instance(module).exports);
    } catch (error) {
      // Hosts reserve gigabytes of addresses for a memory, which a limit may forbid.
      if (error instanceof RangeError) return null;
      throw error;
    }
  }

  /** Puts a master key, given as its EDE schedule, into all lanes. */
  useMaster(schedule: Int32Array): void {
    if (this.#master === schedule) return;
    this.#putMaster(schedule, MASTER_LEFT, (round) => 2 * round);
    this.#putMaster(schedule, MASTER_RIGHT, (round) => 2 * DES_SCHEDULE_WORDS - 2 - 2 * round);
    this.#master = schedule;
  }

  /**
   * Gathers one of the two DES keys from its round keys: each round key shows 48 of its 56 bits,
   * all rounds together every one. `pairAt` tells where in the schedule a round's two words are.
   */
  #putMaster(schedule: Int32Array, key: number, pairAt: (round: number) => number): void {
    for (const [round, rotation] of ROTATIONS.entries()) {
      for (const [i, bit] of PC2.entries()) {
        // Groups of six bits take turns between the two words, four bytes to a word (`des.ts`).
        const group = Math.floor(i / 6);
        const word = schedule[pairAt(round) + (group & 1)]!;
        const value = (word >> (24 - 8 * (group >> 1) + 5 - (i % 6))) & 1;
        const half = bit <= 28 ? 0 : 28;
        const place = half + ((bit - 1 - half + rotation) % 28);
        for (const repeat of [0, KEY_REPEATS]) {
          const slice = (key + keyOffset(place) + repeat) / 4;
          this.words.fill(-value, slice, slice + SLICE_BYTES / 4);
        }
      }
    }
  }
}
