/**
 * What issues DESFire cards, by published numbers: ChangeKey in all kinds of sessions and the
 * authentications of a card from the factory. Sources: NXP AN12196 (tables 25 and 26); Elmue's
 * DESFire EV1 communication examples, of a real card; a trace of the first generation's commands in
 * the MIFARE forum (12 October 2016).
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromHex, toHex } from '../../../engine/bytes.ts';
import {
  type AesCardKeyName,
  AesKeyring,
  type AesMasterKey,
} from '../../../engine/crypto/aes-keyring.ts';
import { Authentication, aesCardKey } from '../../../engine/crypto/desfire/authentication.ts';
import { crcA, desfireCrc32, writeKeyChange } from '../../../engine/crypto/desfire/change-key.ts';
import { Ev1Session } from '../../../engine/crypto/desfire/ev1-session.ts';
import { Ev2Session } from '../../../engine/crypto/desfire/ev2-session.ts';
import { FactorySession } from '../../../engine/crypto/desfire/factory-session.ts';
import { IssuingKeys } from '../../../engine/crypto/desfire/issuing-keys.ts';
import { cmac16 } from '../../../engine/crypto/mac.ts';

const ZEROS = '00'.repeat(16);
const FIRST = '00102030405060708090A0B0B0A09080';
const SECOND = '10182028303840485058606870788088';

/** The 33 bytes of EV1's ChangeKey, in a session. */
function ev1ChangeKey(
  session: Ev1Session,
  number: number,
  next: string,
  version: number,
  current: string | null,
): string {
  const bytes = new Uint8Array(64);
  bytes[0] = number;
  const change = { scheme: 'crc32', keyByte: number, key: fromHex(next), version } as const;
  const before = current === null ? null : fromHex(current);
  const length = writeKeyChange({ ...change, current: before }, bytes, 1);
  assert.equal(length, current === null ? 21 : 25);
  session.encipher(bytes, 1, 32);
  return toHex(bytes.subarray(1, 33));
}

function ev1Session(key: string, challenge: string, rndA: string, proof: string): Ev1Session {
  const one = new Authentication();
  one.answer('ev1', aesCardKey(fromHex(key)), fromHex(challenge), fromHex(rndA));
  assert(one.proves(fromHex(proof)));
  const session = new Ev1Session();
  session.open(one);
  return session;
}

test('EV1: the key of the session is changed, with and without commands before', () => {
  const first = ev1Session(
    ZEROS,
    'B969FDFE56FD91FC9DE6F6F213B8FD1E',
    'F44B26F5686F3A391CD38EBD10772281',
    '800DB680BC146BD121D6578F2D2E2059',
  );
  assert.equal(
    ev1ChangeKey(first, 0, FIRST, 0x10, null),
    'E9F85E219496C2B58C1090DC3935FAE9E840CF61B383D9531946256B1F110C10',
  );
  const second = ev1Session(
    FIRST,
    'CCC8316C2B2613FE9A189BAC9CC89D03',
    'C2A1E47B96A5589FAAE90C03FE6D00A7',
    '72ACCC0BDEA482B53185BB5AD0086246',
  );
  assert.equal(
    ev1ChangeKey(second, 0, SECOND, 0x10, null),
    '2945E3760E60F4A4046BB8A505B31CF559A3A2E05213BC82942CA6AB5DBCECF5',
  );
  const third = ev1Session(
    SECOND,
    '3E2BE626C05E7798EE518355A751648E',
    '90F7A201C4DB760538FF8A49EC63DECD',
    '1CE6C574E24923D404E18B6A240C1B08',
  );
  // GetKeyVersion first: its answer is checked, and the chain goes on from it.
  const bytes = new Uint8Array(32);
  assert.equal(third.protect(0x64, bytes, 0, 1, 0, 'plain'), 1);
  const version = third.unprotect(fromHex('108A8FA36F55CD210D9100'), 'mac', 1);
  assert.deepEqual(version, Uint8Array.of(0x10));
  assert.equal(
    ev1ChangeKey(third, 0, ZEROS, 0, null),
    '635375E4919F8AF2E9E86B1C1BA55B0C0807EAF484D7A7EF6E0C3084160F5A61',
  );
});

