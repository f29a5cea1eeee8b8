/**
 * DES (FIPS 46-3) on 128 blocks at once, each with a key of its own, as functions of the bitsliced
 * module. E, P and the key permutations cost nothing: they say which slice is read and written. The
 * S-boxes are circuits of gates (`circuit.ts`), a gate being one instruction.
 *
 * Blocks are held after the initial permutation and before the final one, which are wiring as well:
 * between two ciphers they cancel, and what remains of the end of a cipher, that its halves are
 * exchanged, is in which half the next cipher is told to be its left.
 */
import { P, PC2 } from '../des.ts';
import { type Circuit, INPUTS, ONES, sBoxCircuits } from './circuit.ts';
import {
  BACKWARDS,
  BLOCK_A,
  BLOCK_B,
  DIFFERENT,
  FINAL,
  FORWARDS,
  initial,
  KEY_REPEATS,
  KEYS,
  keyBit,
  keyOffset,
  OTHER_HALF,
  SLICE_BYTES,
  TAC_KEY,
} from './layout.ts';
import { FunctionCode } from './wasm.ts';

/** Rounds in one turn of the loop: after two the halves are where they were. */
const ROUNDS_AT_ONCE = 2;

/**
 * `des(left, right, key, rotations)`: 16 rounds on a block whose halves lie at `left` and `right`.
 * The result's left half is at `right`. `rotations` is FORWARDS or BACKWARDS.
 */
export function des(): FunctionCode {
  const code = new FunctionCode(['i32', 'i32', 'i32', 'i32']);
  const [left, right, key, rotations] = [0, 1, 2, 3];
  const end = code.local('i32');
  const roundKey = code.local('i32');
  const gates = new GateLocals(code);
  const circuits = sBoxCircuits();
  code.get(rotations);
  code.i32(64);
  code.do('i32.add');
  code.set(end);
  code.repeat(() => {
    for (let round = 0; round < ROUNDS_AT_ONCE; round++) {
      code.get(key);
      code.get(rotations);
      code.at('i32.load', 4 * round);
      code.do('i32.add');
      code.set(roundKey);
      const [to, from] = round === 0 ? [left, right] : [right, left];
      for (const [box, circuit] of circuits.entries()) {
        substitute(code, gates, circuit, box, from, to, roundKey);
      }
    }
    code.get(rotations);
    code.i32(4 * ROUNDS_AT_ONCE);
    code.do('i32.add');
    code.set(rotations);
    code.get(rotations);
    code.get(end);
    code.do('i32.ne');
  });
  return code;
}

/** Locals of the nodes of a circuit, the same for all S-boxes. */
class GateLocals {
  readonly #code: FunctionCode;
  readonly #locals: number[] = [];

  constructor(code: FunctionCode) {
    this.#code = code;
  }

