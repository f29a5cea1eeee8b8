/** Sentences of Fares V2 one by one, on small feeds: what a rider would be told and why. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GtfsFares } from '../../../engine/fare/gtfs/fares.ts';
import { ask, feedOf, type LegText, type Texts } from '../../reference/gtfs-feeds.ts';
import { small } from '../../reference/gtfs-small.ts';

const fares = (texts: Texts) => new GtfsFares(feedOf(texts), 1, 0);

/** A Thursday in Berlin. */
function leg(from: string, to: string, network: string, at: string, till = at): LegText {
  return [from, to, network, `2026-11-26T${at}:00+01:00`, `2026-11-26T${till}:00+01:00`];
}

test('priorities, riders, media and timeframes', () => {
  const feed = fares(small);
  const peak = leg('east', 'west', 'metro', '08:59');
  assert.equal(ask(feed, [peak]).amount, '2.80');
  assert.equal(ask(feed, [peak], { media: 'cash' }).amount, '3.20');
  // Half the fare for a senior, who needs the card.
  assert.equal(ask(feed, [peak], { rider: 'senior' }).amount, '1.40');
  assert.equal(ask(feed, [peak], { rider: 'senior', media: 'cash' }).amount, 'FARES_UNKNOWN_FARE');
  assert.equal(ask(feed, [leg('east', 'west', 'metro', '09:00')]).amount, '2.00');
  // Christmas is no working day.
  const christmas: LegText = [
    'east',
    'west',
    'metro',
    '2026-12-25T08:00:00+01:00',
    '2026-12-25T08:10:00+01:00',
  ];
  assert.equal(ask(feed, [christmas]).amount, '2.00');
  // A route names its network.
  assert.equal(ask(feed, [leg('east', 'west', 'U1', '08:00')]).amount, '2.80');
});

test('platforms are in their station, unless they are assigned elsewhere', () => {
  const ride = leg('hub1', 'east', 'bus', '12:00');
  assert.equal(ask(fares(small), [ride]).amount, '2.80');
  assert.equal(ask(fares(small), [leg('door', 'east', 'bus', '12:00')]).amount, '2.80');
  const moved = { ...small, stop_areas: `${small.stop_areas}outer,hub1\n` };
  assert.equal(ask(fares(moved), [ride]).amount, 'FARES_UNKNOWN_FARE');
  assert.equal(ask(fares(moved), [leg('hub2', 'east', 'bus', '12:00')]).amount, '2.80');
});

test('joined legs are one: by station, or by the stops that the rule names', () => {
  const joined = ask(fares(small), [
    leg('west', 'hub2', 'metro', '08:00', '08:10'),
    leg('east', 'west', 'metro', '08:20', '09:30'),
  ]);
  // The rule names hub, which hub2 belongs to, and east.
  assert.equal(joined.amount, '2.80');
  assert.match(joined.why[1]!, /legs 0 and 1 count as one: fare_leg_join_rules.txt, line 2/);
  const plain = { ...small, fare_leg_join_rules: 'from_network_id,to_network_id\nmetro,bus\n' };
  // Legs of two networks have no network_id in common: only rules without one match.
  const any = { ...plain, fare_leg_rules: `${small.fare_leg_rules}any,,,,,,change,\n` };
  const legs = [leg('west', 'hub1', 'metro', '12:00'), leg('hub2', 'east', 'bus', '12:10')];
  assert.equal(ask(fares(any), legs).amount, '0.50');
  assert.equal(ask(fares(plain), legs).amount, 'FARES_UNKNOWN_FARE');
  // Another station between them: two legs, each matched by the rule for any network as well.
  const apart = [leg('west', 'east', 'metro', '12:00'), leg('hub2', 'east', 'bus', '12:10')];
  assert.equal(ask(fares(any), apart).amount, '1.00');
});

/** Legs on one network in groups a and b, by which the transfers of a table are tried. */
function transfers(rules: string, legRules = 'a,metro,,,one\nb,bus,,,two'): GtfsFares {
  return fares({
    ...small,
    fare_leg_join_rules: 'from_network_id,to_network_id\n',
    fare_products:
      'fare_product_id,amount,currency\none,1.00,EUR\ntwo,2.00,EUR\nten,0.10,EUR\nfifty,0.50,EUR\n',
    fare_leg_rules: `leg_group_id,network_id,from_area_id,to_area_id,fare_product_id\n${legRules}\n`,
    fare_transfer_rules: `from_leg_group_id,to_leg_group_id,transfer_count,duration_limit,duration_limit_type,fare_transfer_type,fare_product_id\n${rules}\n`,
  });
}

/** Legs `a` and `b` of ten minutes each, every half hour. */
function ride(groups: string): LegText[] {
  return [...groups].map((group, i) => {
    const network = group === 'a' ? 'metro' : 'bus';
    const hour = String(10 + Math.floor(i / 2));
    const minute = i % 2 === 0 ? '00' : '30';
    return leg('east', 'west', network, `${hour}:${minute}`, `${hour}:${Number(minute) / 10 + 1}0`);
  });
}

