/**
 * Finds small circuits for the S-boxes, after the method of M. Kwan ("Reducing the Gate Count of
 * Bitslice DES", 2000): nodes are their truth on all 64 inputs; a wanted function, on the inputs
 * that matter, is taken from a node, from a gate of two, from two gates of three; failing that it
 * is split by an input bit b into f where b is one value and f XOR (g AND b) where it is the other,
 * and every way to split is tried for the one with the fewest gates. The order of outputs and of
 * choices is drawn from a seed. Run by hand (`docs/bitslice.md`); what it found is kept in
 * `circuit.ts`.
 */
import {
  apply,
  type Circuit,
  checkCircuit,
  type Gate,
  INPUTS,
  inputTruth,
  ONES,
  OPERATIONS,
  outputTruth,
  type Truth,
} from '../../../engine/crypto/bitslice/circuit.ts';

/** Nodes of the largest circuit looked at. */
const NODES_MAX = 128;
/** A split that takes so few gates is taken without looking at the others. */
const GATES_GOOD = 3;
const NONE = -1;

/**
 * Looks once for a circuit of S-box `box` (0 to 7) of at most `gatesMax` gates; null if it is led
 * to none.
 * @param waysMax ways to split that are tried where 6, 5, 4 ... inputs are open: all 12, 10, 8 for
 *   a good circuit in seconds, fewer for a worse one at once
 */
export function searchCircuit(
  box: number,
  seed: number,
  gatesMax: number,
  waysMax: readonly number[],
): Circuit | null {
  const search = new Search(seed, gatesMax, waysMax);
  const order = search.shuffled([0, 1, 2, 3]);
  const outputs: number[] = [];
  for (const bit of order) {
    const node = search.realise(outputTruth(box, bit), [-1, -1], [0, 1, 2, 3, 4, 5]);
    if (node === NONE) return null;
    outputs[bit] = node;
  }
  const circuit = { gates: search.gates.slice(), outputs };
  checkCircuit(circuit, box);
  return circuit;
}

/** A circuit as it stands in `engine/crypto/bitslice/circuit.ts`. */
export function printCircuit({ gates, outputs }: Circuit): string {
  const sign = (wanted: string) =>
    Object.entries(OPERATIONS).find(([, operation]) => operation === wanted)![0];
  const words = gates.map(({ operation, a, b }) => `${a}${sign(operation)}${b}`);
  return `${words.join(' ')} > ${outputs.join(' ')}`;
}

class Search {
  readonly gates: Gate[] = [];
  readonly #low = new Int32Array(NODES_MAX);
  readonly #high = new Int32Array(NODES_MAX);
  readonly #waysMax: readonly number[];
  #nodes: number = ONES + 1;
  /** Nodes a circuit may have to be worth more work. */
  #nodesMax: number;
  #random: number;

