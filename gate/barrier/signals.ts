/**
 * What a rider sees and hears for each reason: one table, so that every gate of an operator says
 * the same. The gate's maker maps it to lamps and a buzzer; `docs/field-guide.md` lists it (kept
 * equal by a test).
 */
import type { Reason } from '../../engine/tap/reasons.ts';

export interface Signal {
  /** `green` go; `amber` the same rider may try again; `red` not with this card, or not here. */
  readonly light: 'green' | 'amber' | 'red';
  /** `short` one beep, `double` two, `long` one of a second. */
  readonly sound: 'short' | 'double' | 'long';
}

const go: Signal = { light: 'green', sound: 'short' };
const again: Signal = { light: 'amber', sound: 'double' };
const stop: Signal = { light: 'red', sound: 'long' };

export const signals: Readonly<Record<Reason, Signal>> = {
  open: go,
  recovered: go,
  released: go,
  gateClosed: stop,
  stationClosed: stop,
  noTrains: stop,
  entryClosed: stop,
  exitClosed: stop,
  cardGone: again,
  cardFaulty: stop,
  cardUnsupported: stop,
  applicationLocked: stop,
  purseFlagWrong: stop,
  issuerUnknown: stop,
  notYetValid: stop,
  expired: stop,
  denylisted: stop,
  passBack: again,
  noEntry: stop,
  noExit: stop,
  stationUnknown: stop,
  faresMissing: stop,
  amountOverLimit: stop,
  balanceTooLow: stop,
  keyUnknown: stop,
  answerForged: stop,
  otherInterface: stop,
  cardDeclined: stop,
  onlineRequired: stop,
  cardRefused: stop,
  mac2Invalid: stop,
  deadline: again,
};
