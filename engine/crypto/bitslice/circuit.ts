/**
 * The S-boxes of DES as circuits of two-input gates. Six slices go in, the leftmost bit first, four
 * come out. A circuit is a list of gates; node 0 to 5 are the inputs, 6 is the constant 1, and each
 * gate is the next node: `5&3` is node 5 AND node 3, `|` OR, `^` XOR, and `!` AND NOT. After `>`
 * come the nodes that are the outputs.
 *
 * The gates were found from the tables in `des.ts` by the search that stands beside the tests
 * (`docs/bitslice.md`). It takes minutes, so the result is kept here. Whatever is written here is held against the tables before it is used.
 */
import assert from 'node:assert/strict';
import { S_BOXES } from '../des.ts';

/** Bits into an S-box. */
export const INPUTS = 6;
/** The node that is 1 in all lanes; gates come after it. */
export const ONES = 6;

export interface Gate {
  readonly operation: 'xor' | 'and' | 'or' | 'andnot';
  readonly a: number;
  readonly b: number;
}

export interface Circuit {
  readonly gates: readonly Gate[];
  /** Nodes of the four output bits, the leftmost first. */
  readonly outputs: readonly number[];
}

/** The sign of each operation in a circuit's text. */
export const OPERATIONS: Readonly<Record<string, Gate['operation']>> = {
  '^': 'xor',
  '&': 'and',
  '|': 'or',
  '!': 'andnot',
};

const CIRCUITS = [
  // S1: 58 gates
  `5^3 5&3 8^2 9!4 7^10 4^3 12|10 8^6 14!2 13^15 16!0 11^17 15|3 7|2 20&13 21&0 19^22 23&1
   18^24 19&7 26^1 25!3 28|11 29!0 27^30 25!9 16|5 33!25 34&0 32^35 36&4 31^37 5^2 39&4
   3^40 34^3 42|10 43&1 41^44 43|27 34^4 47!40 48!3 46^49 50&0 45^51 13!42 53^36 30|21 55&1
   54^56 52^3 58|28 59!48 60&2 59^61 62&4 57^63 > 25 64 38 52`,
  // S2: 54 gates
  `5!2 7|4 8^0 7&4 10^6 11!3 9^12 12|5 14^2 4!5 16!15 17&0 15^18 19&1 13^20 13|0 22!4 2^23
   15&0 9!25 26!5 24^27 17^5 5!3 30^9 31&0 29^32 33!1 28^34 14^10 36^31 11^4 38^24 39!1
   37^40 34|4 42^36 33&20 44!5 43^45 46&0 41^47 39^1 49^19 13!42 51&5 50^52 44^9 43^3 55^23
   56!0 54^57 58!2 53^59 > 48 21 60 35`,
  // S3: 53 gates
  `5^2 5|3 8&0 7^9 3^2 11|0 12!4 10^13 14^3 15!7 16&0 1^17 18&1 14^19 11^4 21^0 17^12 23^16
   24&5 22^25 24^6 23^15 28&2 27^29 30!1 26^31 22^8 28&5 34&3 21^35 36&4 33^37 21^14 35^26
   40&8 41!0 39^42 43&1 38^44 28!26 30!46 33|23 48^3 49&4 47^50 45^1 52^35 51&12 54^3 55&2
   53^56 57&1 51^58 > 32 45 59 20`,
  // S4: 43 gates
  `4|3 7^1 3&1 9^4 10!2 8^11 12^10 13^6 7^2 15!1 14^16 17!0 12^18 0!17 20^12 11|0 22!3
   21^23 20^15 25&1 24^26 27&5 19^28 21^1 19|11 4&3 31^32 33!1 30^34 24&7 36&0 15^37 33^4
   39|36 40&1 38^41 42&5 35^43 42^6 45!5 35^46 29^5 48^27 > 47 44 49 29`,
  // S5: 58 gates
  `4^0 7|2 8!5 7^9 9|4 11^2 12!0 0^13 14&3 10^15 12|3 17^15 5!18 19!2 15^20 21!4 18^22 23&1
   16^24 14^3 15^6 26&5 27^28 18|0 30&2 29^31 32!1 26^33 32!13 35^1 36&1 0^37 38&4 34^39
   36^19 2&4 41^42 40^8 44!25 2!33 46^7 47!4 45^48 49!3 43^50 51^7 52^45 51^47 54&10 55!1
   53^56 25^18 29!58 59^13 60!3 58^61 62!2 57^63 > 64 51 40 25`,
  // S6: 53 gates
  `5^1 7^3 8^0 0!7 10^1 11!2 9^12 0!13 14^2 13^10 16&1 15^17 10|5 19&3 18^20 21&4 13^22
   13^6 24^21 18&1 25^26 27!4 9^28 21^4 30^28 31!5 26^32 33&2 29^34 29^4 35^22 28&5 37^38
   39!0 36^40 16!3 25^8 43!4 42^44 45&1 41^46 40|4 48^27 25!3 49^50 48!8 52|20 23&0 54^44
   55!2 53^56 57!1 51^58 > 35 59 23 47`,
  // S7: 54 gates
  `3^2 7^6 8!1 2^9 10^4 8^1 11&3 13&2 12^14 15&0 11^16 10|3 18^14 18^1 20|13 21!0 19^22
   23&5 17^24 17^15 0!17 27!13 28!4 26^29 26^9 31|22 25!0 33^3 34&4 32^35 36&5 30^37 19^0
   39^20 12^11 41!3 40^42 43^30 32!44 45!1 44^46 47&5 43^48 44^9 50^25 21^2 52&3 51^53
   43^28 50^28 56&2 55^57 58&5 54^59 > 38 25 60 49`,
  // S8: 54 gates
  `5^2 0!5 8|2 9&4 7^10 4|0 12^8 13&3 11^14 14^12 16^3 17&0 18^6 19!2 17^20 21!1 15^22 7^1
   24|22 25^0 11|1 27&4 26^28 24!22 30^10 25^12 9!32 33!5 31^34 35!3 29^36 24^14 38^18 4!22
   40!2 39^41 41|19 1|0 44!29 45!3 43^46 47&5 42^48 41^17 50^31 23!3 52^28 53!1 51^54 11!53
   56!3 19^57 58&5 55^59 > 60 23 49 37`,
] as const;

