/** DESFire authentication, secure messaging and transaction MAC keys: every published number. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromHex, toHex } from '../../../engine/bytes.ts';
import { aesBlock } from '../../../engine/crypto/aes.ts';
import { Authentication, aesCardKey } from '../../../engine/crypto/desfire/authentication.ts';
import { ev1SessionKey } from '../../../engine/crypto/desfire/ev1-session.ts';
import { Ev2Session, ev2SessionKeys } from '../../../engine/crypto/desfire/ev2-session.ts';
import type { CommMode } from '../../../engine/crypto/desfire/session.ts';
import {
  transactionMac,
  transactionSessionKey,
  verifyTransactionMac,
} from '../../../engine/crypto/desfire/transaction-mac.ts';
import { cmacKey } from '../../../engine/crypto/mac.ts';
import { noShared, vectors } from '../../shared.ts';

interface Vector {
  readonly id: string;
  readonly inputs: Readonly<Record<string, string | number>>;
  readonly expected: Readonly<Record<string, string>>;
  readonly reproduced: boolean;
}

const reproduced = (file: string) => vectors<Vector>(file).filter((v) => v.reproduced);
const input = (vector: Vector, name: string) => fromHex(String(vector.inputs[name]));
/** An answer's data without its status word. */
const data = (answer: Uint8Array) => answer.subarray(0, answer.length - 2);

test('EV1 authentication: both published examples', { skip: noShared }, () => {
  const found = reproduced('ev1-auth');
  assert.equal(found.length, 2);
  for (const vector of found) {
    const one = new Authentication();
    const key = aesCardKey(input(vector, 'key'));
    const token = one.answer('ev1', key, data(input(vector, 'resp1')), input(vector, 'rndA'));
    assert.equal(toHex(one.rndB), vector.expected.rndB);
    assert.equal(toHex(token), vector.expected.rndABenc);
    assert.equal(one.proves(data(input(vector, 'resp2'))), true);
    assert.equal(toHex(ev1SessionKey(one.rndA, one.rndB)), vector.expected.sessionKey);
  }
});

test('EV2 authentication: an application note and a real tag', { skip: noShared }, () => {
  const found = reproduced('ev2-auth');
  assert.equal(found.length, 3);
  for (const vector of found.filter((v) => v.inputs.resp2 !== undefined)) {
    const one = new Authentication();
    const key = aesCardKey(input(vector, 'key'));
    const { expected } = vector;
    const token = one.answer('ev2First', key, data(input(vector, 'resp1')), input(vector, 'rndA'));
    assert.equal(toHex(token), expected.pcdEnc);
    assert.equal(toHex(token), String(vector.inputs.cmd2).slice(10, 74));
    assert.equal(one.proves(data(input(vector, 'resp2'))), true);
    assert.equal(toHex(one.ti), expected.TI);
    if (expected.rndB !== undefined) assert.equal(toHex(one.rndB), expected.rndB);
    const keys = ev2SessionKeys(key.cmac, one.rndA, one.rndB);
    assert.equal(toHex(keys.enc), expected.sesAuthEnc);
    assert.equal(toHex(keys.mac), expected.sesAuthMac);
  }
  const nonFirst = found.find((v) => v.inputs.resp2 === undefined)!;
  const keys = ev2SessionKeys(
    cmacKey(input(nonFirst, 'key')),
    input(nonFirst, 'rndA'),
    input(nonFirst, 'rndB'),
  );
  assert.equal(toHex(keys.enc), nonFirst.expected.sesAuthEnc);
  assert.equal(toHex(keys.mac), nonFirst.expected.sesAuthMac);
});

function sessionOf(enc: string, mac: string, ti: string, counter = 0): Ev2Session {
  const session = new Ev2Session();
  session.begin(fromHex(enc), fromHex(mac), fromHex(ti), counter);
  return session;
}

/** Header and data as they are sent. */
function sent(
  session: Ev2Session,
  ins: number,
  header: string,
  body: Uint8Array,
  mode: CommMode,
): string {
  const bytes = new Uint8Array(300);
  const head = fromHex(header);
  bytes.set(head, 5);
  bytes.set(body, 5 + head.length);
  const length = session.protect(ins, bytes, 5, head.length, body.length, mode);
  return toHex(bytes.subarray(5, 5 + length));
}

/** Plain data of an answer, or why it is refused. */
function opened(session: Ev2Session, answer: string, mode: CommMode, expected: number): string {
  const plain = session.unprotect(fromHex(`${answer}9100`), mode, expected);
  return typeof plain === 'string' ? plain : toHex(plain);
}

const ANY = '00'.repeat(16);