test('EV1: another key is changed twice in one session, then files are made and listed', () => {
  const session = ev1Session(
    ZEROS,
    'EDDAF0C5D9A7CF42B8808BE2013899A1',
    'C2A1E47B96A5589FAAE90C03FE6D00A7',
    '459C76B71AB9F1736413F5ACD73E7DF9',
  );
  const nothing = new Uint8Array(0);
  assert.equal(
    ev1ChangeKey(session, 1, FIRST, 0x10, ZEROS),
    'E7ECCB6BD1CA64BC161A12B1C024F71430337408C8A87EACAB7A1FF18951FCA3',
  );
  assert.deepEqual(session.unprotect(fromHex('2128D3CD9C9ACFFF9100'), 'mac', 0), nothing);
  assert.equal(
    ev1ChangeKey(session, 1, SECOND, 0x10, FIRST),
    '2841938C40A4BC2C33064482FEADA5F43EC535D34255B0286C2352CD173863C7',
  );
  assert.deepEqual(session.unprotect(fromHex('CAF3BF0B2836E9DE9100'), 'mac', 0), nothing);
  const next = ev1Session(
    SECOND,
    'B351CB2465D4F33AC627FD6E87A168F2',
    '40E7D27174CBA675E8EFBAB99C530E3D',
    'A2EE144B1012FBEB7B2F11132D95A454',
  );
  const said = (ins: number, header: string, answer: string): string => {
    const bytes = new Uint8Array(40);
    bytes.set(fromHex(header));
    const { length } = fromHex(header);
    assert.equal(next.protect(ins, bytes, 0, length, 0, 'plain'), length, 'sent without a MAC');
    const plain = next.unprotect(fromHex(`${answer}9100`), 'mac', -1);
    return typeof plain === 'string' ? plain : toHex(plain);
  };
  assert.equal(said(0xcd, '05001100500000', 'A75316AD1596B953'), '');
  assert.equal(said(0x6f, '', '052D5FF67FFEC9D2D3'), '05');
  assert.equal(said(0xf5, '05', '000011005000002AAC7517024E09DC'), '00001100500000');
});

test('EV2: another key (AN12196, table 25) and the key of the session (table 26)', () => {
  const session = new Ev2Session();
  const enc = fromHex('4CF3CB41A22583A61E89B158D252FC53');
  const mac = fromHex('5529860B2FC5FB6154B7F28361D30BF9');
  session.begin(enc, mac, fromHex('7614281A'), 2);
  const bytes = new Uint8Array(64);
  const change = (number: number, key: string, current: string | null): string => {
    bytes[0] = number;
    const before = current === null ? null : fromHex(current);
    const what = { scheme: 'mac', keyByte: number, key: fromHex(key), version: 1 } as const;
    const plain = writeKeyChange({ ...what, current: before }, bytes, 1);
    assert.equal(plain, current === null ? 17 : 21);
    return toHex(bytes.subarray(0, session.protect(0xc4, bytes, 0, 1, plain, 'full')));
  };
  assert.equal(
    change(2, 'F3847D627727ED3BC9C4CC050489B966', ZEROS),
    '022CF362B7BF4311FF3BE1DAA295E8C68DE09050560D19B9E16C2393AE9CD1FAC75D0CE20BCD1D06E6',
  );
  const answer = session.unprotect(fromHex('203BB55D1089D5879100'), 'full', 0);
  assert.deepEqual(answer, new Uint8Array(0));
  assert.equal(
    change(0, '5004BF991F408672B1EF00F08F9E8647', null),
    '00C0EB4DEEFEDDF0B513A03A95A75491818580503190D4D05053FF75668A01D6FDA6610234BDED6432',
  );
});

test('checksums: CRC-32 of a key, CRC_A of ISO/IEC 14443-3', () => {
  assert.equal(desfireCrc32(fromHex('F3847D627727ED3BC9C4CC050489B966')), 0xdcfa9d78);
  assert.equal(desfireCrc32(fromHex(FIRST)), 0x1979e3bf);
  // Examples of the standard's annex B.
  assert.equal(crcA(fromHex('0000')), 0x1ea0);
  assert.equal(crcA(fromHex('1234')), 0xcf26);
  assert.equal(crcA(fromHex('0F')), 0xa909);
});

