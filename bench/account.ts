/**
 * What does a journey of an account cost? Three legs with transfers by GTFS-Fares V2, on Boston's
 * feed where it is at hand and else on a made-up city, and caps of the day, the week and the month
 * on top. Riders make four journeys a day, day after day; each pays for one journey at a time.
 */
import { gtfsFrame } from '../engine/fare/account/frame.ts';
import { RidePricer } from '../engine/fare/account/ride-pricer.ts';
import { RideRules } from '../engine/fare/account/rules.ts';
import type { GtfsFares } from '../engine/fare/gtfs/fares.ts';
import { noTerms } from '../engine/fare/terms/none.ts';
import type { Cap, FareTerms } from '../engine/fare/terms/terms.ts';
import { ScanCaps } from './account-scan.ts';
import type { Benchmark, Contender, Question } from './harness.ts';
import { compiled, journeysOf, source } from './quote.ts';
import { ScanFares, type ScanLeg } from './quote-scan.ts';

const BATCH = 256;
const PER_DAY = 4;
const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;

export const accountBenchmark: Benchmark = {
  name: 'account',
  async questions(smoke) {
    const { name, source: feed } = await source(smoke ? 10 : 100);
    const fares = compiled(feed);
    const journeys = journeysOf(fares, smoke ? BATCH : 16 * BATCH);
    // Those of one rider and day are in order of time.
    for (let first = 0; first < journeys.length; first += PER_DAY) {
      const day = journeys.slice(first, first + PER_DAY);
      day.sort((a, b) => a[0]!.departureMs - b[0]!.departureMs);
      journeys.splice(first, PER_DAY, ...day);
    }
    return [question(name, fares, journeys)];
  },
};

/** Journey `index` of a rider on the day that is `pass` days later. */
type Ask = (index: number, pass: number) => number;

function question(
  name: string,
  fares: GtfsFares,
  journeys: readonly (readonly ScanLeg[])[],
): Question {
  const terms = termsOf(fares, journeys);
  const rules = new RideRules(terms, gtfsFrame(fares), 2);
  return {
    name: `${name}, three legs with transfers, ${terms.caps.length} caps`,
    operations: BATCH,
    contenders: [
      contender('compiled', journeys.length, () => byNumbers(fares, rules, journeys)),
      contender('scan of all rules', journeys.length, () => byScan(fares, terms, journeys)),
    ],
  };
}

/** As the account program does it: the legs' fare, and then the sums of the account. */
function byNumbers(
  fares: GtfsFares,
  rules: RideRules,
  journeys: readonly (readonly ScanLeg[])[],
): Ask {
  const { evaluator, products, stops } = fares;
  const column = products.column(0, 0);
  const pricer = new RidePricer(rules, null, null);
  const sums = journeys.map(() => pricer.newSums()).slice(0, journeys.length / PER_DAY);
  const asked = journeys.map((legs) =>
    legs.map(({ network, from, to, departureMs, arrivalMs }) => ({
      network: fares.networkOf(network),
      from: stops.find(from),
      to: stops.find(to),
      ruleNetwork: rules.networkOf(network),
      ruleFrom: rules.stopOf(from),
      ruleTo: rules.stopOf(to),
      departureMs,
      arrivalMs,
    })),
  );
  return (index, pass) => {
    const legs = asked[index]!;
    evaluator.clear();
    for (let leg = 0; leg < legs.length; leg++) {
      const { network, from, to, departureMs, arrivalMs } = legs[leg]!;
      evaluator.add(network, from, to, departureMs, arrivalMs);
    }
    // Caps ask for the journey's fare alone, which its first leg bears.
    const fareMinor = evaluator.total(column);
    pricer.legs.clear(false);
    for (let leg = 0; leg < legs.length; leg++) {
      const { ruleNetwork, ruleFrom, ruleTo, departureMs, arrivalMs } = legs[leg]!;
      const fromMs = departureMs + pass * DAY_MS;
      const toMs = arrivalMs + pass * DAY_MS;
      pricer.legs.add(ruleNetwork, ruleFrom, ruleTo, fromMs, toMs, leg === 0 ? fareMinor : 0);
    }
    return pricer.chargeMinor(sums[Math.floor(index / PER_DAY)]!);
  };
}

function byScan(
  fares: GtfsFares,
  terms: FareTerms,
  journeys: readonly (readonly ScanLeg[])[],
): Ask {
  const scan = new ScanFares(fares);
  const caps = new ScanCaps(terms);
  return (index, pass) => {
    const legs = journeys[index]!;
    const day = legs[0]!.local[0] + pass;
    return caps.charge(Math.floor(index / PER_DAY), legs, day, scan.total(legs));
  };
}

/** Answers of two days; then day after day, BATCH journeys a run. */
function contender(name: string, count: number, fresh: () => Ask): Contender {
  const ask = fresh();
  let at = 0;
  let pass = 0;
  let sum = 0;
  return {
    name,
    answer: () => {
      const asked = fresh();
      const both = Array.from({ length: 2 * count }, (_, place) =>
        asked(place % count, Math.floor(place / count)),
      );
      return new Uint8Array(Float64Array.from(both).buffer);
    },
    run: () => {
      for (let i = 0; i < BATCH; i++) sum += ask(at + i, pass);
      at += BATCH;
      if (at === count) {
        at = 0;
        pass++;
      }
      if (sum === Number.MIN_VALUE) throw new Error('never');
    },
  };
}

/** Made-up caps: of all, of two networks, off the peak, in half of the stops. */
function termsOf(fares: GtfsFares, journeys: readonly (readonly ScanLeg[])[]): FareTerms {
  const networks = [...new Set(journeys.flat().map(({ network }) => network))];
  const week = [0, 1, 2, 3, 4].map(() => true);
  const stretch = (id: string, isWeekday: boolean, from: number, to: number) => ({
    ...{ id, line: 2, startMs: from * HOUR_MS, endMs: to * HOUR_MS },
    weekdays: [...week.map(() => isWeekday), !isWeekday, !isWeekday],
  });
  const cap = (id: string, span: Cap['span'], amountMinor: number, rest: Partial<Cap>): Cap => ({
    ...{ id, span, amountMinor, rider: '', media: '', network: '', zoneSet: '', period: '' },
    ...{ days: 0, rides: null, line: 2 },
    ...rest,
  });
  const stops = fares.feed.stops.filter(({ type }) => type === 0);
  const inner = stops.filter((_, index) => index % 2 === 0).map(({ id }) => id);
  return {
    ...noTerms(fares.feed.timezone),
    periods: [
      stretch('offpeak', true, 9.5, 16),
      stretch('offpeak', true, 19, 24),
      stretch('offpeak', false, 0, 24),
    ],
    zoneNumbers: new Map([['inner', 1]]),
    stopZones: new Map(inner.map((id) => [id, ['inner']])),
    zoneSets: new Map([['inner', new Set(['inner'])]]),
    caps: [
      cap('day', 'day', 1800, {}),
      cap('first network', 'day', 500, { network: networks[0]! }),
      cap('second network', 'day', 700, { network: networks.at(-1)! }),
      cap('off-peak', 'day', 1500, { period: 'offpeak' }),
      cap('inner', 'day', 900, { zoneSet: 'inner' }),
      cap('week', 'week', 6000, {}),
      cap('month', 'month', 20_000, {}),
      cap('rides', 'week', 0, { amountMinor: null, rides: 20 }),
    ],
  };
}
