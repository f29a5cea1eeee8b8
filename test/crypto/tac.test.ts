/** The keyring's look-ups and TACs of debit records, against node:crypto. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Keyring, type MasterKey } from '../../engine/crypto/keyring.ts';
import { TacVerifier } from '../../engine/crypto/tac.ts';
import { at, encodeDebit } from '../../engine/debit/codec.ts';
import { DEBIT_BYTES, type Debit, NOTHING_IN_FORCE } from '../../engine/debit/record.ts';
import { nodeCardKey, nodePurchaseTac } from '../reference/crypto-node.ts';

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });

const desMaster = Uint8Array.from({ length: 16 }, (_, i) => 0x11 * i);
const sm4Master = Uint8Array.from({ length: 16 }, (_, i) => 0xff - 7 * i);
const keys: readonly MasterKey[] = [
  { use: 'tac', index: 1, version: 2, algorithm: '3des', master: desMaster },
  { use: 'tac', index: 1, version: 2, algorithm: 'sm4', master: sm4Master },
  { use: 'purchase', index: 9, version: 9, algorithm: '3des', master: sm4Master },
];

const debits: fc.Arbitrary<Debit> = fc
  .record({
    dateTime: bytes(7),
    terminalId: bytes(6),
    terminalSequence: fc.nat({ max: 0xffff_ffff }),
    factors: bytes(16),
    factorLevels: fc.constantFrom(1, 2),
    algorithm: fc.constantFrom(0, 1, 4),
    transactionType: fc.constantFrom(5, 6, 9),
    amountMinor: fc.nat({ max: 0xffff_ffff }),
    random: bytes(4),
    offlineCounter: fc.nat({ max: 0xffff }),
  })
  .map((drawn) => {
    const algorithm = drawn.algorithm === 0 ? '3des' : 'sm4';
    const master = algorithm === '3des' ? desMaster : sm4Master;
    const factors = [drawn.factors.slice(0, 8), drawn.factors.slice(8)];
    const key = nodeCardKey(algorithm, master, factors.slice(0, drawn.factorLevels));
    const tac = nodePurchaseTac(algorithm, key, { ...drawn, cityCode: null });
    return { ...REST, ...drawn, tac };
  });

const REST = {
  gateId: 'G1',
  gateSequence: 1,
  kind: 1,
  state: 1,
  evidence: 1,
  tapKind: 2,
  instantMs: 1,
  issuer: new Uint8Array(8),
  cardNumber: new Uint8Array(10),
  keyIndex: 1,
  keyVersion: 2,
  balanceBeforeMinor: 1000,
  currency: 156,
  fromStation: new Uint8Array(4),
  toStation: new Uint8Array(4),
  entryInstantMs: 0,
  fareVersion: 1,
  rider: 0,
  tapMs: 1,
  hostUs: 1,
  refersTo: null,
  ...NOTHING_IN_FORCE,
} as const;

test('a TAC of an independent card is valid, wherever the record lies in the batch', () => {
  const verifier = new TacVerifier(new Keyring(keys));
  fc.assert(
    fc.property(debits, fc.nat({ max: 200 }), (debit, offset) => {
      const records = new Uint8Array(offset + DEBIT_BYTES + 8).fill(0xa5);
      encodeDebit(debit, records, offset);
      assert.equal(verifier.verify(records, offset), 'valid');
    }),
    { numRuns: 300 },
  );
});

/** Everything a TAC covers, by the offset of each byte. */
const covered = [
  ...range(at.dateTime, 7),
  ...range(at.terminalId, 6),
  ...range(at.terminalSequence, 4),
  ...range(at.factors, 8),
  ...range(at.transactionType, 1),
  ...range(at.amountMinor, 4),
  ...range(at.tac, 4),
];

function range(from: number, length: number): number[] {
  return Array.from({ length }, (_, i) => from + i);
}

test('a change of any byte the TAC covers makes it invalid, and of no other', () => {
  const verifier = new TacVerifier(new Keyring(keys));
  const [debit] = fc.sample(
    debits.filter((d) => d.factorLevels === 1 && d.algorithm === 0),
    { numRuns: 1, seed: 7 },
  );
  const record = new Uint8Array(DEBIT_BYTES);
  encodeDebit(debit!, record, 0);
  const selects: readonly number[] = [at.keyIndex, at.keyVersion, at.algorithm, at.factorLevels];
  for (let place = 0; place < DEBIT_BYTES; place++) {
    if (selects.includes(place)) continue;
    const changed = record.slice();
    changed[place]! ^= 0x11;
    const expected = covered.includes(place) ? 'invalid' : 'valid';
    assert.equal(verifier.verify(changed, 0), expected, `byte ${place}`);
  }
  record[at.factorLevels] = 3;
  assert.equal(verifier.verify(record, 0), 'invalid');
});

test('an index, version or algorithm that is not on the ring is unknown', () => {
  const verifier = new TacVerifier(new Keyring(keys.slice(0, 1)));
  const record = new Uint8Array(DEBIT_BYTES);
  const [debit] = fc.sample(debits, { numRuns: 1, seed: 1 });
  encodeDebit({ ...debit!, algorithm: 0 }, record, 0);
  for (const [place, value] of [
    [at.keyIndex, 9],
    [at.keyVersion, 9],
    [at.algorithm, 4],
  ] as const) {
    const other = record.slice();
    other[place] = value;
    assert.equal(verifier.verify(other, 0), 'unknownKey');
  }
});

test('the ring keeps uses and algorithms apart, and lists what it has', () => {
  const ring = new Keyring(keys);
  assert.equal(ring.findCommon('purchase', 1, 2, 0), undefined);
  assert.equal(ring.findCommon('load', 1, 2, 0), undefined);
  assert.equal(ring.findCommon('tac', 1, 2, 0)?.cipher.algorithm, '3des');
  assert.equal(ring.find('tac', 1, 2, 4, 7, 7)?.cipher.algorithm, 'sm4');
  assert.deepEqual(
    ring.list().map(({ use, index, version }) => `${use} ${index}/${version}`),
    ['purchase 9/9', 'tac 1/2', 'tac 1/2'],
  );
  assert.throws(() => new Keyring([keys[0]!, keys[0]!]), /two tac keys 1\/2/);
});
