/**
 * One seeded run of loads under faults: cards torn at every command, an engine killed between any
 * two steps, messages lost, repeated and late. At its end the faults end, every card is presented
 * once more, and all money must be where it belongs.
 */
import assert from 'node:assert/strict';
import { Held } from '../../engine/cards/held.ts';
import type { LoadOrder } from '../../engine/cards/model.ts';
import { refundOrder } from '../../engine/cards/orders.ts';
import { checkCards, sweep } from '../../engine/cards/reconcile.ts';
import { eachRow, getRow, ordersOf } from '../../engine/cards/rows.ts';
import { serveCard } from '../../gate/load/load-machine.ts';
import { lossy, sumMinor, terminal, tunion, World, type WorldCard } from './load-world.ts';

const STEPS = 40;
const CHECK_EVERY = 8;
const HOUR_MS = 3_600_000;

/** A bug planted on purpose, to see that it would be found. */
export type Canary = 'none' | 'hastyRefund';

interface Payment {
  readonly orderId: string;
  readonly amountMinor: number;
}

class Run {
  readonly world: World;
  readonly #canary: Canary;
  /** What riders paid, by the bank's or the till's reference. */
  readonly #paid = new Map<string, Payment>();
  /** What they got back, by refund: whoever pays refunds pays each once. */
  readonly #back = new Map<string, Payment>();
  readonly #orders: { orderId: string; card: WorldCard; amountMinor: number }[] = [];

  constructor(seed: number, canary: Canary) {
    this.world = new World(seed, 2);
    this.#canary = canary;
  }

  async run(): Promise<{ credited: number; refunded: number }> {
    const { world } = this;
    for (const { hash } of world.cards) await world.register().issue(fresh(hash));
    for (let step = 0; step < STEPS; step++) {
      await this.#step();
      if (step % CHECK_EVERY !== 0) continue;
      const { findings } = checkCards(world.store);
      assert.deepEqual(findings, [], `after step ${step}`);
    }
    await this.#heal();
    return this.#reckon();
  }

