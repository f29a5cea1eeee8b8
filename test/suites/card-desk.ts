/** What the card accounts must do on every store, with virtual cards at an honest machine. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromHex } from '../../engine/bytes.ts';
import type { CardAccount, LoadOrder, RefusalCode, Refused } from '../../engine/cards/model.ts';
import { checkCards, sweep } from '../../engine/cards/reconcile.ts';
import { CardRegister, stoppedCardsOf } from '../../engine/cards/register.ts';
import { type CardStore, getRow } from '../../engine/cards/rows.ts';
import { Chance } from '../../gate/demo/chance.ts';
import { type LoadReport, serveCard } from '../../gate/load/load-machine.ts';
import { type Desks, makeDesks, terminal, tunion, WorldCard } from '../cards/load-world.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
const BANK = { source: 'bank', reference: 'B-1' } as const;
const FRESH_MS = 10 * MINUTE_MS;

class Office {
  readonly store: CardStore;
  nowMs = Date.UTC(2026, 5, 1, 4);
  readonly loads: Desks['loads'];
  readonly orders: Desks['orders'];
  readonly register: CardRegister;
  readonly cards: readonly WorldCard[];

  constructor(store: CardStore) {
    const chance = new Chance(1);
    this.store = store;
    const desks = makeDesks(
      store,
      () => this.nowMs,
      (length) => chance.bytes(length),
    );
    this.loads = desks.loads;
    this.orders = desks.orders;
    this.register = new CardRegister(store, () => this.nowMs);
    this.cards = [0, 1].map((index) => new WorldCard(index, chance));
  }

  async issue(card: WorldCard, holder: string | null): Promise<void> {
    const named = { card: card.hash, lastDigits: '0010', issuer: '01011000FFFFFFFF' };
    given(await this.register.issue({ ...named, profile: 'tunion', currency: 156, holder }));
  }

  async funded(orderId: string, card: WorldCard, amountMinor: number): Promise<LoadOrder> {
    given(await this.orders.place(orderId, card.hash, amountMinor));
    return given(await this.orders.fund(orderId, { source: 'bank', reference: `B-${orderId}` }));
  }

  /** The card at a machine, torn at its `tearAt`-th command (0: never). */
  present(
    card: WorldCard,
    orderId: string | null,
    tearAt = 0,
    when: 'before' | 'during' | 'after' = 'after',
  ): Promise<LoadReport> {
    const parts = { profiles: [tunion], host: this.loads, terminalId: terminal };
    return serveCard(parts, card.session(tearAt, when), orderId);
  }

  account(card: WorldCard): CardAccount {
    return this.store.read((reader) => getRow(reader, 'cards', card.hash)!);
  }

  order(orderId: string): LoadOrder {
    return this.store.read((reader) => getRow(reader, 'orders', orderId)!);
  }

  /** Balances of the one issuer, once everything adds up. */
  balances() {
    const report = checkCards(this.store);
    assert.deepEqual(report.findings, []);
    return report.books[0]?.balances;
  }

  exceptions(): string[] {
    return checkCards(this.store).exceptions.map(({ code }) => code);
  }
}

function given<R extends object>(answer: R | Refused): R {
  assert(!('refused' in answer && typeof answer.refused === 'string'), JSON.stringify(answer));
  return answer as R;
}

function refusedFor(answer: object, code: RefusalCode): void {
  assert.deepEqual(answer, { refused: code });
}

/** SELECT, INITIALIZE, CREDIT: the third command is the one that counts. */
const CREDIT = 3;

