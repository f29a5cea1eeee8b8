/**
 * Modes by themselves: every legal set of modes, on both sides, in every state of a journey and
 * with every kind of history, against the slow twin; and which modes combine.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { MODE_HISTORY_MS, MODE_JOURNEY_MS_MAX } from '../../engine/durations.ts';
import { compileFares } from '../../engine/fare/compile.ts';
import type { CompiledFares } from '../../engine/fare/fares.ts';
import { sampleFareSet } from '../../engine/fare/sample-city.ts';
import { MODE_PERIODS_MAX } from '../../engine/limits.ts';
import { ModeHistory, type ModePeriod, stationNumber } from '../../engine/tap/mode-history.ts';
import { planUnderModes } from '../../engine/tap/mode-plan.ts';
import {
  atTheDoor,
  conflictIn,
  MODES_MASK,
  Mode,
  modeNames,
  modeOf,
  modeText,
  namesOf,
} from '../../engine/tap/modes.ts';
import type { LastJourney } from '../../engine/tap/plan.ts';
import { modeVerdict } from '../reference/modes.ts';
import { root } from '../shared.ts';

const MINUTE = 60_000;
const NOW = Date.UTC(2026, 5, 1, 12);
const HERE = 9;
const THERE = 2;
const OTHER = 4;

const legal: readonly number[] = Array.from({ length: MODES_MASK + 1 }, (_, mask) => mask).filter(
  (mask) => conflictIn(mask) === null,
);

function faresWith(missingTapMinor: number | null): CompiledFares {
  const city = sampleFareSet();
  return compileFares({ ...city, effectiveMs: 0, rules: { ...city.rules, missingTapMinor } });
}

const withFee = faresWith(1000);
const withoutFee = faresWith(null);
const codeOf = (station: number): number => stationNumber(withFee.stations[station]!.code);

interface State {
  readonly last: LastJourney;
  readonly justHere: boolean;
  readonly overstayed: boolean;
}
const ago = (minutes: number): number => NOW - minutes * MINUTE;
const states: readonly State[] = [
  { last: { where: 'none', station: -1, instantMs: NaN }, justHere: false, overstayed: false },
  {
    last: { where: 'inside', station: THERE, instantMs: ago(30) },
    justHere: false,
    overstayed: false,
  },
  {
    last: { where: 'inside', station: THERE, instantMs: ago(250) },
    justHere: false,
    overstayed: true,
  },
  {
    last: { where: 'inside', station: HERE, instantMs: ago(0.2) },
    justHere: true,
    overstayed: false,
  },
  {
    last: { where: 'outside', station: THERE, instantMs: ago(60) },
    justHere: false,
    overstayed: false,
  },
  {
    last: { where: 'outside', station: HERE, instantMs: ago(0.2) },
    justHere: true,
    overstayed: false,
  },
];

/** Periods that ended just after the rider came in, wherever he did. */
const past = (station: number, mode: number): ModePeriod => ({
  station: codeOf(station),
  mode,
  fromMs: ago(260),
  toMs: ago(0.1),
});
const histories: readonly (readonly ModePeriod[])[] = [
  [],
  [past(OTHER, Mode.emergency)],
  [past(THERE, Mode.trainFailure)],
  [past(HERE, Mode.trainFailure)],
  [past(OTHER, Mode.trainFailure)],
  [past(THERE, Mode.timeFree | Mode.offline)],
  [past(OTHER, Mode.orderFree), past(THERE, Mode.orderFree)],
  [past(OTHER, Mode.orderFree | Mode.timeFree), past(THERE, Mode.trainFailure)],
];

const SAME_STATION_MINOR = 300;
const OVERSTAY_MINOR = 1000;

test('every set of modes, side, journey and history gives what the tables say', () => {
  let compared = 0;
  const verdicts = new Map<string, number>();
  for (const mode of legal) {
    for (const side of ['entry', 'exit'] as const) {
      for (const { last, justHere, overstayed } of states) {
        for (const periods of histories) {
          for (const fares of [withFee, withoutFee]) {
            const entered = last.station < 0 ? 0 : codeOf(last.station);
            const where = (bit: number) =>
              periods.filter((period) => (period.mode & bit) !== 0).map(({ station }) => station);
            const caughtIn = [
              ...(where(Mode.emergency).length > 0 ? ['emergency' as const] : []),
              ...(where(Mode.trainFailure).includes(entered) ? ['trainFailure' as const] : []),
            ];
            const from = where(Mode.orderFree).map((code) =>
              fares.fareMinor(code === codeOf(OTHER) ? OTHER : THERE, HERE, 0),
            );
            const expected = modeVerdict({
              side,
              modes: namesOf(mode),
              where: last.where,
              justHere,
              overstayed,
              caughtIn,
              enteredTimeFree: where(Mode.timeFree).includes(entered),
              orderFreeFrom: from.length > 0 ? Math.min(...from) : null,
              missingTap: fares.rules.missingTapMinor,
              fare: last.station === HERE ? SAME_STATION_MINOR : fares.fareMinor(THERE, HERE, 0),
              overstayFare: OVERSTAY_MINOR,
            });
            const history = new ModeHistory(periods);
            const facts = { side, mode, history, fares, last, here: HERE, rider: 0, nowMs: NOW };
            const plan = planUnderModes(facts);
            const own = atTheDoor(mode, side) ?? plan.reason ?? plan.amountMinor;
            const name = `${modeText(mode)} ${side} ${JSON.stringify(last)} ${periods.length}`;
            assert.equal(own, expected, name);
            compared++;
            verdicts.set(String(own), (verdicts.get(String(own)) ?? 0) + 1);
          }
        }
      }
    }
  }
  assert(compared > 10_000, `${compared} cases`);
  const reasons = ['released', 'stationClosed', 'noTrains', 'entryClosed', 'exitClosed'];
  for (const verdict of [...reasons, 'passBack', 'noEntry', 'noExit', '0', '1000']) {
    assert((verdicts.get(verdict) ?? 0) > 0, verdict);
  }
});

