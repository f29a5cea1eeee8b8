/** What may become of a charge and a card, rule by rule; and files of results, good and bad. */
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import fc from 'fast-check';
import { FaregateError } from '../../engine/errors.ts';
import { OPEN_LOOP_HISTORY_TAPS } from '../../engine/limits.ts';
import type { ReadTap } from '../../engine/openloop/charge-book.ts';
import { checkOpenLoop } from '../../engine/openloop/check.ts';
import { chargeId, type DenialReason, presentmentId } from '../../engine/openloop/model.ts';
import { parseResults } from '../../engine/openloop/results.ts';
import { balanceOf, getRow, rowsOf } from '../../engine/openloop/rows.ts';
import { type City, city } from './city.ts';
import {
  cardHash,
  DAY_MS,
  type FileLine,
  linesOf,
  MINUTE_MS,
  START_MS,
  settings,
  World,
} from './world.ts';

let lantern: City;
before(async () => {
  lantern = await city();
});

const card = cardHash(1);
const at = (day: number, hour: number) => START_MS + day * DAY_MS + (hour - 3) * 60 * MINUTE_MS;
let taps = 0;

function tap(kind: ReadTap['kind'], atMs: number, stop: number): ReadTap {
  const of = { card, id: `G-${++taps}`, atMs, kind, route: '', network: 'metro' };
  return { ...of, stop: lantern.stops[stop]! };
}

/** From one end of the city to the other: it costs some yuan. */
function ride(atMs: number): ReadTap[] {
  return [tap('entry', atMs, 0), tap('exit', atMs + 30 * MINUTE_MS, 7)];
}

function stoppedFor(world: World): readonly DenialReason[] {
  return world.store.read((reader) => getRow(reader, 'denied', card)?.reasons ?? []);
}

function charges(world: World) {
  return world.store.read((reader) => rowsOf(reader, 'charges', card));
}

function sound(world: World): void {
  assert.deepEqual(checkOpenLoop(world.store, settings, world.pricing, null).findings, []);
}

function answer(lines: readonly FileLine[], result: string): string[] {
  return lines.map(({ id }) => JSON.stringify({ id, result }));
}

/** A card whose first day is charged and whose file is out. */
async function presented(): Promise<{ world: World; lines: FileLine[] }> {
  const world = new World(lantern);
  await world.takeTaps(ride(at(0, 8)), at(0, 12));
  await world.close(at(1, 10));
  return { world, lines: await world.present('run-1', at(1, 11)) };
}

test('a ride that is not over keeps its day open, and counts to the exposure as missing its exit', async () => {
  const world = new World(lantern);
  await world.takeTaps([tap('entry', at(1, 1.5), 0)], at(1, 2));
  const row = world.store.read((reader) => getRow(reader, 'cards', card)!);
  assert(row.openMinor > 0);
  const [day] = world.store.read((reader) => rowsOf(reader, 'days', card));
  assert.deepEqual([day!.isRiding, day!.state], [true, 'open']);
  await world.close(at(1, 9.1));
  assert.equal(charges(world).length, 1, 'over by then');
  sound(world);
});

test('a charge that no file has had is amended, one that has had is not', async () => {
  const world = new World(lantern);
  await world.takeTaps(ride(at(0, 8)), at(0, 12));
  await world.close(at(1, 10));
  const [before] = charges(world);
  await world.takeTaps(ride(at(0, 14)), at(1, 10));
  await world.close(at(1, 10));
  const [amended, more] = charges(world);
  assert.equal(more, undefined);
  assert(amended!.amountMinor > before!.amountMinor && amended!.id === before!.id);
  assert.equal(amended!.reasons.length, 2);
  await world.present('run-1', at(1, 11));
  await world.takeTaps(ride(at(0, 18)), at(1, 12));
  await world.close(at(2, 10));
  const [same, supplement] = charges(world);
  assert.equal(same!.amountMinor, amended!.amountMinor);
  assert.deepEqual([supplement!.number, supplement!.state], [1, 'due']);
  assert.match(supplement!.reasons[0]!.why[0]!, /^added: /);
  sound(world);
});

test('a refund of a card in debt is taken off the debt', async () => {
  const world = new World(lantern);
  const [entry, exit] = ride(at(0, 8)) as [ReadTap, ReadTap];
  await world.takeTaps([exit], at(0, 12));
  await world.close(at(1, 10));
  const lines = await world.present('run-1', at(1, 11));
  await world.results(answer(lines, 'declined'), at(1, 15));
  const owed = charges(world)[0]!.amountMinor;
  await world.takeTaps([entry], at(1, 16));
  await world.close(at(2, 10));
  const [debt, refund] = charges(world);
  assert(refund!.amountMinor < 0, 'a missing entry costs more than the ride');
  assert.equal(refund!.state, 'paid');
  assert.equal(debt!.settledMinor, -refund!.amountMinor);
  const next = await world.present('run-2', at(2, 11));
  const again = next.find(({ kind }) => kind === 'charge')!;
  assert.deepEqual([again.attempt, again.amountMinor], [2, owed + refund!.amountMinor]);
  sound(world);
});