  of(node: number): number {
    while (this.#locals.length <= node) this.#locals.push(this.#code.local('v128'));
    return this.#locals[node]!;
  }
}

/** S-box `box` on its six bits of the half at `from`, added to four bits of the half at `to`. */
function substitute(
  code: FunctionCode,
  gates: GateLocals,
  circuit: Circuit,
  box: number,
  from: number,
  to: number,
  roundKey: number,
): void {
  for (let i = 0; i < INPUTS; i++) {
    // E: the four bits of the group and one more on either side.
    code.get(from);
    code.at('v128.load', ((4 * box + i + 31) % 32) * SLICE_BYTES);
    code.get(roundKey);
    code.at('v128.load', keyOffset(PC2[6 * box + i]! - 1));
    code.do('v128.xor');
    code.set(gates.of(i));
  }
  code.splat(0xff);
  code.set(gates.of(ONES));
  for (const [i, { operation, a, b }] of circuit.gates.entries()) {
    code.get(gates.of(a));
    code.get(gates.of(b));
    code.do(`v128.${operation}`);
    code.set(gates.of(ONES + 1 + i));
  }
  for (const [i, node] of circuit.outputs.entries()) {
    const offset = P.indexOf(4 * box + i + 1) * SLICE_BYTES;
    code.get(to);
    code.get(to);
    code.at('v128.load', offset);
    code.get(gates.of(node));
    code.do('v128.xor');
    code.at('v128.store', offset);
  }
}

/** `ede(block, leftKey, rightKey)`: the result's left half is the second of the block. */
export function ede(desIndex: number): FunctionCode {
  const code = new FunctionCode(['i32', 'i32', 'i32']);
  for (const [pass, rotations] of [FORWARDS, BACKWARDS, FORWARDS].entries()) {
    for (const half of [pass & 1, 1 - (pass & 1)]) {
      code.get(0);
      code.i32(half * OTHER_HALF);
      code.do('i32.add');
    }
    code.get(pass === 1 ? 2 : 1);
    code.i32(rotations);
    code.call(desIndex);
  }
  return code;
}

/** `factor(slices)`: the 8 bytes at `slices` become block A, and their complement block B. */
export function factor(): FunctionCode {
  const code = new FunctionCode(['i32']);
  for (let position = 0; position < 64; position++) {
    for (const block of [BLOCK_A, BLOCK_B]) {
      code.i32(0);
      code.get(0);
      code.at('v128.load', initial(position) * SLICE_BYTES);
      if (block === BLOCK_B) {
        code.splat(0xff);
        code.do('v128.xor');
      }
      code.at('v128.store', block + position * SLICE_BYTES);
    }
  }
  return code;
}

/** Where bit `bit` of a result lies in its block after an odd number of ciphers. */
function finalSlice(block: number, bit: number): number {
  const position = FINAL[bit]!;
  return block + ((position + 32) % 64) * SLICE_BYTES;
}

/** Makes the results in `blocks`, added up, the key at `key`. */
export function takeKey(blocks: readonly number[], key: number): FunctionCode {
  const code = new FunctionCode([]);
  const slice = code.local('v128');
  for (let place = 0; place < 56; place++) {
    loadSum(
      code,
      blocks.map((block) => finalSlice(block, keyBit(place))),
    );
    code.set(slice);
    for (const repeat of [0, KEY_REPEATS]) {
      code.i32(0);
      code.get(slice);
      code.at('v128.store', key + keyOffset(place) + repeat);
    }
  }
  return code;
}

function loadSum(code: FunctionCode, addresses: readonly number[]): void {
  for (const [i, address] of addresses.entries()) {
    code.i32(0);
    code.at('v128.load', address);
    if (i > 0) code.do('v128.xor');
  }
}

/** Puts the results in blocks A and B, a derived key's halves, in the slices at KEYS. */
export function putKeys(): FunctionCode {
  const code = new FunctionCode([]);
  for (let bit = 0; bit < 128; bit++) {
    code.i32(0);
    loadSum(code, [finalSlice(bit < 64 ? BLOCK_A : BLOCK_B, bit % 64)]);
    code.at('v128.store', KEYS + bit * SLICE_BYTES);
  }
  return code;
}

/** What a bit of a message is: the address of its slice, or 0 or 1 for padding. */
export type MessageBit = number;
export const ZERO_BIT: MessageBit = -1;
export const ONE_BIT: MessageBit = -2;

/**
 * CBC-MAC of the message of whole blocks whose bits are `message`, under the keys at TAC_KEY; then
 * compares the result's left four bytes with the slices at `expected`, and leaves at DIFFERENT a
 * set bit for each lane where they are not equal.
 */
export function macAndCompare(
  desIndex: number,
  message: readonly MessageBit[],
  expected: number,
): FunctionCode {
  const code = new FunctionCode([]);
  const blocks = message.length / 64;
  for (let block = 0; block < blocks; block++) {
    const left = BLOCK_A + (block & 1) * OTHER_HALF;
    const right = BLOCK_A + (1 - (block & 1)) * OTHER_HALF;
    for (let position = 0; position < 64; position++) {
      const bit = message[64 * block + initial(position)]!;
      const half = position < 32 ? left : right;
      addBit(code, half + (position % 32) * SLICE_BYTES, bit, block > 0);
    }
    code.i32(left);
    code.i32(right);
    code.i32(TAC_KEY);
    code.i32(FORWARDS);
    code.call(desIndex);
  }
  code.i32(0);
  for (let bit = 0; bit < 32; bit++) {
    const last = finalSlice(BLOCK_A, bit);
    loadSum(code, [last, expected + bit * SLICE_BYTES]);
    if (bit > 0) code.do('v128.or');
  }
  code.at('v128.store', DIFFERENT);
  return code;
}

/** Stores a message bit at `address`, or adds it to what the last block left there. */
function addBit(code: FunctionCode, address: number, bit: MessageBit, add: boolean): void {
  if (add && bit === ZERO_BIT) return;
  code.i32(0);
  if (bit >= 0) loadSum(code, [bit]);
  else code.splat(bit === ONE_BIT ? 0xff : 0);
  if (add) {
    loadSum(code, [address]);
    code.do('v128.xor');
  }
  code.at('v128.store', address);
}
