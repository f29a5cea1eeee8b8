/**
 * Key stream of ChaCha20 (RFC 8439, 2.3) as functions of a WebAssembly module: four blocks at once,
 * each vector one word of the four. A record of a journal takes two and a half blocks, and one for
 * its Poly1305 key: one turn makes all it needs.
 */
import { FunctionCode } from '../bitslice/wasm.ts';
import {
  BLOCK_BYTES,
  KEY,
  LANES,
  MASK,
  NONCE,
  POLY_KEY,
  STREAM,
  STREAM_BYTES,
  VECTOR_BYTES,
} from './layout.ts';

const SIGMA = [0x61707865, 0x3320646e, 0x79622d32, 0x6b206574];
const DOUBLE_ROUNDS = 10;
const QUARTERS: readonly (readonly [number, number, number, number])[] = [
  [0, 4, 8, 12],
  [1, 5, 9, 13],
  [2, 6, 10, 14],
  [3, 7, 11, 15],
  [0, 5, 10, 15],
  [1, 6, 11, 12],
  [2, 7, 8, 13],
  [3, 4, 9, 14],
];

/** Bytes that a rotation of each 32-bit lane by whole bytes picks. */
function rotated(bytes: number): number[] {
  return Array.from({ length: 16 }, (_, i) => (i & ~3) | ((i - bytes) & 3));
}
const ROTATED_16 = rotated(2);
const ROTATED_8 = rotated(1);

/** Lanes of 32 bits, or 64, out of two vectors. */
function lanes(bytes: number, ...picked: number[]): number[] {
  return picked.flatMap((lane) => Array.from({ length: bytes }, (_, i) => lane * bytes + i));
}
const LOW_WORDS = lanes(4, 0, 4, 1, 5);
const HIGH_WORDS = lanes(4, 2, 6, 3, 7);
const LOW_PAIRS = lanes(8, 0, 2);
const HIGH_PAIRS = lanes(8, 1, 3);

/** Leaves word `index` of the four blocks' first state; local 0 is the first one's counter. */
function pushInitial(code: FunctionCode, index: number): void {
  if (index < 4) {
    code.i32(SIGMA[index]!);
    code.do('i32x4.splat');
  } else if (index < 12) {
    code.i32(0);
    code.at('v128.load32_splat', KEY + 4 * (index - 4));
  } else if (index === 12) {
    code.get(0);
    code.do('i32x4.splat');
    code.vector([0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0]);
    code.do('i32x4.add');
  } else if (index === 13) {
    code.splat(0);
  } else {
    code.i32(0);
    code.at('v128.load32_splat', NONCE + 4 * (index - 14));
  }
}

/** `a += b; d ^= a; d <<<= bits` (RFC 8439, 2.1). */
function halfQuarter(code: FunctionCode, a: number, b: number, d: number, bits: number): void {
  code.get(a);
  code.get(b);
  code.do('i32x4.add');
  code.set(a);
  code.get(d);
  code.get(a);
  code.do('v128.xor');
  code.set(d);
  code.get(d);
  if (bits === 16 || bits === 8) {
    code.get(d);
    code.shuffle(bits === 16 ? ROTATED_16 : ROTATED_8);
  } else {
    code.i32(bits);
    code.do('i32x4.shl');
    code.get(d);
    code.i32(32 - bits);
    code.do('i32x4.shr_u');
    code.do('v128.or');
  }
  code.set(d);
}

