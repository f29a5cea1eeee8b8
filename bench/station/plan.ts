/** What the processes of a station benchmark agree on: one JSON file in the run's folder. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fromHex, writeU32 } from '../../engine/bytes.ts';
import { Keyring } from '../../engine/crypto/keyring.ts';
import {
  type CardState,
  issueCard,
  type MasterKeys,
} from '../../gate/reader/virtual/card-state.ts';
import type { Uplinks } from '../../gate/station.ts';

export interface LoadPlan {
  /** Of this run: journals. */
  readonly dir: string;
  /** The engine's: in memory where there is a folder for that, because its disk is not a station's. */
  readonly engineDir: string;
  /** Where the gates were enrolled: their bundles, and what an engine begins with. */
  readonly enrolledDir: string;
  readonly gates: number;
  /** Cards that go in at one gate and out at the next, for each such pair. */
  readonly cardsPerPair: number;
  /** Dry taps before the first card. */
  readonly warmUpTaps: number;
  readonly masterHex: string;
  /** Whether the gates share a log, and so their syncs. */
  readonly sharedLog: boolean;
  /** Where uplinks do their TLS. */
  readonly uplinks: Uplinks;
  /** Whether the station's process raises its priority and lets its heap grow. */
  readonly tapsFirst: boolean;
}

/** What left one card. */
export interface CardTruth {
  readonly number: string;
  readonly spentMinor: number;
  readonly debits: number;
}

/** Key of the keyed hash of card numbers. */
export const HASH_KEY: Uint8Array = new Uint8Array(16).fill(0x5a);
const BALANCE_MINOR = 0x3fff_ffff;

export function savePlan(plan: LoadPlan): string {
  const path = join(plan.dir, 'plan.json');
  writeFileSync(path, JSON.stringify(plan));
  return path;
}

export function loadPlan(path: string): LoadPlan {
  return JSON.parse(readFileSync(path, 'utf8')) as LoadPlan;
}

export function gateIdOf(index: number): string {
  return `G${String(index + 1).padStart(3, '0')}`;
}

export function bundleDirOf(plan: LoadPlan, index: number): string {
  return join(plan.enrolledDir, 'gates', gateIdOf(index));
}

export function journalDirOf(plan: LoadPlan, index: number): string {
  return join(plan.dir, 'journals', gateIdOf(index));
}

/** What the cards' thread writes down at its end. */
export function truthOf(plan: LoadPlan): string {
  return join(plan.dir, 'cards.json');
}

/** Purchase and TAC keys of the only issuer: one master, as the cards have it. */
function mastersOf(plan: LoadPlan): MasterKeys {
  const key = { index: 1, version: 1, master: fromHex(plan.masterHex) };
  return { purchase: key, tac: key };
}

export function keyringOf(plan: LoadPlan): Keyring {
  const { purchase, tac } = mastersOf(plan);
  return new Keyring([
    { use: 'purchase', algorithm: '3des', ...purchase },
    { use: 'tac', algorithm: '3des', ...tac },
  ]);
}

/** 10 bytes. */
export function cardNumberOf(index: number): Uint8Array {
  const number = Uint8Array.of(3, 0x10, 0x51, 0x70, 0, 1, 0, 0, 0, 0);
  writeU32(number, 6, index);
  return number;
}

/** One of the cards that go in at the first gate of a pair and out at the second. */
export function cardOf(plan: LoadPlan, pair: number, place: number): CardState {
  const cardNumber = cardNumberOf(pair * plan.cardsPerPair + place);
  return issueCard('tunion', mastersOf(plan), { cardNumber, balanceMinor: BALANCE_MINOR });
}
