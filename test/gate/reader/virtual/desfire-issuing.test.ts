/**
 * The virtual card from the factory by itself: what it refuses, and a second hand on the wire: each
 * command as it was published or as an application note lays it out.
 */
import assert from 'node:assert/strict';
import { createCipheriv, createDecipheriv } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { fromHex, toHex } from '../../../../engine/bytes.ts';
import { VirtualDesfireCard } from '../../../../gate/reader/virtual/desfire/card.ts';
import { blankDesfire, type Generation } from '../../../../gate/reader/virtual/desfire/state.ts';
import { countingBytes, UID } from '../../../kit/desfire-kit.ts';
import { IssuingKit } from '../../../kit/issuing-kit.ts';

const send = (card: VirtualDesfireCard, apdu: string) => toHex(card.transmit(fromHex(apdu)));

/** A card whose random numbers are those of a trace. */
function scripted(generation: Generation, ...randoms: readonly string[]): VirtualDesfireCard {
  const queue = randoms.map(fromHex);
  const randomBytes = (length: number) => {
    const next = queue[0]?.length === length ? queue.shift()! : new Uint8Array(length);
    return next;
  };
  return new VirtualDesfireCard({ state: blankDesfire(generation, UID), randomBytes });
}

test('the trace of a real EV1 card: AuthenticateISO with its DES key', () => {
  const card = scripted('ev1', '4FD1B75942A8B8E1');
  assert.equal(send(card, '905A00000300000000'), '9100');
  assert.equal(send(card, '90640000010000'), '009100', 'version of the key, without a session');
  assert.equal(send(card, '901A0000010000'), '5D994CE085F2408991AF');
  assert.equal(send(card, '90AF00001021D0AD5F2FD97454A746CC80567F1B1C00'), '913C6DED84221C419100');
});

test('the trace of a real EV1 card: an AES application, its keys, its versions', () => {
  const card = scripted(
    'ev1',
    'C05DDD714FD788A6B7B754F3C4D066E8',
    '271047125A2AA58178F5C51B1177A19B',
    '910368457E2E9AA167355BFB544B9931',
  );
  // Without a session: the factory's settings allow it.
  assert.equal(send(card, '90CA00000516AE000F8200'), '9100');
  assert.equal(send(card, '906A000000'), '16AE009100');
  assert.equal(send(card, '905A00000316AE0000'), '9100');
  assert.equal(send(card, '90AA0000010000'), 'B969FDFE56FD91FC9DE6F6F213B8FD1E91AF');
  const token = '36AAD7DF6E436BA08D18613830A70D5AD43E3D3F4A8D47541EEE623A934E4774';
  assert.equal(send(card, `90AF000020${token}00`), '800DB680BC146BD121D6578F2D2E20599100');
  const first = 'E9F85E219496C2B58C1090DC3935FAE9E840CF61B383D9531946256B1F110C10';
  assert.equal(send(card, `90C400002100${first}00`), '9100');
  assert.equal(send(card, '90AA0000010000'), 'CCC8316C2B2613FE9A189BAC9CC89D0391AF');
  const second = 'C02E061E72E17726489CAEEC997C523758BF863EFE7671C55B4665D06ACCD97B';
  assert.equal(send(card, `90AF000020${second}00`), '72ACCC0BDEA482B53185BB5AD00862469100');
  const next = '2945E3760E60F4A4046BB8A505B31CF559A3A2E05213BC82942CA6AB5DBCECF5';
  assert.equal(send(card, `90C400002100${next}00`), '9100');
  assert.equal(send(card, '90AA0000010000'), '3E2BE626C05E7798EE518355A751648E91AF');
  const third = 'FABF71BB0DC45B8F31BAEDDFF7F3439652D4094DF12C17EF0C94353E6D7770C8';
  assert.equal(send(card, `90AF000020${third}00`), '1CE6C574E24923D404E18B6A240C1B089100');
  assert.equal(send(card, '90640000010000'), '108A8FA36F55CD210D9100');
  const zeros = '635375E4919F8AF2E9E86B1C1BA55B0C0807EAF484D7A7EF6E0C3084160F5A61';
  assert.equal(send(card, `90C400002100${zeros}00`), '9100');
  assert.deepEqual(card.state.application.keys[0], new Uint8Array(16));
});

