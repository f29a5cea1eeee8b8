/** What debits in the ledger prove of an open order, and what they do not. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toHex } from '../../engine/bytes.ts';
import { judgeByLedger, type SpentOfCard } from '../../engine/cards/ledger-evidence.ts';
import { cardsInDoubt, spentOf } from '../../engine/cards/ledger-spending.ts';
import { issueCard } from '../../engine/cards/life.ts';
import type { CardAccount, LoadOrder } from '../../engine/cards/model.ts';
import { authoriseOrder, fundOrder, placeOrder } from '../../engine/cards/orders.ts';
import { Ledger } from '../../engine/ledger/ledger.ts';
import { MemoryStore } from '../../engine/ledger/memory-store.ts';
import { CNY, cardOf, received, torn } from '../ledger/samples.ts';
import { limits } from './load-world.ts';

const LOAD_MINOR = 3000;
const fresh = { card: 'AA', lastDigits: '0001', issuer: 'BB', profile: 'tunion', currency: CNY };
/** Loaded with 5,000 before; it had spent 200 and showed 4,800 when MAC2 for 3,000 left. */
const card: CardAccount = {
  ...(issueCard(undefined, { ...fresh, holder: null }, 1) as CardAccount),
  everLoadedMinor: 5000,
};
const order: LoadOrder = authoriseOrder(
  fundOrder(
    placeOrder(card, 'o1', LOAD_MINOR, limits, 1) as LoadOrder,
    { source: 'bank', reference: 'B' },
    2,
  ).order,
  {
    visit: 1,
    terminalId: '000000000001',
    balanceMinor: 4800,
    onlineCounter: 1,
    keyVersion: 1,
    algorithm: 0,
    random: '00000000',
    dateTime: '20260601120000',
    atMs: 3,
  },
);

function spent(debits: number, postedMinor: number, balanceAfterMinor: number): SpentOfCard {
  const head = { offlineCounter: debits - 1, balanceAfterMinor };
  return { debits, postedMinor, head };
}

test('a debit after the attempt tells by its balance; earlier ones and gaps tell nothing', () => {
  const judged = (of: SpentOfCard) => judgeByLedger(card, order, of);
  assert.equal(judged(spent(2, 500, 7500)), 'credited');
  assert.equal(judged(spent(2, 500, 4500)), 'notCredited');
  assert.equal(judged(spent(1, 200, 4800)), null, 'made before the attempt');
  assert.equal(judged({ ...spent(2, 500, 4500), debits: 1 }), null, 'one has not arrived');
  assert.equal(judged(spent(2, 500, 6000)), null, 'another host has loaded it');
  assert.equal(judged({ debits: 0, postedMinor: 0, head: null }), null);
});

test("a ledger's debits, ordinary and in doubt", async () => {
  const ledger = await Ledger.open(new MemoryStore());
  const hash = toHex(cardOf('card'));
  assert.deepEqual(spentOf(ledger, hash, CNY), { debits: 0, postedMinor: 0, head: null });
  const debits = [0, 1].map((counter) =>
    received({
      gateSequence: counter + 1,
      offlineCounter: counter,
      balanceBeforeMinor: 5000 - 200 * counter,
    }),
  );
  await ledger.post('G01', debits);
  assert.deepEqual(spentOf(ledger, hash, CNY), {
    debits: 2,
    postedMinor: 400,
    head: { offlineCounter: 1, balanceAfterMinor: 4600 },
  });
  assert.deepEqual(cardsInDoubt(ledger), new Set());
  await ledger.post('G01', [
    torn({ gateSequence: 3, offlineCounter: 2, balanceBeforeMinor: 4600 }),
  ]);
  assert.deepEqual(cardsInDoubt(ledger), new Set([hash]));
});
