/** The record that keeps a virtual e-cash card: it survives, and damage to it is found. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { EcashState } from '../../../../gate/reader/virtual/ecash-card.ts';
import {
  decodeEcashState,
  ECASH_STATE_BYTES,
  encodeEcashState,
  isEcashState,
} from '../../../../gate/reader/virtual/ecash-state-record.ts';

const bytes = (minLength: number, maxLength: number): fc.Arbitrary<Uint8Array> =>
  fc.uint8Array({ minLength, maxLength });
const plainObject = { noNullPrototype: true } as const;
const money = fc.nat(0xffff_ffff);

const record = fc.record({ sfi: fc.nat(30), bytes: bytes(2, 56), heldMinor: money }, plainObject);
const proof = fc.record({ atc: fc.nat(0xffff), tc: bytes(8, 8) }, plainObject);
const extended = fc.record(
  {
    records: fc.array(record, { maxLength: 2 }),
    deductedMinor: money,
    proof: fc.option(proof),
  },
  plainObject,
);
const anyState: fc.Arbitrary<EcashState> = fc.record(
  { balanceMinor: money.map((value) => value * 100), atc: fc.nat(0xffff), extended },
  { ...plainObject, requiredKeys: ['balanceMinor', 'atc'] },
);

function encoded(state: EcashState): Uint8Array {
  const file = new Uint8Array(ECASH_STATE_BYTES + 20).fill(0xee);
  encodeEcashState(state, file, 7);
  return file;
}

test('any state comes back as it was, and nothing beside its record is touched', () => {
  fc.assert(
    fc.property(anyState, (state) => {
      const file = encoded(state);
      assert(isEcashState(file, 7));
      assert.deepEqual(decodeEcashState(file, 7), state);
      assert.deepEqual([...file.subarray(0, 7)], new Array(7).fill(0xee));
      assert.deepEqual([...file.subarray(ECASH_STATE_BYTES + 7)], new Array(13).fill(0xee));
    }),
    { seed: 1 },
  );
});

test('a flipped bit anywhere, a piece and zeros are refused', () => {
  const file = encoded({
    balanceMinor: 5000,
    atc: 7,
    extended: {
      records: [{ sfi: 21, bytes: new Uint8Array(48).fill(3), heldMinor: 0 }],
      deductedMinor: 0,
      proof: { atc: 7, tc: new Uint8Array(8).fill(9) },
    },
  });
  const refused = (damaged: Uint8Array) =>
    assert.throws(() => decodeEcashState(damaged, 7), { code: 'CARD_STATE_INVALID' });
  for (let bit = 0; bit < 8 * ECASH_STATE_BYTES; bit++) {
    const damaged = file.slice();
    damaged[7 + (bit >> 3)]! ^= 1 << (bit & 7);
    refused(damaged);
  }
  refused(file.slice(0, ECASH_STATE_BYTES));
  refused(new Uint8Array(file.length));
  assert(!isEcashState(new Uint8Array(file.length), 7));
});
