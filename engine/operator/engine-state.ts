/** What a running engine knows, as the HTTP side asks for it. */

import { STATE_REFRESH_MS } from '../durations.ts';
import type { Ledger, ExceptionItem as LedgerException } from '../ledger/ledger.ts';
import { DASHBOARD_EXCEPTIONS_MAX } from '../limits.ts';
import type { EngineView, ExceptionsPage, ExceptionsQuery } from './http.ts';
import type { IngestServer } from './ingest.ts';
import type { EnrolledGate } from './registry.ts';
import { Telemetry } from './telemetry.ts';
import {
  buildState,
  type Currency,
  type DashboardState,
  type ExceptionItem,
  type GateInput,
  type LedgerInput,
  type LedgerView,
} from './view.ts';

export interface EngineStateParts {
  readonly ledger: Ledger;
  readonly ingest: IngestServer;
  readonly enrolled: () => Promise<readonly EnrolledGate[]>;
  /** Whether uploads are taken. */
  readonly ready: () => boolean;
  readonly city: string;
  readonly currency: Currency;
  /** Alphabetic code of an ISO 4217 number. */
  readonly currencyCode: (number: number) => string;
}

export class EngineState implements EngineView {
  readonly #parts: EngineStateParts;
  readonly #telemetry = new Telemetry();
  readonly #startedMs = Date.now();
  #enrolled: readonly EnrolledGate[] = [];
  #built: DashboardState | null = null;

  constructor(parts: EngineStateParts) {
    this.#parts = parts;
  }

  /** Built at most a few times a second, however many ask. */
  state(): DashboardState {
    const nowMs = Date.now();
    if (this.#built && nowMs - this.#built.atMs < STATE_REFRESH_MS) return this.#built;
    this.#refreshEnrolled();
    this.#built = buildState(
      {
        nowMs,
        startedMs: this.#startedMs,
        city: this.#parts.city,
        currency: this.#parts.currency,
        gates: this.#gates(),
        ledger: this.#ledgerInput(),
        recentExceptions: this.#recentExceptions(),
      },
      this.#telemetry,
    );
    return this.#built;
  }

  exceptions({ after, limit }: ExceptionsQuery): ExceptionsPage {
    const found = this.#parts.ledger.exceptions({ after, limit });
    const items = found.map((item) => this.#exception(item));
    return { items, next: items.length === limit ? items[items.length - 1]!.id : null };
  }

  ledger(): LedgerView {
    return this.state().ledger;
  }

  ready(): boolean {
    return this.#parts.ready();
  }

  /** Every enrolled gate, heard of or not. */
  #gates(): GateInput[] {
    const heard = new Map(this.#parts.ingest.gates().map((gate) => [gate.gateId, gate]));
    return this.#enrolled
      .filter((gate) => gate.revoked === null || heard.has(gate.id))
      .map((gate) => ({
        status: null,
        connected: false,
        lastSeenMs: 0,
        acknowledgedThrough: this.#parts.ledger.acknowledgedThrough(gate.id),
        ...heard.get(gate.id),
        gateId: gate.id,
        station: gate.station,
      }));
  }

  #refreshEnrolled(): void {
    this.#parts.enrolled().then(
      (gates) => {
        this.#enrolled = gates;
      },
      // The last good list stays; the registry itself reports what is wrong with its file.
      () => {},
    );
  }

  #ledgerInput(): LedgerInput {
    const { accounts, ...summary } = this.#parts.ledger.summary();
    return {
      ...summary,
      accounts: accounts.map(({ name, currency, balanceMinor }) => ({
        name,
        balanceMinor,
        currency: this.#parts.currencyCode(currency),
      })),
    };
  }

  #recentExceptions(): ExceptionItem[] {
    const { exceptions } = this.#parts.ledger.summary();
    const total = Object.values(exceptions).reduce((sum, count) => sum + count, 0);
    const after = Math.max(0, total - DASHBOARD_EXCEPTIONS_MAX);
    return this.#parts.ledger
      .exceptions({ after, limit: DASHBOARD_EXCEPTIONS_MAX })
      .map((item) => this.#exception(item))
      .reverse();
  }

  #exception(item: LedgerException): ExceptionItem {
    const other = item.other
      ? `; the other is ${item.other.gateId}/${item.other.gateSequence}`
      : '';
    return {
      id: item.number,
      kind: item.code,
      gateId: item.gateId,
      gateSequence: item.gateSequence,
      atMs: item.instantMs,
      amountMinor: item.amountMinor,
      currency: this.#parts.currencyCode(item.currency),
      detail: `offline counter ${item.offlineCounter}${other}`,
    };
  }
}
