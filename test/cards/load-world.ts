/**
 * A small world for loads: cards and what they truly hold, a bank, an engine that dies between any
 * two steps, a network that loses, repeats and delays, machines whose cards are torn away. Seeded.
 */
import { compileProfile } from '../../engine/card/purse/compile.ts';
import { builtInProfile } from '../../engine/card/purse/profiles.ts';
import { writePublicFile } from '../../engine/card/purse/records.ts';
import type { LoadHost } from '../../engine/cards/host-port.ts';
import type { SpentOfCard } from '../../engine/cards/ledger-evidence.ts';
import { LoadDesk } from '../../engine/cards/load-desk.ts';
import type { LoadLimits } from '../../engine/cards/model.ts';
import { OrderDesk } from '../../engine/cards/order-desk.ts';
import { CardRegister } from '../../engine/cards/register.ts';
import { type CardStore, type CardTable, cardTables } from '../../engine/cards/rows.ts';
import { CardNames, type ShownCard } from '../../engine/cards/shown-card.ts';
import { Keyring } from '../../engine/crypto/keyring.ts';
import { LoadKeys } from '../../engine/crypto/load-keys.ts';
import { cmacKey } from '../../engine/crypto/mac.ts';
import { FaregateError } from '../../engine/errors.ts';
import { MemoryStore } from '../../engine/ledger/memory-store.ts';
import { Zone } from '../../engine/time.ts';
import { Chance } from '../../gate/demo/chance.ts';
import type { CardSession } from '../../gate/reader/reader.ts';
import { VirtualCard } from '../../gate/reader/virtual/card.ts';
import { type CardState, issueCard } from '../../gate/reader/virtual/card-state.ts';

export const tunion = compileProfile(builtInProfile('tunion'));
export const terminal = Uint8Array.of(0, 0, 0, 0, 0, 1);
const master = new Uint8Array(16).map((_, i) => 17 * i);
const masters = {
  purchase: { index: 1, version: 1, master },
  tac: { index: 1, version: 1, master },
};
const keyring = new Keyring(
  (['load', 'tac'] as const).map((use) => ({
    use,
    index: 1,
    version: 1,
    algorithm: '3des',
    master,
  })),
);
const names = new CardNames([tunion], cmacKey(new Uint8Array(16).fill(3)));
const zone = new Zone('Asia/Shanghai');

export const limits: LoadLimits = {
  perLoadMinor: 50_000,
  perDayMinor: 1_000_000,
  ceilingMinor: { named: 500_000, anonymous: 100_000 },
};

/** A card of the world, with its owner's truth. */
export class WorldCard {
  readonly shown: ShownCard;
  readonly hash: string;
  readonly #chance: Chance;
  #card: VirtualCard;

  constructor(index: number, chance: Chance) {
    this.#chance = chance;
    const cardNumber = Uint8Array.of(3, 0x10, 0x51, 0x70, 1, 1, 1, 1, 1, 0x10 + index);
    const state = issueCard('tunion', masters, { cardNumber });
    this.#card = this.#with(state);
    const publicFile = new Uint8Array(tunion.publicFile.length);
    writePublicFile(
      tunion,
      {
        issuer: state.issuer,
        applicationType: state.appType,
        startFlag: state.startFlag,
        cardNumber,
        enableDate: 20_200_101,
        expiryDate: 20_401_231,
      },
      publicFile,
    );
    this.shown = { profile: 'tunion', publicFile };
    this.hash = names.of(this.shown)!.card;
  }

  get state(): CardState {
    return this.#card.state;
  }

  /** What a ledger may know of its debits: one of these, since gates upload when they can. */
  readonly spending: SpentOfCard[] = [];

