/** Records read back as they were written, and read as the public dump and layouts have them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { fromHex, toHex } from '../../../engine/bytes.ts';
import {
  type JourneyLayout,
  type JourneyRecord,
  journeyType,
  readJourneyRecord,
  writeJourneyRecord,
} from '../../../engine/card/journey-record.ts';
import { compileProfile } from '../../../engine/card/purse/compile.ts';
import { parseProfile } from '../../../engine/card/purse/profile.ts';
import { builtInProfile } from '../../../engine/card/purse/profiles.ts';
import {
  LOG_RECORD_BYTES,
  type LogRecord,
  type PublicFile,
  readLogRecord,
  readPublicFile,
  writeLogRecord,
  writePublicFile,
} from '../../../engine/card/purse/records.ts';

const tunion = compileProfile(builtInProfile('tunion'));
const layout = tunion.journey!.layout;

/** Plain objects, so that they compare equal to what is read. */
const record = <T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> =>
  fc.record(model, { noNullPrototype: true }) as fc.Arbitrary<T>;

const bytesOf = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const uint = (bytes: number) => fc.integer({ min: 0, max: 256 ** bytes - 1 });

const journeyRecord: fc.Arbitrary<JourneyRecord> = record({
  type: fc.constantFrom('none', 'entry', 'exit', 'single'),
  terminal: bytesOf(8),
  industry: uint(1),
  station: bytesOf(4),
  stationRest: bytesOf(3),
  amountMinor: uint(4),
  balanceMinor: uint(4),
  dateTime: bytesOf(7),
  city: bytesOf(2),
  institution: bytesOf(8),
  maxIncompleteAmountMinor: uint(4),
  maxTime: uint(2),
});

test('a journey record reads back as it was written, and covers its 48 bytes', () => {
  fc.assert(
    fc.property(journeyRecord, bytesOf(48), (record, before) => {
      const out = new Uint8Array(before);
      writeJourneyRecord(layout, record, out, 0);
      assert.deepEqual(readJourneyRecord(layout, out), record);
      const again = new Uint8Array(48);
      writeJourneyRecord(layout, record, again, 0);
      assert.deepEqual(again, out, 'no byte of the old record is left');
    }),
  );
});

const entry: JourneyRecord = {
  type: 'entry',
  terminal: fromHex('112233445566'),
  industry: 2,
  station: fromHex('01020304'),
  stationRest: fromHex('0A0B0C'),
  amountMinor: 300,
  balanceMinor: 0x80000001,
  dateTime: fromHex('20240821185844'),
  city: fromHex('3320'),
  institution: fromHex('0102030405060708'),
  maxIncompleteAmountMinor: 900,
  maxTime: 240,
};

test('T-Union fields lie where the trip record has them; a short value is right-aligned', () => {
  const out = new Uint8Array(48);
  writeJourneyRecord(layout, entry, out, 0);
  assert.equal(
    toHex(out),
    ['03', '0000112233445566', '02', '01020304', '0A0B0C', '0000012C', '80000001']
      .concat(['20240821185844', '3320', '0102030405060708', '00000384', '00F0'])
      .join(''),
  );
});

test('every type byte has a meaning, those of e-cash too', () => {
  const types = ['none', 'entry', 'exit', 'entry', 'exit', 'single', 'single', 'exit', 'exit'];
  for (const [byte, type] of [...types, 'none', 'none', 'unknown'].entries()) {
    assert.equal(journeyType(layout, new Uint8Array(48).with(0, byte)), type, `type ${byte}`);
  }
  assert.equal(journeyType(layout, new Uint8Array(48).with(0, 0xff)), 'unknown');
});

function smallLayout(): JourneyLayout {
  const fields = {
    type: { offset: 0, length: 1 },
    amount: { offset: 1, length: 2 },
    station: { offset: 3, length: 4 },
    dateTime: { offset: 9, length: 7 },
  };
  const { journeyFile, ...rest } = builtInProfile('tunion');
  const text = JSON.stringify({
    ...rest,
    name: 'small',
    journeyFile: { ...journeyFile, length: 16, fields },
  });
  return compileProfile(parseProfile(text, 'small')).journey!.layout;
}

