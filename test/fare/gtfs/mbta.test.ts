/**
 * Boston's feed (2024-09-27): it imports without errors, and its journeys cost what was worked out
 * by hand from its tables. Lisbon's is refused.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkSource, readGtfs } from '../../../engine/operator/gtfs-files.ts';
import { ask, faresOf, type LegText } from '../../reference/gtfs-feeds.ts';
import { buses, ferries, leg, rail, red, silver, subway } from '../../reference/mbta-journeys.ts';
import { dataPath, noShared } from '../../shared.ts';

const FEED = dataPath('gtfs-mbta-fares-v2');
const fares = noShared ? null : await faresOf(FEED);

for (const [name, cases] of Object.entries({ subway, silver, buses, rail, ferries })) {
  test(`${name}: ${cases.length} journeys cost what the tables say`, { skip: noShared }, () => {
    for (const [what, legs, media, amount, ...rules] of cases) {
      const answer = ask(fares!, legs, media === '' ? {} : { media });
      assert.equal(answer.amount, amount, `${what}: ${answer.why.join('; ')}`);
      if (rules.length > 0) assert.deepEqual(answer.rules, rules, what);
    }
  });
}

test('stations, whose platforms are in different areas, by id and by name', {
  skip: noShared,
}, () => {
  const cases: [LegText, string][] = [
    [leg('place-north', 'place-NHRML-0254', 'commuter_rail'), '10.50'],
    [leg('North Station', 'Lowell', 'commuter_rail'), '10.50'],
    [leg('South Station', 'Fairmount', 'commuter_rail'), '2.40'],
    [leg('South Station', 'Alewife', 'rapid_transit'), '2.40'],
    [leg('17091', 'South Station', 'sl_rapid_transit'), '0.00'],
    [leg('Airport', 'Bowdoin', 'Blue'), '2.40'],
  ];
  for (const [ride, amount] of cases) assert.equal(ask(fares!, [ride]).amount, amount, ride[0]);
});

test('timeframe_regular ends with its service, by the clocks of Boston', { skip: noShared }, () => {
  const at = (instant: string): LegText[] => [['70076', '70068', 'Red', instant, instant]];
  // fare_regular runs from 20240920 to 20241214.
  assert.equal(ask(fares!, at('2024-09-19T23:59:59-04:00')).amount, 'FARES_UNKNOWN_FARE');
  assert.equal(ask(fares!, at('2024-09-20T00:00:00-04:00')).amount, '2.40');
  assert.equal(ask(fares!, at('2024-12-15T04:59:59Z')).amount, '2.40');
  assert.equal(ask(fares!, at('2024-12-15T05:00:00Z')).amount, 'FARES_UNKNOWN_FARE');
});

test('what the feed does not have is told by code', { skip: noShared }, () => {
  // Its tables have no rider categories, and so no reduced fares.
  assert.equal(ask(fares!, [red], { rider: 'senior' }).amount, 'FARES_UNKNOWN_RIDER');
  assert.equal(ask(fares!, [red], { media: 'charliecard' }).amount, 'FARES_UNKNOWN_MEDIA');
  assert.equal(ask(fares!, [leg('70076', '70068', 'Purple')]).amount, 'FARES_UNKNOWN_NETWORK');
  assert.equal(ask(fares!, [leg('70076', 'Nowhere', 'Red')]).amount, 'FARES_UNKNOWN_STATION');
  // CapeFLYER's rows name zone 1A; South Station's platforms are in an area of their own.
  const cape = ask(fares!, [leg('NEC-2287', 'CM-0790-S', 'CapeFlyer')]);
  assert.equal(cape.amount, 'FARES_UNKNOWN_FARE');
  assert.match(cape.why[0]!, /network cape_flyer, areas from area_ss_commuter_rail_zone_1a/);
  assert.equal(ask(fares!, [leg('70076', '70068', '')]).amount, 'FARES_UNKNOWN_FARE');
});

test('the feed has no errors; Lisbon is refused, its missing file named', {
  skip: noShared,
}, async () => {
  const boston = checkSource(await readGtfs(FEED));
  assert.equal(boston.findings.errors, 0);
  const lisbon = checkSource(await readGtfs(dataPath('gtfs-metro-lisboa')));
  assert.equal(lisbon.feed, null);
  const errors = lisbon.findings.list.filter(({ severity }) => severity === 'error');
  assert.deepEqual(
    errors.map(({ code, file }) => [code, file]),
    [['missing_required_file', 'stop_areas.txt']],
  );
});
