/** The holder of record keys against node:crypto's own retail MAC and key derivation. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { fromHex, toHex } from '../../../engine/bytes.ts';
import { recordKey } from '../../../engine/card/qpboc/extended/record-key.ts';
import { parseKeySet, printKeySet } from '../../../engine/crypto/key-set.ts';
import { Keyring } from '../../../engine/crypto/keyring.ts';
import { bankCardKey, retailMac } from '../../../gate/reader/virtual/ecash-crypto.ts';
import { KeyringHolder } from '../../../gate/sam/keyring-holder.ts';
import { StationKeys } from '../../../gate/sam/station-keys.ts';
import { cappMaster, extendedProfile, recordHolder } from '../../kit/extended-cards.ts';

const ask = { ask: 'recordMac' } as const;

test('MACs of any record, card and initial value are those of another implementation', () => {
  const holder = recordHolder();
  const bytes = (minLength: number, maxLength: number) => fc.uint8Array({ minLength, maxLength });
  const pan = fc
    .array(fc.integer({ min: 0, max: 9 }), { minLength: 13, maxLength: 19 })
    .map((digits) => digits.join(''));
  fc.assert(
    fc.property(pan, fc.nat(99), bytes(8, 8), bytes(8, 255), (digits, sequence, iv, record) => {
      const key = recordKey(extendedProfile, { pan: digits, panSequence: sequence });
      const mac = holder.recordMac({ ...ask, key, iv, bytes: record });
      assert(mac !== 'unknownKey');
      const expected = retailMac(bankCardKey(cappMaster, digits, sequence), record, iv);
      assert.equal(toHex(mac), toHex(expected.slice(0, 4)));
    }),
    { numRuns: 200, seed: 20261130 },
  );
});

test('keys of use capp come from a key set, and may be replaced', async () => {
  const text = JSON.stringify({
    capp: [
      { index: 1, version: 2, master: toHex(cappMaster) },
      { index: 1, version: 2, master: toHex(cappMaster), algorithm: 'sm4' },
    ],
    cardHash: { master: '00'.repeat(16) },
  });
  const set = parseKeySet(text, 'keys.json');
  assert.deepEqual(parseKeySet(printKeySet({ ...set, cardHash: set.cardHash! }), 'again'), set);
  const station = new StationKeys(new Keyring([]), 8);
  const holder = new KeyringHolder(station);
  const key = { index: 1, version: 2, factor: fromHex('0102030405060708') };
  const whole = { ...ask, key, iv: new Uint8Array(8), bytes: new Uint8Array(48) };
  assert.equal(holder.recordMac(whole), 'unknownKey');
  await station.replace(new Keyring(set.keys));
  assert.notEqual(holder.recordMac(whole), 'unknownKey');
  const other = { ...key, version: 1 };
  assert.equal(holder.recordMac({ ...whole, key: other }), 'unknownKey');
});
