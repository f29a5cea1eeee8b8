/** What a rider's bank card keeps, with what it has done: one record beside the purse's. */
import { readU32, readU48, writeU32, writeU48 } from '../../engine/bytes.ts';
import type { EcashState } from '../reader/virtual/ecash-card.ts';
import {
  decodeEcashState,
  ECASH_STATE_BYTES,
  encodeEcashState,
} from '../reader/virtual/ecash-state-record.ts';

export interface BankState {
  readonly ecash: EcashState;
  /** All that purchases took, beyond the balance too. */
  readonly spentMinor: number;
  /** Rides begun and ended by its record. */
  readonly debits: number;
}

export const BANK_STATE_BYTES: number = ECASH_STATE_BYTES + 16;
const at = { spentMinor: ECASH_STATE_BYTES, debits: ECASH_STATE_BYTES + 6 } as const;

export function newBankState(ecash: EcashState): BankState {
  return { ecash, spentMinor: 0, debits: 0 };
}

/** After what the card commits at a gate. */
export function bankAfter({ ecash, spentMinor, debits }: BankState, now: EcashState): BankState {
  const isDebit = ecash.extended !== undefined && now.extended?.records !== ecash.extended.records;
  return {
    ecash: now,
    spentMinor: spentMinor + worthMinor(ecash) - worthMinor(now),
    debits: debits + (isDebit ? 1 : 0),
  };
}

/** After the bank's own load, which first pays what the card owes. */
export function bankLoaded(state: BankState, amountMinor: number): BankState {
  const { ecash } = state;
  const { extended } = ecash;
  const paidMinor = Math.min(amountMinor, extended?.deductedMinor ?? 0);
  const balanceMinor = ecash.balanceMinor + amountMinor - paidMinor;
  if (!extended) return { ...state, ecash: { ...ecash, balanceMinor } };
  const deductedMinor = extended.deductedMinor - paidMinor;
  return { ...state, ecash: { ...ecash, balanceMinor, extended: { ...extended, deductedMinor } } };
}

function worthMinor({ balanceMinor, extended }: EcashState): number {
  return balanceMinor - (extended?.deductedMinor ?? 0);
}

/** Writes `BANK_STATE_BYTES` at `into[offset]`. */
export function encodeBankState(state: BankState, into: Uint8Array, offset: number): void {
  encodeEcashState(state.ecash, into, offset);
  writeU48(into, offset + at.spentMinor, state.spentMinor);
  writeU32(into, offset + at.debits, state.debits);
}

/** @throws FaregateError CARD_STATE_INVALID. */
export function decodeBankState(from: Uint8Array, offset: number): BankState {
  return {
    ecash: decodeEcashState(from, offset),
    spentMinor: readU48(from, offset + at.spentMinor),
    debits: readU32(from, offset + at.debits),
  };
}
