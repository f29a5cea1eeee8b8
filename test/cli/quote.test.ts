/** `quote` as a stream: every published fare exactly, order, bounds, bad lines, back-pressure. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { run, scratch } from '../reference/fare-program.ts';
import { fareTable } from '../reference/fare-table.ts';
import { dataPath, noShared } from '../shared.ts';

const QUOTE = ['quote', '--fares', 'sample'];

function line(id: unknown, from = '0101', to = '0110'): string {
  const departure = '2026-11-24T08:00:00+08:00';
  const arrival = '2026-11-24T08:30:00+08:00';
  return `${JSON.stringify({ id, legs: [{ from, to, departure, arrival }] })}\n`;
}

/** Every fare column of the MTR's table. */
const CLASSES = [
  'OCT_ADT_FARE',
  'OCT_STD_FARE',
  'OCT_JOYYOU_SIXTY_FARE',
  'SINGLE_ADT_FARE',
  'OCT_CON_CHILD_FARE',
  'OCT_CON_ELDERLY_FARE',
  'OCT_CON_PWD_FARE',
  'SINGLE_CON_CHILD_FARE',
  'SINGLE_CON_ELDERLY_FARE',
];

test('9,216 pairs of the MTR in nine classes are quoted exactly', { skip: noShared }, async () => {
  const file = dataPath('mtr/mtr_lines_fares.csv');
  const dir = join(scratch, 'mtr');
  const imported = await run([
    ...['fares', 'import', '--matrix', file, '--currency', 'HKD', '--out', dir],
    ...['--from', 'SRC_STATION_ID', '--to', 'DEST_STATION_ID'],
    ...['--name-from', 'SRC_STATION_NAME', '--name-to', 'DEST_STATION_NAME'],
    ...['--fare', CLASSES.map((column) => `${column.toLowerCase()}=${column}`).join(',')],
  ]);
  assert.equal(imported.code, 0, imported.err.join());
  const text = readFileSync(file, 'utf8');
  const twin = fareTable(text, 'SRC_STATION_ID', 'DEST_STATION_ID', CLASSES);
  assert.equal(twin.length, 9216);
  const legs = { departure: '2026-11-24T08:00:00+08:00', arrival: '2026-11-24T08:40:00+08:00' };
  const lines = twin.flatMap(({ from, to }, pair) =>
    CLASSES.map((column) =>
      JSON.stringify({
        id: `${pair} ${column}`,
        rider: column.toLowerCase(),
        legs: [{ from, to, ...legs }],
      }),
    ),
  );
  const { code, out } = await run(['quote', '--fares', dir], [`${lines.join('\n')}\n`]);
  assert.equal(code, 0);
  assert.equal(out.length, 9216 * 9);
  let at = 0;
  for (const [pair, { cents }] of twin.entries()) {
    for (const column of CLASSES) {
      const answer = JSON.parse(out[at++]!);
      assert.equal(answer.id, `${pair} ${column}`);
      assert.equal(answer.amountMinor, cents[column], answer.id);
      assert.equal(answer.amount.replace('.', '').replace(/^0+(?=\d)/, ''), `${cents[column]}`);
      assert.equal(answer.currency, 'HKD');
    }
  }
});

test('lines come out in order however the input is cut', async () => {
  const text = Array.from({ length: 40 }, (_, i) => line(i)).join('');
  const whole = await run(QUOTE, [text]);
  assert.deepEqual(
    whole.out.map((l) => JSON.parse(l).id),
    Array.from({ length: 40 }, (_, i) => i),
  );
  const bytes = Buffer.from(text);
  for (const size of [1, 7, 100, 1000]) {
    const chunks: Buffer[] = [];
    for (let i = 0; i < bytes.length; i += size) chunks.push(bytes.subarray(i, i + size));
    assert.deepEqual((await run(QUOTE, chunks)).out, whole.out);
  }
});

test('mark, CRLF, blank lines, names beyond ASCII and no last newline', async () => {
  const { code, out } = await run(QUOTE, [
    Buffer.from(`\ufeff${line('站')}`.replace('\n', '\r\n')),
    `\n  \n${line(2).trimEnd()}`,
  ]);
  assert.equal(code, 0);
  assert.deepEqual(
    out.map((l) => JSON.parse(l).id),
    ['站', 2],
  );
});

test('a bad line is answered with an error and its number, and the rest go on', async () => {
  const { code, out } = await run(QUOTE, [
    line(1),
    'nonsense\n',
    '\n',
    line(4, 'Nowhere'),
    '{"legs":[]}\n',
    line(6),
  ]);
  assert.equal(code, 0);
  const answers = out.map((l) => JSON.parse(l));
  assert.deepEqual(
    answers.map((a) => [a.id, a.error?.code ?? a.amount]),
    [
      [1, '7.00'],
      [null, 'JOURNEY_INVALID'],
      [4, 'FARES_UNKNOWN_STATION'],
      [null, 'JOURNEY_INVALID'],
      [6, '7.00'],
    ],
  );
  assert.match(answers[1].error.message, /^line 2: not JSON/);
  assert.match(answers[3].error.message, /^line 5: field id/);
});

test('a line over 64 KiB is refused without being kept, in one piece or many', async () => {
  const long = 'x'.repeat(64 * 1024 + 1);
  for (const chunks of [
    [`${line(1)}${long}\n${line(3)}`],
    [line(1), ...Array(300).fill('y'.repeat(1000)), `\n${line(3)}`],
    [line(1), long, '\n', line(3)],
    [line(1), `${long}\n`, line(3)],
  ]) {
    const answers = (await run(QUOTE, chunks)).out.map((l) => JSON.parse(l));
    assert.deepEqual(
      answers.map((a) => a.id),
      [1, null, 3],
    );
    assert.equal(answers[1].error.message, 'line 2: longer than 65536 bytes');
  }
  const last = await run(QUOTE, [line(1), long]);
  assert.equal(last.out.length, 2);
});

test('reading waits until what was written is taken', async () => {
  let given = 0;
  let taken = 0;
  function* chunks(): Generator<string> {
    for (; given < 500; given++) yield line(given);
  }
  const input = Readable.from(chunks(), { objectMode: true, highWaterMark: 1 });
  let furthest = 0;
  const drained = async () => {
    await new Promise<void>((resolve) => setImmediate(resolve));
    taken++;
    furthest = Math.max(furthest, given - taken);
  };
  const { out } = await run(QUOTE, [], { input, drained });
  assert.equal(out.length, 500);
  assert.equal(taken, 500);
  assert(furthest < 5, `read ${furthest} lines ahead`);
});

test('fares that cannot be loaded end the command', async () => {
  const { code, out, err } = await run(['quote', '--fares', join(scratch, 'absent')], [line(1)]);
  assert.equal(code, 1);
  assert.deepEqual(out, []);
  assert.match(err[0]!, /^FILE_UNREADABLE: .*absent/);
  assert.equal((await run(['quote'])).code, 2);
});