/** `stream(counter)`: four blocks of key stream at STREAM. */
export function stream(): FunctionCode {
  const code = new FunctionCode(['i32']);
  const round = code.local('i32');
  const state = code.locals('v128', 16);
  const spare = code.locals('v128', 4);
  for (const [index, word] of state.entries()) {
    pushInitial(code, index);
    code.set(word);
  }
  code.repeat(() => {
    for (const quarter of QUARTERS) {
      const [a, b, c, d] = quarter.map((index) => state[index]!) as [
        number,
        number,
        number,
        number,
      ];
      halfQuarter(code, a, b, d, 16);
      halfQuarter(code, c, d, b, 12);
      halfQuarter(code, a, b, d, 8);
      halfQuarter(code, c, d, b, 7);
    }
    step(code, round, 1);
    code.get(round);
    code.i32(DOUBLE_ROUNDS);
    code.do('i32.ne');
  });
  for (const [index, word] of state.entries()) {
    code.get(word);
    pushInitial(code, index);
    code.do('i32x4.add');
    code.set(word);
  }
  for (let group = 0; group < 4; group++) {
    storeGroup(code, state.slice(4 * group, 4 * group + 4), spare, STREAM + VECTOR_BYTES * group);
  }
  return code;
}

/** Turns four words of four blocks and stores them, a vector of each block. */
function storeGroup(
  code: FunctionCode,
  words: readonly number[],
  spare: readonly number[],
  at: number,
): void {
  for (const [i, half] of [LOW_WORDS, LOW_WORDS, HIGH_WORDS, HIGH_WORDS].entries()) {
    code.get(words[2 * (i & 1)]!);
    code.get(words[2 * (i & 1) + 1]!);
    code.shuffle(half);
    code.set(spare[i]!);
  }
  for (let block = 0; block < LANES; block++) {
    code.i32(0);
    code.get(spare[block & 2]!);
    code.get(spare[(block & 2) + 1]!);
    code.shuffle((block & 1) === 0 ? LOW_PAIRS : HIGH_PAIRS);
    code.at('v128.store', at + block * BLOCK_BYTES);
  }
}

export function step(code: FunctionCode, counter: number, by: number): void {
  code.get(counter);
  code.i32(by);
  code.do('i32.add');
  code.set(counter);
}

/** `takeKey()`: the first block, and the Poly1305 key out of it (RFC 8439, 2.6). */
export function takeKey(streamIndex: number): FunctionCode {
  const code = new FunctionCode([]);
  code.i32(0);
  code.call(streamIndex);
  for (const half of [0, VECTOR_BYTES]) {
    code.i32(0);
    code.i32(0);
    code.at('v128.load', STREAM + half);
    code.at('v128.store', POLY_KEY + half);
  }
  return code;
}

/**
 * `mix(text, length)`: XORs key stream from the second block on, in place; zeros up to a multiple
 * of 16 after it.
 */
export function mix(streamIndex: number): FunctionCode {
  const code = new FunctionCode(['i32', 'i32']);
  const text = 0;
  const rest = 1;
  const from = code.local('i32');
  const counter = code.local('i32');
  const end = code.local('i32');
  code.i32(BLOCK_BYTES);
  code.set(from);
  code.i32(LANES);
  code.set(counter);
  code.get(text);
  code.get(rest);
  code.do('i32.add');
  code.set(end);
  code.get(rest);
  code.when(() => {
    code.repeat(() => {
      code.get(from);
      code.i32(STREAM_BYTES);
      code.do('i32.eq');
      code.when(() => {
        code.get(counter);
        code.call(streamIndex);
        step(code, counter, LANES);
        code.i32(0);
        code.set(from);
      });
      code.get(text);
      code.get(text);
      code.at('v128.load', 0);
      code.get(from);
      code.at('v128.load', STREAM);
      code.do('v128.xor');
      code.at('v128.store', 0);
      step(code, from, VECTOR_BYTES);
      step(code, text, VECTOR_BYTES);
      code.get(text);
      code.get(end);
      code.do('i32.lt_u');
    });
    clearRest(code, text, end);
  });
  return code;
}

/** Clears the bytes from `end` to `text`, fewer than 16. */
function clearRest(code: FunctionCode, text: number, end: number): void {
  code.get(text);
  code.get(end);
  code.do('i32.sub');
  code.set(end);
  step(code, text, -VECTOR_BYTES);
  code.get(text);
  code.get(text);
  code.at('v128.load', 0);
  code.get(end);
  code.at('v128.load', MASK);
  code.do('v128.and');
  code.at('v128.store', 0);
}
