/** The barrier port: what the rider sees and hears. Implementations belong to the gate's maker. */
import type { Decision } from '../../engine/tap/decision.ts';

export interface Barrier {
  /**
   * Opens, or refuses with the reason shown. Must return at once; the mechanics run by themselves.
   */
  show(decision: Decision): void;
  /**
   * Stands open from here on, or works by `show` again: an emergency release. A barrier without it
   * opens for each tap only.
   */
  stand?(open: boolean): void;
}

/** A barrier that only counts, for stations without hardware. */
export class CountingBarrier implements Barrier {
  opened = 0;
  refused = 0;

  show(decision: Decision): void {
    if (decision.open) this.opened += 1;
    else this.refused += 1;
  }
}
