/**
 * Rules that cities publish, as tables an operator would write, and what riders pay by them. Each
 * test names where the rule is told; the rides are ours.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { amountsOf, nobody, type Ride } from '../../reference/account-terms.ts';

/** So many rides alike, `hours` apart. */
function rides(count: number, first: string, hours: number, ride: Omit<Ride, 'at'>): Ride[] {
  const firstMs = Date.parse(first);
  return Array.from({ length: count }, (_, index) => ({
    ...ride,
    at: new Date(firstMs + index * hours * 3_600_000).toISOString(),
  }));
}

function sum(amounts: readonly number[]): number {
  return amounts.reduce((total, amount) => total + amount, 0);
}

const NEW_YORK = 'timezone\nAmerica/New_York\n';

test('New York: twelve paid rides from Monday to Sunday, and the rest of the week is free', () => {
  // omny.info/fares: "Take 12 paid OMNY trips ... starting Monday, and you'll automatically ride
  // free for the rest of the week through Sunday"; 12 rides of 2.75 are 33 dollars.
  const caps = 'cap_id,span,rides\nweekly,week,12\n';
  const tables = { settings: NEW_YORK, caps };
  // Monday 2023-01-09; three rides a day of eight hours, the 22nd on Monday the 16th.
  const amounts = amountsOf(tables, rides(22, '2023-01-09T00:30:00-05:00', 8, { fareMinor: 275 }));
  assert.equal(sum(amounts.slice(0, 21)), 3300);
  assert.deepEqual(amounts.slice(10, 14), [275, 275, 0, 0]);
  assert.equal(amounts[21], 275, 'a week begins on Monday at midnight');
});

test('New York: the cap counts seven days from the first tap, and the 12th ride costs 2.10', () => {
  // Gothamist, 2023-09-07: "calculated over any seven-day period — starting whenever someone
  // makes their first OMNY tap, and resetting when that week is over"; "charged just $2.10 the
  // 12th time".
  const caps = 'cap_id,span,days,amount\nweekly,from_first,7,34.00\n';
  const tables = { settings: NEW_YORK, caps };
  // Wednesday; two a day, so that the 15th is exactly seven days after the first.
  const amounts = amountsOf(tables, rides(27, '2023-09-06T08:00:00-04:00', 12, { fareMinor: 290 }));
  assert.deepEqual(amounts.slice(9, 15), [290, 290, 210, 0, 0, 290]);
  assert.equal(sum(amounts.slice(0, 14)), 3400);
  assert.equal(sum(amounts.slice(14)), 3400);
});

test('New York: twelve in rolling seven days, and free transfers are no paid rides', () => {
  const caps = 'cap_id,span,days,rides\nrolling,rolling,7,12\n';
  // amny.com: "Two-part trips between subways and buses that currently have a free transfer are
  // counted as a single ride"; two hours from tap to tap.
  const transfers = 'minutes,duration_type,percent\n120,1,100\n';
  const tables = { settings: NEW_YORK, caps, transfers };
  const first = rides(12, '2023-09-06T08:00:00-04:00', 12, { fareMinor: 290 });
  const bus = first.map(({ at }) => ({
    at: new Date(Date.parse(at) + 3_600_000).toISOString(),
    fareMinor: 290,
  }));
  const pairs = first.flatMap((ride, index) => [ride, bus[index]!]);
  const amounts = amountsOf(tables, [
    ...pairs,
    { at: '2023-09-12T08:00:00-04:00', fareMinor: 290 },
    { at: '2023-09-12T20:00:00-04:00', fareMinor: 290 },
    // The sixth has left the seven days.
    { at: '2023-09-13T00:00:00-04:00', fareMinor: 290 },
  ]);
  assert.equal(sum(amounts.slice(0, 24)), 12 * 290);
  assert.deepEqual(amounts.slice(24), [0, 0, 290]);
});

