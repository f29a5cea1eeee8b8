/**
 * Taps that are missing, late or repeated; rides over midnight and the ends of service days; and
 * fares without tables. What a sentence of docs/fare-extensions.md says, as examples of our own.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AccountTap } from '../../../engine/fare/account/account.ts';
import { JourneyRules } from '../../../engine/fare/account/journeys.ts';
import { noTerms } from '../../../engine/fare/terms/none.ts';
import {
  type Asked,
  brief,
  briefs,
  journeysOf,
  plainFrame,
  tapsOf,
  termsOf,
} from '../../kit/account-kit.ts';

const frame = { decimals: 2, stations: [...'ABCDEF'], riders: ['adult', 'child'] };
const plain: Asked = { terms: noTerms('Europe/London'), offset: '+00:00' };
const missingTaps = (rows: string): Asked => ({
  ...plain,
  terms: termsOf({ settings: 'timezone\nEurope/London', missing_taps: rows }, frame),
});

test('without tables each ride is a journey, and a missing tap the highest fare', () => {
  const day = ['2026-11-24T08:00 in A', '08:20 out B', '08:21 in B', '17:00 in C', '17:30 out D'];
  assert.deepEqual(briefs(day, plain), ['A-B', 'missingExit B maximum', 'C-D']);
  assert.deepEqual(briefs(['2026-11-24T08:00 out A'], plain), ['missingEntry A maximum']);
  const own = { ...plain, frame: { ...plainFrame, missingTapMinor: 700 } };
  assert.deepEqual(briefs(['2026-11-24T08:00 out A'], own), ['missingEntry A 700']);
  assert.deepEqual(briefs(['2026-11-24T08:00 in A', '08:30 out A'], plain), ['A-A']);
  assert.deepEqual(briefs(['2026-11-24T08:00 in A', '08:30 on B bus 7'], plain), [
    ...['missingExit A maximum', 'B-B'],
  ]);
});

test('an entry waits to the end of its service day, for six hours, or the longest limit', () => {
  const six = (end: string) => briefs(['2026-11-24T23:00:00 in A', `${end} out B`], plain);
  const apart = ['missingExit A maximum', 'missingEntry B maximum'];
  assert.deepEqual(six('2026-11-25T05:00:00'), ['A-B']);
  assert.deepEqual(six('2026-11-25T05:00:01'), apart);
  const day = (end: string) => briefs(['2026-11-24T00:00:00 in A', `${end} out B`], plain);
  assert.deepEqual(day('2026-11-24T23:59:59'), ['A-B']);
  assert.deepEqual(day('2026-11-25T00:00:00'), apart);
  const tables = {
    settings: 'timezone,service_day_start\nEurope/London,03:00:00',
    time_limits: 'minutes,charge\n60,surcharge\n480,surcharge',
  };
  const limits = { ...plain, terms: termsOf(tables, frame) };
  const long = (end: string) => briefs(['2026-11-24T23:00:00 in A', `${end} out B`], limits);
  assert.deepEqual(long('2026-11-25T07:00:00'), ['A-B overstay A maximum']);
  assert.deepEqual(long('2026-11-25T07:00:01'), apart);
});

test('a service day of 25 hours waits as long', () => {
  // Clocks go back on 2026-10-25, a day that is 25 hours long.
  const ride = ['2026-10-24T23:00:00 in A', '2026-10-25T23:59:59 out B'];
  assert.deepEqual(briefs(ride, plain), ['A-B']);
  const late = ['2026-10-24T23:00:00 in A', '2026-10-26T00:00:00 out B'];
  assert.deepEqual(briefs(late, plain), ['missingExit A maximum', 'missingEntry B maximum']);
});

test('open until then; a late exit completes it', () => {
  const taps = ['2026-11-24T08:00 in A'];
  const asked = { ...plain, now: '2026-11-24T23:59:59' };
  assert.deepEqual(journeysOf(taps, asked).open?.taps, ['1']);
  assert.deepEqual(briefs(taps, asked), []);
  assert.deepEqual(briefs(taps, { ...plain, now: '2026-11-25T00:00' }), ['missingExit A maximum']);
  const late = [...taps, '08:40 out B'];
  assert.deepEqual(briefs(late, { ...plain, now: '2026-11-25T00:00' }), ['A-B']);
});

test('a tap that arrives twice counts once; of two with one id the earlier', () => {
  const taps = tapsOf(['2026-11-24T08:00 in A', '08:20 out B', '08:30 out C'], '+00:00');
  const [entry, exit, other] = taps as [(typeof taps)[0], (typeof taps)[0], (typeof taps)[0]];
  const rules = new JourneyRules(plain.terms, plainFrame);
  const account = { rider: null, media: null, passes: [] };
  const arrived = [{ ...other, id: '2' }, exit, entry, exit];
  const { journeys, ignored } = rules.journeysOf(arrived, account, [], other.atMs);
  assert.deepEqual(journeys.map(brief), ['A-B']);
  assert.deepEqual(
    ignored.map(({ id, why }) => `${id}: ${why}`),
    ['2: it arrived before', '2: another tap of that id was earlier'],
  );
});

test('of two taps with one id and instant the same one counts, whichever came first', () => {
  const [tap] = tapsOf(['2026-11-24T08:00 in B metro 7'], '+00:00') as [AccountTap];
  const rules = new JourneyRules(plain.terms, plainFrame);
  const account = { rider: null, media: null, passes: [] };
  for (const [field, lower, higher] of [
    ['kind', 'entry', 'single'],
    ['stop', 'A', 'B'],
    ['network', 'bus', 'metro'],
    ['route', '6', '7'],
  ] as const) {
    const pair = [
      { ...tap, [field]: lower },
      { ...tap, [field]: higher },
    ] as const;
    const told = [pair, pair.toReversed()].map((taps) => rules.journeysOf(taps, account, [], 0));
    assert.deepEqual(told[0], told[1], field);
    assert.equal(told[0]!.open?.atMs, tap.atMs);
    if (field !== 'kind') assert.equal(told[0]!.open?.[field], lower);
  }
});

const history = [
  ...['2026-11-16T08:00 in A', '08:20 out B', '2026-11-17T08:00 in A', '08:20 out C'],
  ...['2026-11-18T08:00 in A', '08:20 out C', '2026-11-19T08:00 in A', '08:20 out B'],
];

test('usual: most often, the latest of several, by earlier rides alone', () => {
  const usual = missingTaps('missing,charge,amount\nexit,usual,4.00\nentry,usual,');
  const told = (...taps: string[]) => briefs([...history, ...taps], usual).slice(4);
  assert.deepEqual(told('2026-11-20T08:00 in A'), ['A-(B)'], 'two each, B the latest');
  const twice = [...history, '2026-11-20T08:00 in A', '2026-11-21T08:00 in A'];
  assert.deepEqual(briefs(twice, usual).slice(4), ['A-(B)', 'A-(B)']);
  assert.deepEqual(told('2026-11-20T08:00 out C'), ['(A)-C']);
  assert.deepEqual(told('2026-11-20T08:00 in D'), ['missingExit D 400'], 'none from there');
  assert.deepEqual(told('2026-11-20T08:00 out D'), ['missingEntry D maximum']);
  const first = ['2026-11-15T08:00 in A', ...history];
  assert.equal(briefs(first, usual)[0], 'missingExit A 400', 'later rides do not tell');
  const known = { ...usual, history: [{ from: 'A', to: 'F' }] };
  assert.deepEqual(briefs(['2026-11-20T08:00 in A'], known), ['A-(F)']);
});

test('a completed ride has the instant of its tap at both ends, and says why', () => {
  const usual = missingTaps('missing,charge\nexit,usual');
  const { journeys } = journeysOf([...history, '2026-11-20T08:00 in A metro'], usual);
  const { legs, why } = journeys.at(-1)!;
  const atMs = Date.parse('2026-11-20T08:00Z');
  assert.deepEqual(legs, [
    {
      ...{ from: 'A', to: 'B', network: 'metro', route: '', completed: 'exit' },
      ...{ departureMs: atMs, arrivalMs: atMs },
    },
  ]);
  assert.deepEqual(why, [
    'in at A and never out: faregate_missing_taps.txt, line 2; it is usually at B',
  ]);
});

test('the first row that matches counts, by stop, network, rider and medium', () => {
  const asked =
    missingTaps(`missing,stop_id,network_id,rider_category_id,fare_media_id,charge,amount
exit,A,metro,,,amount,1.00
exit,,,child,,amount,2.00
exit,,,,card,amount,3.00
exit,B,,,,none,`);
  const exit = (tap: string, more: Partial<Asked> = {}) =>
    briefs([`2026-11-24T08:00 in ${tap}`], { ...asked, ...more })[0];
  assert.equal(exit('A metro', { rider: 'child' }), 'missingExit A 100');
  assert.equal(exit('A bus', { rider: 'child', media: 'card' }), 'missingExit A 200');
  assert.equal(exit('A bus', { rider: 'adult', media: 'card' }), 'missingExit A 300');
  assert.equal(exit('B bus'), 'nothing');
  assert.equal(exit('C bus'), 'missingExit C maximum');
});

test('a charge for a stay at one station does not end a journey', () => {
  const continuations = 'transfers,total_minutes,gap_minutes,repeats,pricing\n3,120,30,1,through\n';
  const same_station = 'charge,reentry_minutes\nmaximum,10\n';
  const tables = { settings: 'timezone\nEurope/London', continuations, same_station };
  const asked = { ...plain, terms: termsOf(tables, frame) };
  const rides = (again: string) => [
    ...['2026-11-24T08:00 in A', '08:20 out B', '08:22 in C', '08:24 out C'],
    ...[`${again} in C`, '08:50 out D'],
  ];
  const told = journeysOf(rides('08:36'), asked).journeys;
  assert.deepEqual(told.map(brief), ['A-B C-D through', 'sameStation C maximum']);
  assert.deepEqual(
    told.map(({ taps }) => taps.join()),
    ['1,2,5,6', '3,4'],
  );
  assert.deepEqual(briefs(rides('08:34'), asked), ['A-B C-D through', 'nothing']);
  const back = ['2026-11-24T08:00 in A', '08:20 out B', '08:30 in B', '08:50 out A'];
  assert.deepEqual(briefs(back, asked), ['A-B', 'B-A'], 'no fare from A to A for two rides');
});

test('ten thousand taps take no longer than they must', () => {
  // An entry a minute at one station, after as many stations as there are taps.
  const usual = missingTaps('missing,charge\nexit,usual');
  const rules = new JourneyRules(usual.terms, plainFrame);
  const taps = Array.from({ length: 10_000 }, (_, index) => ({
    id: String(index).padStart(5, '0'),
    atMs: index * 60_000,
    kind: index < 5000 && index % 2 === 1 ? ('exit' as const) : ('entry' as const),
    stop: index < 5000 && index % 2 === 1 ? `S${index}` : 'A',
    ...{ network: '', route: '' },
  }));
  const account = { rider: null, media: null, passes: [] };
  const { journeys } = rules.journeysOf(taps, account, [], 0);
  assert.equal(journeys.length, 2500 + 4999);
  assert.equal(brief(journeys.at(-1)!), 'A-(S4999)');
});