  async #step(): Promise<void> {
    const { world } = this;
    const { chance } = world;
    world.nowMs += chance.happens(0.8) ? chance.below(5000) : chance.below(5 * HOUR_MS);
    switch (chance.below(16)) {
      case 0:
        return this.#placeOrder();
      case 1:
        return this.#pay();
      case 2:
        return chance.pick(world.cards).spend(chance.below(3000));
      case 3:
        await sweep(world.store, world.nowMs);
        return;
      case 4:
        return this.#askBack();
      case 5:
        return this.#payBack();
      case 6:
        return world.arriveLate();
      case 7:
        return this.#hearLedger();
      default:
        return this.#present();
    }
  }

  async #placeOrder(): Promise<void> {
    const { chance } = this.world;
    const card = chance.pick(this.world.cards);
    const orderId = `o${this.#orders.length}`;
    const amountMinor = 1000 * (1 + chance.below(3));
    this.#orders.push({ orderId, card, amountMinor });
    await lossy(this.world.call(({ orders }) => orders.place(orderId, card.hash, amountMinor)));
    await this.#pay();
  }

  /** Mostly the newest. */
  #pick<T>(orders: readonly T[]): T {
    const { chance } = this.world;
    return chance.happens(0.7) ? orders.at(-1)! : chance.pick(orders);
  }

  /** The money leaves the rider first; whether the engine hears of it is another matter. */
  async #pay(): Promise<void> {
    const { chance } = this.world;
    if (this.#orders.length === 0) return;
    const { orderId, amountMinor } = this.#pick(this.#orders);
    const reference = chance.happens(0.1) ? `second ${orderId}` : `first ${orderId}`;
    this.#paid.set(reference, { orderId, amountMinor });
    const funding = { source: chance.happens(0.5) ? 'bank' : 'cash', reference } as const;
    // The bank's own word does not change between two tellings.
    if (!this.#sources.has(reference)) this.#sources.set(reference, funding.source);
    const source = this.#sources.get(reference)!;
    await lossy(this.world.call(({ orders }) => orders.fund(orderId, { source, reference })));
  }

  readonly #sources = new Map<string, 'bank' | 'cash'>();

  async #present(): Promise<void> {
    const { chance } = this.world;
    const card = chance.pick(this.world.cards);
    const mine = this.#orders.filter((order) => order.card === card);
    const orderId = mine.length > 0 && chance.happens(0.8) ? this.#pick(mine).orderId : null;
    const tearAt = chance.happens(0.5) ? 1 + chance.below(5) : 0;
    const session = card.session(tearAt, chance.pick(['before', 'during', 'after'] as const));
    await lossy(serveCard(this.#machine(), session, orderId));
    if (chance.happens(0.7)) return;
    // The rider goes through a gate, whose upload may be quicker than the next visit.
    card.spend(1 + chance.below(500));
    if (chance.happens(0.5)) await this.#hearLedger();
  }

  async #askBack(): Promise<void> {
    if (this.#orders.length === 0) return;
    const { orderId } = this.#pick(this.#orders);
    if (this.#canary === 'none') {
      await lossy(this.world.call(({ orders }) => orders.refund(orderId)));
      return;
    }
    await this.world.store.transaction((writer) => {
      const held = new Held(writer, this.world.nowMs);
      const order = held.order(orderId);
      const change = order && refundOrder(order, 'hasty', true, held.nowMs);
      if (!order || !change || 'refused' in change) return;
      held.applyOrder(change);
      const card = held.card(order.card)!;
      if (card.openOrder === orderId) held.putCard({ ...card, openOrder: null });
    });
  }

  async #hearLedger(): Promise<void> {
    const { chance } = this.world;
    if (this.#orders.length === 0) return;
    const { orderId, card } = this.#pick(this.#orders);
    if (card.spending.length === 0) return;
    const spent = chance.happens(0.5) ? card.spending.at(-1)! : chance.pick(card.spending);
    const held = () =>
      this.world.store.read((reader) => getRow(reader, 'orders', orderId)?.state ?? 'none');
    const before = held();
    await this.world.desks().orders.settleByLedger(orderId, spent);
    if (held() === before) return;
    if (held() === 'credited') this.byLedger.credited++;
    else this.byLedger.not++;
  }

  readonly byLedger = { credited: 0, not: 0 };

  async #payBack(): Promise<void> {
    const { world } = this;
    for (const { row } of world.store.read((reader) => [...eachRow(reader, 'refunds')])) {
      if (row.state !== 'due') continue;
      await lossy(
        world.call(async ({ orders }) => {
          // Told to the engine first, so that a withdrawn refund is not paid.
          const refund = await orders.paid(row.refundId, `back ${row.refundId}`);
          if (!('refused' in refund)) {
            const { orderId, amountMinor } = refund;
            this.#back.set(refund.refundId, { orderId, amountMinor });
          }
        }),
      );
    }
  }

  #machine() {
    return { profiles: [tunion], host: this.world.host(), terminalId: terminal };
  }

  /** No more faults: what is late arrives, the bank tells all it has, every card comes by. */
  async #heal(): Promise<void> {
    const { world } = this;
    world.calm = true;
    for (const request of world.late.splice(0)) await request();
    for (const { orderId, card, amountMinor } of this.#orders) {
      await world.desks().orders.place(orderId, card.hash, amountMinor);
    }
    for (const [reference, { orderId }] of this.#paid) {
      const source = this.#sources.get(reference)!;
      await world.desks().orders.fund(orderId, { source, reference });
    }
    for (const card of world.cards) {
      await serveCard(this.#machine(), card.session(0, 'before'), null);
    }
    world.nowMs += 25 * HOUR_MS;
    await sweep(world.store, world.nowMs);
    await this.#payBack();
  }

  #reckon(): { credited: number; refunded: number } {
    const { world } = this;
    const report = checkCards(world.store);
    assert.deepEqual(report.findings, []);
    assert.deepEqual(report.open, [], 'nothing is outstanding');
    assert.deepEqual(report.unknown, []);
    const surprising = report.exceptions.filter(({ code }) => code !== 'fundedTwice');
    assert.deepEqual(surprising, [], 'an honest world has no exceptions');
    const counts = { credited: 0, refunded: 0 };
    for (const card of world.cards) {
      const orders = world.store.read((reader) => ordersOf(reader, eachCard(reader, card.hash)));
      const credited = orders.filter((order) => order.state === 'credited');
      counts.credited += credited.length;
      assert.equal(
        sumMinor(credited),
        card.state.loadedMinor,
        'what the books and the card were loaded',
      );
      for (const order of orders) counts.refunded += this.#reckonOrder(order);
    }
    return counts;
  }

  /** Every payment of the order is on the card or went back, and none twice. */
  #reckonOrder(order: LoadOrder): number {
    const of = ({ orderId }: Payment) => orderId === order.orderId;
    const paid = sumMinor([...this.#paid.values()].filter(of));
    const back = sumMinor([...this.#back.values()].filter(of));
    const onCard = order.state === 'credited' ? order.amountMinor : 0;
    assert.equal(paid, onCard + back, `order ${order.orderId} is ${order.state}`);
    return back > 0 ? 1 : 0;
  }
}

function fresh(card: string) {
  const issuer = '01011000FFFFFFFF';
  return { card, lastDigits: '0001', issuer, profile: 'tunion', currency: 156, holder: 'H-1' };
}

function eachCard(reader: Parameters<typeof eachRow>[0], hash: string) {
  return [...eachRow(reader, 'cards', hash)][0]!.row as Parameters<typeof ordersOf>[1];
}

/** @throws Error naming the seed, with what went wrong. */
export async function runSeed(
  seed: number,
  canary: Canary,
): Promise<{ credited: number; refunded: number; crashes: number; byLedger: Run['byLedger'] }> {
  const run = new Run(seed, canary);
  try {
    return { ...(await run.run()), crashes: run.world.crashes, byLedger: run.byLedger };
  } catch (error) {
    throw new Error(`seed ${seed}: ${(error as Error).message}`, { cause: error });
  }
}
