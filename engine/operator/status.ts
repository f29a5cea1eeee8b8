/** What a gate tells the engine about itself with every upload, and what the dashboard shows. */
import type { HistogramData } from '../histogram.ts';

/** Counts since the gate's process started; `startedMs` tells a restart. */
export interface GateStatus {
  readonly gateId: string;
  readonly station: string;
  readonly startedMs: number;
  readonly taps: number;
  readonly opened: number;
  readonly debits: number;
  /** Cards that left before the tap was over. */
  readonly torn: number;
  /** Unconfirmed debits settled by a later tap. */
  readonly recovered: number;
  /** Denials by reason code of `engine/tap/reasons.ts`. */
  readonly denied: Readonly<Record<string, number>>;
  readonly backlog: number;
  /** Debits of this gate whose outcome is still unknown. */
  readonly unconfirmed: number;
  readonly tapMs: HistogramData;
  readonly hostUs: HistogramData;
}
