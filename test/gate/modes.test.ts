/**
 * Modes at gates: real taps of virtual cards under each, what a card of yesterday's emergency may
 * do, what is journalled and counted, and what survives a restart.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { decodeEvent, isEvent } from '../../engine/debit/event.ts';
import { DEBIT_BYTES } from '../../engine/debit/record.ts';
import { FaregateError } from '../../engine/errors.ts';
import { stationNumber } from '../../engine/tap/mode-history.ts';
import { Mode } from '../../engine/tap/modes.ts';
import { MemoryJournal } from '../../gate/journal/memory.ts';
import { tellGates } from '../../gate/mode-news.ts';
import { ModesInForce } from '../../gate/modes.ts';
import { ModesFile } from '../../gate/modes-file.ts';
import { StationKit } from '../kit/station-kit.ts';

const DAY = 24 * 60;
const dir = mkdtempSync(join(tmpdir(), 'faregate-modes-'));
after(() => rmSync(dir, { recursive: true }));

function world(rules = {}) {
  const kit = new StationKit(rules);
  const modes = new ModesInForce(kit.clock, null, null);
  modes.serve(kit.fares.stations[0]!.code);
  const entry = kit.gate('entry', 0, { modes });
  const exit = kit.gate('exit', 0, { modes });
  return { kit, modes, entry, exit };
}

test('each mode at the door, without a word to the card', async () => {
  const { kit, modes, entry, exit } = world();
  for (const [mode, atEntry, atExit] of [
    [Mode.closed, 'stationClosed', 'stationClosed'],
    [Mode.emergency, 'released', 'released'],
    [Mode.exitOnly, 'entryClosed', null],
    [Mode.entryOnly, null, 'exitClosed'],
    [Mode.trainFailure, 'noTrains', null],
  ] as const) {
    await modes.set(mode);
    for (const [gate, reason] of [
      [entry, atEntry],
      [exit, atExit],
    ] as const) {
      if (!reason) continue;
      const { decision, stages } = await gate.tap(kit.card());
      assert.equal(decision.reason, reason);
      assert.equal(decision.open, reason === 'released');
      assert.equal(stages.length, 0);
    }
  }
});

test('an emergency opens a gate whose journal is full, and people are counted', async () => {
  class FullJournal extends MemoryJournal {
    override reserve(): void {
      throw new FaregateError('JOURNAL_FULL', 'no room');
    }
  }
  const { kit, modes } = world();
  const gate = kit.gate('exit', 0, { modes, journal: new FullJournal() });
  assert.equal((await gate.tap(kit.card())).decision.reason, 'gateClosed');
  await modes.set(Mode.emergency);
  assert.equal((await gate.tap(kit.card())).decision.open, true);
  gate.gate.passed(40);
  await modes.set(0);
  gate.gate.passed(3);
  assert.equal(gate.gate.counts.underMode[9], 41);
});

test('who was let out in an emergency comes in again for seven days without paying for it', async () => {
  for (const [days, amountMinor] of [
    [1, 0],
    [6.9, 0],
    [7.1, 1000],
  ] as const) {
    const { kit, modes, entry } = world();
    const card = kit.card();
    const elsewhere = kit.gate('entry', 5, { modes });
    await elsewhere.tap(card);
    kit.pass(10);
    await modes.set(Mode.emergency);
    kit.pass(20);
    await modes.set(0);
    kit.pass(days * DAY);
    const { decision } = await entry.tap(card);
    assert.equal(decision.reason, 'open');
    assert.equal(decision.amountMinor, amountMinor, `${days} days later`);
  }
});

test('no trains: out where one came in for nothing; who walked out unseen pays no missing exit', async () => {
  const { kit, modes, entry, exit } = world();
  const [tapped, unseen] = [kit.card(), kit.card()];
  await entry.tap(tapped);
  await entry.tap(unseen);
  kit.pass(60);
  await modes.set(Mode.trainFailure);
  const { decision } = await exit.tap(tapped);
  assert.deepEqual([decision.open, decision.amountMinor], [true, 0]);
  assert.equal(tapped.state.balanceMinor, 10_000);
  assert.equal(decision.closed[0]!.amountMinor, 0);
  kit.pass(60);
  await modes.set(0);
  kit.pass(DAY);
  assert.equal((await entry.tap(unseen)).decision.amountMinor, 0);
});

test('free order at a station is made good at the exit: the lowest fare from there', async () => {
  const { kit, modes } = world();
  const other = kit.fares.stations[3]!;
  const periods = [stationNumber(other.code), stationNumber(kit.fares.stations[12]!.code)].map(
    (station) => ({ station, mode: Mode.orderFree, fromMs: kit.clock.nowMs(), toMs: Infinity }),
  );
  kit.pass(30);
  await modes.learn(periods);
  const { decision } = await kit.gate('exit', 2, { modes }).tap(kit.card());
  const fares = [3, 12].map((from) => kit.fares.fareMinor(from, 2, 0));
  assert.equal(decision.amountMinor, Math.min(...fares));
});

const date = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'hex'));

test('free dates: an expired card comes in, and leaves at a station that was told', async () => {
  const { kit, modes, entry } = world();
  const card = kit.card({ validTo: date('20251231') });
  assert.equal((await entry.tap(card)).decision.reason, 'expired');
  await modes.set(Mode.dateFree);
  assert.equal((await entry.tap(card)).decision.reason, 'open');
  kit.pass(30);
  await modes.set(0);
  const told = new ModesInForce(kit.clock, null, null);
  const untold = kit.gate('exit', 4, { modes: told });
  assert.equal((await untold.tap(card)).decision.reason, 'expired');
  await told.learn(modes.history.periods);
  assert.equal((await untold.tap(card)).decision.reason, 'open');
});

test('a change is an event in the journal, after the tap in hand, with the new mode in force', async () => {
  const { kit, modes } = world();
  const inForce = { ...modes, mode: Mode.fareFree, denylistVersion: 7, clockQuality: 2 };
  const gate = kit.gate('entry', 0, {
    modes,
    inForce: { ...inForce, parametersVersion: 9 },
  });
  const change = (before: number, after: number) =>
    gate.gate.note({
      instantMs: kit.clock.nowMs(),
      body: () => ({ event: 'modeChange', modeBefore: before, modeAfter: after }),
    });
  const tapping = gate.tap(kit.card());
  await new Promise((resolve) => setImmediate(resolve));
  change(0, Mode.fareFree);
  const { decision } = await tapping;
  assert.equal(decision.closed[0]!.gateSequence, 1);
  assert.equal(decision.closed[0]!.denylistVersion, 7);
  change(Mode.fareFree, 0);
  await gate.tap(kit.card());
  const { records, count } = await gate.journal.read(1, 10);
  const kinds = Array.from({ length: count }, (_, i) => isEvent(records, i * DEBIT_BYTES));
  assert.deepEqual(kinds, [false, true, true, false]);
  const event = decodeEvent(records, DEBIT_BYTES);
  assert.equal(event.gateSequence, 2);
  assert.equal(event.mode, Mode.fareFree);
  assert.equal(event.parametersVersion, 9);
  assert.deepEqual(event.station, kit.fares.stations[0]!.code);
  assert.deepEqual(event.event === 'modeChange' && [event.modeBefore, event.modeAfter], [
    0,
    Mode.fareFree,
  ]);
});

test('modes and history come back after a restart, word for word', async () => {
  const { kit } = world();
  const path = join(dir, 'modes.json');
  const file = new ModesFile(path);
  assert.equal(await file.read(), null);
  const modes = new ModesInForce(kit.clock, null, file);
  modes.serve(Uint8Array.of(0xff, 2, 3, 4));
  await modes.set(Mode.orderFree | Mode.offline);
  kit.pass(5);
  await modes.set(Mode.emergency);
  const kept = await new ModesFile(path).read();
  const again = new ModesInForce(kit.clock, kept, file);
  again.serve(Uint8Array.of(0xff, 2, 3, 4));
  assert.equal(again.mode, Mode.emergency);
  assert.equal(again.sinceMs, modes.sinceMs);
  assert.deepEqual(again.history.periods, modes.history.periods);
  kit.pass(8 * DAY);
  await again.set(0);
  assert.deepEqual(
    again.history.periods.map(({ mode }) => mode),
    [Mode.emergency],
    'what ended more than seven days ago is forgotten',
  );
});

test('a damaged file of modes is refused, and the field named', async () => {
  const path = join(dir, 'damaged.json');
  const good = { mode: [], since: '2026-01-01T00:00:00Z', periods: [] as object[] };
  const period = {
    station: '01020304',
    mode: ['closed'],
    from: '2026-01-01T00:00:00Z',
    to: '2025-01-01T00:00:00Z',
  };
  for (const [text, says] of [
    ['{"mode":', /JSON/],
    [JSON.stringify({ ...good, mode: ['open'] }), /mode/],
    [JSON.stringify({ ...good, since: 'today' }), /since/],
    [JSON.stringify({ ...good, periods: [period] }), /period 0: it ends before it begins/],
    [
      JSON.stringify({ ...good, periods: [{ ...period, to: null, mode: ['closed', 'fareFree'] }] }),
      /closed/,
    ],
  ] as const) {
    writeFileSync(path, text);
    await assert.rejects(new ModesFile(path).read(), { code: 'MODE_INVALID', message: says });
    assert.equal(readFileSync(path, 'utf8'), text, 'nothing is changed');
  }
});

test('a mode is in force though it cannot be written down', async () => {
  const { kit } = world();
  const modes = new ModesInForce(kit.clock, null, new ModesFile(join(dir, 'none', 'modes.json')));
  await assert.rejects(modes.set(Mode.emergency), { code: 'FILE_UNWRITABLE' });
  assert.equal(modes.mode, Mode.emergency);
});

test('in an emergency every gate stands open and is told, whatever one journal says', () => {
  const stood: boolean[] = [];
  const told: number[] = [];
  const full = new FaregateError('DISK_FULL', 'no room');
  const gate = (number: number) => ({
    barrier: { stand: (open: boolean) => void stood.push(open) },
    gate: {
      note: () => {
        if (number === 1) throw full;
        told.push(number);
      },
    },
  });
  const failures: unknown[] = [];
  const change = { before: 0, after: Mode.emergency, instantMs: 1 };
  tellGates([gate(1), gate(2), gate(3)], change, (error) => failures.push(error));
  assert.deepEqual([stood, told, failures], [[true, true, true], [2, 3], [full]]);
});

test('what is ordered is on its way to the disk before anybody acts on it', async () => {
  const { kit } = world();
  const order: string[] = [];
  const modes = new ModesInForce(kit.clock, null, {
    keep: async ({ mode }) => void order.push(`kept ${mode}`),
  });
  modes.onChange(({ after }) => order.push(`told ${after}`));
  await modes.set(Mode.emergency);
  assert.deepEqual(order, [`kept ${Mode.emergency}`, `told ${Mode.emergency}`]);
});
