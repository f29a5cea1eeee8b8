/** The card in a rider's pocket, of any family, as the city holds it to a reader. */
import { fromHex, readU16 } from '../../engine/bytes.ts';
import { VirtualCard } from '../reader/virtual/card.ts';
import type { CardState } from '../reader/virtual/card-state.ts';
import { CitizenCard, serviceApplication } from '../reader/virtual/citizen-card.ts';
import { testServices } from '../reader/virtual/citizen-test-card.ts';
import { VirtualDesfireCard } from '../reader/virtual/desfire/card.ts';
import type { DesfireState } from '../reader/virtual/desfire/state.ts';
import { EcashCard } from '../reader/virtual/ecash-card.ts';
import type { EcashQuirks } from '../reader/virtual/ecash-personality.ts';
import type { HeldCard } from '../reader/virtual/held-card.ts';
import { personalities } from '../reader/virtual/personality.ts';
import type { Tear } from '../reader/virtual/reader.ts';
import { BANK_AID, type BankCards, bankCardNumber } from './bank-cards.ts';
import { type BankState, bankAfter, bankLoaded } from './bank-state.ts';
import { topUpDesfire } from './desfire-desk.ts';
import { topUp } from './desk.ts';
import type { Masters } from './masters.ts';
import type { Oddity, RiderHabits } from './population.ts';

/** A bank card alone. */
export interface BankOnly {
  readonly bank: BankState;
}

/** Several applications on one card: what one commits leaves the other's state as it is. */
export interface CitizenState extends BankOnly {
  readonly purse: CardState;
}

export type RiderState = CardState | DesfireState | BankOnly | CitizenState;

/** Where the city's DESFire cards have the counter in a record. */
export const DESFIRE_COUNTER_AT = 42;

/** A command that a tear may hit. */
export type TearPoint = Omit<Tear, 'when'>;

export interface RiderCard {
  readonly held: HeldCard;
  /** The first is the one that commits. */
  readonly commands: readonly [TearPoint, ...TearPoint[]];
  /** At the service desk. `dateTime` is YYYYMMDDhhmmss, 7 BCD bytes. */
  topUp(amountMinor: number, dateTime: Uint8Array): void;
}

/** Who made the cards, and what cards ask of the world. */
export interface CardMeans {
  readonly masters: Masters;
  readonly banks: BankCards;
  readonly randomBytes: (length: number) => Uint8Array;
}

type Commit = (state: RiderState) => void;

const pursePoints: RiderCard['commands'] = [
  { command: 'DEBIT' },
  { command: 'SELECT' },
  { command: 'READ RECORD' },
  { command: 'INITIALIZE' },
  { command: 'UPDATE' },
];

const desfirePoints: RiderCard['commands'] = [
  { command: 'COMMIT' },
  { command: 'SELECT' },
  { command: 'AUTHENTICATE' },
  { command: 'READ RECORDS' },
  { command: 'CHANGE VALUE' },
  { command: 'WRITE RECORD' },
];

/** The records of a bank card's purchase; the last of them takes the money. */
const BANK_RECORDS = 4;

/** @param before commands named as READ RECORD before the purchase's */
function bankPoints(before: number): RiderCard['commands'] {
  return [
    { command: 'READ RECORD', nth: before + BANK_RECORDS },
    { command: 'SELECT' },
    { command: 'OPTIONS' },
    ...(before > 0 ? [{ command: 'UPDATE' } as const] : []),
    { command: 'READ RECORD' },
    { command: 'READ RECORD', nth: before + 1 },
  ];
}

export function riderCard(
  state: RiderState,
  rider: RiderHabits,
  means: CardMeans,
  commit: Commit,
): RiderCard {
  if ('purse' in state) return citizenCard(state, rider, means, commit);
  if ('bank' in state) return bankCard(state, rider, means, commit);
  const { randomBytes, masters } = means;
  if (!isDesfire(state)) {
    const card = new VirtualCard({ state, randomBytes, commit });
    return {
      held: card,
      commands: pursePoints,
      topUp: (amountMinor, dateTime) => topUp(card, amountMinor, dateTime),
    };
  }
  const card = new VirtualDesfireCard({ state, randomBytes, commit });
  return {
    held: card,
    commands: desfirePoints,
    topUp: (amountMinor) => topUpDesfire(card, masters.desfire.load, amountMinor),
  };
}

