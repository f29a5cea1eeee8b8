/** Passes and bundles, charges, rounding, refusals and reasons of an account's journeys. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TakenJourney } from '../../../engine/fare/account/account.ts';
import { priceAccount } from '../../../engine/fare/account/price.ts';
import { reducedMinor } from '../../../engine/fare/account/reduction.ts';
import { amountOf, amountsOf, nobody, ridesOf, rulesOf } from '../../reference/account-terms.ts';

const settings = 'timezone\nUTC\n';

test('halves are rounded up, nothing falls below 0 and rounding never lifts a fare', () => {
  assert.equal(reducedMinor(350, 50, 0, 10), 180);
  assert.equal(reducedMinor(349, 50, 0, 10), 170);
  assert.equal(reducedMinor(1, 50, 0, 1), 1);
  assert.equal(reducedMinor(100, 0, 130, 1), 0);
  assert.equal(reducedMinor(100, 50, 50, 10), 0);
  assert.equal(reducedMinor(105, 0, 0, 10), 105);
  assert.equal(reducedMinor(108, 2, 0, 10), 108);
  assert.equal(reducedMinor(0, 0, 0, 50), 0);
  assert.equal(reducedMinor(0x7fff_ffff, 1, 0, 1), 2_126_008_811);
});

test('a pass that has started, then what ends first; period passes before bundles', () => {
  const passes = [
    'pass_id,days,starts,rides',
    ...['bundle,,,3', 'week,7,first_ride,', 'day,1,first_ride,', 'month,30,,', 'thirty,30,,'],
  ].join('\n');
  const fromMs = Date.parse('2026-01-01T00:00:00Z');
  const { journeys, prices } = ridesOf(
    ['01T08', '01T09', '02T09', '04T00', '08T00', '09T09', '09T10', '09T11'].map((at) => ({
      ...{ at: `2026-01-${at}:00:00Z`, fareMinor: 200 },
    })),
  );
  const use = (held: readonly string[]) => {
    const account = { ...nobody, passes: held.map((pass) => ({ pass, fromMs })) };
    const rules = rulesOf({ settings, passes });
    return priceAccount({ at: () => rules }, prices, account, journeys).map((journey) => {
      const why = 'why' in journey ? journey.why.join() : '';
      return /pass (\w+)/.exec(why)?.[1] ?? amountOf(journey);
    });
  };
  assert.deepEqual(use(['bundle']), ['bundle', 'bundle', 'bundle', 200, 200, 200, 200, 200]);
  const weekly = ['bundle', 'week', 'day'];
  // Both wait: the day ends first. Then the week runs from the 2nd to the 8th.
  const used = ['day', 'day', 'week', 'week', 'week', 'bundle', 'bundle', 'bundle'];
  assert.deepEqual(use(weekly), used);
  assert.deepEqual(use(['week', 'month']), Array(8).fill('month'));
  assert.deepEqual(use(['thirty', 'month']), Array(8).fill('thirty'), 'the one held first');
});

test('missing taps and stays are neither capped nor counted, and no pass covers them', () => {
  const rules = rulesOf({
    settings,
    caps: 'cap_id,span,amount\nday,day,5.00\n',
    passes: 'pass_id,rides\none,1\n',
  });
  const { journeys, prices } = ridesOf(
    ['08', '09', '10', '11'].map((hour) => ({
      ...{ at: `2026-01-01T${hour}:00:00Z`, fareMinor: 300 },
    })),
  );
  const missing = { kind: 'missingExit', stop: 'A', network: '', atMs: 0, why: 'no exit' } as const;
  const withCharges = journeys.map((journey, index): TakenJourney => {
    if (index === 1) return { ...journey, legs: [], charges: [{ ...missing, charge: 'maximum' }] };
    return index === 0 ? { ...journey, charges: [{ ...missing, charge: 250 }] } : journey;
  });
  const price = (passes: typeof nobody.passes) =>
    priceAccount({ at: () => rules }, prices, { ...nobody, passes }, withCharges);
  assert.deepEqual(price([]).map(amountOf), [550, 900, 200, 0]);
  assert.deepEqual(price([{ pass: 'one', fromMs: 0 }]).map(amountOf), [250, 900, 300, 200]);
});

test('a journey without a price counts to nothing, and the others go on', () => {
  const rules = rulesOf({ settings, caps: 'cap_id,span,rides\nday,day,2\n' });
  const { journeys, prices } = ridesOf(
    ['08', '09', '10', '11'].map((hour) => ({
      ...{ at: `2026-01-01T${hour}:00:00Z`, fareMinor: 300 },
    })),
  );
  const lost = journeys[1]!.legs[0]!;
  const error = { code: 'FARES_UNKNOWN_FARE', message: 'no rule' } as const;
  const book = {
    at: (ms: number) => (ms < Date.parse('2026-01-01T09:00:00Z') ? null : rules),
  };
  const some = {
    ...prices,
    legs: (...asked: Parameters<typeof prices.legs>) =>
      asked[0].includes(lost) ? { id: null, error } : prices.legs(...asked),
  };
  const priced = priceAccount(book, some, nobody, journeys);
  const told = priced.map((each) => ('error' in each ? each.error.code : each.amountMinor));
  assert.deepEqual(told, ['FARES_NO_VERSION', 'FARES_UNKNOWN_FARE', 300, 300]);
});

test('each item tells file and line of what was taken off, and words tell the rest', () => {
  const rules = rulesOf({
    settings,
    discounts: 'rider_category_id,percent\nstudent,50\n',
    transfers: 'minutes,amount_off\n30,1.00\n',
    cumulative: 'scheme_id,span,from_amount,percent\ns,day,0,10\n',
    caps: 'cap_id,span,amount\nday,day,2.00\n',
  });
  const { journeys, prices } = ridesOf([
    { at: '2026-01-01T08:00:00Z', fareMinor: 300 },
    { at: '2026-01-01T08:30:00Z', fareMinor: 300 },
  ]);
  const account = { ...nobody, rider: 'student' };
  const priced = priceAccount({ at: () => rules }, prices, account, journeys);
  assert.deepEqual(priced.map(amountOf), [135, 65]);
  const second = priced[1]!;
  assert('items' in second);
  assert.deepEqual(
    second.items[0]!.off.map(({ rule, file, line, amountMinor }) => [
      rule,
      file,
      line,
      amountMinor,
    ]),
    [
      ['transfer', 'faregate_transfers.txt', 2, 100],
      ['discount', 'faregate_discounts.txt', 2, 100],
      ['cumulative', 'faregate_cumulative.txt', 2, 10],
      ['cap', 'faregate_caps.txt', 2, 25],
    ],
  );
  assert.deepEqual(second.why, [
    'the fare',
    'a transfer (faregate_transfers.txt, line 2): 1.00 off leg 0',
    'a discount (faregate_discounts.txt, line 2): 1.00 off leg 0',
    'what was paid before (faregate_cumulative.txt, line 2): 0.10 off leg 0',
    'cap day of 2.00 (faregate_caps.txt, line 2): 0.25 off the journey',
  ]);
});

test('a network that no leg is wholly on matches no cap of it', () => {
  const caps = 'cap_id,network_id,span,amount\nbus,bus,day,1.00\n';
  const bus = { fareMinor: 200, network: 'bus' };
  const amounts = amountsOf({ settings, caps }, [
    { at: '2026-01-01T08:00:00Z', ...bus },
    { at: '2026-01-01T09:00:00Z', ...bus, network: 'ferry' },
    { at: '2026-01-01T10:00:00Z', ...bus },
  ]);
  assert.deepEqual(amounts, [100, 200, 0]);
});

test('sums and transfers in a row go on where the fare version changes', () => {
  const caps = 'cap_id,span,amount\nday,day,6.00\n';
  const transfers = 'minutes,percent\n30,50\n';
  const early = rulesOf({ settings, caps: caps.replace('6.00', '9.00'), transfers });
  const late = rulesOf({ settings, caps, transfers });
  const changeMs = Date.parse('2026-01-01T09:00:00Z');
  const book = { at: (ms: number) => (ms < changeMs ? early : late) };
  const { journeys, prices } = ridesOf(
    ['08:15', '08:40', '09:00', '09:25', '10:30'].map((time) => ({
      ...{ at: `2026-01-01T${time}:00Z`, fareMinor: 200, minutes: 15 },
    })),
  );
  // The third would be a second transfer in a row, so the fourth is one; 1.00 is left for it.
  const amounts = priceAccount(book, prices, nobody, journeys).map(amountOf);
  assert.deepEqual(amounts, [200, 100, 200, 100, 0]);
});

test('a leg of less than nothing lowers the others, and none falls below 0', () => {
  const rules = rulesOf({ settings });
  const { journeys, prices } = ridesOf([{ at: '2026-01-01T08:00:00Z', fareMinor: 0 }]);
  const [ride] = journeys;
  const whole = { ...ride!, legs: Array.from({ length: 3 }, () => ride!.legs[0]!) };
  const items = (...amounts: readonly number[]) => {
    const legs = () => amounts.map((amountMinor) => ({ amountMinor, why: 'a product' }));
    const [priced] = priceAccount({ at: () => rules }, { ...prices, legs }, nobody, [whole]);
    assert(priced && 'items' in priced);
    amountOf(priced);
    return priced.items.map(({ amountMinor }) => amountMinor);
  };
  // A transfer discount as GTFS has it, with a negative amount.
  assert.deepEqual(items(240, -70, 170), [170, 0, 170]);
  assert.deepEqual(items(-100, 150, 200), [0, 50, 200]);
  assert.deepEqual(items(100, -300, 150), [0, 0, 0]);
});