test('Beijing: a fifth off from 100 yuan a month, half from 150, nothing from 400', () => {
  // bjsubway.com/en/support/jzhc: "20% discount is granted for each trip after 100 yuan in total
  // has been paid ... (calculated from 1st day of the month), and 50% discount after 150 yuan;
  // after 400 yuan has been paid, no discount is granted". What counts is the sum before a ride.
  const cumulative = [
    'scheme_id,span,from_amount,percent',
    ...['metro,month,100.00,20', 'metro,month,150.00,50', 'metro,month,400.00,0'],
  ].join('\n');
  const tables = { settings: 'timezone\nAsia/Shanghai\n', cumulative };
  const amounts = amountsOf(tables, [
    ...rides(120, '2026-06-01T06:00:00+08:00', 5, { fareMinor: 600 }),
    { at: '2026-06-30T23:59:59+08:00', fareMinor: 600 },
    { at: '2026-07-01T00:00:00+08:00', fareMinor: 600 },
  ]);
  // 17 rides make 102; 10 of 4.80 then 150; 84 of 3.00 make 402.
  const expected = [
    ...Array<number>(17).fill(600),
    ...Array<number>(10).fill(480),
    ...Array<number>(84).fill(300),
    ...Array<number>(11).fill(600),
  ];
  assert.deepEqual(amounts, expected);
});

test('Shanghai: a tenth off once 70 yuan were paid in a month', () => {
  // The discount of the city's transport card on its metro: 10 % on rides after 70 yuan a month.
  const cumulative = 'scheme_id,network_id,span,from_amount,percent\nm,metro,month,70.00,10\n';
  const tables = { settings: 'timezone\nAsia/Shanghai\n', cumulative };
  const amounts = amountsOf(tables, [
    { at: '2026-03-01T07:00:00+08:00', fareMinor: 2000, network: 'bus' },
    ...rides(16, '2026-03-01T08:00:00+08:00', 12, { fareMinor: 500, network: 'metro' }),
    { at: '2026-03-20T07:00:00+08:00', fareMinor: 200, network: 'bus' },
  ]);
  assert.deepEqual(amounts.slice(12), [500, 500, 500, 450, 450, 200]);
});

test('Ningbo: 40 % off the bus, a transfer within the hour, 5 % off the metro', () => {
  // Rules of the Ningbo Citizen Card (zhwiki); a transfer comes once in a row: third taps within
  // the hour cost the fare, fourth ones may transfer again (you-hui.com, case of the 10 and the 7).
  const tables = {
    settings: 'timezone\nAsia/Shanghai\n',
    discounts: 'network_id,percent,round_to\nbus,40,\nmetro,5,0.01\n',
    transfers:
      'from_network_id,to_network_id,minutes,duration_type,amount_off\nbus,bus,60,1,2.00\n',
  };
  const bus = { fareMinor: 200, network: 'bus', minutes: 10 };
  const amounts = amountsOf(tables, [
    { at: '2026-05-04T08:00:00+08:00', ...bus },
    { at: '2026-05-04T08:30:00+08:00', ...bus },
    { at: '2026-05-04T09:00:00+08:00', ...bus },
    { at: '2026-05-04T09:30:00+08:00', ...bus },
    { at: '2026-05-04T10:30:01+08:00', ...bus },
    { at: '2026-05-04T10:45:00+08:00', fareMinor: 300, network: 'metro' },
    { at: '2026-05-04T11:30:00+08:00', ...bus },
    { at: '2026-05-04T12:30:00+08:00', ...bus, fareMinor: 300 },
  ]);
  assert.deepEqual(amounts, [120, 0, 120, 0, 120, 285, 120, 60]);
});

const LONDON = {
  settings: 'timezone,service_day_start\nEurope/London,04:30:00\n',
  holidays: 'date,day_type,holiday_name\n20250505,sunday,Early May\n',
  periods: [
    'period_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,start_time,end_time',
    'offpeak,1,1,1,1,1,0,0,04:30:00,06:30:00',
    'offpeak,1,1,1,1,1,0,0,09:30:00,28:30:00',
    'offpeak,0,0,0,0,0,1,1,04:30:00,28:30:00',
  ].join('\n'),
  zones: 'zone_id,zone_number\n1,1\n2,2\n3,3\n4,4\n5,5\n6,6\n',
  stop_zones: 'zone_id,stop_id\n1,A\n2,B\n2,C\n3,C\n6,F\n',
  zone_sets: 'zone_set_id,zone_id\n1-2,1\n1-2,2\n1-6,1\n1-6,2\n1-6,3\n1-6,4\n1-6,5\n1-6,6\n',
  caps: [
    'cap_id,network_id,zone_set_id,period_id,span,amount',
    ...['day12,,1-2,,day,8.90', 'day16,,1-6,,day,16.30', 'off16,,1-6,offpeak,day,14.10'],
    ...['week12,,1-2,,week,44.70', 'bus,bus,,,day,5.25'],
  ].join('\n'),
};

