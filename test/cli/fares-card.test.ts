/** Rules for cards at an import: sent to gates with the fare set, and what is left is named. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openFareSets } from '../../engine/operator/fare-files.ts';
import { packFares, unpackFares } from '../../engine/parameters/fares-item.ts';
import { fresh, importing, run, SMALL } from '../reference/fare-program.ts';
import { writeTables } from '../reference/fare-tables.ts';

const tables = {
  settings: 'timezone,service_day_start\nAsia/Shanghai,04:00:00\n',
  discounts: 'network_id,percent\nbus,40\nmetro,5\n',
  caps: 'cap_id,span,amount\nday,day,12.00\nweek,week,60.00\n',
};

test('gates are sent what cards can count, and the rest is named', async () => {
  const dir = fresh();
  const terms = writeTables(fresh(), tables);
  const ran = await run(importing(SMALL, dir, ['--terms', terms]));
  assert.equal(ran.code, 0, ran.err.join());
  const left = 'left to the engine: faregate_caps.txt, line 3: a card keeps the sum of a day';
  assert(ran.out.includes(left), ran.out.join('\n'));
  const [set] = await openFareSets(dir);
  assert.deepEqual(set?.card?.networks, ['bus', 'metro']);
  assert.equal(set?.card?.dayStartMs, 4 * 3_600_000);
  assert.equal(set?.card?.riders[0]?.dayCap?.amountMinor, 1200);
  assert.deepEqual(unpackFares(packFares(set!), 'item').card, set?.card);

  const checked = await run(['fares', 'check', dir]);
  assert(checked.out.includes(left), checked.out.join('\n'));
  const asJson = await run(['fares', 'check', dir, '--json']);
  assert.deepEqual(
    JSON.parse(asJson.out[0]!).versions[0].leftToEngine.map((row: { line: number }) => row.line),
    [3],
  );
});

test('networks keep their numbers in the next version', async () => {
  const dir = fresh();
  await run(importing(SMALL, dir, ['--terms', writeTables(fresh(), tables)]));
  const discounts = 'network_id,percent\nmetro,10\nferry,3\nbus,40\n';
  const changed = writeTables(fresh(), { ...tables, discounts });
  const ran = await run(importing(SMALL, dir, ['--terms', changed]));
  assert.equal(ran.code, 0, ran.err.join());
  const sets = await openFareSets(dir);
  assert.equal(sets.length, 2);
  assert.deepEqual(sets[1]?.card?.networks, ['bus', 'metro', 'ferry']);
});