/** @param make a fresh, empty store; `done` closes and removes it. */
export function cardDeskSuite(
  name: string,
  make: () => Promise<{ store: CardStore; done: () => Promise<void> }>,
): void {
  const run = (what: string, work: (office: Office, a: WorldCard, b: WorldCard) => Promise<void>) =>
    test(`${name}: ${what}`, async () => {
      const { store, done } = await make();
      try {
        const office = new Office(store);
        await work(office, office.cards[0]!, office.cards[1]!);
      } finally {
        await done();
      }
    });

  run('money goes from the bank to an order to a card, once', async (office, a) => {
    await office.issue(a, null);
    await office.funded('o1', a, 3000);
    assert.deepEqual(
      [office.balances()?.bank, office.balances()?.orders, office.balances()?.purses],
      [3000, -3000, 0],
    );
    const report = await office.present(a, 'o1');
    assert.equal(report.outcome, 'credited');
    assert.equal(a.state.balanceMinor, 3000);
    assert.deepEqual([office.balances()?.orders, office.balances()?.purses], [0, -3000]);
    assert.equal(office.order('o1').proof, 'tac');
    const again = await office.present(a, 'o1');
    assert(again.outcome === 'refused' && again.refused === 'alreadyCredited');
    refusedFor(await office.orders.refund('o1'), 'alreadyCredited');
    given(await office.orders.fund('o1', { source: 'bank', reference: 'B-o1' }));
    assert.equal(office.balances()?.bank, 3000, 'told twice, booked once');
  });

  run('a card torn before it credits is tried again, or its money goes back', async (office, a) => {
    await office.issue(a, null);
    await office.funded('o1', a, 3000);
    assert.equal((await office.present(a, 'o1', CREDIT, 'during')).outcome, 'unknown');
    refusedFor(await office.orders.refund('o1'), 'outcomeUnknown');
    const looked = await office.present(a, null);
    assert.deepEqual(looked.resolved, { orderId: 'o1', credited: false });
    assert.equal(office.order('o1').state, 'funded');
    assert.equal((await office.present(a, 'o1', CREDIT, 'during')).outcome, 'unknown');
    assert.equal((await office.present(a, 'o1')).outcome, 'credited');
    assert.equal(a.state.loadedMinor, 3000);
  });

  run('a card torn after it credited is never credited again', async (office, a) => {
    await office.issue(a, null);
    await office.funded('o1', a, 3000);
    assert.equal((await office.present(a, 'o1', CREDIT, 'after')).outcome, 'unknown');
    const proved = await office.present(a, 'o1');
    assert(proved.outcome === 'credited' && proved.earlier && proved.proved, 'by the TAC it kept');
    await office.funded('o2', a, 500);
    assert.equal((await office.present(a, 'o2', CREDIT, 'after')).outcome, 'unknown');
    a.spend(100);
    const counted = await office.present(a, 'o2');
    assert(counted.outcome === 'credited' && counted.earlier && !counted.proved, 'by its counter');
    assert.equal(a.state.loadedMinor, 3500);
    assert.equal(office.order('o2').proof, 'counter');
  });

  run('an open order is settled by the next one', async (office, a) => {
    await office.issue(a, null);
    await office.funded('o1', a, 3000);
    await office.funded('o2', a, 3000);
    await office.present(a, 'o1', CREDIT, 'after');
    a.spend(1);
    const next = await office.present(a, 'o2');
    assert.equal(next.outcome, 'credited');
    assert.deepEqual(next.resolved, { orderId: 'o1', credited: true });
    assert.equal(a.state.loadedMinor, 6000);
    assert.equal(office.balances()?.purses, -6000);
  });

  run('limits: a load, a day, a purse', async (office, a) => {
    await office.issue(a, null);
    refusedFor(await office.orders.place('o0', a.hash, 50_001), 'loadLimit');
    await office.funded('o1', a, 50_000);
    await office.funded('o2', a, 50_000);
    await office.funded('o3', a, 1);
    assert.equal((await office.present(a, 'o1')).outcome, 'credited');
    assert.equal((await office.present(a, 'o2')).outcome, 'credited');
    const over = await office.present(a, 'o3');
    assert(over.outcome === 'refused' && over.refused === 'purseCeiling');
    a.spend(10);
    assert.equal((await office.present(a, 'o3')).outcome, 'credited');
  });

  run(
    'what waits too long: cancelled, unknown, refunded; paid late goes back',
    async (office, a) => {
      await office.issue(a, null);
      given(await office.orders.place('o1', a.hash, 100));
      await office.funded('o2', a, 200);
      await office.funded('o3', a, 300);
      await office.present(a, 'o3', CREDIT, 'during');
      office.nowMs += 10 * MINUTE_MS;
      given(await office.orders.place('o4', a.hash, 400));
      const first = await sweep(office.store, office.nowMs);
      assert.deepEqual(first, { unknown: 0, refunded: 0, cancelled: 0 }, 'the machine said it was');
      office.nowMs += DAY_MS;
      const second = await sweep(office.store, office.nowMs);
      assert.deepEqual(second, { unknown: 0, refunded: 1, cancelled: 1 });
      assert.equal(office.order('o3').state, 'unknown', 'only the card knows');
      given(await office.orders.fund('o1', BANK));
      assert.equal(office.order('o1').state, 'refundDue');
      for (const orderId of ['o1', 'o2', 'o1']) given(await office.orders.paid(orderId, 'R'));
      assert.deepEqual([office.balances()?.bank, office.balances()?.refunds], [300, 0]);
      const spent = await office.present(a, 'o2');
      assert(spent.outcome === 'refused' && spent.refused === 'refunded');
    },
  );

  run('a second payment of one order goes back', async (office, a) => {
    await office.issue(a, null);
    await office.funded('o1', a, 3000);
    for (let told = 0; told < 2; told++) given(await office.orders.fund('o1', BANK));
    assert.deepEqual(office.exceptions(), ['fundedTwice']);
    assert.deepEqual([office.balances()?.bank, office.balances()?.refunds], [6000, -3000]);
    given(await office.orders.paid('o1+B-1', 'R'));
    assert.equal((await office.present(a, 'o1')).outcome, 'credited');
    assert.equal(office.balances()?.bank, 3000);
  });

  run(
    'a lost card is replaced after the settling period, with its balance',
    async (office, a, b) => {
      await office.issue(a, 'H-1');
      await office.issue(b, 'H-1');
      await office.funded('o1', a, 3000);
      await office.present(a, 'o1');
      await office.funded('o2', a, 700);
      await office.present(a, 'o2', CREDIT, 'after');
      a.spend(1000);
      const asked = {
        card: a.hash,
        by: b.hash,
        orderId: 'r1',
        spentMinor: 1000,
        settlingMs: DAY_MS,
      };
      refusedFor(await office.register.replace(asked), 'wrongStanding');
      given(await office.register.step(a.hash, 'lost'));
      refusedFor(await office.register.replace(asked), 'notSettled');
      office.nowMs += DAY_MS;
      const { order } = given(await office.register.replace(asked));
      assert.equal(order?.amountMinor, 2000);
      assert.deepEqual(given(await office.register.replace(asked)).order, order, 'asked again');
      assert.equal((await office.present(b, 'r1')).outcome, 'credited');
      assert.equal(b.state.balanceMinor, 2000);
      // 700 may be on the dead card or not: they were not spent, and go back.
      assert.equal(office.order('o2').state, 'refundDue');
      given(await office.orders.paid('o2', 'R'));
      assert.deepEqual([office.balances()?.bank, office.balances()?.purses], [3000, -3000]);
      const dead = await office.present(a, null);
      assert.equal(dead.outcome, 'looked');
      assert.equal(office.balances()?.loss, 0);
      assert.deepEqual(office.exceptions(), []);
      refusedFor(await office.register.step(a.hash, 'found'), 'wrongStanding');
      assert.deepEqual(
        office.store.read((reader) => [...stoppedCardsOf(reader)]),
        [a.hash],
      );
    },
  );

  run('lost and found, blocked and unblocked', async (office, a, b) => {
    await office.issue(a, 'H-1');
    await office.issue(b, null);
    const { register } = office;
    for (const step of ['lost', 'lost', 'found', 'found'] as const) {
      given(await register.step(a.hash, step));
    }
    assert.equal(office.account(a).standing, 'issued');
    given(await register.step(a.hash, 'block'));
    refusedFor(await register.step(a.hash, 'found'), 'wrongStanding');
    for (const step of ['block', 'lost', 'lost', 'found', 'found'] as const) {
      given(await register.step(a.hash, step));
    }
    assert.equal(office.account(a).standing, 'blocked', 'the operator alone unblocks it');
    assert.deepEqual(
      office.store.read((reader) => [...stoppedCardsOf(reader)]),
      [a.hash],
    );
    await office.funded('o1', b, 100);
    refusedFor(await office.orders.place('o2', a.hash, 100), 'cardNotIssued');
    given(await register.step(b.hash, 'block'));
    const stopped = await office.present(b, 'o1');
    assert(stopped.outcome === 'refused' && stopped.refused === 'cardNotIssued');
    refusedFor(await register.step(b.hash, 'lost'), 'notNamed');
    given(await register.step(b.hash, 'unblock'));
    assert.equal((await office.present(b, 'o1')).outcome, 'credited');
  });

  run(
    'a card given back keeps its value in the drawer; the next rider starts anew',
    async (office, a) => {
      await office.issue(a, null);
      await office.funded('o1', a, 3000);
      await office.funded('o2', a, 500);
      await office.present(a, 'o1');
      office.nowMs += FRESH_MS + 1;
      refusedFor(await office.register.giveBack(a.hash, FRESH_MS), 'notSeen');
      await office.present(a, null);
      given(await office.register.giveBack(a.hash, FRESH_MS));
      assert.deepEqual([office.balances()?.stock, office.balances()?.cash], [3000, -3000]);
      given(await office.register.reissue(a.hash));
      assert.deepEqual([office.balances()?.stock, office.balances()?.cash], [0, 0]);
      assert.equal(office.account(a).generation, 2);
      const foreign = await office.present(a, 'o2');
      assert(foreign.outcome === 'refused' && foreign.refused === 'otherHolder');
    },
  );

  run('a card given back just after a load is paid for with the load on it', async (office, a) => {
    await office.issue(a, null);
    await office.funded('o1', a, 3000);
    assert.equal((await office.present(a, 'o1')).outcome, 'credited');
    const returned = given(await office.register.giveBack(a.hash, FRESH_MS));
    assert.equal(returned.seen?.balanceMinor, a.state.balanceMinor);
    assert.equal(office.balances()?.stock, 3000);
    given(await office.register.reissue(a.hash));
    assert.equal(office.account(a).initialMinor, a.state.balanceMinor);
    await office.funded('o2', a, 500);
    assert.equal((await office.present(a, 'o2', CREDIT, 'after')).outcome, 'unknown');
    a.spend(100);
    given(await office.orders.settleByLedger('o2', a.spending.at(-1)!));
    assert.equal(office.order('o2').proof, 'ledger');
    refusedFor(await office.register.giveBack(a.hash, FRESH_MS), 'notSeen');
  });

  run('what a lost card spent of an open order is not refunded', async (office, a, b) => {
    await office.issue(a, 'H-1');
    await office.issue(b, 'H-1');
    await office.funded('o1', a, 3000);
    await office.present(a, 'o1');
    await office.funded('o2', a, 700);
    await office.present(a, 'o2', CREDIT, 'after');
    a.spend(3400);
    given(await office.register.step(a.hash, 'lost'));
    office.nowMs += DAY_MS;
    const asked = { card: a.hash, by: b.hash, orderId: 'r1', spentMinor: 3400 };
    const { order } = given(await office.register.replace({ ...asked, settlingMs: DAY_MS }));
    assert.equal(office.order('o2').state, 'credited');
    assert.equal(order?.amountMinor, 300, '3700 were paid, 3400 are ridden');
    assert.deepEqual([office.balances()?.refunds, office.balances()?.orders], [0, -300]);
    assert.deepEqual(office.exceptions(), []);
  });

  run('what proves nothing changes nothing', async (office, a, b) => {
    await office.issue(a, null);
    await office.issue(b, null);
    await office.funded('o1', a, 3000);
    refusedFor(await office.loads.begin(b.shown, 'o1', terminal), 'wrongCard');
    const begun = given(await office.loads.begin(a.shown, 'o1', terminal));
    const init = fromHex(`${'00'.repeat(6)}0100${'00'.repeat(8)}`);
    refusedFor(await office.loads.present(a.shown, begun.visit, init), 'macInvalid');
    refusedFor(await office.loads.present(a.shown, begun.visit + 1, init), 'staleVisit');
    await office.present(a, 'o1', CREDIT, 'during');
    const { visit } = office.order('o1').attempts[0]!;
    const tac = new Uint8Array(4);
    refusedFor(await office.loads.confirm(a.shown, 'o1', visit, tac), 'tacInvalid');
    assert.equal(office.order('o1').state, 'unknown');
    assert.deepEqual(office.exceptions(), ['tacInvalid']);
    refusedFor(await office.loads.confirm(a.shown, 'o1', visit + 9, tac), 'staleVisit');
  });
}
