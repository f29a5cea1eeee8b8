/** The S-boxes' circuits against the tables, on every input. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  apply,
  type Circuit,
  checkCircuit,
  parseCircuit,
  sBoxCircuits,
} from '../../../engine/crypto/bitslice/circuit.ts';
import { S_BOXES } from '../../../engine/crypto/des.ts';
import { printCircuit, searchCircuit } from './circuit-search.ts';

/** The four bits a circuit makes of one input, gate by gate. */
function evaluate(circuit: Circuit, input: number): number {
  const nodes = Array.from({ length: 6 }, (_, bit) => (input >> (5 - bit)) & 1);
  nodes.push(1);
  for (const { operation, a, b } of circuit.gates) {
    nodes.push(apply(operation, nodes[a]!, nodes[b]!) & 1);
  }
  return circuit.outputs.reduce((value, node) => 2 * value + nodes[node]!, 0);
}

test('each circuit is its S-box on all 64 inputs', () => {
  const circuits = sBoxCircuits();
  assert.equal(circuits.length, 8);
  for (const [box, circuit] of circuits.entries()) {
    for (let input = 0; input < 64; input++) {
      const row = 2 * (input >> 5) + (input & 1);
      const expected = Number.parseInt(S_BOXES[box]!.charAt(16 * row + ((input >> 1) & 15)), 16);
      assert.equal(evaluate(circuit, input), expected, `S${box + 1} of ${input}`);
    }
  }
});

test('a circuit with any gate exchanged for another is refused', () => {
  for (const [box, circuit] of sBoxCircuits().entries()) {
    for (const [place, gate] of circuit.gates.entries()) {
      const gates = circuit.gates.slice();
      gates[place] = { ...gate, operation: gate.operation === 'xor' ? 'or' : 'xor' };
      const changed = { ...circuit, gates };
      const same = Array.from({ length: 64 }, (_, x) => x).every(
        (x) => evaluate(changed, x) === evaluate(circuit, x),
      );
      if (same) checkCircuit(changed, box);
      else assert.throws(() => checkCircuit(changed, box), /AssertionError/, `gate ${place}`);
    }
    const gates = [{ operation: 'xor' as const, a: 0, b: 70 }, ...circuit.gates];
    assert.throws(() => checkCircuit({ ...circuit, gates }, box), /ahead of its inputs/);
  }
});

test('a circuit reads as it prints, and what is no gate is refused', () => {
  for (const circuit of sBoxCircuits()) {
    assert.deepEqual(parseCircuit(printCircuit(circuit)), circuit);
  }
  assert.throws(() => parseCircuit('5?3 > 0 1 2 3'), /no gate: 5\?3/);
});

test('the search finds circuits of every S-box, and none where it may use too few gates', () => {
  for (let box = 0; box < 8; box++) {
    const found = searchCircuit(box, 1, 100, [1, 2, 3, 4, 6]);
    assert(found && found.gates.length <= 100, `S${box + 1}`);
    checkCircuit(found, box);
    assert.equal(searchCircuit(box, 1, 20, [1, 2, 3, 4, 6]), null);
  }
});
