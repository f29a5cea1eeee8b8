/**
 * What the two processes of the kill test agree on: the city and its keys, made from the seed on
 * both sides, and four gates, two at each of two stations.
 */
import { join } from 'node:path';
import { cmacKey } from '../../engine/crypto/mac.ts';
import { Chance } from '../../gate/demo/chance.ts';
import { SimCity } from '../sim/city.ts';
import { makeScenario } from '../sim/scenario.ts';

export const HASH_KEY = new Uint8Array(16).fill(0x4b);

/** Bugs that can be planted in the killed process, to see that the test finds them. */
export const canaryNames = [
  /** DEBIT is sent before the intent is durable, over a disk that takes its time. */
  'openEarly',
  /** Every tenth intent is forgotten. */
  'dropIntent',
] as const;
export type CanaryName = (typeof canaryNames)[number];

export interface KilledGate {
  readonly gateId: string;
  /** From 1. */
  readonly number: number;
  readonly station: number;
  readonly side: 'entry' | 'exit';
}

export const gates: readonly KilledGate[] = [
  { gateId: 'K1', number: 1, station: 0, side: 'entry' },
  { gateId: 'K2', number: 2, station: 0, side: 'exit' },
  { gateId: 'K3', number: 3, station: 1, side: 'entry' },
  { gateId: 'K4', number: 4, station: 1, side: 'exit' },
];

/** What a process that is to be killed is told before it opens its gates. */
export interface KillPlan {
  readonly seed: number;
  /** The run's folder. */
  readonly dir: string;
  /** The gates' journals sync through one shared log. */
  readonly shared: boolean;
  readonly canary: CanaryName | null;
  /** Of the engine; one where nobody listens for a gate that is offline. */
  readonly uplinkPort: number;
}

export function killCity(seed: number): SimCity {
  const scenario = { ...makeScenario(seed, { faults: [] }), stations: 2 };
  return new SimCity(scenario, new Chance(seed), cmacKey(HASH_KEY));
}

export const bundleDir = (dir: string, gateId: string): string => join(dir, 'gates', gateId);
/** Journals and shared log lie under one folder, which can be copied whole. */
export const journalsDir = (dir: string): string => join(dir, 'journals');
export const journalDir = (journals: string, gateId: string): string => join(journals, gateId);
export const sharedLogDir = (journals: string, shared: boolean): string | null =>
  shared ? join(journals, 'log') : null;
