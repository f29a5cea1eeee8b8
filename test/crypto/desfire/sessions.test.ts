/**
 * Secure messaging against the slow twin of node:crypto, over random sessions; and what is refused,
 * each with its own reason.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { unsafe } from '@noble/ciphers/aes.js';
import fc from 'fast-check';
import { toHex } from '../../../engine/bytes.ts';
import { AES128_WORDS, expandAes, invertAes128 } from '../../../engine/crypto/aes.ts';
import { an10922Aes128 } from '../../../engine/crypto/derivation.ts';
import { Authentication, aesCardKey } from '../../../engine/crypto/desfire/authentication.ts';
import { Ev1Session, ev1SessionKey } from '../../../engine/crypto/desfire/ev1-session.ts';
import { Ev2Session, ev2SessionKeys } from '../../../engine/crypto/desfire/ev2-session.ts';
import { transactionMac } from '../../../engine/crypto/desfire/transaction-mac.ts';
import { cmac16, cmacKey } from '../../../engine/crypto/mac.ts';
import {
  nodeAn10922,
  nodeCbc,
  nodeCmac,
  nodeEv2Answer,
  nodeEv2Command,
  nodeEv2Keys,
  nodeTransactionMac,
} from '../../reference/desfire-node.ts';

const bytes = (length: number, most = length) =>
  fc.uint8Array({ minLength: length, maxLength: most });
const mode = fc.constantFrom('plain' as const, 'mac' as const, 'full' as const);
const exchange = fc.record({
  ins: fc.nat({ max: 255 }),
  header: bytes(0, 16),
  data: bytes(0, 80),
  answer: bytes(0, 80),
  mode,
});

test('EV2 sessions speak as the node:crypto twin does', () => {
  fc.assert(
    fc.property(
      bytes(16),
      bytes(16),
      bytes(4),
      fc.nat({ max: 0xff00 }),
      fc.array(exchange, { minLength: 1, maxLength: 6 }),
      (enc, mac, ti, start, exchanges) => {
        const session = new Ev2Session();
        session.begin(enc, mac, ti, start);
        for (const [i, { ins, header, data, answer, mode }] of exchanges.entries()) {
          const apdu = new Uint8Array(300);
          apdu.set(header, 5);
          apdu.set(data, 5 + header.length);
          const length = session.protect(ins, apdu, 5, header.length, data.length, mode);
          const twin = nodeEv2Command({ enc, mac, ti }, start + i, ins, header, data, mode);
          assert.equal(toHex(apdu.subarray(5, 5 + length)), toHex(twin));
          const response = nodeEv2Answer({ enc, mac, ti }, start + i + 1, answer, mode);
          const known = i % 2 === 0 ? answer.length : -1;
          const plain = session.unprotect(new Uint8Array(response), mode, known);
          assert(typeof plain !== 'string', String(plain));
          assert.equal(toHex(plain), toHex(answer));
        }
      },
    ),
    { numRuns: 200 },
  );
});

test('EV1 sessions chain their MACs as the twin does', () => {
  fc.assert(
    fc.property(
      bytes(16),
      bytes(16),
      bytes(16),
      fc.array(exchange, { minLength: 1, maxLength: 6 }),
      (key, rndA, rndB, exchanges) => {
        const session = ev1Between(key, rndA, rndB);
        const sessionKey = ev1SessionKey(rndA, rndB);
        let chain: Uint8Array = new Uint8Array(16);
        for (const { ins, header, data, answer, mode } of exchanges) {
          const sends = mode === 'plain' ? mode : 'mac';
          const apdu = new Uint8Array(300);
          apdu.set(header, 5);
          apdu.set(data, 5 + header.length);
          const length = session.protect(ins, apdu, 5, header.length, data.length, sends);
          const body = Buffer.concat([header, data]);
          chain = nodeCmac(sessionKey, Buffer.concat([Buffer.of(ins), body]), chain);
          const mac = sends === 'mac' ? chain.subarray(0, 8) : new Uint8Array(0);
          assert.equal(toHex(apdu.subarray(5, 5 + length)), toHex(Buffer.concat([body, mac])));
          chain = nodeCmac(sessionKey, Buffer.concat([answer, Buffer.of(0)]), chain);
          const response = Buffer.concat([answer, chain.subarray(0, 8), Buffer.of(0x91, 0)]);
          const plain = session.unprotect(new Uint8Array(response), 'mac', answer.length);
          assert(typeof plain !== 'string', String(plain));
          assert.equal(toHex(plain), toHex(answer));
        }
      },
    ),
    { numRuns: 200 },
  );
});

/** A session after an authentication in which the card drew `rndB`. */
function ev1Between(key: Uint8Array, rndA: Uint8Array, rndB: Uint8Array): Ev1Session {
  const one = new Authentication();
  const challenge = nodeCbc(key, new Uint8Array(16), rndB);
  const token = one.answer('ev1', aesCardKey(key), challenge, rndA);
  const rotated = Buffer.concat([rndA.subarray(1), rndA.subarray(0, 1)]);
  assert.equal(one.proves(nodeCbc(key, token.slice(16), rotated)), true);
  const session = new Ev1Session();
  session.open(one);
  return session;
}

