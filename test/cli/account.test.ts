/** `account` as a stream: taps of several accounts, bad lines, passes, adjustments, files. */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ACCOUNT_TAPS_MAX, JOURNEY_LINE_BYTES_MAX } from '../../engine/limits.ts';
import { fresh, importing, run, SMALL } from '../reference/fare-program.ts';

const NOW = ['--now', '2026-11-25T12:00:00Z'];

interface Line {
  readonly account: string | null;
  readonly journeys: readonly { readonly amountMinor: number; readonly taps: readonly string[] }[];
  readonly open: { readonly taps: readonly string[] } | null;
  readonly totalMinor: number;
  readonly adjustments?: readonly { readonly kind: string; readonly amountMinor: number }[];
  readonly error?: { readonly code: string; readonly message: string };
}

/** A tap of the 24th of November 2026 in UTC. */
function tap(account: string, id: string, time: string, kind: string, stop: string, more = {}) {
  const at = `2026-11-24T${time}:00Z`;
  return `${JSON.stringify({ account, id, at, kind, stop, ...more })}\n`;
}

async function asked(args: readonly string[], input: readonly string[]): Promise<Line[]> {
  const { code, out, err } = await run(
    ['account', ...(args.includes('--now') ? [] : NOW), ...args],
    input,
  );
  assert.equal(code, 0, err.join());
  return out.map((line) => JSON.parse(line) as Line);
}

/** A feed of two stops in one currency, with caps and passes. */
async function feed(): Promise<string> {
  const source = fresh();
  mkdirSync(source);
  const days = 'monday,tuesday,wednesday,thursday,friday,saturday,sunday';
  const texts: Record<string, string> = {
    'agency.txt': 'agency_name,agency_url,agency_timezone\nCity,http://c,UTC\n',
    'stops.txt': 'stop_id,stop_name,stop_lat,stop_lon\nx,X,1,1\ny,Y,1,2\n',
    'routes.txt': 'route_id,route_short_name,route_type,network_id\nR,R,1,rail\nB,B,3,bus\n',
    'fare_products.txt': 'fare_product_id,amount,currency\nride,3.00,EUR\n',
    'fare_leg_rules.txt': 'network_id,fare_product_id\n,ride\n',
    'faregate_caps.txt': 'cap_id,span,amount\nday,day,5.00\n',
    'faregate_passes.txt': 'pass_id,rides\none,1\n',
    'faregate_missing_taps.txt': 'missing,charge,amount\nexit,amount,4.00\n',
    'faregate_interchanges.txt': 'from_stop_id,to_stop_id,minutes,switch_id\nx,x,30,storm\n',
    'calendar.txt': `service_id,${days},start_date,end_date\nd,1,1,1,1,1,1,1,20260101,20271231\n`,
  };
  for (const [name, text] of Object.entries(texts)) writeFileSync(join(source, name), text);
  const out = fresh();
  const { code, err } = await run(['fares', 'import', '--gtfs', source, '--out', out]);
  assert.equal(code, 0, err.join());
  return out;
}

test('accounts are told apart, each in the order in which it first appeared', async () => {
  const dir = fresh();
  await run(importing(SMALL, dir));
  const lines = await asked(
    ['--fares', dir],
    [
      tap('a', '1', '08:00', 'entry', 'x'),
      tap('b', '1', '08:01', 'entry', 'y', { rider: 'child' }),
      tap('b', '2', '08:20', 'exit', 'x'),
      tap('a', '2', '08:30', 'exit', 'y'),
      tap('a', '2', '08:30', 'exit', 'y'),
    ],
  );
  assert.deepEqual(
    lines.map(({ account, totalMinor }) => [account, totalMinor]),
    [
      ['a', 1060],
      ['b', 530],
    ],
  );
  assert.equal(lines[0]!.adjustments, undefined);
});

test('bad lines are named and left out, and the others go on', async () => {
  const dir = await feed();
  const lines = await asked(
    ['--fares', dir],
    [
      'no JSON\n',
      '\n',
      tap('a', '1', '08:00', 'entered', 'x'),
      tap('a', '1', '08:00', 'entry', 'x', { rider: 'adult' }),
      tap('a', '2', '08:10', 'exit', 'y', { rider: 'child' }),
      tap('a', '2', '08:10', 'exit', 'y', {
        passes: [{ pass: 'none', from: '2026-11-01T00:00Z' }],
      }),
      tap('a', '2', '08:10', 'exit', 'y', { passes: [{ pass: 'one' }] }),
      `${'x'.repeat(JOURNEY_LINE_BYTES_MAX + 1)}\n`,
      tap('a', '2', '08:10', 'exit', 'y').trimEnd(),
    ],
  );
  assert.deepEqual(
    lines.flatMap(({ account, error }) => (error ? [[account, error.code, error.message]] : [])),
    [
      [null, 'TAP_INVALID', lines[0]!.error!.message],
      [null, 'TAP_INVALID', 'line 3: field kind is not "entry", "exit" or "single"'],
      [
        'a',
        'TAP_INVALID',
        'line 5: field rider differs from that of an earlier line of the account',
      ],
      ['a', 'FARES_UNKNOWN_PASS', 'line 6: no pass "none"'],
      [null, 'TAP_INVALID', 'line 7: field passes[0].from is not an ISO 8601 instant with a zone'],
      [null, 'TAP_INVALID', `line 8: longer than ${JOURNEY_LINE_BYTES_MAX} bytes`],
    ],
  );
  assert.match(lines[0]!.error!.message, /^line 1: not JSON at column 1: a value was expected$/);
});

