/** Random fare terms, accounts and journeys, over few names so that rules meet and sums fill up. */
import fc from 'fast-check';
import type {
  Account,
  LegPrices,
  TakenJourney,
  TakenLeg,
} from '../../engine/fare/account/account.ts';
import type { FareTerms, Pass, Reduction } from '../../engine/fare/terms/terms.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
/** A Friday before the clocks of Europe go forward. */
const START_MS = Date.parse('2026-03-27T05:00:00Z');

const rider = fc.constantFrom('', '', '', 'adult', 'student');
const media = fc.constantFrom('', '', '', 'card');
const network = fc.constantFrom('', '', '', 'bus', 'rail');
const period = fc.constantFrom('', '', '', 'peak', 'night');
const zoneSet = fc.constantFrom('', '', '', 'inner', 'all');
const percent = fc.constantFrom(0, 5, 10, 33, 50, 100);
const line = fc.integer({ min: 2, max: 99 });
const span = fc.constantFrom('day' as const, 'week' as const, 'month' as const);
const stop = fc.constantFrom(...'ABCD');

const reduction: fc.Arbitrary<Reduction> = fc.record({
  percent,
  offMinor: fc.constantFrom(0, 0, 30, 120),
  roundMinor: fc.constantFrom(1, 5, 10, 50),
});

function few<T>(item: fc.Arbitrary<T>, maxLength: number): fc.Arbitrary<T[]> {
  return fc.array(item, { maxLength });
}

const cap = fc
  .record({
    ...{ rider, media, network, zoneSet, period, line },
    id: fc.constant('cap'),
    span: fc.oneof(span, fc.constantFrom('rolling' as const, 'from_first' as const)),
    days: fc.integer({ min: 1, max: 9 }),
    most: fc.integer({ min: 1, max: 1500 }),
    isByRides: fc.boolean(),
  })
  .map(({ most, isByRides, ...rest }) => ({
    ...rest,
    amountMinor: isByRides ? null : most,
    rides: isByRides ? 1 + (most % 6) : null,
  }));

const pass = fc.record({
  ...{ rider, network, zoneSet, period, line },
  days: fc.option(fc.integer({ min: 1, max: 5 })),
  startsAtFirstRide: fc.boolean(),
  rides: fc.option(fc.integer({ min: 1, max: 4 })),
});

const scheme = fc.record({ rider, media, network, span }).chain((whom) =>
  fc
    .uniqueArray(fc.constantFrom(0, 200, 500, 1000, 2500), { minLength: 1, maxLength: 4 })
    .chain((from) =>
      fc.tuple(
        ...from.map((fromMinor) =>
          fc.record({ percent, roundMinor: fc.constantFrom(1, 10), line }).map((rest) => ({
            ...{ ...whom, ...rest, fromMinor },
          })),
        ),
      ),
    ),
);

const passIds = ['p0', 'p1', 'p2'];

/** Terms; their time zone has daylight saving in some. */
export const terms: fc.Arbitrary<FareTerms> = fc
  .record({
    timezone: fc.constantFrom('Europe/London', 'Asia/Shanghai', 'America/New_York'),
    dayStartMs: fc.constantFrom(0, 4 * 3_600_000, 4.5 * 3_600_000),
    weekStart: fc.constantFrom(0, 0, 6, 3),
    isHoliday: fc.boolean(),
    discounts: few(
      fc.tuple(fc.record({ rider, media, network, period, line }), reduction).map(merged),
      3,
    ),
    transfers: few(
      fc
        .tuple(
          fc.record({
            ...{ rider, media, line, fromNetwork: network, toNetwork: network },
            limitMs: fc.constantFrom(5, 60, 120).map((minutes) => minutes * MINUTE_MS),
            limitType: fc.integer({ min: 0, max: 3 }),
            count: fc.integer({ min: 1, max: 3 }),
          }),
          reduction,
        )
        .map(merged),
      3,
    ),
    schemes: few(scheme, 3),
    caps: few(cap, 5),
    passes: fc.tuple(pass, pass, pass),
  })
  .map(({ timezone, dayStartMs, weekStart, isHoliday, schemes, passes, ...rest }) => ({
    ...rest,
    settings: {
      ...{ timezone, dayStartMs, weekStart },
      ...{ entryBalanceMinor: null, negativeBalanceMinor: 0 },
    },
    holidays: new Map(isHoliday ? [[Math.floor(START_MS / DAY_MS) + 3, 6]] : []),
    periods: [
      stretch('peak', [0, 1, 2, 3, 4], 6.5, 9.5),
      stretch('peak', [0, 1, 2, 3, 4], 16, 19),
      stretch('night', [4, 5], 22, 28.5),
    ],
    zoneNumbers: new Map([
      ['z1', 1],
      ['z2', 2],
    ]),
    stopZones: new Map([
      ['A', ['z1']],
      ['B', ['z1', 'z2']],
      ['C', ['z2']],
    ]),
    zoneSets: new Map([
      ['inner', new Set(['z1'])],
      ['all', new Set(['z1', 'z2'])],
    ]),
    cumulative: schemes.flatMap((steps, index) =>
      steps.map((step) => ({ ...step, scheme: `s${index}` })),
    ),
    passes: passes.map((each, index): Pass => ({ ...each, id: passIds[index]! })),
    ...{ missingTaps: [], sameStation: [], timeLimits: [] },
    ...{ interchanges: [], continuations: [], products: [] },
  }));

