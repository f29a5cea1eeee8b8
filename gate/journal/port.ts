/** The journal port: a gate's durable queue of debits, from intent to acknowledgement. */

export interface Journal {
  /**
   * Sequence the next intent takes: from 1, without gaps, never reused with a durable intent. Known
   * ahead, so that it can serve as the terminal sequence.
   */
  readonly nextSequence: number;
  /** Closed records not yet acknowledged by the engine. */
  readonly backlog: number;
  /**
   * Throws JOURNAL_FULL or DISK_FULL now if a whole tap (`JOURNAL_TAP_RECORDS`) would not fit; costs
   * nothing otherwise.
   */
  reserve(): void;
  /**
   * Appends the record (160 bytes, state `intended`; settlements and events are final already) under
   * `nextSequence`. The write starts at once, or as soon as a sync that is under way is over; the
   * promise resolves when the record is durable.
   * @throws FaregateError, by rejection: JOURNAL_FULL, DISK_FULL (nothing appended), DISK_FAILED
   * (the outcome is unknown, and the journal refuses everything from then on).
   */
  intent(record: Uint8Array): Promise<void>;
  /**
   * Appends the final record (160 bytes) of an intent, by the sequence inside it. It becomes
   * durable with the next sync, which the journal starts by itself within a bounded time.
   */
  close(record: Uint8Array): void;
  /** Intents without a final record: after a restart, the taps that a crash cut off. */
  open(): Uint8Array[];
  /**
   * Closed and durable records from sequence `from` on, in order, concatenated: at most `max`, and
   * only as far as no open intent stands between.
   */
  read(from: number, max: number): Promise<{ records: Uint8Array; count: number }>;
  /** Everything up to `through` is the engine's now: it may be dropped here. Monotone. */
  acknowledge(through: number): void;
  /** Highest acknowledged sequence, 0 at first. */
  readonly acknowledged: number;
  /** Makes everything durable and closes. */
  end(): Promise<void>;
}