/** A circuit from its text. */
export function parseCircuit(text: string): Circuit {
  const [gates, outputs] = text.trim().split('>');
  return {
    gates: gates!.trim().split(/\s+/).map(parseGate),
    outputs: outputs!.trim().split(/\s+/).map(Number),
  };
}

function parseGate(text: string): Gate {
  const parts = /^(\d+)([&|^!])(\d+)$/.exec(text);
  assert(parts, `no gate: ${text}`);
  return { operation: OPERATIONS[parts[2]!]!, a: Number(parts[1]), b: Number(parts[3]) };
}

/**
 * What all 64 inputs make of a node or output: bit `x` is its value for input x. Two words, for
 * inputs up to 31 and from 32.
 */
export type Truth = readonly [low: number, high: number];

/** The truth of each input bit. */
export function inputTruth(bit: number): Truth {
  return truthOf((input) => (input >> (INPUTS - 1 - bit)) & 1);
}

/**
 * The truth of output bit `bit` of S-box `box` (FIPS 46-3: outer bits the row, inner the column).
 */
export function outputTruth(box: number, bit: number): Truth {
  return truthOf((input) => {
    const row = ((input >> 4) & 2) | (input & 1);
    const value = Number.parseInt(S_BOXES[box]![16 * row + ((input >> 1) & 15)]!, 16);
    return (value >> (3 - bit)) & 1;
  });
}

function truthOf(value: (input: number) => number): Truth {
  let low = 0;
  let high = 0;
  for (let x = 0; x < 32; x++) {
    low |= value(x) << x;
    high |= value(x + 32) << x;
  }
  return [low, high];
}

/** @throws AssertionError where the circuit is not S-box `box`. */
export function checkCircuit(circuit: Circuit, box: number): void {
  const nodes: Truth[] = Array.from({ length: INPUTS }, (_, bit) => inputTruth(bit));
  nodes.push([-1, -1]);
  for (const { operation, a, b } of circuit.gates) {
    const [x, y] = [nodes[a], nodes[b]];
    assert(x && y, `S${box + 1}: gate ${nodes.length} is ahead of its inputs`);
    nodes.push([apply(operation, x[0], y[0]), apply(operation, x[1], y[1])]);
  }
  assert.equal(circuit.outputs.length, 4);
  for (const [bit, node] of circuit.outputs.entries()) {
    assert.deepEqual(nodes[node], outputTruth(box, bit), `S${box + 1}, output ${bit}`);
  }
}

/** One gate on 32 lanes. */
export function apply(operation: Gate['operation'], x: number, y: number): number {
  if (operation === 'xor') return x ^ y;
  if (operation === 'and') return x & y;
  return operation === 'or' ? x | y : x & ~y;
}

/** The circuits of S1 to S8, each held against its table. */
export function sBoxCircuits(): Circuit[] {
  return CIRCUITS.map((text, box) => {
    const circuit = parseCircuit(text);
    checkCircuit(circuit, box);
    return circuit;
  });
}