function merged<A extends object, B extends object>([a, b]: [A, B]): A & B {
  return { ...a, ...b };
}

function stretch(id: string, days: readonly number[], from: number, to: number) {
  return {
    ...{ id, line: 2, startMs: from * 3_600_000, endMs: to * 3_600_000 },
    weekdays: [0, 1, 2, 3, 4, 5, 6].map((day) => days.includes(day)),
  };
}

/** From the last arrival, or in whole days from the last departure, so that limits are met. */
const pause = fc.oneof(
  fc.integer({ min: 0, max: 70 }).map((minutes) => ({ ms: minutes * MINUTE_MS, days: 0 })),
  fc.integer({ min: 0, max: 70 }).map((minutes) => ({ ms: minutes * MINUTE_MS, days: 0 })),
  fc.integer({ min: 1, max: 40 }).map((hours) => ({ ms: hours * 3_600_000 + 17_000, days: 0 })),
  fc.integer({ min: 1, max: 7 }).map((days) => ({ ms: 0, days })),
);

const leg = fc.record({
  ...{ from: stop, to: stop, gap: fc.integer({ min: 0, max: 20 }) },
  network: fc.constantFrom('', 'bus', 'rail', 'ferry'),
  minutes: fc.integer({ min: 0, max: 50 }),
});

const drawn = fc.record({
  pause,
  legs: fc.array(leg, { minLength: 1, maxLength: 3 }),
  pricing: fc.constantFrom('sum' as const, 'sum' as const, 'through' as const),
  charge: fc.constantFrom(null, null, null, 250, 'minimum' as const, 'maximum' as const),
  isMereCharge: fc.integer({ min: 0, max: 9 }).map((drawn) => drawn === 0),
});

/** Journeys in order of time. */
export const journeys: fc.Arbitrary<TakenJourney[]> = fc
  .array(drawn, { minLength: 1, maxLength: 40, size: 'max' })
  .map((list) => {
    let atMs = START_MS;
    let startMs = START_MS;
    return list.map(({ pause, legs: asked, pricing, charge, isMereCharge }, index) => {
      atMs = pause.days > 0 ? startMs + pause.days * DAY_MS : atMs + pause.ms;
      startMs = atMs;
      const legs = asked.map(({ gap, minutes, ...rest }, place): TakenLeg => {
        if (place > 0) atMs += gap * MINUTE_MS;
        const departureMs = atMs;
        atMs += minutes * MINUTE_MS;
        return { ...rest, route: '', departureMs, arrivalMs: atMs, completed: null };
      });
      const { from, network } = legs[0]!;
      const fixed = {
        ...{ kind: 'overstay' as const, stop: from, network, atMs: startMs, why: 'a stay' },
        charge: charge ?? 100,
      };
      return {
        legs: isMereCharge ? [] : legs,
        pricing,
        charges: charge !== null || isMereCharge ? [fixed] : [],
        atMs: startMs,
        taps: [`tap${index}`],
        why: [],
      };
    });
  });

export const account: fc.Arbitrary<Account> = fc.record({
  rider: fc.constantFrom(null, 'adult', 'student'),
  media: fc.constantFrom(null, 'card', 'phone'),
  passes: few(
    fc.record({
      pass: fc.constantFrom(...passIds, 'of another city'),
      fromMs: fc.integer({ min: -2, max: 8 }).map((days) => START_MS + days * DAY_MS),
    }),
    4,
  ),
});

/** An instant at which a second version comes into force, or after all journeys. */
export const change: fc.Arbitrary<number> = fc
  .integer({ min: 1, max: 40 })
  .map((days) => START_MS + days * DAY_MS);

/** Fares that differ by stops and network; no fare from D to D on a ferry, no extreme fare at D. */
export const randomPrices: LegPrices = {
  legs: (legs, pricing) => {
    const lost = legs.find(({ from, to, network }) => `${from}${to}${network}` === 'DDferry');
    if (lost) return { id: null, error: { code: 'FARES_UNKNOWN_FARE', message: 'no fare' } };
    const fares = legs.map(({ from, to, network }) => {
      const apart = Math.abs(from.charCodeAt(0) - to.charCodeAt(0));
      return network === 'bus' ? 150 : 201 + 97 * apart;
    });
    const whole = Math.max(...fares);
    return fares.map((fare, index) => {
      const amountMinor = pricing === 'sum' ? fare : index === 0 ? whole : 0;
      return { amountMinor, why: 'a fare' };
    });
  },
  extreme: (which, stop) => (stop === 'D' ? null : which === 'minimum' ? 150 : 492),
};