test('EV2 messaging: the shared vectors', { skip: noShared }, () => {
  const found = reproduced('ev2-messaging');
  assert.equal(found.length, 4);
  const one = (id: string) => found.find((v) => v.id === id)!;

  const settings = one('an12196-table7-commmode-mac');
  const { inputs, expected } = settings;
  const macOnly = sessionOf(ANY, String(inputs.sesAuthMac), String(inputs.TI));
  const body = sent(macOnly, 0xf5, String(inputs.header), new Uint8Array(0), 'mac');
  assert.equal(`90F5000009${body}00`, expected.capdu);
  const answer = String(inputs.respData);
  assert.equal(opened(macOnly, `${answer}${expected.respMac}`, 'mac', 25), answer);

  // The file names the MACs; the data is that of AN12343, tables 23 and 24.
  const note = one('an12343-p54-write-read-commmode-mac');
  const two = sessionOf(ANY, String(note.inputs.sesAuthMac), String(note.inputs.TI));
  const write = sent(two, 0x8d, '00000000190000', new Uint8Array(25).fill(0x22), 'mac');
  assert.equal(write.slice(-16), note.expected.cmd1Mac);
  assert.equal(opened(two, note.expected.resp1Mac!, 'mac', 0), '');
  const read = sent(two, 0xad, '00000000300000', new Uint8Array(0), 'mac');
  assert.equal(read.slice(-16), note.expected.cmd2Mac);
  const clear = `${'22'.repeat(25)}${'00'.repeat(23)}`;
  assert.equal(opened(two, `${clear}${note.expected.resp2Mac}`, 'mac', 48), clear);

  const table17 = one('an12196-table17-writedata-full');
  const full = sessionOf(
    String(table17.inputs.sesAuthEnc),
    String(table17.inputs.sesAuthMac),
    String(table17.inputs.TI),
  );
  const file = fromHex(String(table17.inputs.data));
  const written = sent(full, 0x8d, String(table17.inputs.header), file, 'full');
  assert.equal(written.slice(-16), table17.expected.cmdMac);
  assert.equal(opened(full, table17.expected.respMac!, 'full', 0), '');
});

test('EV2 messaging: the IV of a command', { skip: noShared }, () => {
  // Sixteen bytes of padding alone would be 80 00..; the first block is E(IV xor plain), so a plain
  // block that equals the published IV is encrypted as zeros are.
  const vector = reproduced('ev2-messaging').find((v) => v.id === 'pm3-iv-command-0')!;
  const iv = fromHex(vector.expected.ivCommand!);
  const key = String(vector.inputs.sesAuthEnc);
  const session = sessionOf(key, ANY, String(vector.inputs.TI));
  const body = sent(session, 0x8d, '', iv, 'full');
  const zeros = new Int32Array(4);
  const { schedule } = cmacKey(fromHex(key));
  aesBlock(schedule, zeros);
  assert.equal(body.slice(0, 32), toHex(new Uint8Array(zeros.buffer)));
});

test('EV2 messaging encrypted both ways: AN12343, tables 25 and 26', () => {
  const session = sessionOf(
    'FFBCFE1F41840A09C9A88D0A4B10DF05',
    '37E7234B11BEBEFDE41A8F290090EF80',
    'CD73D8E5',
  );
  assert.equal(
    sent(session, 0x8d, '00000000190000', new Uint8Array(25).fill(0x22), 'full'),
    '00000000190000D7446FBC912580C0A65E738D28B609E43ADBB8FB2B4CA68744D1BBEBB37EBD32700ADF7BB9F62A6C',
  );
  assert.equal(opened(session, 'B9A534A7A73EE0DD', 'full', 0), '');
  const read = sent(session, 0xad, '00000000300000', new Uint8Array(0), 'full');
  assert.equal(read, '000000003000007CF94F122B3DB05F');
  const answer =
    '8848D0F9B9FD4495770C89925B2A85C7274D350FA9029C484D43804886662DC42D7F40A6D7A415E4A71EFF79EB8E5721AC3BF1CAAFE8EB2CAA2DC162E67A97A38ED7888F22B3A587';
  assert.equal(opened(session, answer, 'full', 48), `${'22'.repeat(25)}${'00'.repeat(23)}`);
});

test('transaction MAC keys as published, and the TMV that we made', { skip: noShared }, () => {
  const found = reproduced('tmac');
  assert.equal(found.length, 3);
  for (const vector of found) {
    const key = cmacKey(input(vector, 'appTransactionMacKey'));
    const uid = input(vector, 'uid');
    const before = vector.inputs.tmcBefore;
    const tmc = before === undefined ? Number(vector.inputs.tmcReturned) : Number(before) + 1;
    const { expected } = vector;
    assert.equal(toHex(transactionSessionKey(key, 'mac', tmc, uid)), expected.sesTmMac);
    if (expected.sesTmEnc !== undefined) {
      assert.equal(toHex(transactionSessionKey(key, 'enc', tmc, uid)), expected.sesTmEnc);
    }
    if (expected.TMV === undefined) continue;
    const tmi = input(vector, 'TMI');
    assert.equal(toHex(transactionMac(key, tmc, uid, tmi)), expected.TMV);
    const tmv = fromHex(expected.TMV);
    assert.equal(verifyTransactionMac(key, tmc, uid, tmi, tmv), true);
    assert.equal(verifyTransactionMac(key, tmc + 1, uid, tmi, tmv), false);
    assert.equal(verifyTransactionMac(key, tmc, uid, tmi, tmv.subarray(1)), false);
    tmi[20]! ^= 1;
    assert.equal(verifyTransactionMac(key, tmc, uid, tmi, tmv), false);
  }
});