test('attempts end with the policy, then the debt is given up, and a rider still clears it', async () => {
  const { world, lines } = await presented();
  let last = lines;
  const attempts: number[] = [];
  for (let day = 1; day < 14; day++) {
    await world.results(answer(last, 'declined'), at(day, 15));
    assert(stoppedFor(world).includes('debt'), `day ${day}`);
    await world.close(at(day + 1, 10));
    last = await world.present(`run-${day + 1}`, at(day + 1, 11));
    if (last.some(({ kind }) => kind === 'charge')) attempts.push(day + 1);
  }
  assert.deepEqual(attempts, [2, 3, 5], 'one, two and four days after the first decline');
  const [debt] = charges(world);
  assert.equal(debt!.state, 'writtenOff');
  assert.equal(
    world.store.read((reader) => balanceOf(reader, 'loss')),
    debt!.amountMinor,
  );
  sound(world);
  await world.debts.pay(card, null, 'desk', at(15, 9));
  assert.deepEqual(stoppedFor(world), []);
  assert.equal(charges(world)[0]!.state, 'recovered');
  assert.equal(
    world.store.read((reader) => balanceOf(reader, 'loss')),
    0,
  );
  sound(world);
});

test('above the limit a card is stopped until it has paid', async () => {
  const world = new World(lantern);
  for (let day = 0; day < 4; day++) {
    const rides = [8, 10, 12, 14, 16].flatMap((hour) => ride(at(day, hour)));
    await world.takeTaps(rides, at(day, 20));
  }
  assert.deepEqual(stoppedFor(world), ['overLimit'], 'four days of 12.00, at most 25.00 unpaid');
  await world.close(at(4, 10));
  const lines = await world.present('run-1', at(4, 11));
  await world.results(answer(lines, 'approved'), at(4, 12));
  assert.deepEqual(stoppedFor(world), []);
  sound(world);
});

test('what is with the acquirer is not paid at a desk too', async () => {
  const { world, lines } = await presented();
  const pay = (amount: number | null, reference: string) => () =>
    world.debts.pay(card, amount, reference, at(2, 9));
  const refused = (why: string) => (error: unknown) =>
    error instanceof FaregateError &&
    error.code === 'OPEN_LOOP_REFUSED' &&
    error.message.startsWith(`${why}: `);
  await assert.rejects(pay(null, 'a'), refused('withAcquirer'));
  await world.results(answer(lines, 'declined'), at(1, 15));
  await pay(1, 'b')();
  await assert.rejects(pay(2, 'b'), refused('referenceTaken'));
  await assert.rejects(
    () => world.debts.pay(cardHash(77), null, 'c', at(2, 9)),
    refused('unknownCard'),
  );
  await pay(null, 'd')();
  await assert.rejects(pay(null, 'e'), refused('nothingOwed'));
  sound(world);
});

test("a file in the way: of a run cut off, or somebody's", async () => {
  const world = new World(lantern, (step) => (step === 4 ? 'before' : 'done'));
  world.files.set('run-0', 'mine');
  await world.takeTaps(ride(at(0, 8)), at(0, 12));
  await assert.rejects(() => world.runs.present('run-0', world.today(at(0, 13)), at(0, 13)), {
    code: 'FILE_UNWRITABLE',
  });
  await assert.rejects(() => world.runs.present('run-1', world.today(at(0, 13)), at(0, 13)));
  world.files.set('run-1', 'not it');
  await assert.rejects(() => world.runs.present('run-2', world.today(at(0, 13)), at(0, 13)), {
    code: 'OPEN_LOOP_BROKEN',
  });
  world.files.delete('run-1');
  const done = await world.runs.present('run-2', world.today(at(0, 13)), at(0, 13));
  assert.deepEqual([done.finished?.path, done.run], ['run-1', null]);
  assert.equal(linesOf(world.files.get('run-1')!)[0]!.kind, 'verify');
  sound(world);
});

test('two desks present one name at once: one of them is refused, and nothing is stuck', async () => {
  const world = new World(lantern);
  await world.takeTaps(ride(at(0, 8)), at(0, 12));
  const present = () => world.runs.present('run-1', world.today(at(1, 11)), at(1, 11));
  const read = world.files.get.bind(world.files);
  let isFirst = true;
  // The slow one has seen that the name is free when the quick one begins.
  world.readsFile = async (path) => {
    const text = read(path) ?? null;
    if (!isFirst) return text;
    isFirst = false;
    assert.equal((await present()).run?.run, 1);
    // Something is due for the slow one as well.
    await world.close(at(1, 11));
    return text;
  };
  await assert.rejects(present, { code: 'OPEN_LOOP_REFUSED' });
  const next = await world.runs.present('run-2', world.today(at(1, 11)), at(1, 11));
  assert.deepEqual([next.finished, next.run?.run], [null, 2]);
  sound(world);
});

