/**
 * One seeded run of an issuer's whole book: loads torn at every command, debits that gates upload
 * late, refunds, replacements, settlement runs beside each other, an engine that dies between any
 * two steps. The float must add up after every few steps, and in the end every debit must have been
 * settled once with the operator whose gate made it, and the books must hold what cards truly hold.
 */
import assert from 'node:assert/strict';
import { checkFloats, type FloatReport, type LedgerSpending } from '../../engine/cards/float.ts';
import type { DebitWalk, PostedDebit } from '../../engine/cards/ledger-debits.ts';
import { operatorsOf } from '../../engine/cards/open.ts';
import { checkCards, sweep } from '../../engine/cards/reconcile.ts';
import { eachRow, putRow } from '../../engine/cards/rows.ts';
import {
  allSettlements,
  depositCash,
  paySettlement,
  settleDebits,
} from '../../engine/cards/settle.ts';
import type { PostedMark } from '../../engine/ledger/posted.ts';
import { serveCard } from '../../gate/load/load-machine.ts';
import { lossy, sumMinor, terminal, tunion, World, type WorldCard } from './load-world.ts';

const STEPS = 120;
const CHECK_EVERY = 6;
const HOUR_MS = 3_600_000;
const SETTLING_MS = 24 * HOUR_MS;
const ISSUER = '01011000FFFFFFFF';
const CNY = 156;
const BOOK = { issuer: ISSUER, currency: CNY };

/** A bug planted on purpose, to see that it would be found. */
export type FloatCanary = 'none' | 'lostMark' | 'lostPosting';

interface Made extends PostedDebit {
  /** null: one that was not issued here. */
  readonly card: WorldCard | null;
  readonly offlineCounter: number;
  readonly balanceAfterMinor: number;
}

const operatorOf = operatorsOf({
  operators: [
    { id: 'metro', gates: ['M', 'MX'] },
    { id: 'bus', gates: ['B'] },
  ],
});
const gates = ['M01', 'M02', 'B01', 'X01'];

export interface FloatTotals {
  settled: number;
  late: number;
  replaced: number;
  credited: number;
  crashes: number;
}

class Run {
  readonly world: World;
  readonly #canary: FloatCanary;
  readonly #made: Made[] = [];
  readonly #waiting: Made[] = [];
  readonly #ledger: Made[] = [];
  readonly #sequences = new Map<string, number>();
  readonly #replaced = new Set<WorldCard>();
  #orders = 0;
  #operators: (gateId: string) => string | null = operatorOf;

  constructor(seed: number, canary: FloatCanary) {
    this.world = new World(seed, 4);
    this.#canary = canary;
  }

  async run(): Promise<FloatTotals> {
    const { world } = this;
    for (const { hash } of this.world.cards) {
      const said = { lastDigits: '0001', profile: 'tunion', holder: 'H-1', ...BOOK };
      await world.register().issue({ card: hash, ...said });
    }
    for (let step = 0; step < STEPS; step++) {
      await this.#step();
      if (step % CHECK_EVERY === 0) this.#check(`after step ${step}`);
    }
    await this.#heal();
    return this.#reckon();
  }

