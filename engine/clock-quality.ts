/**
 * How well a gate's wall clock was known to run when a record was made, in one byte. A gate
 * compares its clock with the engine's whenever they speak (`docs/time.md`).
 *
 *     0          unknown: never compared since the process started or the clock jumped
 *     1          synchronised: agreed with the engine within the last ten minutes
 *     2          wrong: differed from the engine by more than two seconds when last compared
 *     3 to 255   free-running: agreed, and that was 0 to 252 whole hours ago, or longer
 */
export const ClockQuality = { unknown: 0, synchronised: 1, wrong: 2, freeRunning: 3 } as const;

const HOUR_MS = 3_600_000;

/** The byte of a clock that agreed `sinceMs` ago. */
export function freeRunningSince(sinceMs: number): number {
  return Math.min(255, ClockQuality.freeRunning + Math.floor(sinceMs / HOUR_MS));
}

/** For people. */
export function clockQualityText(quality: number): string {
  if (quality === ClockQuality.unknown) return 'unknown';
  if (quality === ClockQuality.synchronised) return 'synchronised';
  if (quality === ClockQuality.wrong) return 'wrong';
  const hours = quality - ClockQuality.freeRunning;
  return `free-running for ${quality === 255 ? 'more than ' : ''}${hours} h`;
}
