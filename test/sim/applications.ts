/**
 * What pays on the riders' cards of the simulation, and the truth about it: every debit it ever
 * committed, by its counter. Neither gate nor engine can look here.
 */
import { readU16, writeU16 } from '../../engine/bytes.ts';
import { cardNumberOf } from '../../engine/card/qpboc/card-data.ts';
import type { CardFamily } from '../../engine/tap/setting.ts';
import type { Chance } from '../../gate/demo/chance.ts';
import { VirtualCard } from '../../gate/reader/virtual/card.ts';
import {
  type CardState,
  issueCard,
  type MasterKeys,
} from '../../gate/reader/virtual/card-state.ts';
import { VirtualDesfireCard } from '../../gate/reader/virtual/desfire/card.ts';
import {
  type DesfireMasters,
  type DesfireState,
  issueDesfire,
} from '../../gate/reader/virtual/desfire/state.ts';
import { EcashCard, type EcashState } from '../../gate/reader/virtual/ecash-card.ts';
import type { EcashPersonality } from '../../gate/reader/virtual/ecash-personality.ts';
import type { HeldCard } from '../../gate/reader/virtual/held-card.ts';
import { bankPersonality, panOf } from './banks.ts';
import type { VirtualTime } from './virtual-time.ts';

/** One debit as the card made it. */
export interface Committed {
  /** Offline counter; of a bank card its transaction counter. */
  readonly offlineCounter: number;
  readonly amountMinor: number;
  readonly atUs: number;
}

/** What is on the card and how it got there. */
export interface Money {
  readonly initialMinor: number;
  readonly loadedMinor: number;
  /** Less what is owed. */
  readonly balanceMinor: number;
}

export interface ApplicationParts {
  readonly index: number;
  readonly time: VirtualTime;
  readonly chance: Chance;
  /** Told of each commit. */
  readonly onCommit: () => void;
}

const TOP_UP_MINOR = 5000;
/** Where a record of a DESFire card has its counter. */
const COUNTER_AT = 42;
const RECORD_BYTES = 48;
const SEGMENT_LIMIT_MINOR = 300;
/** File and id of the built-in profile's record: id, length, zeros. */
const CAPP_SFI = 21;
const CAPP_BYTES = 51;
const CAPP_HEAD: readonly number[] = [0x27, 0x01, CAPP_BYTES - 3];

export abstract class SimApplication {
  readonly committed: Committed[] = [];
  readonly #parts: ApplicationParts;

  constructor(parts: ApplicationParts) {
    this.#parts = parts;
  }

  abstract readonly family: CardFamily;
  abstract get virtual(): HeldCard;
  /** As debit records have it. */
  abstract get cardNumber(): Uint8Array;
  abstract get money(): Money;
  /** Money put on it at a machine: no offline counter moves. */
  abstract topUp(): void;

  protected firstBalance(): number {
    const { chance } = this.#parts;
    return chance.happens(0.1) ? chance.below(400) : 2000 + chance.below(8000);
  }

  protected random(length: number): Uint8Array {
    return this.#parts.chance.bytes(length);
  }

  /** A card's commit. */
  protected commits(offlineCounter: number, amountMinor: number): void {
    const { time, onCommit } = this.#parts;
    this.committed.push({ offlineCounter, amountMinor, atUs: time.nowUs });
    onCommit();
  }

  /** A gate that has died sends nothing more: its code may still run to its next wait. */
  protected requireLife(): void {
    if (this.#parts.time.current()?.alive === false) throw new Error('the gate is dead');
  }
}

export class PurseApplication extends SimApplication {
  readonly family = 'purse';
  #card: VirtualCard;

  constructor(parts: ApplicationParts, masters: MasterKeys, isUnion: boolean) {
    super(parts);
    const { index, chance } = parts;
    const cardNumber = new Uint8Array(10);
    cardNumber.set(isUnion ? [0x00, 0x01, 0x71, 0x00] : [0x03, 0x10, 0x51, 0x70]);
    cardNumber[9] = (Math.floor(index / 10) << 4) | (index % 10);
    const state = issueCard(isUnion ? 'city-union' : 'tunion', masters, {
      cardNumber,
      balanceMinor: this.firstBalance(),
      offlineCounter: chance.below(200),
    });
    this.#card = this.#with(state);
  }

