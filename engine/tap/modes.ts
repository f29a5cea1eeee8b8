/**
 * The modes of a station: how its gates work when trains, gates or power fail, or when the station
 * must be emptied. A set of modes is a mask of bits, 0 being normal; records carry it. Which modes
 * may combine and which one wins is told here, what each does to a tap in `mode-plan.ts`;
 * `docs/modes.md` tells both. The names are those of a Chinese metro's AFC (GB 50490, 8.8.8).
 */
import { FaregateError } from '../errors.ts';
import type { Reason } from './reasons.ts';
import type { Side } from './setting.ts';

/** Name -> bit, in the order of the bits. */
export const Mode = {
  /** No gate takes a card. */
  closed: 0x001,
  /** Only into the station. */
  entryOnly: 0x002,
  /** Only out of the station. */
  exitOnly: 0x004,
  /** The operator works the station without its engine. Changes no decision. */
  offline: 0x008,
  /** No trains: nobody in, everybody out for nothing. */
  trainFailure: 0x010,
  /** The time in the paid area is not looked at. */
  timeFree: 0x020,
  /** Whether the last journey was ended, or this one begun, is not looked at. */
  orderFree: 0x040,
  /** Expired cards are taken. */
  dateFree: 0x080,
  /** Nothing is charged. */
  fareFree: 0x100,
  /** The gates stand open and touch no card. */
  emergency: 0x200,
} as const;
export type ModeName = keyof typeof Mode;

export const NORMAL = 0;
export const modeNames = Object.keys(Mode) as readonly ModeName[];
export const MODES_MASK: number = modeNames.reduce((mask, name) => mask | Mode[name], 0);

const { closed, entryOnly, exitOnly, trainFailure, emergency, offline } = Mode;

/** Each mode of the first mask excludes all others of the second; whatever is not here combines. */
const apart: readonly (readonly [mode: number, others: number])[] = [
  [emergency, MODES_MASK & ~(emergency | offline)],
  [closed, MODES_MASK & ~(closed | offline)],
  [trainFailure, entryOnly],
  [entryOnly, exitOnly],
];

/** The modes of a mask, in the order of their bits; empty for normal. */
export function namesOf(mask: number): ModeName[] {
  return modeNames.filter((name) => (mask & Mode[name]) !== 0);
}

/** For people: `normal`, or the names joined by `+`. */
export function modeText(mask: number): string {
  return mask === NORMAL ? 'normal' : namesOf(mask).join('+');
}

/** Two modes of a mask that may not be in force together, or null. */
export function conflictIn(mask: number): readonly [ModeName, ModeName] | null {
  for (const [mode, others] of apart) {
    if ((mask & mode) !== 0 && (mask & others) !== 0) {
      return [namesOf(mode)[0]!, namesOf(mask & others)[0]!];
    }
  }
  return null;
}

/**
 * The mask of names as an operator gives them; `normal` and an empty list are 0.
 * @throws FaregateError MODE_INVALID naming the name that is none, or two that exclude each other.
 */
export function modeOf(names: readonly string[]): number {
  let mask = NORMAL;
  for (const name of names) {
    if (name === 'normal' && names.length === 1) return NORMAL;
    if (!Object.hasOwn(Mode, name)) {
      const known = ['normal', ...modeNames].join(', ');
      throw new FaregateError('MODE_INVALID', `${JSON.stringify(name)} is none of ${known}`);
    }
    mask |= Mode[name as ModeName];
  }
  const conflict = conflictIn(mask);
  if (!conflict) return mask;
  throw new FaregateError('MODE_INVALID', `${conflict[0]} does not combine with ${conflict[1]}`);
}

/**
 * What the modes say before any card is touched: `released` opens the gate, any other reason
 * refuses, null lets the tap go on. In order of precedence.
 */
export function atTheDoor(mask: number, side: Side): Reason | null {
  if (mask === NORMAL) return null;
  if ((mask & emergency) !== 0) return 'released';
  if ((mask & closed) !== 0) return 'stationClosed';
  if (side === 'exit') return (mask & entryOnly) !== 0 ? 'exitClosed' : null;
  if ((mask & trainFailure) !== 0) return 'noTrains';
  return (mask & exitOnly) !== 0 ? 'entryClosed' : null;
}
