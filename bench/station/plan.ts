/** What the processes of a station benchmark agree on: one JSON file in the run's folder. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fromHex } from '../../engine/bytes.ts';
import { Keyring } from '../../engine/crypto/keyring.ts';
import { issueCard, type CardState, type MasterKeys } from '../../gate/reader/virtual/card-state.ts';

export interface LoadPlan {
  readonly dir: string;
  readonly gates: number;
  /** Cards that go in at one gate and out at the next, for each such pair. */
  readonly cardsPerPair: number;
  /** Cards on the denylist. */
  readonly stopped: number;
  readonly masterHex: string;
  readonly startMs: number;
}

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
  return join(plan.dir, 'gates', gateIdOf(index));
}

/** Purchase and TAC keys of the only issuer: one master, as the cards have it. */
export function mastersOf(plan: LoadPlan): MasterKeys {
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

/** 10 bytes; the first byte is the pair, so that no two cards of a plan are one. */
export function cardNumberOf(index: number): Uint8Array {
  const number = Uint8Array.of(3, 0x10, 0x51, 0x70, 0, 0, 0, 0, 0, 0);
  new DataView(number.buffer).setUint32(6, index);
  return number;
}

export function cardOf(plan: LoadPlan, pair: number, place: number): CardState {
  const cardNumber = cardNumberOf(pair * plan.cardsPerPair + place);
  return issueCard('tunion', mastersOf(plan), { cardNumber, balanceMinor: BALANCE_MINOR });
}
