/** What a tap at a gate is before its card is known: or why no card is asked for. */
import { NOTHING_IN_FORCE, type TapKind } from '../debit/record.ts';
import { type Decision, refuse } from './decision.ts';
import { modeOf, type TapScene, tapKinds } from './judge.ts';
import { atTheDoor } from './modes.ts';
import type { Reason } from './reasons.ts';
import type { TapSetting } from './setting.ts';

/** The decision where no card is asked for. */
export function unasked(tapKind: TapKind, reason: Reason): Decision {
  return { ...refuse(tapKind, reason, ''), open: reason === 'released' };
}

/** `dateTime` is still to be written: the first command need not wait for it. */
export function sceneOf(
  setting: TapSetting,
  instantMs: number,
  sequence: number,
): TapScene | Reason {
  const { side, gateId, inForce = NOTHING_IN_FORCE } = setting;
  const door = atTheDoor(modeOf(setting), side);
  if (door) return door;
  const fares = setting.fares.at(instantMs);
  if (!fares) return 'faresMissing';
  const tapKind = tapKinds[side];
  const dateTime = new Uint8Array(7);
  return { setting, tapKind, fares, gateId, sequence, instantMs, dateTime, inForce };
}
