/**
 * No rule misfires where the calendar turns: midnight, the end of a month, 29 February, the hours
 * that daylight saving skips and repeats. In before and out after; pass-back; expiry; service day.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { serviceDay } from '../../engine/service-day.ts';
import { Zone } from '../../engine/time.ts';
import { StationKit } from '../kit/station-kit.ts';

const MINUTE = 60_000;
const DAY = 86_400_000;

/** Instants at which something turns over, in zones where it does. */
const turns: readonly [what: string, zone: string, turn: string][] = [
  ['midnight', 'Asia/Shanghai', '2026-03-10T00:00:00+08:00'],
  ['the end of a month', 'Asia/Shanghai', '2026-05-01T00:00:00+08:00'],
  ['the end of a year', 'Asia/Shanghai', '2027-01-01T00:00:00+08:00'],
  ['into 29 February', 'Asia/Shanghai', '2028-02-29T00:00:00+08:00'],
  ['out of 29 February', 'Asia/Shanghai', '2028-03-01T00:00:00+08:00'],
  ['28 February of a common year', 'Asia/Shanghai', '2027-03-01T00:00:00+08:00'],
  ['clocks forward in Europe', 'Europe/Berlin', '2026-03-29T01:00:00Z'],
  ['clocks back in Europe', 'Europe/Berlin', '2026-10-25T01:00:00Z'],
  ['clocks forward in America', 'America/New_York', '2026-03-08T07:00:00Z'],
  ['clocks back in America', 'America/New_York', '2026-11-01T06:00:00Z'],
  ['half an hour back', 'Australia/Lord_Howe', '2026-04-04T15:00:00Z'],
];

function kitAt(zone: string, instantMs: number): StationKit {
  const kit = new StationKit({}, zone);
  kit.clock.advance(instantMs);
  return kit;
}

/** What the card's record says is local time, an hour of which may come twice. */
function readsAmbiguously(zone: string, enteredMs: number): boolean {
  const offset = (ms: number) => new Zone(zone).offsetMs(ms);
  const backMs = offset(enteredMs) - offset(enteredMs + 2 * 3_600_000);
  return backMs > 0;
}

for (const [what, zone, turn] of turns) {
  const turnMs = Date.parse(turn);

  test(`${what}: in before and out after costs the fare, and the record says when`, async () => {
    const kit = kitAt(zone, turnMs - 20 * MINUTE);
    const card = kit.card();
    const came = await kit.gate('entry', 2).tap(card);
    kit.clock.advance(turnMs + 10 * MINUTE);
    const left = await kit.gate('exit', 9).tap(card);
    assert.equal(left.decision.reason, 'open');
    assert.equal(left.decision.amountMinor, kit.fares.fareMinor(2, 9, 0));
    const { entryInstantMs } = left.decision.closed[0]!;
    const aside = Math.abs(entryInstantMs - came.instantMs);
    // An entry in the hour that comes twice is read as its first time: never more than an hour off.
    assert(aside < 1000 || (readsAmbiguously(zone, came.instantMs) && aside <= 3_600_000), what);
  });

  test(`${what}: a ride as long as allowed is not too long, a longer one is`, async () => {
    for (const [minutes, overstayed] of [
      [170, false],
      [310, true],
    ] as const) {
      const kit = kitAt(zone, turnMs - 100 * MINUTE);
      const card = kit.card();
      await kit.gate('entry', 2).tap(card);
      kit.pass(minutes);
      const { decision } = await kit.gate('exit', 9).tap(card);
      const fare = kit.fares.fareMinor(2, 9, 0);
      assert.equal(decision.amountMinor, overstayed ? 1000 : fare, `${minutes} minutes`);
    }
  });

  test(`${what}: a second tap across it is a pass-back, one an hour later is not`, async () => {
    const kit = kitAt(zone, turnMs - 10_000);
    const card = kit.card();
    const entry = kit.gate('entry', 2);
    await entry.tap(card);
    kit.clock.advance(turnMs + 5000);
    assert.equal((await entry.tap(card)).decision.reason, 'passBack');
    kit.clock.advance(turnMs + 90 * MINUTE);
    assert.equal((await entry.tap(card)).decision.reason, 'open');
  });

  test(`${what}: a card valid to that day rides through it, and comes in no more after it`, async () => {
    const kit = kitAt(zone, turnMs - 20 * MINUTE);
    const last = new Date(turnMs - 20 * MINUTE + new Zone(zone).offsetMs(turnMs - 20 * MINUTE));
    const validTo = new Uint8Array(
      Buffer.from(last.toISOString().slice(0, 10).replaceAll('-', ''), 'hex'),
    );
    const card = kit.card({ validTo });
    assert.equal((await kit.gate('entry', 2).tap(card)).decision.reason, 'open');
    kit.clock.advance(turnMs + 40 * MINUTE);
    const left = await kit.gate('exit', 9).tap(card);
    assert.equal(left.decision.reason, 'open');
    assert.equal(left.decision.amountMinor, kit.fares.fareMinor(2, 9, 0));
    kit.clock.advance(turnMs + DAY);
    assert.equal((await kit.gate('entry', 9).tap(card)).decision.reason, 'expired');
    assert.equal((await kit.gate('exit', 9).tap(card)).decision.reason, 'expired');
  });

  test(`${what}: service days follow each other, each begun once`, () => {
    const berth = new Zone(zone);
    let highest = serviceDay(berth, turnMs - 2 * DAY);
    const begun: number[] = [];
    for (let ms = turnMs - 2 * DAY; ms <= turnMs + 2 * DAY; ms += 5 * MINUTE) {
      const day = serviceDay(berth, ms);
      if (day <= highest) continue;
      assert.equal(day, highest + 1);
      highest = day;
      begun.push(ms);
    }
    assert(begun.length >= 3 && begun.length <= 5, `${begun.length} days begun`);
    for (const [i, ms] of begun.entries()) {
      if (i === 0) continue;
      const hours = (ms - begun[i - 1]!) / 3_600_000;
      assert(hours >= 23 && hours <= 25, `${hours} hours`);
    }
  });
}

test('who stays in for more than a day on a card that ran out is sent to the desk', async () => {
  const kit = kitAt('Asia/Shanghai', Date.parse('2026-05-31T23:50:00+08:00'));
  const card = kit.card({ validTo: new Uint8Array(Buffer.from('20260531', 'hex')) });
  await kit.gate('entry', 2).tap(card);
  kit.pass(24 * 60 + 1);
  assert.equal((await kit.gate('exit', 9).tap(card)).decision.reason, 'expired');
});

test('a clock set back or forward between entry and exit makes no fare of its own', async () => {
  for (const minutes of [-90, 60]) {
    const kit = kitAt('Asia/Shanghai', Date.parse('2026-05-04T08:00:00+08:00'));
    const card = kit.card();
    await kit.gate('entry', 2).tap(card);
    kit.pass(20);
    kit.clock.jump(minutes);
    const { decision } = await kit.gate('exit', 9).tap(card);
    assert.equal(decision.amountMinor, kit.fares.fareMinor(2, 9, 0), `${minutes} minutes`);
  }
});