test('fields a scheme does not have are not written and read as empty', () => {
  const small = smallLayout();
  const out = new Uint8Array(16).fill(0xee);
  writeJourneyRecord(small, entry, out, 0);
  assert.equal(toHex(out), '03012C01020304EEEE20240821185844');
  const read = readJourneyRecord(small, out);
  assert.deepEqual(
    [read.type, read.amountMinor, read.balanceMinor, read.terminal.length, read.maxTime],
    ['entry', 300, 0, 0, 0],
  );
});

test('a value that does not fit its field is our own mistake', () => {
  const out = new Uint8Array(48);
  const write = (change: Partial<JourneyRecord>) =>
    writeJourneyRecord(layout, { ...entry, ...change }, out, 0);
  assert.throws(() => write({ terminal: new Uint8Array(9) }), /longer than its field/);
  assert.throws(() => write({ maxTime: 65536 }), /larger than its field/);
  assert.throws(() => write({ amountMinor: -1 }), /larger than its field/);
  assert.throws(() => write({ type: 'unknown' }), /no byte/);
  assert.throws(() => writeJourneyRecord(layout, entry, new Uint8Array(47), 0));
  const bytes = smallLayout();
  assert.throws(
    () => writeJourneyRecord(bytes, { ...entry, amountMinor: 65536 }, new Uint8Array(16), 0),
    /larger than its field/,
  );
});

test('a log record reads back as it was written', () => {
  const logRecord: fc.Arbitrary<LogRecord> = record({
    serial: uint(2),
    overdraftMinor: uint(3),
    amountMinor: uint(4),
    type: uint(1),
    terminalId: bytesOf(6),
    dateTime: bytesOf(7),
  });
  fc.assert(
    fc.property(logRecord, (log) => {
      const out = new Uint8Array(LOG_RECORD_BYTES);
      writeLogRecord(log, out);
      assert.deepEqual(readLogRecord(out), log);
    }),
  );
  const read = readLogRecord(fromHex('0041000320000000C80920004159999720180313210438'));
  assert.deepEqual(
    [read.serial, read.overdraftMinor, read.amountMinor, read.type, toHex(read.dateTime)],
    [0x41, 0x320, 200, 9, '20180313210438'],
  );
});

test('the public file of a real card is read and written', () => {
  const bytes = fromHex('01011000FFFFFFFF02010310517001017000000020190806204012310000');
  const file = readPublicFile(tunion, bytes);
  assert.equal(toHex(file.issuer), '01011000FFFFFFFF');
  assert.equal(toHex(file.cardNumber), '03105170010170000000');
  assert.deepEqual(
    [file.applicationType, file.startFlag, file.enableDate, file.expiryDate],
    [2, 1, 20190806, 20401231],
  );
  const out = new Uint8Array(30);
  writePublicFile(tunion, file, out);
  assert.equal(toHex(out), toHex(bytes));
});

test('a public file reads back as it was written, and keeps the bytes between', () => {
  const date = fc.date({
    min: new Date('1900-01-01'),
    max: new Date('2099-12-31'),
    noInvalidDate: true,
  });
  const day = fc
    .option(date, { nil: null })
    .map((d) =>
      d === null
        ? Number.NaN
        : d.getUTCFullYear() * 10000 + (d.getUTCMonth() + 1) * 100 + d.getUTCDate(),
    );
  const publicFile: fc.Arbitrary<PublicFile> = record({
    issuer: bytesOf(8),
    applicationType: uint(1),
    startFlag: uint(1),
    cardNumber: bytesOf(10),
    enableDate: day,
    expiryDate: day,
  });
  fc.assert(
    fc.property(publicFile, (file) => {
      const out = new Uint8Array(30).fill(0x77);
      writePublicFile(tunion, file, out);
      assert.deepEqual(readPublicFile(tunion, out), file);
      assert.equal(toHex(out.subarray(28)), '7777');
    }),
  );
});