test('the trace of a real EV1 card: another key, twice, then what is listed', () => {
  const card = scripted('ev1', 'D81000444B976F48340DCDE34D7AB17C');
  send(card, '90CA00000516AE000F8200');
  send(card, '905A00000316AE0000');
  assert.equal(send(card, '90AA0000010000'), 'EDDAF0C5D9A7CF42B8808BE2013899A191AF');
  const token = 'D8105F874E2CA57B76C354A8066B0D7880B0C4EC399DBF253438DB46D75F8F60';
  assert.equal(send(card, `90AF000020${token}00`), '459C76B71AB9F1736413F5ACD73E7DF99100');
  const first = 'E7ECCB6BD1CA64BC161A12B1C024F71430337408C8A87EACAB7A1FF18951FCA3';
  assert.equal(send(card, `90C400002101${first}00`), '2128D3CD9C9ACFFF9100');
  const second = '2841938C40A4BC2C33064482FEADA5F43EC535D34255B0286C2352CD173863C7';
  assert.equal(send(card, `90C400002101${second}00`), 'CAF3BF0B2836E9DE9100');
  assert.equal(toHex(card.state.application.keys[1]!), '10182028303840485058606870788088');
  assert.deepEqual(card.state.issuing!.keyVersions, [0, 0x10]);
});

/** DES of one block, by node:crypto alone. */
function des(key: string, data: string, decipher: boolean): string {
  const triple = fromHex(key.repeat(3));
  const iv = new Uint8Array(8);
  const make = decipher ? createDecipheriv : createCipheriv;
  const cipher = make('des-ede3-cbc', triple, iv).setAutoPadding(false);
  return toHex(new Uint8Array(cipher.update(fromHex(data))));
}

test('the first generation: the card of a trace in the MIFARE forum', () => {
  const rndB = des('00'.repeat(8), '63C54DCF6F3A6FC9', true);
  const card = scripted('ev2', rndB);
  assert.equal(send(card, '900A0000010000'), '63C54DCF6F3A6FC991AF');
  assert.equal(send(card, '90AF000010491E890DE9ACE9329C5C6D55D9FA36D700'), 'B7D1DA7CE0DD986B9100');
  assert.equal(send(card, '9064000001000000'), '6700');
});

test('who may not: no session, the wrong key, the wrong place', () => {
  const card = scripted('ev2');
  assert.equal(send(card, `90C400002180${'00'.repeat(32)}00`), '91AE', 'no session');
  assert.equal(send(card, '90AA0000010000'), '91AE', 'a DES key is no AES key');
  assert.equal(send(card, '9071000002000000'), '91AE');
  assert.equal(send(card, '901A0000010100'), '91AE', 'no such key');
  assert.equal(send(card, '901A000000'), '917E');
  assert.equal(send(card, '906F000000'), '911C', 'files are of applications');
  assert.equal(send(card, '90640000010100'), '9140');
  assert.equal(send(card, '90CA00000530 42F50B04 00'.replaceAll(' ', '')), '919E', 'DES keys');
  assert.equal(send(card, '90CA0000050000000B8400'), '919E', 'the AID of the card');
  assert.equal(send(card, '90CA0000053042F50B8F00'), '919E', '15 keys');
  assert.equal(send(card, '90CA0000053042F50B8400'), '9100');
  assert.equal(send(card, '90CA0000053042F50B8400'), '91DE');
  assert.equal(send(card, '90CA0000053142F50B8400'), '91CE', 'one is modelled');
  assert.equal(send(card, '905A0000033042F500'), '9100');
  assert.equal(send(card, '90CA0000053242F50B8400'), '911C', 'in an application');
  assert.equal(send(card, '906F000000'), '9100', 'listed freely');
  assert.equal(send(card, '90F50000010300'), '91F0');
  assert.equal(send(card, '90C000000A04033023300000050000 00'.replaceAll(' ', '')), '91AE');
  const proof = `90CE0000160F 0100F002${'11'.repeat(16)}01 00`.replaceAll(' ', '');
  assert.equal(send(card, proof), '91AE', 'a key in clear');
  assert.equal(send(card, '90640000010400'), '9140');
  assert.equal(send(card, '901A0000010000'), '91AE', 'an application of AES keys');
  const issued = new IssuingKit('desfire-ev2');
  const light = new VirtualDesfireCard({
    state: blankDesfire('light', UID),
    randomBytes: countingBytes(1),
  });
  assert.equal(send(light, '90CA0000053042F50B8400'), '911C');
  const whole = issued.blank();
  issued.run(whole);
  whole.power();
  assert.equal(send(whole, '901A0000010000'), '91AE', 'the key of the factory is gone');
  assert.equal(send(whole, '900A0000010000'), '91AE');
});

