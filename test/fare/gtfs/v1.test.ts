/** Fares of version 1: zones, routes, contains, transfers and their time. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GtfsFares } from '../../../engine/fare/gtfs/fares.ts';
import { parseJourney } from '../../../engine/fare/journey.ts';
import { ask, feedOf, type LegText, quoted, type Texts } from '../../reference/gtfs-feeds.ts';
import { smallV1 } from '../../reference/gtfs-small.ts';

const fares = new GtfsFares(feedOf(smallV1), 1, 0);

function leg(from: string, to: string, route = 'R1', at = '10:00'): LegText {
  return [from, to, route, `2026-11-26T${at}:00+01:00`, `2026-11-26T${at}:00+01:00`];
}

test('origin and destination, contains, routes', () => {
  assert.equal(ask(fares, [leg('a', 'd')]).amount, '2.00');
  // Zones 1 and 2 are those of `two`; with zone 3 those of `three`.
  assert.equal(ask(fares, [leg('a', 'b')]).amount, '3.50');
  assert.equal(ask(fares, [leg('a', 'c')]).amount, 'FARES_UNKNOWN_FARE');
  const through = (via: string[]) => {
    const [from, to, route, departure, arrival] = leg('a', 'c');
    const legs = [{ from, to, route, via, departure, arrival }];
    const journey = parseJourney(JSON.stringify({ id: 1, legs }));
    assert(!('error' in journey));
    return quoted(fares, journey);
  };
  const priced = through(['b']);
  assert(!('error' in priced));
  assert.equal(priced.amountMinor, 500);
  assert.equal(priced.items[0]?.rule, 'fare_rules.txt, line 5');
  const lost = through(['nowhere']);
  assert('error' in lost && lost.error.code === 'FARES_UNKNOWN_STATION');
  assert.equal(ask(fares, [leg('a', 'c', 'R3')]).amount, '9.00');
  // The cheaper of two that match.
  assert.equal(ask(fares, [leg('a', 'b', 'R3')]).amount, '3.50');
});

test('one transfer within the hour, by when the next leg is boarded', () => {
  const there = leg('a', 'd');
  assert.equal(ask(fares, [there, leg('d', 'a', 'R2', '11:00')]).amount, '2.00');
  assert.equal(ask(fares, [there, leg('d', 'a', 'R2', '11:01')]).amount, '4.00');
  const twice = [there, leg('d', 'a', 'R2', '10:20'), leg('a', 'd', 'R1', '10:40')];
  assert.equal(ask(fares, twice).amount, '4.00');
  // `two` has no limit of transfers or time; `three` may not be changed with.
  const many = ['10:00', '15:00', '20:00'].map((at) => leg('a', 'b', 'R1', at));
  assert.equal(ask(fares, many).amount, '3.50');
  const three = ask(fares, [leg('a', 'b'), leg('b', 'c', 'R3', '10:30')]);
  assert.equal(three.amount, '12.50');
  assert.deepEqual(three.rules, ['fare_rules:3', 'fare_rules:8']);
});

test('a fare without rules is good anywhere; agencies keep to their own', () => {
  const flat: Texts = {
    ...smallV1,
    agency:
      'agency_id,agency_name,agency_url,agency_timezone\nx,X,http://x,Europe/Berlin\ny,Y,http://y,Europe/Berlin\n',
    routes: 'route_id,agency_id,route_short_name,route_type\nR1,x,R1,3\nR2,y,R2,3\nR3,y,R3,3\n',
    fare_attributes:
      'fare_id,price,currency_type,payment_method,transfers,agency_id\nfx,1.5,EUR,0,,x\nfy,2,EUR,0,,y\n',
  };
  const { fare_rules: _, ...texts } = flat;
  const feed = new GtfsFares(feedOf(texts), 1, 0);
  assert.equal(ask(feed, [leg('a', 'c', 'R1')]).amount, '1.50');
  assert.equal(ask(feed, [leg('a', 'c', 'R2')]).amount, '2.00');
  assert.equal(ask(feed, [leg('a', 'c', 'R1'), leg('c', 'a', 'R2', '10:30')]).amount, '3.50');
  assert.match(ask(feed, [leg('a', 'c', 'R1')]).why[1]!, /a fare without rules.*fare fx/);
});