  /** A debit at some gate: the balance falls, and its proof takes the place of a load's. */
  spend(amountMinor: number): void {
    const { state } = this;
    if (state.balanceMinor < amountMinor) return;
    this.#card = this.#with({
      ...state,
      balanceMinor: state.balanceMinor - amountMinor,
      spentMinor: state.spentMinor + amountMinor,
      offlineCounter: state.offlineCounter + 1,
      proof: null,
    });
    this.spending.push({
      debits: state.offlineCounter + 1,
      postedMinor: this.state.spentMinor,
      head: {
        offlineCounter: state.offlineCounter,
        balanceAfterMinor: this.state.balanceMinor,
      },
    });
  }

  /** The card in a reader's field, torn away at its `tearAt`-th command (from 1; 0: never). */
  session(tearAt: number, when: 'before' | 'during' | 'after'): CardSession {
    this.#card.power();
    let commands = 0;
    let gone = false;
    return {
      uid: this.#card.uid,
      modelledUs: 0,
      transceive: async (apdu) => {
        if (gone) return null;
        gone = ++commands === tearAt;
        if (!gone) return this.#card.transmit(apdu);
        if (when === 'during') this.#card.loseDuring(apdu);
        if (when === 'after') this.#card.transmit(apdu);
        this.#card.power();
        return null;
      },
      release: async () => this.#card.power(),
    };
  }

  #with(state: CardState): VirtualCard {
    return new VirtualCard({ state, randomBytes: (length) => this.#chance.bytes(length) });
  }
}

type Calls = { readonly [K in keyof LoadHost]: LoadHost[K] };

/** The engine: its store outlives it, its desk does not. */
export class World {
  readonly chance: Chance;
  readonly store: MemoryStore<CardTable>;
  readonly cards: readonly WorldCard[];
  /** Requests that are still on their way. */
  readonly late: (() => Promise<unknown>)[] = [];
  nowMs = Date.UTC(2026, 5, 1);
  /** No faults any more. */
  calm = false;
  crashes = 0;

  constructor(seed: number, cards: number) {
    this.chance = new Chance(seed);
    this.store = new MemoryStore<CardTable>(() => Promise.resolve(), cardTables);
    this.cards = Array.from({ length: cards }, (_, index) => new WorldCard(index, this.chance));
  }

  /** The engine as it is started anew: it knows what is on its disk. */
  desks(): Desks {
    return makeDesks(
      this.store,
      () => this.nowMs,
      (length) => this.chance.bytes(length),
    );
  }

  register(): CardRegister {
    return new CardRegister(this.store, () => this.nowMs);
  }

  /**
   * One call to the engine over the network. @throws FaregateError UPLINK_FAILED: it may have been
   * done, be done later, or never.
   */
  async call<R>(work: (desks: Desks) => Promise<R>): Promise<R> {
    const { chance } = this;
    if (!this.calm && chance.happens(0.15)) await this.arriveLate();
    if (this.calm || chance.happens(0.6)) return work(this.desks());
    switch (chance.below(5)) {
      case 0:
        break;
      case 1:
        await work(this.desks());
        break;
      case 2:
        await work(this.desks());
        return work(this.desks());
      case 3:
        this.late.push(() => work(this.desks()));
        break;
      default:
        await this.#crashDuring(work);
    }
    throw new FaregateError('UPLINK_FAILED', 'no answer');
  }

  /** One request that was sent long ago arrives, also between two messages of another visit. */
  async arriveLate(): Promise<void> {
    const [request] = this.late.splice(this.chance.below(this.late.length), 1);
    await request?.();
  }

  /** The engine dies while it works: before, within or after the commit. */
  async #crashDuring(work: (desks: Desks) => Promise<unknown>): Promise<void> {
    this.crashes++;
    const answer = work(this.desks()).catch(() => undefined);
    for (let turns = this.chance.below(4); turns > 0; turns--) await Promise.resolve();
    this.store.crash();
    await answer;
  }

  host(): Calls {
    return {
      begin: (...args) => this.call(({ loads }) => loads.begin(...args)),
      present: (...args) => this.call(({ loads }) => loads.present(...args)),
      confirm: (...args) => this.call(({ loads }) => loads.confirm(...args)),
      unknown: (...args) => this.call(({ loads }) => loads.unknown(...args)),
    };
  }
}

export interface Desks {
  readonly orders: OrderDesk;
  readonly loads: LoadDesk;
}

export function makeDesks(
  store: CardStore,
  nowMs: () => number,
  random: (length: number) => Uint8Array,
): Desks {
  const parts = { store, limits, zone, nowMs };
  const loads = new LoadDesk({ ...parts, names, keys: new LoadKeys(keyring), random });
  return { orders: new OrderDesk(parts), loads };
}

export function sumMinor(rows: readonly { readonly amountMinor: number }[]): number {
  return rows.reduce((total, { amountMinor }) => total + amountMinor, 0);
}

/** What a caller does with an answer that does not come: nothing. */
export async function lossy(call: Promise<unknown>): Promise<void> {
  try {
    await call;
  } catch (error) {
    if (!(error instanceof FaregateError)) throw error;
  }
}
