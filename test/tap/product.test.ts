/** Products at a terminal: the path of every tap, and a record that says what was sold. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DebitState, isPlainPurchase, TapKind } from '../../engine/debit/record.ts';
import { fareBook } from '../../engine/fare/book.ts';
import { compileFares } from '../../engine/fare/compile.ts';
import type { Product } from '../../engine/fare/product.ts';
import { sampleFareSet } from '../../engine/fare/sample-city.ts';
import { sellProduct } from '../../engine/tap/product-sale.ts';
import { StationKit } from '../kit/station-kit.ts';

const MINUTE_MS = 60_000;
const products: readonly Product[] = [
  { id: 'lunch', number: 1, name: 'Canteen', kind: 'fixed', amountMinor: 1200 },
  { id: 'kiosk', number: 0x1234, name: 'Kiosk', kind: 'open', maximumMinor: 5000 },
  {
    id: 'garage',
    number: 4,
    name: 'Garage',
    kind: 'byTime',
    freeMs: 15 * MINUTE_MS,
    span: 'day',
    maximumMinor: 4000,
    steps: [{ uptoMs: null, everyMs: 60 * MINUTE_MS, amountMinor: 300 }],
  },
];

function shop() {
  const kit = new StationKit();
  const sold = { timezone: 'Asia/Shanghai', dayStartMs: 0, products };
  kit.fares = compileFares({ ...sampleFareSet(), effectiveMs: 0, version: 7, products: sold });
  const book = fareBook([kit.fares]);
  const till = kit.gate('single', 2);
  const buy = (card: ReturnType<StationKit['card']>, id: string, changes: object = {}) => {
    const sale = { instantMs: kit.clock.nowMs(), entryMs: null, amountMinor: null, ...changes };
    const product = sellProduct(book, id, sale);
    return till.buy(card, product.amountMinor, product);
  };
  return { kit, buy, book };
}

test('a meal: debited with its proof, named by version and number, and no ride', async () => {
  const { kit, buy } = shop();
  const card = kit.card();
  const { decision } = await buy(card, 'lunch');
  assert.equal(decision.reason, 'open');
  assert.equal(card.state.balanceMinor, 8800);
  const debit = decision.closed[0]!;
  assert.equal(debit.state, DebitState.confirmed);
  assert.equal(kit.verify(debit), 'valid');
  assert.deepEqual([debit.tapKind, debit.transactionType, debit.rider], [TapKind.purchase, 6, 0]);
  assert.deepEqual([debit.fareVersion, debit.amountMinor, debit.entryInstantMs], [7, 1200, 0]);
  assert.deepEqual(debit.fromStation, Uint8Array.of(0, 0, 0, 1));
  assert.deepEqual(debit.toStation, kit.fares.stations[2]!.code);
  assert(isPlainPurchase(debit));
  const ride = (await kit.gate('single', 4).tap(card)).decision.closed[0]!;
  assert(!isPlainPurchase(ride), 'a single ride is a CAPP purchase');
});

test('parking keeps its entry in the record; a free stay is recorded with nothing taken', async () => {
  const { kit, buy } = shop();
  const card = kit.card();
  const entryMs = kit.clock.nowMs();
  kit.pass(130);
  const { decision } = await buy(card, 'garage', { entryMs });
  const debit = decision.closed[0]!;
  assert.deepEqual([debit.amountMinor, debit.entryInstantMs], [900, entryMs]);
  assert.deepEqual(debit.fromStation, Uint8Array.of(0, 0, 0, 4));
  const free = await buy(card, 'garage', { entryMs: kit.clock.nowMs() - 10 * MINUTE_MS });
  assert.deepEqual([free.decision.reason, free.decision.amountMinor], ['open', 0]);
  assert.equal(card.state.balanceMinor, 9100);
});

test('what a gate refuses a till refuses: denylist, balance, limit of one debit', async () => {
  const { kit, buy } = shop();
  const [stopped, poor, rich] = [kit.card(), kit.card({ balanceMinor: 1199 }), kit.card()];
  kit.stop(stopped);
  assert.equal((await buy(stopped, 'lunch')).decision.reason, 'denylisted');
  assert.equal((await buy(poor, 'lunch')).decision.reason, 'balanceTooLow');
  const over = await buy(rich, 'kiosk', { amountMinor: 2001 });
  assert.equal(over.decision.reason, 'amountOverLimit');
  const most = (await buy(rich, 'kiosk', { amountMinor: 2000 })).decision;
  assert.deepEqual(most.closed[0]?.fromStation, Uint8Array.of(0, 0, 0x12, 0x34));
});

test('sales that do not fit are named before a card is asked', () => {
  const { kit, book } = shop();
  const sale = { instantMs: kit.clock.nowMs(), entryMs: null, amountMinor: null };
  assert.throws(() => sellProduct(book, 'gym', sale), { code: 'FARES_UNKNOWN_PRODUCT' });
  assert.throws(() => sellProduct(book, 'garage', sale), { code: 'SALE_INVALID' });
  const early = { ...sale, instantMs: -1 };
  assert.throws(() => sellProduct(book, 'lunch', early), { code: 'FARES_NO_VERSION' });
});
