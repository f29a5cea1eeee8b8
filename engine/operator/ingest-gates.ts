/** The gates an engine has heard of since it started: who is connected, and what they last said. */
import { FaregateError } from '../errors.ts';
import { GATES_MAX } from '../limits.ts';
import type { GateStatus } from '../wire/gate-status.ts';

/** Plain counts since the engine started, for metrics. */
export interface IngestCounters {
  frames: number;
  /** Of frames, headers included. */
  bytes: number;
  /** Records in well-formed batches. */
  records: number;
  /** Records the ledger had not held before. */
  posted: number;
  /** Records the ledger held already. */
  duplicates: number;
  /** Connections and batches refused. */
  refused: number;
}

export function newCounters(): IngestCounters {
  return { frames: 0, bytes: 0, records: 0, posted: 0, duplicates: 0, refused: 0 };
}

/** One gate, for the dashboard. */
export interface GateView {
  readonly gateId: string;
  /** As it last reported itself; null before its first report. */
  readonly status: GateStatus | null;
  readonly connected: boolean;
  readonly lastSeenMs: number;
  readonly acknowledgedThrough: number;
}

/** Of a gate's connection, what a newer one needs. */
export interface Replaceable {
  /** Whether its gate is still there. */
  readonly live: boolean;
  /** Takes nothing more; resolves when the work under way is done. */
  retire(): Promise<void>;
}

interface Seen {
  status: GateStatus | null;
  lastSeenMs: number;
  acknowledgedThrough: number;
  session: Replaceable | null;
}

export class GateTable {
  readonly #gates = new Map<string, Seen>();

  /**
   * Makes `session` the gate's only one, once its former has finished what it was doing.
   * @throws FaregateError GATE_REFUSED beyond GATES_MAX gates.
   */
  async connect(gateId: string, session: Replaceable): Promise<void> {
    let seen = this.#gates.get(gateId);
    if (!seen) {
      if (this.#gates.size >= GATES_MAX) {
        throw new FaregateError('GATE_REFUSED', `there are ${GATES_MAX} gates already`);
      }
      seen = { status: null, lastSeenMs: 0, acknowledgedThrough: 0, session: null };
      this.#gates.set(gateId, seen);
    }
    const former = seen.session;
    seen.session = session;
    if (former && former !== session) await former.retire();
  }

  /** Forgets `session` where it still is the gate's. */
  disconnect(gateId: string, session: Replaceable): void {
    const seen = this.#gates.get(gateId);
    if (seen?.session === session) seen.session = null;
  }

  heard(gateId: string, nowMs: number, status: GateStatus | null): void {
    const seen = this.#gates.get(gateId);
    if (!seen) return;
    seen.lastSeenMs = nowMs;
    if (status) seen.status = status;
  }

  acknowledged(gateId: string, through: number): void {
    const seen = this.#gates.get(gateId);
    if (seen) seen.acknowledgedThrough = through;
  }

  views(): GateView[] {
    return [...this.#gates].map(([gateId, seen]) => ({
      gateId,
      status: seen.status,
      connected: seen.session?.live ?? false,
      lastSeenMs: seen.lastSeenMs,
      acknowledgedThrough: seen.acknowledgedThrough,
    }));
  }
}