test('keys, CMACs and transaction MACs are those of the twin', () => {
  fc.assert(
    fc.property(bytes(16), bytes(16), bytes(16), bytes(1, 31), (key, a, b, input) => {
      const ready = cmacKey(key);
      const keys = ev2SessionKeys(ready, a, b);
      const twin = nodeEv2Keys(key, a, b);
      assert.equal(toHex(keys.enc), toHex(twin.enc));
      assert.equal(toHex(keys.mac), toHex(twin.mac));
      assert.equal(toHex(an10922Aes128(ready, input)), toHex(nodeAn10922(key, input)));
      const out = new Uint8Array(16);
      cmac16(ready, input, 0, input.length, out);
      assert.equal(toHex(out), toHex(nodeCmac(key, input)));
      const uid = a.subarray(0, 7);
      const tmi = Buffer.concat([a, b]);
      const tmc = b[0]! * 0x1000001;
      assert.equal(
        toHex(transactionMac(ready, tmc, uid, tmi)),
        toHex(nodeTransactionMac(key, tmc, uid, tmi)),
      );
    }),
    { numRuns: 200 },
  );
});

test('a proof of another random, of another length or for another key is none', () => {
  const key = new Uint8Array(16).fill(7);
  const zero = new Uint8Array(16);
  const rndA = new Uint8Array(16).map((_, i) => i);
  const rotated = Buffer.concat([rndA.subarray(1), rndA.subarray(0, 1)]);
  const challenge = nodeCbc(key, zero, new Uint8Array(16).fill(3));
  const right = nodeCbc(key, zero, Buffer.concat([Buffer.alloc(4, 9), rotated, Buffer.alloc(12)]));
  const proves = (proof: Uint8Array, rnd = rndA) => {
    const one = new Authentication();
    one.answer('ev2First', aesCardKey(key), challenge, rnd);
    return one.proves(proof);
  };
  assert.equal(proves(right), true);
  assert.equal(proves(right, rndA.slice().reverse()), false);
  assert.equal(proves(right.subarray(0, 16)), false);
  for (let bit = 0; bit < 160; bit++) {
    const flipped = right.slice();
    flipped[bit >> 3]! ^= 1 << (bit & 7);
    // The last 12 bytes are capabilities, which say nothing; all bits here are of TI or RndA'.
    const verdict = proves(flipped);
    if (bit >= 32) assert.equal(verdict, false, `bit ${bit}`);
  }
});

/** A session two commands old, the second unanswered, with both answers right. */
function twoAnswers(mode: 'mac' | 'full') {
  const keys = { enc: new Uint8Array(16).fill(1), mac: new Uint8Array(16).fill(2) };
  const ti = Uint8Array.of(1, 2, 3, 4);
  const session = new Ev2Session();
  session.begin(keys.enc, keys.mac, ti, 0);
  const apdu = new Uint8Array(64);
  const answer = (counter: number, data: Uint8Array) =>
    new Uint8Array(nodeEv2Answer({ ...keys, ti }, counter, data, mode));
  const first = answer(1, Uint8Array.of(5, 0, 0, 0));
  session.protect(0x6c, apdu, 5, 1, 0, mode);
  assert(typeof session.unprotect(first, mode, 4) !== 'string');
  session.protect(0x6c, apdu, 5, 1, 0, mode);
  return { session, first, second: answer(2, Uint8Array.of(6, 0, 0, 0)), answer };
}