/** An authentication of a trace; the session it opens. */
function factorySession(
  scheme: 'iso' | 'legacy',
  [challenge, rndA, token, proof]: readonly [string, string, string, string],
): FactorySession {
  const one = new FactorySession();
  assert.equal(toHex(one.answer(scheme, fromHex(challenge), fromHex(rndA))), token);
  assert.equal(one.proves(fromHex(proof).map((byte) => byte ^ 1)), false);
  const again = new FactorySession();
  again.answer(scheme, fromHex(challenge), fromHex(rndA));
  assert.equal(again.proves(fromHex(proof)), true);
  assert.equal(again.proves(new Uint8Array(7)), false);
  again.answer(scheme, fromHex(challenge), fromHex(rndA));
  assert.equal(again.proves(fromHex(proof)), true);
  return again;
}

test('AuthenticateISO with the DES key of the factory, of the card and of an application', () => {
  const traces = [
    [
      '5D994CE085F24089',
      '849B36C5F8BF4A09',
      '21D0AD5F2FD97454A746CC80567F1B1C',
      '913C6DED84221C41',
    ],
    [
      '8476D1CF3024B7C7',
      '49EC63DECDE00772',
      'DAC67AB743763DC9FAF8A0AE504E80C5',
      '13E9E4FA4388BF16',
    ],
    [
      '4415939B21D8EEE8',
      '6D00A79231348B66',
      '89D611809D605F8C917A18BF26DE2D6F',
      '21696214FDDA2504',
    ],
  ] as const;
  for (const trace of traces) factorySession('iso', trace);
  // ChangeKey of that key to a two-key one: no version follows, the rest is the same.
  const session = factorySession('iso', [
    'DE50F92310CAF5A5',
    'C96CE35E4D6087F2',
    'E00616668704D5549C8D6A13A0F8FCED',
    '1D9D2954697DE760',
  ]);
  const data = fromHex('00102031405060708090A0B0B0A09080');
  const crc = desfireCrc32(Uint8Array.of(0xc4, 0x00, ...data));
  assert.equal(crc, 0x5001ffc5);
  const bytes = Uint8Array.of(...data, 0xc5, 0xff, 0x01, 0x50, 0, 0, 0, 0);
  session.encipher(bytes, 0, bytes.length);
  assert.equal(toHex(bytes), 'BEDE0FC6ED347DCF0D51C717DF75D97D2C5A2BA6CAC7479D');
});

test('Authenticate of the first generation, and what its session sends', () => {
  const session = factorySession('legacy', [
    '63C54DCF6F3A6FC9',
    '0001020304050607',
    '491E890DE9ACE9329C5C6D55D9FA36D7',
    'B7D1DA7CE0DD986B',
  ]);
  // ChangeKeySettings 0F, which the card took.
  const bytes = fromHex('0F09A90000000000');
  session.encipher(bytes, 0, 8);
  assert.equal(toHex(bytes), 'CB643FD030E687DA');
});

test('a desk and a gate take one master of several, by application', () => {
  const ours = fromHex('3042F5');
  const master = (fill: number) => new Uint8Array(16).fill(fill);
  const anyone: AesMasterKey = { use: 'debit', version: 1, master: master(1) };
  const other: AesMasterKey = { ...anyone, master: master(2), application: fromHex('AAAAAA') };
  const own: AesMasterKey = { ...anyone, master: master(3), application: ours };
  const cases: readonly (readonly [readonly AesMasterKey[], Uint8Array | null])[] = [
    [[anyone, other], anyone.master],
    [[other, anyone], anyone.master],
    [[anyone, own, other], own.master],
    [[other, own], own.master],
    [[other], null],
  ];
  const named = { use: 'debit', version: 1, application: ours, padTo32: true } as const;
  for (const [keys, wanted] of cases) {
    const common: AesCardKeyName = { ...named, input: null };
    assert.deepEqual(new IssuingKeys(keys).bytes(common), wanted);
    for (const input of [null, Uint8Array.of(4, 1, 2, 3, 4, 5, 6, 0x30, 0x42, 0xf5)]) {
      const gate = new AesKeyring(keys).macKey({ ...named, input });
      const desk = new IssuingKeys(keys).find({ ...named, input });
      assert.equal(desk === null, wanted === null);
      assert.equal(gate === null, wanted === null);
      if (gate === null || desk === null) continue;
      const macs = [gate, desk.cmac].map((key) => {
        const mac = new Uint8Array(16);
        cmac16(key, ours, 0, ours.length, mac);
        return mac;
      });
      assert.deepEqual(macs[0], macs[1]);
    }
  }
});