test('what files may not be', () => {
  const kit = new IssuingKit('desfire-ev1');
  const cut = kit.blank();
  // All keys are changed, no file is there.
  kit.run(cut, { tear: { command: cutAt(kit, 'GetFileIDs'), when: 'before' } });
  const { keys } = cut.state.application;
  const open = { ...cut.state, issuing: { ...cut.state.issuing!, settings: 0x0f } };
  const card = new VirtualDesfireCard({ state: open, randomBytes: countingBytes(5) });
  assert.equal(keys.length, 4);
  send(card, '905A0000033042F500');
  const value = (rest: string) => send(card, `90CC000011${rest}00`);
  const limits = '00000000A086010000000000';
  assert.equal(value(`20033033${limits}01`), '919E', 'number 32');
  assert.equal(value(`03023033${limits}01`), '919E', 'no such mode');
  assert.equal(value(`03033043${limits}01`), '9140', 'key 4');
  assert.equal(value(`03033023${limits}04`), '919E', 'unknown option');
  assert.equal(value('0303302300000000A0860100A1860100 01'.replace(' ', '')), '91BE', 'too much');
  assert.equal(value(`03033023${limits}01`), '9100');
  assert.equal(value(`03033023${limits}01`), '91DE');
  assert.equal(value(`04033023${limits}01`), '91CE');
  const records = (rest: string) => send(card, `90C000000A${rest}00`);
  assert.equal(records('04012033000000050000'), '919E', 'of no length');
  assert.equal(records('04012033300000010000'), '919E', 'one record alone');
  assert.equal(records('04012033300000050000'), '9100');
  assert.equal(send(card, '90F50000010300'), '0203302300000000A086010000000000019100');
  assert.equal(send(card, '90F50000010400'), '04012033300000050000000000' + '9100');
  assert.equal(send(card, '906F000000'), '03049100');
});

function cutAt(kit: IssuingKit, command: string): number {
  kit.run(kit.blank());
  return kit.sent.indexOf(command) + 1;
}

test('any bytes get an answer, and change nothing that needs a key', () => {
  const apdu = fc.oneof(
    fc.uint8Array({ minLength: 0, maxLength: 40 }),
    fc
      .tuple(
        fc.constantFrom(0x5a, 0x1a, 0x0a, 0xaf, 0xaa, 0x71, 0xc4, 0xcc, 0xc0, 0xce, 0x64, 0xf5),
        fc.uint8Array({ minLength: 1, maxLength: 60 }),
      )
      .map(([ins, data]) => Uint8Array.of(0x90, ins, 0, 0, data.length, ...data, 0)),
  );
  fc.assert(
    fc.property(fc.array(apdu, { maxLength: 30 }), (apdus) => {
      const state = blankDesfire('ev2', UID);
      const card = new VirtualDesfireCard({ state, randomBytes: countingBytes(3) });
      for (const one of apdus) assert(card.transmit(one).length >= 2);
      assert.deepEqual(card.state.issuing!.cardKey, state.issuing!.cardKey);
      assert.equal(card.state.application.value.number, -1);
    }),
    { seed: 20260501, numRuns: 200 },
  );
});
