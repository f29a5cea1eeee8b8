/** Evidence opens whole, under its key and for its debit only, and never seals twice alike. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { fromHex, toHex } from '../../engine/bytes.ts';
import { EVIDENCE_BYTES, EvidenceSealer, openEvidence } from '../../engine/debit/evidence.ts';
import { DEBIT_BYTES } from '../../engine/debit/record.ts';

const key = new Uint8Array(32).map((_, i) => i);
const prefix = new Uint8Array(16).fill(0x42);
const id = { gateId: 'central-07', gateSequence: 281_474_976_710_655 };
const record = fc.uint8Array({ minLength: DEBIT_BYTES, maxLength: DEBIT_BYTES });

test('a record comes back as it was, with the key and identity it was sealed under', () => {
  fc.assert(
    fc.property(record, fc.maxSafeNat(), (bytes, number) => {
      const debit = { gateId: 'g1', gateSequence: number % 2 ** 48 };
      const evidence = new EvidenceSealer(key, prefix).seal(bytes, debit);
      assert.equal(evidence.length, EVIDENCE_BYTES);
      assert.deepEqual(openEvidence(key, evidence, debit), bytes);
      // As a store hands it out: a Buffer whose slices are no copies.
      const stored = Buffer.concat([Buffer.of(1, 2, 3), evidence]).subarray(3);
      assert.deepEqual(openEvidence(key, stored, debit), bytes);
    }),
  );
});

test('another key, gate or sequence opens nothing', () => {
  const evidence = new EvidenceSealer(key, prefix).seal(new Uint8Array(DEBIT_BYTES), id);
  const otherKey = key.slice();
  otherKey[31]! ^= 1;
  assert.equal(openEvidence(otherKey, evidence, id), null);
  assert.equal(openEvidence(key, evidence, { ...id, gateId: 'central-08' }), null);
  assert.equal(openEvidence(key, evidence, { ...id, gateSequence: 7 }), null);
});

test('any bit changed, any length but the whole: nothing opens', () => {
  const evidence = new EvidenceSealer(key, prefix).seal(new Uint8Array(DEBIT_BYTES), id);
  for (let bit = 0; bit < evidence.length * 8; bit++) {
    const changed = evidence.slice();
    changed[bit >> 3]! ^= 1 << (bit & 7);
    assert.equal(openEvidence(key, changed, id), null, `bit ${bit}`);
  }
  for (const length of [0, 16, 24, EVIDENCE_BYTES - 1]) {
    assert.equal(openEvidence(key, evidence.subarray(0, length), id), null);
  }
  assert.equal(openEvidence(key, new Uint8Array(EVIDENCE_BYTES + 1), id), null);
});

test('no nonce is used twice, and the card number does not show', () => {
  const cardNumber = '31040512345678901234';
  const bytes = new Uint8Array(DEBIT_BYTES);
  for (let at = 0; at < DEBIT_BYTES; at += 10) bytes.set(fromHex(cardNumber), at);
  const sealer = new EvidenceSealer(key, prefix);
  const nonces = new Set<string>();
  for (let i = 0; i < 300; i++) {
    const evidence = toHex(sealer.seal(bytes, id));
    assert(!evidence.includes(cardNumber));
    nonces.add(evidence.slice(0, 48));
  }
  assert.equal(nonces.size, 300);
});

test('a record of another length is our own mistake', () => {
  const sealer = new EvidenceSealer(key, prefix);
  assert.throws(() => sealer.seal(new Uint8Array(DEBIT_BYTES - 1), id), { code: 'ERR_ASSERTION' });
});
