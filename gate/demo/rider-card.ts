/** The card in a rider's pocket, of either family, as the city holds it to a reader. */
import { readU16 } from '../../engine/bytes.ts';
import { VirtualCard } from '../reader/virtual/card.ts';
import type { CardState } from '../reader/virtual/card-state.ts';
import type { CommandName } from '../reader/virtual/command.ts';
import { VirtualDesfireCard } from '../reader/virtual/desfire/card.ts';
import type { DesfireState } from '../reader/virtual/desfire/state.ts';
import type { HeldCard } from '../reader/virtual/held-card.ts';
import { topUpDesfire } from './desfire-desk.ts';
import { topUp } from './desk.ts';
import type { Masters } from './masters.ts';

export type RiderState = CardState | DesfireState;

/** Where the city's DESFire cards have the counter in a record. */
export const DESFIRE_COUNTER_AT = 42;

export interface RiderCard {
  readonly held: HeldCard;
  /** Commands that a tear may hit; the first is the one that commits. */
  readonly commands: readonly [CommandName, ...CommandName[]];
  /** At the service desk. `dateTime` is YYYYMMDDhhmmss, 7 BCD bytes. */
  topUp(amountMinor: number, dateTime: Uint8Array): void;
}

export function riderCard(
  state: RiderState,
  masters: Masters,
  randomBytes: (length: number) => Uint8Array,
  commit: (state: RiderState) => void,
): RiderCard {
  if (!isDesfire(state)) {
    const card = new VirtualCard({ state, randomBytes, commit });
    return {
      held: card,
      commands: ['DEBIT', 'SELECT', 'READ RECORD', 'INITIALIZE', 'UPDATE'],
      topUp: (amountMinor, dateTime) => topUp(card, amountMinor, dateTime),
    };
  }
  const card = new VirtualDesfireCard({ state, randomBytes, commit });
  return {
    held: card,
    commands: ['COMMIT', 'SELECT', 'AUTHENTICATE', 'READ RECORDS', 'CHANGE VALUE', 'WRITE RECORD'],
    topUp: (amountMinor) => topUpDesfire(card, masters.desfire.load, amountMinor),
  };
}

export function isDesfire(state: RiderState): state is DesfireState {
  return 'uid' in state;
}

/** What the reckoning asks of a card. */
export interface CardTruth {
  /** 10 bytes, as debit records have it. */
  readonly cardNumber: Uint8Array;
  readonly offlineCounter: number;
  readonly spentMinor: number;
}

export function truthOf(state: RiderState): CardTruth {
  if (!isDesfire(state)) return state;
  const newest = state.application.record.records.at(-1)!;
  return {
    cardNumber: Uint8Array.of(0, 0, 0, ...state.uid),
    offlineCounter: readU16(newest, DESFIRE_COUNTER_AT),
    spentMinor: state.debitedMinor,
  };
}