test('nothing is demanded of the purse where nothing is charged, but at an entry its least', () => {
  const last = states[1]!.last;
  const facts = { history: new ModeHistory(), fares: withFee, last, here: HERE, rider: 0 };
  const plan = (side: 'entry' | 'exit', mode: number) => {
    const made = planUnderModes({ ...facts, side, mode, nowMs: NOW });
    return made.reason ?? made.minimumBalanceMinor;
  };
  assert.equal(plan('entry', Mode.orderFree), 300);
  assert.equal(plan('entry', Mode.orderFree | Mode.fareFree), 0);
  assert.equal(plan('exit', Mode.trainFailure), 0);
});

test('what a mode did to a card holds for seven days and no longer', () => {
  const enteredMs = NOW - MINUTE;
  const period = { station: 7, mode: Mode.emergency, fromMs: NOW, toMs: NOW + MINUTE };
  const history = new ModeHistory([period]);
  const caught = (nowMs: number) => history.caughtBy(Mode.emergency, null, enteredMs, nowMs);
  assert.equal(caught(NOW - 1), false, 'before it began');
  assert.equal(caught(NOW), true);
  assert.equal(caught(period.toMs + MODE_HISTORY_MS), true);
  assert.equal(caught(period.toMs + MODE_HISTORY_MS + 1), false);
  const late = (ms: number) => history.caughtBy(Mode.emergency, null, ms, NOW + 2 * MINUTE);
  assert.equal(late(period.toMs), true);
  assert.equal(late(period.toMs + 1), false, 'came in after it');
  assert.equal(late(period.fromMs - MODE_JOURNEY_MS_MAX - 1), false, 'long before it');
  assert.equal(late(NaN), false, 'a card without a date');
  assert.equal(history.caughtBy(Mode.emergency, 8, enteredMs, NOW), false, 'another station');
  const open = new ModeHistory([{ ...period, toMs: Infinity }]);
  assert.equal(open.caughtBy(Mode.emergency, 7, enteredMs, NOW + 30 * MODE_HISTORY_MS), true);
});

test('a history over its bound forgets what ended first', () => {
  const periods = Array.from({ length: MODE_PERIODS_MAX + 1 }, (_, i) => ({
    station: i,
    mode: Mode.closed,
    fromMs: 0,
    toMs: MODE_PERIODS_MAX + 1 - i,
  }));
  const kept = new ModeHistory(periods).periods;
  assert.equal(kept.length, MODE_PERIODS_MAX);
  assert(!kept.some(({ toMs }) => toMs === 1));
});

test('an operator is told which modes exclude each other, and which name is none', () => {
  assert.equal(modeOf([]), 0);
  assert.equal(modeOf(['normal']), 0);
  assert.equal(modeOf(['orderFree', 'offline']), Mode.orderFree | Mode.offline);
  for (const [names, says] of [
    [['emergency', 'fareFree'], 'emergency does not combine with fareFree'],
    [['entryOnly', 'exitOnly'], 'entryOnly does not combine with exitOnly'],
    [['entryOnly', 'trainFailure'], 'trainFailure does not combine with entryOnly'],
    [['closed', 'dateFree'], 'closed does not combine with dateFree'],
  ] as const) {
    assert.throws(() => modeOf(names), { code: 'MODE_INVALID', message: says });
  }
  assert.throws(() => modeOf(['gone']), { code: 'MODE_INVALID', message: /^"gone" is none of/ });
  assert.throws(() => modeOf(['normal', 'offline']), { code: 'MODE_INVALID' });
});

test('docs/modes.md lists every mode with its bit, and what combines', () => {
  const text = readFileSync(join(root, 'docs/modes.md'), 'utf8');
  const rows = [...text.matchAll(/^\| `(\w+)` \| (0x[0-9A-F]{3}) \| (.*) \|$/gm)];
  assert.deepEqual(
    rows.map(([, name, bit]) => [name, Number(bit)]),
    modeNames.map((name) => [name, Mode[name]]),
  );
  for (const [, name, , told] of rows) {
    const apart = modeNames.filter(
      (other) => conflictIn(Mode[name as keyof typeof Mode] | Mode[other]) !== null,
    );
    const listed = [...(told!.split('not with')[1] ?? '').matchAll(/`(\w+)`/g)].map((m) => m[1]);
    const free = modeNames.filter((other) => other !== name && other !== 'offline');
    const expected = told!.includes('not with any but') ? free : listed;
    assert.deepEqual(apart.sort(), [...expected].sort(), name);
  }
});
