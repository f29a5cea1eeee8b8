/**
 * A barrier behind a pipe: one JSON line for each decision on standard output, for the gate maker's
 * own program to act on. `docs/gate-config.md` shows the lines. They hold no card number.
 */
import type { Decision } from '../../engine/tap/decision.ts';
import { reasons } from '../../engine/tap/reasons.ts';
import type { Barrier } from './barrier.ts';
import { signals } from './signals.ts';

export class LineBarrier implements Barrier {
  readonly #gateId: string;
  readonly #write: (line: string) => void;

  constructor(gateId: string, write: (line: string) => void) {
    this.#gateId = gateId;
    this.#write = write;
  }

  stand(open: boolean): void {
    this.#write(JSON.stringify({ gate: this.#gateId, standsOpen: open }));
  }

  show(decision: Decision): void {
    const { open, reason, amountMinor, balanceMinor } = decision;
    this.#write(
      JSON.stringify({
        gate: this.#gateId,
        open,
        reason,
        message: reasons[reason],
        ...signals[reason],
        amountMinor,
        balanceMinor,
      }),
    );
  }
}
