/** What a reduction of the extension tables leaves of a fare, in whole numbers throughout. */
import assert from 'node:assert/strict';

/**
 * A fare less a percent and then an amount, the rest rounded to whole multiples of `roundMinor`,
 * halves up. Never below 0, and never more than the fare was. Allocates nothing.
 */
export function reducedMinor(
  fareMinor: number,
  percent: number,
  offMinor: number,
  roundMinor: number,
): number {
  assert(fareMinor >= 0 && percent >= 0 && percent <= 100 && offMinor >= 0 && roundMinor > 0);
  const hundredths = fareMinor * (100 - percent) - 100 * offMinor;
  if (hundredths <= 0) return 0;
  const left = Math.floor((2 * hundredths + 100 * roundMinor) / (200 * roundMinor)) * roundMinor;
  return Math.min(left, fareMinor);
}