test('the table of fare_transfer_type, two and three legs', () => {
  const cases: [string, string, string][] = [
    // A 1.00, B 2.00, AB 0.10; BC 0.50.
    ['0', 'ab', '1.10'],
    ['1', 'ab', '3.10'],
    ['2', 'ab', '0.10'],
    ['0', 'aba', '1.60'],
    ['1', 'aba', '4.60'],
    ['2', 'aba', '0.60'],
  ];
  for (const [type, groups, amount] of cases) {
    // From B to C: 0 adds BC alone, 1 adds BC + C, 2 adds BC and takes nothing of S away.
    const feed = transfers(`a,b,,,,${type},ten\nb,a,,,,${type},fifty`);
    assert.equal(ask(feed, ride(groups)).amount, amount, `${type} ${groups}`);
  }
});

test('transfer counts: the smallest that is not below the current one', () => {
  const feed = transfers('a,a,1,,,0,ten\na,a,3,,,0,fifty');
  const amounts = ['a', 'aa', 'aaa', 'aaaa', 'aaaaa', 'aaaaaa'].map(
    (g) => ask(feed, ride(g)).amount,
  );
  // One, then 0.10, 0.50, 0.50; then the legs are separate and it begins anew.
  assert.deepEqual(amounts, ['1.00', '1.10', '1.60', '2.10', '3.10', '3.20']);
  const endless = transfers('a,a,2,,,0,ten\na,a,-1,,,0,fifty');
  assert.equal(ask(endless, ride('aaaaa')).amount, '2.20');
});

test('the four kinds of duration limit, from the first leg of a chain', () => {
  // Legs of ten minutes at 10:00, 10:30, 11:00: to the second leg 40, 30, 20 and 30 minutes.
  const minutes = [40, 30, 20, 30];
  for (const [type, most] of minutes.entries()) {
    for (const [limit, amount] of [
      [most * 60, '1.10'],
      [most * 60 - 1, '2.00'],
    ] as const) {
      const feed = transfers(`a,a,-1,${limit},${type},0,ten`);
      assert.equal(ask(feed, ride('aa')).amount, amount, `type ${type}, ${limit} s`);
    }
    // To the third leg half an hour more, all from the first.
    const long = transfers(`a,a,-1,${(most + 30) * 60},${type},0,ten`);
    assert.equal(ask(long, ride('aaa')).amount, '1.20');
    const short = transfers(`a,a,-1,${(most + 30) * 60 - 1},${type},0,ten`);
    assert.equal(ask(short, ride('aaa')).amount, '2.10');
  }
  // Between groups the limit is of the transfer alone.
  const between = transfers('a,b,,1800,1,0,ten\nb,a,,1800,1,0,ten');
  assert.equal(ask(between, ride('abab')).amount, '1.30');
});

test('empty leg groups are those that the column does not name', () => {
  // From a to anything but b; from anything but a to b.
  const feed = transfers('a,,,,,0,ten\n,b,,,,0,fifty', 'a,metro,,,one\nb,bus,,,two');
  // b is named as a group to, and a as a group from: neither rule is for a to b.
  assert.equal(ask(feed, ride('ab')).amount, '3.00');
  assert.equal(ask(feed, ride('aa')).amount, '1.10');
  assert.equal(ask(feed, ride('bb')).amount, '2.50');
  // A rule does not apply in the reverse direction.
  assert.equal(ask(transfers('a,b,,,,0,ten'), ride('ba')).amount, '3.00');
});

test('of rules that match, the cheapest journey is taken, not the cheapest leg', () => {
  // Group c costs more alone, and gives a free transfer.
  const feed = transfers('c,b,,,,0,', 'a,metro,,,one\nc,metro,,,two\nb,bus,,,two');
  assert.equal(ask(feed, ride('a')).amount, '1.00');
  const both = ask(feed, ride('ab'));
  assert.equal(both.amount, '2.00');
  assert.deepEqual(both.rules, ['fare_leg_rules:3', 'fare_transfer_rules:2']);
});

test('a leg with hundreds of products, and a journey of many legs', () => {
  const products = Array.from({ length: 300 }, (_, i) => `p${i},${5 + i}.00,EUR`);
  const feed = fares({
    ...small,
    fare_leg_join_rules: 'from_network_id,to_network_id,from_stop_id,to_stop_id\n',
    fare_products: `fare_product_id,amount,currency\n${products.reverse().join('\n')}\n`,
    fare_leg_rules: `leg_group_id,fare_product_id\n${products.map((_, i) => `a,p${i}`).join('\n')}\n`,
    fare_transfer_rules:
      'from_leg_group_id,to_leg_group_id,transfer_count,duration_limit,duration_limit_type,fare_transfer_type,fare_product_id\na,a,2,,,0,\n',
  });
  assert.equal(ask(feed, ride('a')).amount, '5.00');
  // Each purchase covers two transfers.
  assert.equal(ask(feed, ride('aaaaaaa')).amount, '15.00');
  assert.equal(ask(feed, ride('aa')).amount, '5.00');
});
