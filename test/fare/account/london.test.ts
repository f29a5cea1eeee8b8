/**
 * London's rules as tables. Sources: oysterfares.com, "Same station exit", "Maximum journey times"
 * and "Out of station interchanges"; what they do not give (minutes of single pairs, the beginning
 * of the evening) is ours.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Asked, briefs, instant, journeysOf, termsOf } from '../../kit/account-kit.ts';

const DAYS = 'monday,tuesday,wednesday,thursday,friday,saturday,sunday';
const stations = ['Z1', 'Z1b', 'Z2', 'Z3', 'Z4', 'Z9', 'ShepherdsBushC', 'ShepherdsBush'];
const terms = termsOf(
  {
    settings: 'timezone,service_day_start\nEurope/London,04:30:00',
    holidays: 'date,day_type,holiday_name\n20261225,sunday,Christmas Day',
    periods: `period_id,${DAYS},start_time,end_time
weekday,1,1,1,1,1,0,0,04:30:00,19:00:00
late,1,1,1,1,1,0,0,19:00:00,28:30:00
late,0,0,0,0,0,1,0,04:30:00,28:30:00
sunday,0,0,0,0,0,0,1,04:30:00,28:30:00`,
    zones: 'zone_id,zone_number\n1,1\n2,2\n3,3\n4,4',
    stop_zones: 'zone_id,stop_id\n1,Z1\n1,Z1b\n2,Z2\n3,Z3\n4,Z4',
    same_station: `fare_media_id,until_minutes,charge,reentry_minutes
bankcard,2,none,
,2,maximum,45
,30,minimum,
,,incomplete,`,
    time_limits: `zones,period_id,minutes,charge
1,weekday,90,incomplete
1,late,100,incomplete
1,sunday,110,incomplete
4,weekday,110,incomplete
4,late,125,incomplete
4,sunday,135,incomplete`,
    interchanges: `from_stop_id,to_stop_id,minutes,switch_id
ShepherdsBushC,ShepherdsBush,20,
ShepherdsBush,ShepherdsBushC,25,
,,30,emergency`,
  },
  { decimals: 2, stations, riders: ['adult'] },
);
const winter: Asked = { terms, offset: '+00:00' };

/** In and out at one station on a Tuesday. */
function stay(minutes: string, more: readonly string[], asked: Asked = winter): string[] {
  return briefs([`2026-11-24T10:00:00 in Z1`, `10:${minutes} out Z1`, ...more], asked);
}

test('same station: the highest fare within 2 minutes, given back on entry within 45', () => {
  assert.deepEqual(stay('02:00', []), ['sameStation Z1 maximum']);
  const back = stay('02:00', ['10:47:00 in Z1', '11:00:00 out Z2']);
  assert.deepEqual(back, ['nothing', 'Z1-Z2'], 'to the minute');
  const late = stay('02:00', ['10:47:01 in Z1', '11:00:00 out Z2']);
  assert.deepEqual(late, ['sameStation Z1 maximum', 'Z1-Z2']);
  const elsewhere = stay('02:00', ['10:10:00 in Z1b', '10:20:00 out Z2', '10:30:00 in Z1']);
  assert.equal(elsewhere[0], 'sameStation Z1 maximum', 'the next tap was not there');
});

test('same station: no charge for contactless, the cheapest single to 30 minutes, then two', () => {
  assert.deepEqual(stay('02:00', [], { ...winter, media: 'bankcard' }), ['nothing']);
  assert.deepEqual(stay('02:01', [], { ...winter, media: 'bankcard' }), ['sameStation Z1 minimum']);
  assert.deepEqual(stay('02:01', []), ['sameStation Z1 minimum']);
  assert.deepEqual(stay('30:00', []), ['sameStation Z1 minimum']);
  assert.deepEqual(stay('30:01', []), ['missingExit Z1 maximum', 'missingEntry Z1 maximum']);
});

