/** The virtual card's own answers to commands of the extended application, in and out of turn. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromHex, toHex } from '../../../../engine/bytes.ts';
import type { EcashCard } from '../../../../gate/reader/virtual/ecash-card.ts';
import { bankCardKey, retailMac } from '../../../../gate/reader/virtual/ecash-crypto.ts';
import { testCard } from '../../../../gate/reader/virtual/ecash-test-card.ts';
import { blankRecord, cappMaster, extendedCard } from '../../../kit/extended-cards.ts';

const key = bankCardKey(cappMaster, testCard.pan, testCard.panSequence);
const select = '00A4040008A00000033301010100';
const read = '80B400A802270100';

function options(service: string, amount = '000000000100'): string {
  const fields = `28000080${amount}000000000000015600000000000156261130002B29EBE4${service}00`;
  return `80A80000258323${fields}00`;
}

/** UPDATE CAPP DATA CACHE with its MAC. */
function update(record: Uint8Array, atc = 0x20b, spoilt = 0): string {
  const header = Uint8Array.of(0x84, 0xde, 0, 0xa8, record.length + 4);
  const iv = Uint8Array.of(0, 0, 0, 0, 0, 0, atc >> 8, atc);
  const mac = retailMac(key, Buffer.concat([header, record]), iv).slice(0, 4);
  mac[0]! ^= spoilt;
  return toHex(Buffer.concat([header, record, mac]));
}

const record = blankRecord().bytes;
const records = ['00B2011400', '00B2021400', '00B2031400', '00B2011C00'];

/** Status words of these commands, one after the other. */
function statuses(card: EcashCard, ...commands: string[]): string[] {
  return commands.map((one) => toHex(card.transmit(fromHex(one)).slice(-2)));
}

function lastStatus(card: EcashCard, ...commands: string[]): string {
  return statuses(card, ...commands).at(-1)!;
}

test('a transaction in turn', () => {
  const all = [select, read, options('01'), update(record), ...records];
  assert.deepEqual(new Set(statuses(extendedCard(), ...all)), new Set(['9000']));
});

test('READ CAPP DATA: before GET PROCESSING OPTIONS, of a record that is there', () => {
  assert.equal(lastStatus(extendedCard(), read), '6985');
  assert.equal(lastStatus(extendedCard(), select, options('01'), read), '6985');
  assert.equal(lastStatus(extendedCard(), select, '80B400A802270200'), '6A83');
  assert.equal(lastStatus(extendedCard(), select, '80B400B002270100'), '6A82');
  assert.equal(lastStatus(extendedCard(), select, '80B401A802270100'), '6A86');
  assert.equal(lastStatus(extendedCard(), select, '80B400AC02270100'), '6A86');
  assert.equal(lastStatus(extendedCard(), select, '80B400A80327010000'), '6700');
  const answer = extendedCard();
  answer.transmit(fromHex(select));
  const withMac = answer.transmit(fromHex('80B400A80A2701010203040506070800'));
  const mac = retailMac(key, record, fromHex('0102030405060708')).slice(0, 4);
  assert.equal(toHex(withMac), `${toHex(record)}${toHex(mac)}9000`);
});

test('UPDATE CAPP DATA CACHE: MAC, lengths, state, cache', () => {
  const begun = [select, read, options('01')];
  const longer = Uint8Array.of(...record, 0);
  const unknown = Uint8Array.of(0x27, 0x02, ...record.slice(2));
  const cases: readonly (readonly [string, string])[] = [
    [update(record, 0x20b, 1), '6988'],
    [update(record, 0x20a), '6988'],
    [update(longer), '6A84'],
    [update(record.slice(0, 47)), '6A80'],
    [update(unknown), '6A83'],
    ['84DE00A8052701000000', '6700'],
    [`84DE01A8${update(record).slice(8)}`, '6A86'],
    [`84DE00A9${update(record).slice(8)}`, '6A86'],
  ];
  for (const [command, sw] of cases) {
    const card = extendedCard();
    assert.equal(lastStatus(card, ...begun, command), sw);
    assert.equal(lastStatus(card, records[0]!), '6985', 'a refusal ends the transaction');
    assert.equal(card.state.balanceMinor, 10_000);
  }
  assert.equal(lastStatus(extendedCard(), select, read, update(record, 0x20a)), '6985');
  assert.equal(lastStatus(extendedCard(), select, read, options('00'), update(record)), '6985');
  assert.equal(lastStatus(extendedCard(), ...begun, records[0]!, update(record)), '6986');
  assert.equal(lastStatus(extendedCard({ cacheBytes: 47 }), ...begun, update(record)), '6581');
  // Several updates of one record count once; the last is kept.
  const card = extendedCard({ cacheBytes: 48 });
  const other = Uint8Array.from(record).fill(9, 3);
  assert.equal(lastStatus(card, ...begun, update(record), update(other), ...records), '9000');
  assert.deepEqual(card.state.extended!.records[0]!.bytes, other);
});

test('the last record refuses what was not asked for', () => {
  const other = blankRecord('2702');
  const two = () => extendedCard({ extended: { records: [blankRecord(), other] } });
  const elsewhere = [select, read, options('01'), update(other.bytes), ...records];
  const unread = [select, options('01'), update(record), ...records];
  const without = [select, read, options('01'), ...records];
  for (const [commands, sw] of [
    [elsewhere, '6974'],
    [unread, '6974'],
    [without, '6985'],
  ] as const) {
    const card = two();
    assert.equal(lastStatus(card, ...commands), sw);
    assert.equal(card.state.balanceMinor, 10_000);
    assert.deepEqual(card.state.extended!.records, [blankRecord(), other]);
    assert.equal(lastStatus(card, '805A000002020B08'), '9406');
  }
});

test('GET TRANS PROVE: of the transaction that was committed last', () => {
  const card = extendedCard();
  assert.equal(lastStatus(card, select, '805A000002020A08'), '9406');
  assert.equal(lastStatus(card, read, options('01'), update(record), ...records), '9000');
  assert.equal(lastStatus(card, '805A000002020B08'), '9000');
  assert.equal(lastStatus(card, '805A000002020A08'), '9406');
  assert.equal(lastStatus(card, '805A010002020B08'), '6A86');
  assert.equal(lastStatus(card, '805A000001020108'.slice(0, 14)), '6700');
  // One that was begun and not committed takes nothing away.
  assert.equal(lastStatus(card, select, options('00'), '805A000002020B08'), '9000');
});

test('APPEND RECORD is not there, nor anything of it on a plain card', () => {
  assert.equal(lastStatus(extendedCard(), select, '04E200A805270100000000'), '6E00');
});