test('an account takes so many taps and no more', async () => {
  const dir = await feed();
  const more = Array.from({ length: ACCOUNT_TAPS_MAX + 1 }, (_, index) =>
    tap('a', `${index}`, '08:00', 'single', 'x', { network: 'bus' }),
  );
  const lines = await asked(['--fares', dir], more);
  assert.equal(lines.length, 2);
  assert.equal(
    lines[0]!.error?.message,
    `line ${ACCOUNT_TAPS_MAX + 1}: the account has over ${ACCOUNT_TAPS_MAX} taps`,
  );
  assert.equal(lines[1]!.journeys.length, ACCOUNT_TAPS_MAX);
  assert.equal(lines[1]!.totalMinor, 500, 'the cap of the day');
});

test('a pass, the cap, and what a late exit pays back', async () => {
  const dir = await feed();
  const args = ['--fares', dir];
  const passes = [{ pass: 'one', from: '2026-11-01T00:00:00Z' }];
  const early = [
    tap('a', '1', '06:00', 'entry', 'x', { passes }),
    tap('a', '2', '06:20', 'exit', 'y', { passes }),
    tap('a', '3', '08:00', 'entry', 'x'),
    tap('a', '5', '10:00', 'entry', 'x'),
    tap('a', '6', '10:20', 'exit', 'y'),
  ];
  const before = await asked(args, early);
  assert.deepEqual(
    before[0]!.journeys.map(({ amountMinor }) => amountMinor),
    [0, 400, 300],
  );
  const file = fresh();
  writeFileSync(file, `${JSON.stringify(before[0])}\n`);
  const late = tap('a', '4', '08:20', 'exit', 'y');
  const [after] = await asked([...args, '--settled', file], [...early, late]);
  assert.equal(after!.totalMinor, 500);
  assert.deepEqual(
    after!.adjustments!.map(({ kind, amountMinor }) => [kind, amountMinor]),
    [
      ['regrouped', -100],
      ['repriced', -100],
    ],
  );
});

test('a switch joins rides while it is on', async () => {
  const dir = await feed();
  const taps = [
    tap('a', '1', '08:00', 'entry', 'y'),
    tap('a', '2', '08:20', 'exit', 'x'),
    tap('a', '3', '08:30', 'entry', 'x'),
    tap('a', '4', '08:50', 'exit', 'y'),
  ];
  const file = fresh();
  const amounts = async (rows: string) => {
    writeFileSync(file, `switch_id,start,end\n${rows}`);
    const [line] = await asked(['--fares', dir, '--switches', file], taps);
    return line!.journeys.map(({ amountMinor }) => amountMinor);
  };
  assert.deepEqual(await amounts(''), [300, 200]);
  assert.deepEqual(await amounts('storm,2026-11-24T08:00:00Z,\n'), [300]);
  writeFileSync(file, 'switch_id,start,end\nstorm,yesterday,\n');
  const { code, err } = await run(['account', '--fares', dir, '--switches', file]);
  assert.equal(code, 1);
  assert.equal(err[0], `CONFIG_INVALID: ${file}: line 2: field start is not an ISO 8601 instant`);
});

test('a ride that waits for its exit is open, and a settled file that is none is refused', async () => {
  const dir = await feed();
  const args = ['--fares', dir, '--now', '2026-11-24T08:10:00Z'];
  const [line] = await asked(args, [tap('a', '1', '08:00', 'entry', 'x')]);
  assert.deepEqual([line!.open?.taps, line!.totalMinor], [['1'], 0]);
  const file = fresh();
  writeFileSync(file, '{"account":"a","journeys":[{"taps":[],"amountMinor":1}]}\n');
  const { code, err } = await run(['account', '--fares', dir, '--settled', file]);
  assert.equal(code, 1);
  assert.match(err[0]!, /line 1: field journeys\[0\]\.taps is not a list of ids$/);
});

test('a tap at a station that the fares do not have is told by its line, and others go on', async () => {
  const dir = fresh();
  await run(importing(SMALL, dir));
  const lines = await asked(
    ['--fares', dir],
    [tap('a', '1', '08:00', 'entry', 'nowhere'), tap('a', '2', '08:10', 'exit', 'x')],
  );
  assert.equal(lines[0]?.error?.code, 'FARES_UNKNOWN_STATION');
  assert.match(lines[0]!.error!.message, /^line 1: no station "nowhere"$/);
  assert.equal(lines[0]?.account, 'a');
  assert.deepEqual(lines[1]?.journeys[0]?.taps, ['2']);
});