test('the reasons name file and line', () => {
  const { journeys } = journeysOf(['2026-11-24T10:00 in Z1', '10:40 out Z1'], winter);
  assert.deepEqual(
    journeys.map(({ why }) => why),
    [
      ['in and out at Z1: faregate_same_station.txt, line 5', 'in at Z1 and never out'],
      ['in and out at Z1: faregate_same_station.txt, line 5', 'out at Z1 and never in'],
    ],
  );
  assert.equal(journeys[0]!.charges[0]!.why, journeys[0]!.why.join('; '));
});

/** From an instant for so many minutes, sharp or a second more. */
function isLong(from: string, to: string, start: string, minutes: number, offset = '+00:00') {
  const [sharp, over] = [0, 1].map((seconds) => {
    const till = new Date(instant(start, 'Z') + minutes * 60_000 + seconds * 1000);
    const end = till.toISOString().slice(0, 19);
    return briefs([`${start} in ${from}`, `${end} out ${to}`], { ...winter, offset });
  });
  assert.deepEqual(sharp, [`${from}-${to}`], `${start}, ${minutes} minutes sharp`);
  const two = [`missingExit ${from} maximum`, `missingEntry ${to} maximum`];
  assert.deepEqual(over, two, `${start}, over ${minutes} minutes`);
}

test('maximum journey times: 90, 100, 110 in one zone; 110, 125, 135 in four', () => {
  for (const [start, one, four] of [
    ['2026-11-24T08:00:00', 90, 110],
    ['2026-11-24T18:59:59', 90, 110],
    ['2026-11-24T19:00:00', 100, 125],
    ['2026-11-28T12:00:00', 100, 125],
    ['2026-11-29T12:00:00', 110, 135],
    // Still Saturday by the service day, and Christmas, a Friday, as a Sunday.
    ['2026-11-29T03:00:00', 100, 125],
    ['2026-12-25T08:00:00', 110, 135],
  ] as const) {
    isLong('Z1', 'Z1b', start, one);
    isLong('Z1', 'Z4', start, four);
  }
  isLong('Z2', 'Z4', '2026-11-24T08:00:00', 110);
});

test('a ride out of the zones has no limit', () => {
  assert.deepEqual(briefs(['2026-11-24T08:00 in Z1', '12:00 out Z9'], winter), ['Z1-Z9']);
});

test('maximum journey times while clocks change: minutes are those that pass', () => {
  // 2026-03-29 01:00 UTC: clocks go from 01:00 to 02:00. Service day and Saturday end at 04:30.
  const ride = ['2026-03-29T00:30:00 in Z1', '2026-03-29T02:10:00 out Z1b'];
  assert.deepEqual(briefs(ride, winter), ['Z1-Z1b'], '100 minutes, 160 by the clocks');
  // 2026-10-25 01:00 UTC: clocks go back from 02:00 to 01:00.
  const back = ['2026-10-25T00:30:00 in Z1', '2026-10-25T02:10:01 out Z1b'];
  const two = ['missingExit Z1 maximum', 'missingEntry Z1b maximum'];
  assert.deepEqual(briefs(back, winter), two, '100 minutes and a second, 40 by the clocks');
});

/** A ride to one station of an interchange, and one from the other. */
function change(from: string, to: string, minutes: string, asked: Asked = winter): string[] {
  return briefs(
    [`2026-11-24T10:00:00 in Z1`, `10:20:00 out ${from}`, `10:${minutes} in ${to}`, `11:10 out Z3`],
    asked,
  );
}

test('interchanges by pair and direction', () => {
  const [central, main] = ['ShepherdsBushC', 'ShepherdsBush'];
  assert.deepEqual(change(central, main, '40:00'), ['Z1-Z3']);
  assert.deepEqual(change(central, main, '40:01'), [`Z1-${central}`, `${main}-Z3`]);
  assert.deepEqual(change(main, central, '45:00'), ['Z1-Z3']);
  assert.deepEqual(change(main, central, '45:01'), [`Z1-${main}`, `${central}-Z3`]);
  const other = change('Z2', 'Z4', '21:00');
  assert.deepEqual(other, ['Z1-Z2', 'Z4-Z3'], 'no row for these');
});

