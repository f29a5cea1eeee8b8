/**
 * What cards paid at gates against what their rides cost by all terms: gates count what fits on a
 * card, the engine settles the rest from the ledger's own records.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { compileProfile } from '../../engine/card/purse/compile.ts';
import { parseProfile } from '../../engine/card/purse/profile.ts';
import { compileFares } from '../../engine/fare/compile.ts';
import { startEngine } from '../../engine/operator/engine.ts';
import { openFareSets, sampleKept } from '../../engine/operator/fare-files.ts';
import { engineOptions, upload } from '../kit/engine-kit.ts';
import { StationKit } from '../kit/station-kit.ts';
import { fresh, run } from '../reference/fare-program.ts';
import { writeTables } from '../reference/fare-tables.ts';

const dir = mkdtempSync(join(tmpdir(), 'faregate-posted-'));
after(() => rmSync(dir, { recursive: true, force: true }));

const profiles = [
  compileProfile(
    parseProfile(
      JSON.stringify({
        extends: 'tunion',
        name: 'counting',
        journeyFile: {
          fields: {
            maxIncompleteAmount: null,
            maxTime: null,
            counters: { offset: 42, length: 6 },
          },
        },
      }),
      'counting.json',
    ),
  ),
];

interface Line {
  readonly account: string;
  readonly paidMinor: number;
  readonly totalMinor: number;
  readonly refundMinor: number;
  readonly journeys: readonly unknown[];
}

/** The sample city with a bus discount and two caps, of which a card can count one. */
async function city(): Promise<string> {
  const tables = new Map<string, string>();
  for (const [name, bytes] of sampleKept().source.bytes) {
    tables.set(name.slice('faregate_'.length, -'.txt'.length), Buffer.from(bytes).toString('utf8'));
  }
  tables.set('settings', 'timezone,service_day_start\nAsia/Shanghai,04:00:00\n');
  tables.set('discounts', 'network_id,percent\nbus,40\n');
  tables.set('caps', 'cap_id,span,amount\nday,day,12.00\nweek,week,20.00\n');
  const out = fresh();
  const source = writeTables(fresh(), Object.fromEntries(tables));
  const ran = await run(['fares', 'import', '--tariff', source, '--currency', 'CNY', '--out', out]);
  assert.equal(ran.code, 0, ran.err.join());
  return out;
}

test('a week at gates that count a day: the engine gives back what the week caps', async () => {
  const fares = await city();
  const kit = new StationKit();
  kit.fares = compileFares((await openFareSets(fares))[0]!);
  const bus = kit.gate('single', 4, { profiles, network: 'bus' });
  const entry = kit.gate('entry', 2, { profiles, network: 'metro' });
  const exit = kit.gate('exit', 9, { profiles, network: 'metro' });
  const [often, seldom] = [kit.card(), kit.card()];
  const spent = { often: 0, seldom: 0 };
  for (let day = 0; day < 4; day++) {
    for (let ride = 0; ride < 3; ride++) {
      spent.often += (await bus.tap(often)).decision.amountMinor;
      kit.pass(10);
      await entry.tap(often);
      kit.pass(30);
      spent.often += (await exit.tap(often)).decision.amountMinor;
      kit.pass(10);
    }
    if (day === 1) {
      const torn = await bus.tap(seldom, { command: 'DEBIT', when: 'after' });
      assert.equal(torn.decision.open, false);
      kit.pass(1);
      const back = await bus.tap(seldom);
      assert.equal(back.decision.reason, 'recovered');
      spent.seldom = back.decision.closed[0]!.amountMinor;
    }
    kit.pass(24 * 60 - 200);
  }
  // A sale at the same place by the same fares is no ride, and nobody's cap counts it.
  const sold = { amountMinor: 100, code: Uint8Array.of(0, 0, 0, 1), entryMs: 0 };
  const sale = await bus.buy(seldom, 100, { ...sold, fareVersion: kit.fares.version });
  assert.equal(sale.decision.closed[0]?.fareVersion, kit.fares.version);
  assert.equal(spent.often, 4 * 1200, 'the cap of the day, at gates');
  assert.equal(spent.seldom, 180);
  assert.equal(10_000 - often.state.balanceMinor, spent.often);

  const dataDir = join(dir, 'data');
  const engine = await startEngine(engineOptions(kit, dataDir));
  for (const gate of [bus, entry, exit]) await upload(engine, dataDir, gate);
  await engine.stop();

  const ask = (...more: string[]) =>
    run([
      ...['ledger', 'taps', '--data', dataDir, '--fares', fares, '--from', '2020-01-01T00:00:00Z'],
      ...['--to', '2040-01-01T00:00:00Z', '--network', `${bus.gate.gateId}=bus`],
      ...['--network', 'T=metro', ...more],
    ]);
  const { code, out, err } = await ask();
  assert.equal(code, 0, err.join());
  assert(!out.join().includes(Buffer.from(often.state.cardNumber).toString('hex')));
  const halves = await Promise.all([ask('--shard', '1/2'), ask('--shard', '2/2')]);
  assert.deepEqual(halves.flatMap((half) => half.out).sort(), [...out].sort());

  const now = ['--now', new Date(kit.clock.nowMs()).toISOString()];
  const priced = await run(['account', '--fares', fares, ...now], [`${out.join('\n')}\n`]);
  const lines = priced.out.map((line) => JSON.parse(line) as Line);
  const byPaid = new Map(lines.map((line) => [line.paidMinor, line]));
  assert.equal(lines.length, 2, priced.out.join('\n'));
  assert.equal(byPaid.get(spent.seldom)?.refundMinor, 0);
  const most = byPaid.get(spent.often)!;
  assert.equal(most.journeys.length, 24);
  // Tuesday to Friday of one week.
  assert.equal(most.totalMinor, 2000);
  assert.equal(most.refundMinor, spent.often - 2000);
});