test('a charge without a readable proof waits, and its card is named', async () => {
  const world = new World(lantern);
  const rides = ride(at(0, 8));
  for (const { id } of rides) world.mute.add(id);
  await world.takeTaps(rides, at(0, 12));
  await world.close(at(1, 10));
  const today = world.today(at(1, 11));
  const done = await world.runs.present('run-1', today, at(1, 11));
  assert.deepEqual([done.run, done.noEvidence], [null, [card]]);
  assert.equal(charges(world)[0]!.state, 'due');
  world.mute.clear();
  assert.equal((await world.present('run-1', at(1, 12))).length, 2);
});

test('a card of very many taps begins anew, and nothing that it cost changes', async () => {
  const world = new World(lantern);
  const many: ReadTap[] = [];
  const days = 280;
  for (let day = 0; day < days; day++) {
    for (let i = 0; i < 19; i++) many.push(tap('single', at(day, 5 + i / 2), i));
  }
  assert(many.length > OPEN_LOOP_HISTORY_TAPS);
  await world.takeTaps(many, at(days - 1, 23));
  await world.close(at(days, 10));
  const row = world.store.read((reader) => getRow(reader, 'cards', card)!);
  assert(row.fromDay !== null && row.taps >= OPEN_LOOP_HISTORY_TAPS / 2);
  sound(world);
  const before = charges(world).length;
  const { faults } = await world.book.take([tap('single', at(3, 12), 1)], at(days, 11));
  assert.equal(faults[0]!.code, 'tooLate');
  // Voided, and its day is final: it is named, and stays charged; posted again it is no fault.
  const posted = many.slice(1);
  const voided = await world.book.withdraw([many[0]!], at(days, 11));
  assert.deepEqual([voided.withdrawn, voided.faults[0]!.code], [0, 'finalDay']);
  const check = (of: readonly ReadTap[]) =>
    checkOpenLoop(world.store, settings, world.pricing, [of]).findings;
  assert.deepEqual(check(posted), []);
  assert.equal((await world.book.take([many[0]!], at(days, 11))).known, 1);
  assert.match(check(posted).join(), /was taken and is not posted/);
  assert.deepEqual(check(many), []);
  await world.takeTaps([tap('single', at(days - 1, 22), 1)], at(days, 12));
  await world.untilDone(() => world.book.close(world.today(at(days, 10)) - 1, at(days, 13), true));
  assert(charges(world).length <= before + 1);
  sound(world);
});

test('a file of results is taken whole, or refused by line and field', () => {
  const id = presentmentId(chargeId(card, 20_000, 0), 1);
  const csv = (...rows: string[]) => ['id,result,amountMinor,code,reference', ...rows].join('\n');
  const whole = { id, result: 'declined', amountMinor: -5, code: '51', reference: 'R' };
  const wanted = [{ line: 2, ...whole }];
  assert.deepEqual(parseResults(csv(`${id},declined,-5,51,R`, ''), 'f'), wanted);
  assert.deepEqual(parseResults(`\n${JSON.stringify(whole)}\n`, 'f'), wanted);
  assert.deepEqual(parseResults(csv(`${id},approved,,,`), 'f')[0]!.amountMinor, undefined);
  assert.deepEqual(parseResults('', 'f'), []);
  const bad: readonly (readonly [string, RegExp])[] = [
    ['id,result\n', /^f:1: the header/],
    [csv('a,b'), /^f:2: 2 fields, not 5/],
    [csv(`${id},maybe,,,`), /^f:2: field result/],
    [csv(`${id},approved,1.5,,`), /^f:2: field amountMinor/],
    [csv(`${id},approved,,${'x'.repeat(65)},`), /^f:2: field code/],
    [csv(`${id},approved,,,\u4e2d`), /^f:2: field reference/],
    ['{"id":1}', /^f:1: field id/],
    [`${JSON.stringify(whole)}\n[1]`, /^f:2: not a JSON object/],
    [`${JSON.stringify(whole)}\n{`, /^f:2: not JSON/],
    ['{"id":"__proto__","result":"approved"}', /^f:1: field id/],
  ];
  for (const [text, message] of bad) {
    assert.throws(() => parseResults(text, 'f'), { code: 'OPEN_LOOP_RESULTS_INVALID', message });
  }
  fc.assert(
    fc.property(fc.string(), (text) => {
      try {
        parseResults(text, 'f');
      } catch (error) {
        assert(error instanceof FaregateError && error.code === 'OPEN_LOOP_RESULTS_INVALID');
      }
    }),
  );
});
