/**
 * The plan of a demo run: one small file that the supervisor writes and the station's process
 * reads, so that a process that died starts again into the same city.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { FaregateError, systemText } from '../../engine/errors.ts';
import type { CompiledFares } from '../../engine/fare/fares.ts';
import { parseChecked } from '../../engine/schema/check.ts';
import { chooseDistrict, type District } from './population.ts';

export interface DemoPlan {
  readonly seed: number;
  /** Finished taps to stop at; null: until told. */
  readonly taps: number | null;
  /** A fare-set folder, or `sample`. */
  readonly fares: string;
  readonly riders: number;
  /** Gates at the hub; half let in, half let out. */
  readonly hubGates: number;
  /** Stations where people live, with one gate in and one out each. */
  readonly homes: number;
  readonly pace: 'real' | 'modelled';
  /** City seconds in a real second, for the real pace. */
  readonly speed: number;
  /** Part of the taps at which the card leaves too early. */
  readonly tearing: number;
  readonly zone: string;
  readonly startMs: number;
  readonly uplinkPort: number;
}

const count = { type: 'integer', minimum: 1, maximum: Number.MAX_SAFE_INTEGER };

const planSchema = {
  type: 'object',
  additionalProperties: false,
  required: [
    'seed',
    'taps',
    'fares',
    'riders',
    'hubGates',
    'homes',
    'pace',
    'speed',
    'tearing',
    'zone',
    'startMs',
    'uplinkPort',
  ],
  properties: {
    seed: { type: 'integer', minimum: 0, maximum: 0xffff_ffff },
    taps: { anyOf: [count, { type: 'null' }] },
    fares: { type: 'string', minLength: 1 },
    riders: count,
    hubGates: count,
    homes: count,
    pace: { enum: ['real', 'modelled'] },
    speed: { type: 'number', exclusiveMinimum: 0 },
    tearing: { type: 'number', minimum: 0, maximum: 1 },
    zone: { type: 'string', minLength: 1 },
    startMs: count,
    uplinkPort: { type: 'integer', minimum: 1, maximum: 65_535 },
  },
};

/** Files of a run, by its folder. */
export function demoFiles(dir: string) {
  return {
    plan: join(dir, 'demo.json'),
    keys: join(dir, 'keys.sealed'),
    masters: join(dir, 'card-masters.json'),
    bankKeys: join(dir, 'bank-keys.json'),
    caKeys: join(dir, 'ca-keys.json'),
    cards: join(dir, 'cards.bin'),
    counts: join(dir, 'counts.json'),
    engine: join(dir, 'engine'),
    gate: (gateId: string) => join(dir, 'gates', gateId),
    journal: (gateId: string) => join(dir, 'journals', gateId),
    sharedLog: join(dir, 'journals', 'shared-log'),
  };
}

/** @throws FaregateError FILE_UNREADABLE, CONFIG_INVALID. */
export function readPlan(dir: string): DemoPlan {
  const path = demoFiles(dir).plan;
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw new FaregateError('FILE_UNREADABLE', `${path}: ${systemText(cause)}`, { cause });
  }
  return parseChecked<DemoPlan>(planSchema, text, 'CONFIG_INVALID', path);
}

/** One gate of the demo. */
export interface DemoGate {
  readonly gateId: string;
  /** From 1. */
  readonly number: number;
  readonly side: 'entry' | 'exit';
  /** Index in the fare set, and name. */
  readonly station: number;
  readonly stationName: string;
}

export function planDistrict(plan: DemoPlan, fares: CompiledFares): District {
  return chooseDistrict(fares, plan.homes);
}

/** The gates: those of the hub first. */
export function planGates(plan: DemoPlan, fares: CompiledFares): DemoGate[] {
  const { hub, homes } = planDistrict(plan, fares);
  const stations = [
    ...Array.from({ length: plan.hubGates }, () => hub),
    ...homes.flatMap((home) => [home, home]),
  ];
  return stations.map((station, i) => ({
    gateId: `G${String(i + 1).padStart(3, '0')}`,
    number: i + 1,
    side: i % 2 === 0 ? 'entry' : 'exit',
    station,
    stationName: fares.stations[station]!.name,
  }));
}