  constructor(seed: number, gatesMax: number, waysMax: readonly number[]) {
    this.#random = seed;
    this.#nodesMax = Math.min(NODES_MAX, ONES + 1 + gatesMax);
    this.#waysMax = waysMax;
    for (let bit = 0; bit < INPUTS; bit++) [this.#low[bit], this.#high[bit]] = inputTruth(bit);
    this.#low[ONES] = -1;
    this.#high[ONES] = -1;
  }

  /** A node that is `wanted` where `where` is set, or NONE. `open`: inputs not split by yet. */
  realise(wanted: Truth, where: Truth, open: readonly number[]): number {
    for (let node = 0; node < this.#nodes; node++) {
      if (this.#fits([this.#low[node]!, this.#high[node]!], wanted, where)) return node;
    }
    const gate = this.#pair(wanted, where);
    if (gate !== null) return this.#add(gate);
    if (this.#nodes + 2 > this.#nodesMax) return NONE;
    const node = this.#triple(wanted, where);
    return node === NONE ? this.#splitBest(wanted, where, open) : node;
  }

  shuffled<T>(items: T[]): T[] {
    for (let i = items.length - 1; i > 0; i--) {
      const j = this.#below(i + 1);
      [items[i], items[j]] = [items[j]!, items[i]!];
    }
    return items;
  }

  #below(end: number): number {
    this.#random = (Math.imul(this.#random, 1664525) + 1013904223) | 0;
    return (this.#random >>> 8) % end;
  }

  #fits(truth: Truth, wanted: Truth, where: Truth): boolean {
    return ((truth[0] ^ wanted[0]) & where[0]) === 0 && ((truth[1] ^ wanted[1]) & where[1]) === 0;
  }

  /** The node of a gate, new or there already; NONE where there are too many. */
  #add(gate: Gate): number {
    const low = apply(gate.operation, this.#low[gate.a]!, this.#low[gate.b]!);
    const high = apply(gate.operation, this.#high[gate.a]!, this.#high[gate.b]!);
    for (let node = 0; node < this.#nodes; node++) {
      if (this.#low[node] === low && this.#high[node] === high) return node;
    }
    if (this.#nodes >= this.#nodesMax) return NONE;
    this.#low[this.#nodes] = low;
    this.#high[this.#nodes] = high;
    this.gates.push(gate);
    return this.#nodes++;
  }

  /** Two gates on three nodes: an operation on any node leaves what the other side must be. */
  #triple(wanted: Truth, where: Truth): number {
    const start = this.#below(this.#nodes);
    for (let i = 0; i < this.#nodes; i++) {
      const b = (i + start) % this.#nodes;
      const g: Truth = [this.#low[b]!, this.#high[b]!];
      const inside: Truth = [where[0] & g[0], where[1] & g[1]];
      const outside: Truth = [where[0] & ~g[0], where[1] & ~g[1]];
      const inverse: Truth = [~wanted[0], ~wanted[1]];
      const sum: Truth = [wanted[0] ^ g[0], wanted[1] ^ g[1]];
      let gate = this.#pair(sum, where);
      if (gate) return this.#addTwo(gate, (a) => ({ operation: 'xor', a, b }));
      if (this.#fits([0, 0], wanted, outside)) {
        gate = this.#pair(wanted, inside);
        if (gate) return this.#addTwo(gate, (a) => ({ operation: 'and', a, b }));
        gate = this.#pair(inverse, inside);
        if (gate) return this.#addTwo(gate, (a) => ({ operation: 'andnot', a: b, b: a }));
      }
      if (this.#fits([-1, -1], wanted, inside)) {
        gate = this.#pair(wanted, outside);
        if (gate) return this.#addTwo(gate, (a) => ({ operation: 'or', a, b }));
      }
      if (this.#fits([0, 0], wanted, inside)) {
        gate = this.#pair(wanted, outside);
        if (gate) return this.#addTwo(gate, (a) => ({ operation: 'andnot', a, b }));
      }
    }
    return NONE;
  }

  #addTwo(first: Gate, second: (node: number) => Gate): number {
    const node = this.#add(first);
    return node === NONE ? NONE : this.#add(second(node));
  }

  /** One gate on two nodes. */
  #pair(wanted: Truth, where: Truth): Gate | null {
    const [low, high] = wanted;
    const [inLow, inHigh] = where;
    for (let a = 1; a < this.#nodes; a++) {
      const aLow = this.#low[a]!;
      const aHigh = this.#high[a]!;
      for (let b = 0; b < a; b++) {
        const bLow = this.#low[b]!;
        const bHigh = this.#high[b]!;
        if (((aLow ^ bLow ^ low) & inLow) === 0 && ((aHigh ^ bHigh ^ high) & inHigh) === 0) {
          return { operation: 'xor', a, b };
        }
        if ((((aLow & bLow) ^ low) & inLow) === 0 && (((aHigh & bHigh) ^ high) & inHigh) === 0) {
          return { operation: 'and', a, b };
        }
        if ((((aLow | bLow) ^ low) & inLow) === 0 && (((aHigh | bHigh) ^ high) & inHigh) === 0) {
          return { operation: 'or', a, b };
        }
        if ((((aLow & ~bLow) ^ low) & inLow) === 0 && (((aHigh & ~bHigh) ^ high) & inHigh) === 0) {
          return { operation: 'andnot', a, b };
        }
        if ((((bLow & ~aLow) ^ low) & inLow) === 0 && (((bHigh & ~aHigh) ^ high) & inHigh) === 0) {
          return { operation: 'andnot', a: b, b: a };
        }
      }
    }
    return null;
  }

  /** Tries ways to split, keeps the one with the fewest gates. */
  #splitBest(wanted: Truth, where: Truth, open: readonly number[]): number {
    const ways = this.shuffled(
      open.flatMap((bit) => [
        { bit, one: false },
        { bit, one: true },
      ]),
    );
    const start = this.#nodes;
    const nodesMax = this.#nodesMax;
    let best: { readonly node: number; readonly gates: readonly Gate[] } | null = null;
    for (const { bit, one } of ways.slice(0, this.#waysMax[INPUTS - open.length])) {
      this.#backTo(start);
      const node = this.#split(wanted, where, open, bit, one);
      if (node === NONE) continue;
      best = { node, gates: this.gates.slice(start - ONES - 1) };
      if (best.gates.length <= GATES_GOOD) break;
      this.#nodesMax = this.#nodes - 1;
    }
    this.#nodesMax = nodesMax;
    this.#backTo(start);
    for (const gate of best?.gates ?? []) this.#add(gate);
    return best?.node ?? NONE;
  }

  #backTo(nodes: number): void {
    this.#nodes = nodes;
    this.gates.length = nodes - ONES - 1;
  }

  /** f, right where input `bit` is `one`, XOR what f lacks where it is not. */
  #split(wanted: Truth, where: Truth, open: readonly number[], bit: number, one: boolean): number {
    const set: Truth = [where[0] & this.#low[bit]!, where[1] & this.#high[bit]!];
    const clear: Truth = [where[0] & ~this.#low[bit]!, where[1] & ~this.#high[bit]!];
    const rest = open.filter((other) => other !== bit);
    const f = this.realise(wanted, one ? set : clear, rest);
    if (f === NONE) return NONE;
    const lacking: Truth = [wanted[0] ^ this.#low[f]!, wanted[1] ^ this.#high[f]!];
    const g = this.realise(lacking, one ? clear : set, rest);
    if (g === NONE) return NONE;
    const second = this.#add({ operation: one ? 'andnot' : 'and', a: g, b: bit });
    return second === NONE ? NONE : this.#add({ operation: 'xor', a: f, b: second });
  }
}
