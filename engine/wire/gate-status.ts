/** What a gate tells the engine about itself with every upload, and what the dashboard shows. */
import type { HistogramData } from '../histogram.ts';

/** Counts since the gate's process started; `startedMs` tells a restart. */
export interface GateStatus {
  readonly gateId: string;
  readonly station: string;
  readonly startedMs: number;
  readonly taps: number;
  readonly opened: number;
  /** Debits that cards proved, those that a later tap settled included. */
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
  /** Absent where the gate takes no parameter sets. */
  readonly parameters?: {
    /** The set in force; 0: none. */
    readonly version: number;
    /** The newest set that waits for its instant; 0: none. */
    readonly staged: number;
    /** What went wrong last with a set; empty where nothing did. */
    readonly fault: string;
  };
  readonly tapMs: HistogramData;
  readonly hostUs: HistogramData;
  /** Of bank cards, whose promise is another; absent where none came, or where they are above. */
  readonly bankTapMs?: HistogramData;
  readonly bankHostUs?: HistogramData;
  /** Absent from gates that do not tell it. */
  readonly now?: GateNow;
}

/** How a gate stands as it reports. */
export interface GateNow {
  /** Mask of `engine/tap/modes.ts`. */
  readonly mode: number;
  /** Byte of `engine/clock-quality.ts`. */
  readonly clockQuality: number;
  /** Number of the shift that is open, and what it counts so far. */
  readonly shift: number;
  readonly shiftRecords: number;
  readonly shiftAmountMinor: number;
  /** People let through since the process started while each mode was in force, by its name. */
  readonly underMode: Readonly<Record<string, number>>;
}