function bankCard(
  { bank }: BankOnly,
  { index, oddity }: RiderHabits,
  { banks, randomBytes }: CardMeans,
  commit: Commit,
): RiderCard {
  let now = bank;
  const keep = (next: BankState): void => {
    commit({ bank: next });
    now = next;
  };
  const held = new EcashCard({
    personality: banks.personality(index),
    state: bank.ecash,
    randomBytes,
    commit: (ecash) => keep(bankAfter(now, ecash)),
    quirks: quirksOf(oddity),
  });
  return {
    held,
    commands: bankPoints(bank.ecash.extended ? 1 : 0),
    topUp: (amountMinor) => keep(bankLoaded(now, amountMinor)),
  };
}

/**
 * Of what is odd about cards, what a bank card does; the rest is in its dates and certificates.
 * None forges its signature: that is known when it has paid, and the ledger rightly posts no such
 * debit.
 */
function quirksOf(oddity: Oddity): Partial<EcashQuirks> {
  if (oddity === 'locked') return { optionsStatus: 0x6985 };
  return oddity === 'purseFlagWrong' ? { decision: 'AAC' } : {};
}

function citizenCard(
  state: CitizenState,
  { index }: RiderHabits,
  { banks, randomBytes }: CardMeans,
  commit: Commit,
): RiderCard {
  let now = state;
  const keep = (next: CitizenState): void => {
    commit(next);
    now = next;
  };
  const purse = new VirtualCard({
    state: state.purse,
    randomBytes,
    commit: (next) => keep({ ...now, purse: next }),
  });
  const cash = new EcashCard({
    personality: banks.personality(index),
    state: state.bank.ecash,
    randomBytes,
    commit: (ecash) => keep({ ...now, bank: bankAfter(now.bank, ecash) }),
  });
  const held = new CitizenCard([
    { aid: personalities[state.purse.personality].aid, card: purse, listed: null },
    { aid: BANK_AID, card: cash, listed: { label: 'PBOC DEBIT', priority: 1 } },
    ...testServices.map(({ aid, label }) => serviceApplication({ aid: fromHex(aid), label })),
  ]);
  return {
    held,
    commands: pursePoints,
    topUp: (amountMinor, dateTime) => topUp(purse, amountMinor, dateTime),
  };
}

export function isDesfire(state: RiderState): state is DesfireState {
  return 'uid' in state;
}

/** What the reckoning asks of a card, for each of its numbers. */
export interface CardTruth {
  /** 10 bytes, as debit records have it. */
  readonly cardNumber: Uint8Array;
  /** Debits that the card has committed. */
  readonly debits: number;
  readonly spentMinor: number;
}

/** @param firstCounter of purses and AES cards when they were new */
export function truthsOf(state: RiderState, index: number, firstCounter: number): CardTruth[] {
  if ('bank' in state) {
    const { debits, spentMinor } = state.bank;
    const bank = { cardNumber: bankCardNumber(index), debits, spentMinor };
    return 'purse' in state ? [...truthsOf(state.purse, index, firstCounter), bank] : [bank];
  }
  if (!isDesfire(state)) {
    const { cardNumber, offlineCounter, spentMinor } = state;
    return [{ cardNumber, debits: offlineCounter - firstCounter, spentMinor }];
  }
  const newest = state.application.record.records.at(-1)!;
  const counter = readU16(newest, DESFIRE_COUNTER_AT);
  return [
    {
      cardNumber: Uint8Array.of(0, 0, 0, ...state.uid),
      debits: counter - firstCounter,
      spentMinor: state.debitedMinor,
    },
  ];
}