  get virtual(): VirtualCard {
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
    return new VirtualCard({
      state,
      randomBytes: (length) => this.random(length),
      commit: (next) => {
        this.requireLife();
        if (next.offlineCounter !== held.offlineCounter) {
          this.commits(held.offlineCounter, next.spentMinor - held.spentMinor);
        }
        held = next;
      },
    });
  }
}

export class DesfireApplication extends SimApplication {
  readonly family = 'desfire';
  #card: VirtualDesfireCard;

  constructor(parts: ApplicationParts, masters: DesfireMasters) {
    super(parts);
    const { index, chance } = parts;
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
    return new VirtualDesfireCard({
      state,
      randomBytes: (length) => this.random(length),
      commit: (next) => {
        this.requireLife();
        const newest = held.application.record.records.at(-1)!;
        this.commits(readU16(newest, COUNTER_AT), next.debitedMinor - held.debitedMinor);
        held = next;
      },
    });
  }
}

/** A bank card's e-cash. A purchase of nothing that leaves no record is no debit of it. */
export class BankApplication extends SimApplication {
  readonly family = 'bank';
  /** Its transaction counter before more came to its balance: a top-up, the rest of a hold. */
  readonly loadedAt: number[] = [];
  readonly #personality: EcashPersonality;
  readonly #initialMinor: number;
  #loadedMinor = 0;
  #card: EcashCard;

  constructor(parts: ApplicationParts, isExtended: boolean) {
    super(parts);
    const { index, chance } = parts;
    const algorithm = chance.happens(0.2) ? 'sm2' : 'rsa';
    const limit = chance.happens(0.3) ? SEGMENT_LIMIT_MINOR : 0;
    this.#personality = bankPersonality(panOf(index), algorithm, isExtended ? limit : null);
    this.#initialMinor = this.firstBalance();
    const bytes = new Uint8Array(CAPP_BYTES);
    bytes.set(CAPP_HEAD);
    const records = [{ sfi: CAPP_SFI, bytes, heldMinor: 0 }];
    this.#card = this.#with({
      balanceMinor: this.#initialMinor,
      atc: chance.below(200),
      ...(isExtended ? { extended: { records, deductedMinor: 0, proof: null } } : {}),
    });
  }

  get virtual(): EcashCard {
    return this.#card;
  }

  get cardNumber(): Uint8Array {
    return cardNumberOf(this.#personality);
  }

  get money(): Money {
    const balanceMinor = netMinor(this.#card.state);
    return { initialMinor: this.#initialMinor, loadedMinor: this.#loadedMinor, balanceMinor };
  }

  topUp(): void {
    const { state } = this.#card;
    const { extended } = state;
    const paidMinor = Math.min(TOP_UP_MINOR, extended?.deductedMinor ?? 0);
    this.#loadedMinor += TOP_UP_MINOR;
    this.loadedAt.push(state.atc);
    this.#card = this.#with({
      ...state,
      balanceMinor: state.balanceMinor + TOP_UP_MINOR - paidMinor,
      ...(extended
        ? { extended: { ...extended, deductedMinor: extended.deductedMinor - paidMinor } }
        : {}),
    });
  }

  #with(state: EcashState): EcashCard {
    let held = state;
    return new EcashCard({
      personality: this.#personality,
      state,
      randomBytes: (length) => this.random(length),
      commit: (next) => {
        this.requireLife();
        const amountMinor = netMinor(held) - netMinor(next);
        const isWritten = next.extended?.records !== held.extended?.records;
        if (amountMinor > 0 || isWritten) this.commits(next.atc, amountMinor);
        if (heldMinor(next) < heldMinor(held)) this.loadedAt.push(next.atc - 1);
        held = next;
      },
    });
  }
}

/** What is held for a ride is the rider's until it is completed. */
function netMinor(state: EcashState): number {
  return state.balanceMinor + heldMinor(state) - (state.extended?.deductedMinor ?? 0);
}

function heldMinor({ extended }: EcashState): number {
  return (extended?.records ?? []).reduce((sum, record) => sum + record.heldMinor, 0);
}