test('London: the day is capped by zones, from 04:30, and bus and tram for themselves', () => {
  // tfl.gov.uk, pay as you go caps: "calculated over 24 hours for ... journeys that start at 04:30
  // and end on 04:29 the next day"; Time Out, 2024-12: 8.90 for zones 1-2 from March 2025.
  const amounts = amountsOf(LONDON, [
    { at: '2025-05-07T08:00:00+01:00', fareMinor: 350 },
    { at: '2025-05-07T12:00:00+01:00', fareMinor: 290 },
    // C is in zones 2 and 3: better for the rider.
    { at: '2025-05-07T17:00:00+01:00', fareMinor: 350, to: 'C' },
    { at: '2025-05-08T00:30:00+01:00', fareMinor: 290 },
    { at: '2025-05-08T04:29:59+01:00', fareMinor: 290 },
    { at: '2025-05-08T04:30:00+01:00', fareMinor: 290 },
  ]);
  assert.deepEqual(amounts, [350, 290, 250, 0, 0, 290]);
  const bus = rides(4, '2025-05-07T05:00:00+01:00', 2, { fareMinor: 175, network: 'bus' });
  assert.deepEqual(amountsOf(LONDON, bus), [175, 175, 175, 0]);
});

test('London: off-peak has its own cap, also on a holiday in the week', () => {
  // tfl.gov.uk: "There are peak and off-peak daily caps depending on when you start your journey."
  const at = (day: string, times: readonly string[]) =>
    times.map((time) => ({ at: `${day}T${time}:00+01:00`, fareMinor: 560, to: 'F' }));
  const times = ['08:00', '10:00', '12:00', '14:00'];
  // Wednesday: peak 5.60 counts to the day alone.
  assert.deepEqual(amountsOf(LONDON, at('2025-05-07', times)), [560, 560, 510, 0]);
  // Monday, but the Early May bank holiday: all day is off-peak.
  assert.deepEqual(amountsOf(LONDON, at('2025-05-05', times)), [560, 560, 290, 0]);
});

test('London: a week from Monday to Sunday', () => {
  // tfl.gov.uk: "A weekly cap is calculated for journeys ... that start on Monday and end on a
  // Sunday." Five days at the daily cap are 44.50, so Saturday costs 0.20.
  const days = ['05', '06', '07', '08', '09', '10', '11', '12'];
  const amounts = amountsOf(
    LONDON,
    days.flatMap((day) => [
      { at: `2025-05-${day}T08:00:00+01:00`, fareMinor: 450 },
      { at: `2025-05-${day}T18:00:00+01:00`, fareMinor: 450 },
    ]),
  );
  const daily = days.map((_, day) => amounts[2 * day]! + amounts[2 * day + 1]!);
  assert.deepEqual(daily, [890, 890, 890, 890, 890, 20, 0, 890]);
});

test('London: a Travelcard covers its zones, and a journey beyond them is paid', () => {
  const passes = 'pass_id,zone_set_id,days\n7day12,1-2,7\n';
  const held = {
    ...nobody,
    passes: [{ pass: '7day12', fromMs: Date.parse('2025-05-07T07:00:00+01:00') }],
  };
  const amounts = amountsOf(
    { ...LONDON, passes },
    [
      { at: '2025-05-07T06:59:59+01:00', fareMinor: 350 },
      { at: '2025-05-07T07:00:00+01:00', fareMinor: 350 },
      { at: '2025-05-07T12:00:00+01:00', fareMinor: 560, to: 'F' },
      { at: '2025-05-14T04:29:59+01:00', fareMinor: 290 },
      { at: '2025-05-14T04:30:00+01:00', fareMinor: 290 },
    ],
    held,
  );
  assert.deepEqual(amounts, [350, 0, 560, 0, 290]);
});