  async #step(): Promise<void> {
    const { world } = this;
    const { chance } = world;
    world.nowMs += chance.below(HOUR_MS);
    switch (chance.below(12)) {
      case 0:
      case 1:
      case 2:
        return this.#load();
      case 3:
      case 4:
      case 5:
        return this.#ride();
      case 6:
        return this.#upload(chance.below(1 + this.#waiting.length));
      case 7:
        return this.#settle();
      case 8:
        return this.#pay();
      case 9:
        return this.#replace();
      case 10:
        await sweep(world.store, world.nowMs);
        return lossy(world.call(({ orders }) => orders.refund(`o${chance.below(8)}`)));
      default:
        return this.#deposit();
    }
  }

  /** An order, its money, and the card at a machine that it is torn from half the time. */
  async #load(): Promise<void> {
    const { chance } = this.world;
    const card = chance.pick(this.world.cards);
    const orderId = `o${this.#orders++}`;
    const amountMinor = 1000 * (1 + chance.below(3));
    await lossy(this.world.call(({ orders }) => orders.place(orderId, card.hash, amountMinor)));
    const source = chance.happens(0.5) ? 'bank' : 'cash';
    const funding = { source, reference: `R ${orderId}` } as const;
    await lossy(this.world.call(({ orders }) => orders.fund(orderId, funding)));
    const tearAt = chance.happens(0.5) ? 1 + chance.below(5) : 0;
    const when = chance.pick(['before', 'during', 'after'] as const);
    await lossy(serveCard(this.#machine(), card.session(tearAt, when), orderId));
  }

  #machine() {
    return { profiles: [tunion], host: this.world.host(), terminalId: terminal };
  }

  /** A debit of any card, also of a replaced one that a thief has, and of a foreign one. */
  #ride(): void {
    const { chance, cards } = this.world;
    for (let rides = 1 + chance.below(4); rides > 0; rides--) {
      const card = chance.happens(0.1) ? null : chance.pick(cards);
      const wantedMinor = 1 + chance.below(500);
      if (card && card.state.balanceMinor < wantedMinor) continue;
      const offlineCounter = card?.state.offlineCounter ?? 0;
      card?.spend(wantedMinor);
      const gateId = chance.pick(gates);
      // Events take sequences too.
      const gateSequence = (this.#sequences.get(gateId) ?? 0) + 1 + chance.below(3);
      this.#sequences.set(gateId, gateSequence);
      const balanceAfterMinor = card?.state.balanceMinor ?? 0;
      const debit = { gateId, gateSequence, amountMinor: wantedMinor, ...BOOK };
      const made = { ...debit, card, offlineCounter, balanceAfterMinor };
      this.#made.push(made);
      this.#waiting.push(made);
    }
  }

  /** Some debits reach the ledger, in any order of gates. */
  #upload(count: number): void {
    for (let i = 0; i < count; i++) {
      const [one] = this.#waiting.splice(this.world.chance.below(this.#waiting.length), 1);
      if (one) this.#ledger.push(one);
    }
  }

  /** The ledger in its order, so that a mark is how many debits it had. */
  #walk(after: PostedMark | null): DebitWalk {
    const debits = this.#ledger.slice(after?.block ?? 0);
    return { debits, through: { block: this.#ledger.length, change: 0 } };
  }

  /** One run or two beside each other, and at times the engine dies in it. */
  async #settle(): Promise<void> {
    const { world } = this;
    const { chance, store } = world;
    const once = () =>
      settleDebits(store, (after) => this.#walk(after), this.#operators, world.nowMs);
    const runs = [once()];
    if (chance.happens(0.3)) runs.push(once());
    if (!world.calm && chance.happens(0.4)) {
      world.crashes++;
      const ended = Promise.allSettled(runs);
      for (let turns = chance.below(4); turns > 0; turns--) await Promise.resolve();
      store.crash();
      await ended;
      return;
    }
    await Promise.all(runs);
    if (this.#canary !== 'none') await this.#plant();
  }

  async #plant(): Promise<void> {
    await this.world.store.transaction((writer) => {
      if (this.#canary === 'lostMark') {
        const [first] = eachRow(writer, 'settled');
        if (first) putRow(writer, 'settled', first.key, Buffer.alloc(512).toString('base64'));
        return;
      }
      const [first] = eachRow(writer, 'settlements');
      if (!first) return;
      const { row, key } = first;
      putRow(writer, 'settlements', key, { ...row, amountMinor: row.amountMinor + 1 });
    });
  }

  async #pay(): Promise<void> {
    const { store, nowMs, chance } = this.world;
    const due = store.read(allSettlements).filter(({ state }) => state === 'due');
    if (due.length === 0) return;
    const { settlementId } = chance.pick(due);
    await paySettlement(store, settlementId, `P ${settlementId}`, nowMs);
    await paySettlement(store, settlementId, `P ${settlementId}`, nowMs);
  }

  async #deposit(): Promise<void> {
    const { store, nowMs, chance } = this.world;
    const amountMinor = 1 + chance.below(2000);
    const reference = `D${chance.below(20)}`;
    await depositCash(store, BOOK, amountMinor, reference, nowMs);
  }

  /** A lost card's balance goes to another one; debits that were not uploaded by then come late. */
  async #replace(): Promise<void> {
    const { world } = this;
    const live = this.world.cards.filter((card) => !this.#replaced.has(card));
    if (live.length < 2 || world.chance.happens(0.6)) return;
    const old = world.chance.pick(live);
    const by = live.find((card) => card !== old)!;
    await world.register().step(old.hash, 'lost');
    world.nowMs += SETTLING_MS;
    if (world.chance.happens(0.8)) this.#upload(this.#waiting.length);
    const asked = { card: old.hash, by: by.hash, orderId: `t${this.#replaced.size}` };
    const spentMinor = this.#spentOf(old.hash).postedMinor;
    const done = await world.register().replace({ ...asked, spentMinor, settlingMs: SETTLING_MS });
    assert(!('refused' in done), JSON.stringify(done));
    this.#replaced.add(old);
    if (!done.order) return;
    await lossy(serveCard(this.#machine(), by.session(0, 'before'), asked.orderId));
  }

  #spentOf(hash: string): ReturnType<LedgerSpending['spentOf']> {
    const mine = this.#ledger.filter(({ card }) => card?.hash === hash);
    const last = mine.reduce<Made | null>(
      (head, one) => (head && head.offlineCounter > one.offlineCounter ? head : one),
      null,
    );
    const head = last && {
      offlineCounter: last.offlineCounter,
      balanceAfterMinor: last.balanceAfterMinor,
    };
    return { debits: mine.length, postedMinor: sumMinor(mine), head };
  }

  #floats(): FloatReport {
    return checkFloats(this.world.store, {
      issuers: [{ ...BOOK, spentMinor: sumMinor(this.#ledger) }],
      spentOf: (hash) => this.#spentOf(hash),
      debits: () => this.#ledger,
    });
  }

  #check(when: string): FloatReport {
    const report = this.#floats();
    assert.deepEqual(report.findings, [], when);
    assert.deepEqual(checkCards(this.world.store).findings, [], when);
    const elsewhere = report.notices.filter((notice) => notice.includes('than it was loaded'));
    assert.deepEqual(elsewhere, [], `${when}: nobody else loads cards`);
    return report;
  }

  async #heal(): Promise<void> {
    const { world } = this;
    world.calm = true;
    for (const request of world.late.splice(0)) await request();
    for (const card of this.world.cards) {
      await serveCard(this.#machine(), card.session(0, 'before'), null);
    }
    // What was funded and never loaded goes back.
    world.nowMs += 25 * HOUR_MS;
    await sweep(world.store, world.nowMs);
    this.#upload(this.#waiting.length);
    await this.#settle();
    this.#operators = (gateId) => operatorOf(gateId) ?? 'tram';
    await this.#settle();
    for (const { settlementId } of world.store.read(allSettlements)) {
      await paySettlement(world.store, settlementId, 'P', world.nowMs);
    }
  }

  #reckon(): FloatTotals {
    const { world } = this;
    const [position] = this.#check('at the end').positions;
    assert(position);
    const live = this.world.cards.filter((card) => !this.#replaced.has(card));
    const held = live.reduce((total, { state }) => total + state.balanceMinor, 0);
    assert.equal(position.onCardsMinor, held, 'what the books and the cards say is on cards');
    const foreign = this.#made.filter(({ card }) => card === null);
    assert.equal(position.unissuedMinor, sumMinor(foreign));
    assert.deepEqual([position.unsettledMinor, position.dueMinor], [0, 0]);
    for (const operator of ['metro', 'bus', 'tram']) {
      const owed = this.#made.filter(({ gateId }) => (operatorOf(gateId) ?? 'tram') === operator);
      const settled = world.store.read(allSettlements).filter((one) => one.operator === operator);
      assert.deepEqual(
        [settled.reduce((total, { debits }) => total + debits, 0), sumMinor(settled)],
        [owed.length, sumMinor(owed)],
        `every debit at ${operator} in one settlement`,
      );
    }
    return {
      settled: this.#made.length,
      late: position.lateMinor > 0 ? 1 : 0,
      replaced: this.#replaced.size,
      credited: this.world.cards.reduce((total, { state }) => total + state.loadedMinor, 0),
      crashes: world.crashes,
    };
  }
}

/** @throws Error naming the seed, with what went wrong. */
export async function runFloatSeed(seed: number, canary: FloatCanary): Promise<FloatTotals> {
  try {
    return await new Run(seed, canary).run();
  } catch (error) {
    throw new Error(`seed ${seed}: ${(error as Error).message}`, { cause: error });
  }
}
