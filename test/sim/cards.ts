/**
 * The riders' cards of the simulation and the truth about them: every debit a card ever committed,
 * by its offline counter. Neither gate nor engine can look here. Every fifth is an AES closed-loop
 * card, the others are PBOC purses.
 */
import { readU16, writeU16 } from '../../engine/bytes.ts';
import type { Chance } from '../../gate/demo/chance.ts';
import { VirtualCard } from '../../gate/reader/virtual/card.ts';
import {
  type CardState,
  issueCard,
  type MasterKeys,
} from '../../gate/reader/virtual/card-state.ts';
import type { CommandName } from '../../gate/reader/virtual/command.ts';
import { VirtualDesfireCard } from '../../gate/reader/virtual/desfire/card.ts';
import {
  type DesfireMasters,
  type DesfireState,
  issueDesfire,
} from '../../gate/reader/virtual/desfire/state.ts';
import type { HeldCard } from '../../gate/reader/virtual/held-card.ts';
import type { VirtualTime } from './virtual-time.ts';

/** One debit as the card made it. */
export interface Committed {
  readonly offlineCounter: number;
  readonly amountMinor: number;
  readonly atUs: number;
}

export interface SimMasters {
  readonly purse: MasterKeys;
  readonly desfire: DesfireMasters;
}

/** What is on the card and how it got there. */
export interface Money {
  readonly initialMinor: number;
  readonly loadedMinor: number;
  readonly balanceMinor: number;
}

const TOP_UP_MINOR = 5000;
const DESFIRE_EVERY = 5;
/** Where a record of such a card has its counter. */
const COUNTER_AT = 42;
const RECORD_BYTES = 48;

export abstract class SimCard {
  readonly index: number;
  readonly committed: Committed[] = [];
  protected readonly time: VirtualTime;
  protected readonly chance: Chance;
  /** Called before each command. */
  onCommand: () => void = () => {};

  constructor(index: number, time: VirtualTime, chance: Chance) {
    this.index = index;
    this.time = time;
    this.chance = chance;
  }

  abstract get virtual(): HeldCard;
  /** The command that commits. */
  abstract readonly pointOfNoReturn: CommandName;
  /** As debit records have it. */
  abstract get cardNumber(): Uint8Array;
  abstract get money(): Money;
  /** Money put on it at a machine: no offline counter moves. */
  abstract topUp(): void;

  static issue(index: number, time: VirtualTime, chance: Chance, masters: SimMasters): SimCard {
    return index % DESFIRE_EVERY === DESFIRE_EVERY - 1
      ? new DesfireSimCard(index, time, chance, masters.desfire)
      : new PurseSimCard(index, time, chance, masters.purse);
  }

  protected firstBalance(): number {
    const { chance } = this;
    return chance.happens(0.1) ? chance.below(400) : 2000 + chance.below(8000);
  }

  /** A card's commit. */
  protected commits(offlineCounter: number, amountMinor: number): void {
    this.committed.push({ offlineCounter, amountMinor, atUs: this.time.nowUs });
  }

  /** A gate that has died sends nothing more: its code may still run to its next wait. */
  protected requireLife(): void {
    if (this.time.current()?.alive === false) throw new Error('the gate is dead');
  }

  /** `card` with `onCommand` before each command. */
  protected watched<C extends HeldCard>(card: C): C {
    const transmit = card.transmit.bind(card);
    card.transmit = (apdu) => {
      this.onCommand();
      return transmit(apdu);
    };
    return card;
  }
}

class PurseSimCard extends SimCard {
  readonly pointOfNoReturn = 'DEBIT';
  #card: VirtualCard;

  constructor(index: number, time: VirtualTime, chance: Chance, masters: MasterKeys) {
    super(index, time, chance);
    const union = index % 4 === 3;
    const cardNumber = new Uint8Array(10);
    cardNumber.set(union ? [0x00, 0x01, 0x71, 0x00] : [0x03, 0x10, 0x51, 0x70]);
    cardNumber[9] = (Math.floor(index / 10) << 4) | (index % 10);
    const state = issueCard(union ? 'city-union' : 'tunion', masters, {
      cardNumber,
      balanceMinor: this.firstBalance(),
      offlineCounter: chance.below(200),
    });
    this.#card = this.#with(state);
  }

  get virtual(): HeldCard {
    return this.#card;
  }

  get cardNumber(): Uint8Array {
    return this.#card.state.cardNumber;
  }

  get money(): Money {
    return this.#card.state;
  }

  topUp(): void {
    const { state } = this.#card;
    this.#card = this.#with({
      ...state,
      balanceMinor: state.balanceMinor + TOP_UP_MINOR,
      loadedMinor: state.loadedMinor + TOP_UP_MINOR,
    });
  }

  #with(state: CardState): VirtualCard {
    let held = state;
    const card = new VirtualCard({
      state,
      randomBytes: (length) => this.chance.bytes(length),
      commit: (next) => {
        this.requireLife();
        if (next.offlineCounter !== held.offlineCounter) {
          this.commits(held.offlineCounter, next.spentMinor - held.spentMinor);
        }
        held = next;
      },
    });
    return this.watched(card);
  }
}

class DesfireSimCard extends SimCard {
  readonly pointOfNoReturn = 'COMMIT';
  #card: VirtualDesfireCard;

  constructor(index: number, time: VirtualTime, chance: Chance, masters: DesfireMasters) {
    super(index, time, chance);
    const uid = Uint8Array.of(0x04, 0x51, 0, 0, 0, 0, index);
    const valueMinor = this.firstBalance();
    const record = new Uint8Array(RECORD_BYTES);
    writeU16(record, COUNTER_AT, chance.below(200));
    this.#card = this.#with(issueDesfire('ev2', uid, masters, { valueMinor, record }));
  }

  get virtual(): HeldCard {
    return this.#card;
  }

  get cardNumber(): Uint8Array {
    return Uint8Array.of(0, 0, 0, ...this.#card.state.uid);
  }

  get money(): Money {
    const { initialMinor, creditedMinor, application } = this.#card.state;
    return { initialMinor, loadedMinor: creditedMinor, balanceMinor: application.value.value };
  }

  topUp(): void {
    const { state } = this.#card;
    const { application } = state;
    const value = { ...application.value, value: application.value.value + TOP_UP_MINOR };
    this.#card = this.#with({
      ...state,
      application: { ...application, value },
      creditedMinor: state.creditedMinor + TOP_UP_MINOR,
    });
  }

  #with(state: DesfireState): VirtualDesfireCard {
    let held = state;
    const card = new VirtualDesfireCard({
      state,
      randomBytes: (length) => this.chance.bytes(length),
      commit: (next) => {
        this.requireLife();
        const newest = held.application.record.records.at(-1)!;
        this.commits(readU16(newest, COUNTER_AT), next.debitedMinor - held.debitedMinor);
        held = next;
      },
    });
    return this.watched(card);
  }
}