test('EV2 refuses what was replayed, cut, lengthened or changed, each by its name', () => {
  for (const mode of ['mac', 'full'] as const) {
    const again = twoAnswers(mode);
    assert.equal(again.session.unprotect(again.first, mode, 4), 'replayed');
    const whole = twoAnswers(mode);
    for (let length = 2; length < whole.second.length; length++) {
      const { session, second } = twoAnswers(mode);
      const cut = second.slice(0, length);
      cut.set([0x91, 0x00], length - 2);
      assert.equal(session.unprotect(cut, mode, 4), 'truncated', `${length} bytes`);
    }
    const { session, second } = twoAnswers(mode);
    const longer = Uint8Array.of(...second.subarray(0, -2), 0, 0x91, 0);
    assert.equal(session.unprotect(longer, mode, 4), 'overlong');
    for (let bit = 0; bit < (whole.second.length - 2) * 8; bit++) {
      const one = twoAnswers(mode);
      one.second[bit >> 3]! ^= 1 << (bit & 7);
      assert.equal(one.session.unprotect(one.second, mode, 4), 'macInvalid', `bit ${bit}`);
    }
    // The answer that the card would give to the command after this one.
    const early = twoAnswers(mode);
    assert.equal(
      early.session.unprotect(early.answer(3, new Uint8Array(4)), mode, 4),
      'macInvalid',
    );
  }
});

test('right MACs over wrong padding, and over no whole blocks', () => {
  const { session, answer } = twoAnswers('mac');
  // MACed as it stands: what decrypts to something else than four bytes and 80 00...
  assert.equal(session.unprotect(answer(2, new Uint8Array(16)), 'full', 4), 'paddingInvalid');
  const odd = twoAnswers('mac');
  assert.equal(odd.session.unprotect(odd.answer(2, new Uint8Array(15)), 'full', -1), 'truncated');
});

test('EV1 tells a replay by its MAC', () => {
  const key = new Uint8Array(16).fill(7);
  const rndA = new Uint8Array(16).fill(1);
  const rndB = new Uint8Array(16).fill(2);
  const sessionKey = ev1SessionKey(rndA, rndB);
  const open = () => {
    const session = ev1Between(key, rndA, rndB);
    const apdu = new Uint8Array(64);
    session.protect(0x6c, apdu, 5, 0, 0, 'plain');
    const sent = nodeCmac(sessionKey, Buffer.of(0x6c));
    const mac = nodeCmac(sessionKey, Buffer.of(5, 0, 0, 0, 0), sent).subarray(0, 8);
    const first = Uint8Array.of(5, 0, 0, 0, ...mac, 0x91, 0);
    assert(typeof session.unprotect(first, 'mac', 4) !== 'string');
    session.protect(0x6c, apdu, 5, 0, 0, 'plain');
    return { session, first };
  };
  const { session, first } = open();
  assert.equal(session.unprotect(first, 'mac', 4), 'replayed');
  const cut = open();
  assert.equal(cut.session.unprotect(cut.first.slice(3), 'mac', 4), 'truncated');
  const none = open();
  assert.equal(none.session.unprotect(Uint8Array.of(0x91, 0), 'plain', 0), 'truncated');
  const flipped = open();
  flipped.first[4]! ^= 0x10;
  assert.equal(flipped.session.unprotect(flipped.first, 'mac', 4), 'macInvalid');
});

test('schedules of AES-128 are those of the library, for both directions', () => {
  fc.assert(
    fc.property(bytes(16), (key) => {
      const schedule = expandAes(key);
      assert.deepEqual(schedule, unsafe.expandKeyLE(key));
      const inverse = new Uint32Array(AES128_WORDS);
      invertAes128(schedule, inverse);
      assert.deepEqual(inverse, unsafe.expandKeyDecLE(key));
    }),
    { numRuns: 200 },
  );
});
