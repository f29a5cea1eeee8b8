/**
 * Every commit and every file of a week, cut off in every way: run again, the books and the files
 * come out the same to the byte, so that nothing is charged twice and nothing is lost.
 */
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import type { ReadTap } from '../../engine/openloop/charge-book.ts';
import { checkOpenLoop } from '../../engine/openloop/check.ts';
import { type City, city } from './city.ts';
import { cardHash, DAY_MS, type Fate, MINUTE_MS, START_MS, settings, World } from './world.ts';

let lantern: City;
before(async () => {
  lantern = await city();
});

let taps = 0;
function ride(card: number, atMs: number, from: number, to: number | null): ReadTap[] {
  const tap = (kind: 'entry' | 'exit', at: number, stop: number): ReadTap => ({
    ...{ card: cardHash(card), id: `G${kind}-${++taps}`, atMs: at, kind, route: '' },
    ...{ stop: lantern.stops[stop]!, network: 'metro' },
  });
  const entry = tap('entry', atMs, from);
  return to === null ? [entry] : [entry, tap('exit', atMs + 25 * MINUTE_MS, to)];
}

/** A card that pays, one that is declined and pays later, a late tap, a missing exit. */
async function week(world: World): Promise<void> {
  taps = 0;
  const at = (day: number, hour: number) => START_MS + day * DAY_MS + (hour - 3) * 60 * MINUTE_MS;
  const late = ride(1, at(0, 12), 2, 9);
  await world.takeTaps([...ride(1, at(0, 8), 0, 5), ...ride(2, at(0, 9), 3, null)], at(0, 20));
  await world.close(at(1, 10));
  const first = await world.present('run-1', at(1, 11));
  assert.equal(first.length, 4, 'two charges, two verifications');
  const declined = (id: string, card: string) => card === cardHash(2) && id.endsWith('-1');
  const answer = (lines: typeof first, never = false) =>
    lines.map(({ id, card, amountMinor }) => {
      const result =
        declined(id, card) || (never && card === cardHash(2)) ? 'declined' : 'approved';
      return JSON.stringify({ id, result, amountMinor });
    });
  await world.results(answer(first), at(1, 15));
  await world.takeTaps(
    [...late, ...ride(2, at(1, 16), 1, 4), ...ride(1, at(1, 17), 4, 1)],
    at(1, 20),
  );
  await world.close(at(2, 10));
  const second = await world.present('run-2', at(2, 11));
  assert(
    second.some(({ kind }) => kind === 'supplement'),
    'the late tap',
  );
  await world.results(answer(second, true), at(2, 15));
  await world.untilDone(() => world.debts.pay(cardHash(2), null, 'desk-1', at(3, 9)));
  await world.close(at(3, 10));
  await world.present('run-3', at(3, 11));
}

function outcome(world: World): string {
  const { findings } = checkOpenLoop(world.store, settings, world.pricing, null);
  assert.deepEqual(findings, []);
  return `${[...world.files].map((file) => file.join('\n')).join('\n')}\n${world.dump()}`;
}

test('any step of a week may be cut off: the same books, the same files', async () => {
  const whole = new World(lantern);
  await week(whole);
  const wanted = outcome(whole);
  assert(whole.steps > 20);
  for (const fate of ['before', 'lost', 'after'] satisfies Fate[]) {
    for (let cut = 1; cut <= whole.steps; cut++) {
      const world = new World(lantern, (step) => (step === cut ? fate : 'done'));
      await week(world);
      assert.equal(outcome(world), wanted, `step ${cut} of ${whole.steps}, ${fate}`);
    }
  }
});