test('an emergency interchange holds while its switch is on, at the same station too', () => {
  const on = (from: string, to: string): Asked => ({
    ...winter,
    switches: [
      {
        id: 'emergency',
        fromMs: instant(`2026-11-24T${from}`, 'Z'),
        toMs: to === '' ? Infinity : instant(`2026-11-24T${to}`, 'Z'),
      },
    ],
  });
  const apart = ['Z1-Z2', 'Z2-Z3'];
  assert.deepEqual(change('Z2', 'Z2', '50:00'), apart);
  assert.deepEqual(change('Z2', 'Z2', '50:00', on('10:00', '')), ['Z1-Z3'], '30 minutes sharp');
  assert.deepEqual(change('Z2', 'Z2', '50:01', on('10:00', '')), apart);
  assert.deepEqual(change('Z2', 'Z4', '30:00', on('10:00', '')), ['Z1-Z3'], 'any other station');
  // On at the exit, at the entry, or only between; off before or after.
  assert.deepEqual(change('Z2', 'Z2', '40:00', on('10:20', '10:21')), ['Z1-Z3']);
  assert.deepEqual(change('Z2', 'Z2', '40:00', on('10:40', '10:50')), ['Z1-Z3']);
  assert.deepEqual(change('Z2', 'Z2', '40:00', on('10:25', '10:30')), ['Z1-Z3']);
  assert.deepEqual(change('Z2', 'Z2', '40:00', on('09:00', '10:20')), apart);
  assert.deepEqual(change('Z2', 'Z2', '40:00', on('10:41', '')), apart);
  // Out of a station that is cleared, and in again when it opens.
  const cleared = ['2026-11-24T10:00 in Z1', '10:05 out Z1', '10:30 in Z1', '10:50 out Z3'];
  assert.deepEqual(briefs(cleared, on('10:03', '')), ['Z1-Z3']);
  assert.deepEqual(briefs(cleared, winter), ['sameStation Z1 minimum', 'Z1-Z3']);
  // A pair's own row with fewer minutes does not stand in the way.
  const pair = change('ShepherdsBushC', 'ShepherdsBush', '50:00', on('10:00', ''));
  assert.deepEqual(pair, ['Z1-Z3']);
});

test('the time limit counts from the first entry over an interchange', () => {
  const ride = (end: string) =>
    briefs(
      [
        ...['2026-11-24T08:00:00 in Z1', '08:50:00 out ShepherdsBushC'],
        ...['09:05:00 in ShepherdsBush', `${end} out Z3`],
      ],
      winter,
    );
  assert.deepEqual(ride('09:50:00'), ['Z1-Z3'], '110 minutes for three zones');
  assert.deepEqual(ride('09:50:01'), ['missingExit Z1 maximum', 'missingEntry Z3 maximum']);
});

test('without an exit after an interchange the whole ride has none; open until it cannot come', () => {
  const taps = [
    ...['2026-11-24T08:00 in Z1', '08:20 out ShepherdsBushC'],
    '08:30 in ShepherdsBush Underground 8',
  ];
  const open = journeysOf(taps, { ...winter, now: '2026-11-25T04:29:59' });
  assert.deepEqual(open.journeys, []);
  const atMs = instant('2026-11-24T08:00', 'Z');
  const expected = { stop: 'Z1', network: '', route: '', atMs, taps: ['1', '2', '3'] };
  assert.deepEqual(open.open, expected);
  const ended = journeysOf(taps, { ...winter, now: '2026-11-25T04:30' });
  assert.equal(ended.open, null);
  assert.deepEqual(briefs(taps, { ...winter, now: '2026-11-25T04:30' }), [
    'missingExit Z1 maximum',
  ]);
  assert.deepEqual(ended.journeys[0]!.taps, ['1', '2', '3']);
});
