/**
 * The riders of the simulated city: commuters with a home, a place of work and habits, each with
 * one card. Made from a seed, so that every process of a run knows the same people.
 */
import type { CompiledFares } from '../../engine/fare/fares.ts';
import { Chance } from './chance.ts';

/** What is unusual about a rider's card; most have `none`. */
export type Oddity =
  | 'none'
  | 'expired'
  | 'notYetValid'
  | 'denylisted'
  | 'issuerUnknown'
  | 'purseFlagWrong'
  | 'locked';

/** Share of the population per oddity, in thousandths. */
const ODDITIES: readonly (readonly [Oddity, number])[] = [
  ['expired', 4],
  ['notYetValid', 1],
  ['denylisted', 5],
  ['issuerUnknown', 3],
  ['purseFlagWrong', 2],
  ['locked', 2],
];

/** What a rider's card can do; each name is a column of the demo's figures. */
export type RiderFamily = 'purse' | 'desfire' | 'ecash' | 'openLoop' | 'citizen';

/**
 * Share of each family, in hundredths: electronic purses, AES closed-loop cards, bank cards with
 * e-cash and its extended application, bank cards whose rides are charged later, citizen cards with
 * a purse, e-cash and other services.
 */
export const FAMILIES: readonly (readonly [RiderFamily, number])[] = [
  ['purse', 61],
  ['desfire', 15],
  ['ecash', 8],
  ['openLoop', 8],
  ['citizen', 8],
];

/** Takes each of a hundred riders to another place, so that every family is everywhere. */
const FAMILY_STEP = 37;

export interface RiderHabits {
  readonly index: number;
  /** Indexes of stations in the fare set. */
  readonly home: number;
  readonly work: number;
  /** Index of the rider class in the fare set. */
  readonly rider: number;
  readonly oddity: Oddity;
  /** Milliseconds after local midnight at which the rider comes to the gate. */
  readonly morningMs: number;
  readonly eveningMs: number;
  readonly balanceMinor: number;
  /** Whether the card is a phone: slower, at the slow end of the air interface. */
  readonly phone: boolean;
}

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/** The stations of the demo: the hub, where the many gates are, and where people live. */
export interface District {
  readonly hub: number;
  readonly homes: readonly number[];
}

/** Picks a hub (the station with the cheapest fares to all others) and its neighbours. */
export function chooseDistrict(fares: CompiledFares, homes: number): District {
  const count = fares.stations.length;
  const sums = Array.from({ length: count }, (_, from) => {
    let sum = 0;
    for (let to = 0; to < count; to++) sum += fares.fareMinor(from, to, 0);
    return sum;
  });
  const hub = sums.indexOf(Math.min(...sums));
  const others = fares.stations.map((_, i) => i).filter((i) => i !== hub);
  const step = Math.max(1, Math.floor(others.length / homes));
  return { hub, homes: others.filter((_, i) => i % step === 0).slice(0, homes) };
}

/** One rider; the same for the same seed and index, whatever the size of the population. */
export function makeRider(
  seed: number,
  index: number,
  district: District,
  riders: number,
): RiderHabits {
  const chance = new Chance((seed * 0x9e3779b1 + index * 0x85ebca6b) >>> 0);
  return {
    index,
    home: chance.pick(district.homes),
    work: district.hub,
    rider: chance.happens(0.8) ? 0 : chance.below(riders),
    oddity: pickOddity(chance),
    morningMs: Math.floor(chance.around(8.25 * HOUR_MS, 35 * MINUTE_MS)),
    eveningMs: Math.floor(chance.around(18 * HOUR_MS, 45 * MINUTE_MS)),
    balanceMinor: chance.happens(0.06) ? chance.below(500) : 2_000 + chance.below(18_000),
    phone: mayBePhone(index) && chance.happens(0.15),
  };
}

/** The same for every hundred riders. */
export function familyOf(index: number): RiderFamily {
  let left = (index * FAMILY_STEP) % 100;
  for (const [family, share] of FAMILIES) {
    if (left < share) return family;
    left -= share;
  }
  return 'purse';
}

/** Every tenth rider has a purse of the city union, the others T-Union's. */
export function isCityUnion(index: number): boolean {
  return index % 10 === 3;
}

/** Phones hold T-Union purses. */
function mayBePhone(index: number): boolean {
  return familyOf(index) === 'purse' && !isCityUnion(index);
}

function pickOddity(chance: Chance): Oddity {
  let left = chance.below(1000);
  for (const [oddity, share] of ODDITIES) {
    if (left < share) return oddity;
    left -= share;
  }
  return 'none';
}
