/**
 * An engine that is not there: gates with made-up but plausible traffic, for the tests of the HTTP
 * side and for looking at the page. Time is its own and moves only by `advance`; one seed, one
 * story.
 */
import { Histogram } from '../../engine/histogram.ts';
import type { EngineView, ExceptionsPage, ExceptionsQuery } from '../../engine/operator/http.ts';
import { Telemetry } from '../../engine/operator/telemetry.ts';
import {
  buildState,
  type DashboardState,
  type ExceptionItem,
  type GateInput,
  type LedgerView,
} from '../../engine/operator/view.ts';
import type { GateStatus } from '../../engine/wire/gate-status.ts';

const STATIONS = [
  'Xizhimen',
  'Guomao',
  'Wangfujing',
  'Beijing Railway Station',
  'Dongdan',
  'Fuxingmen',
];
const REASONS = ['balanceTooLow', 'passBack', 'noEntry', 'cardGone', 'expired', 'denylisted'];
const FARE_MINOR = 400;
/** Of so many taps one is of a bank card, which takes so much longer. */
const BANK_EVERY = 12;
const SIGNATURE_MS = 200;

interface Gate {
  readonly gateId: string;
  readonly station: string;
  readonly perSecond: number;
  startedMs: number;
  counts: { taps: number; opened: number; debits: number; torn: number; recovered: number };
  denied: Record<string, number>;
  tapMs: Histogram;
  hostUs: Histogram;
  bankTapMs: Histogram;
  bankHostUs: Histogram;
  backlog: number;
  stalled: boolean;
  connected: boolean;
  lastSeenMs: number;
  acknowledged: number;
  status: GateStatus | null;
}

export class Fixture implements EngineView {
  readonly #gates: Gate[];
  readonly #telemetry = new Telemetry();
  readonly #startedMs: number;
  readonly #exceptions: ExceptionItem[] = [];
  #nowMs: number;
  #seed: number;
  takesUploads = true;

  constructor(options: { gates?: number; seed?: number; nowMs?: number } = {}) {
    this.#seed = options.seed ?? 1;
    this.#nowMs = options.nowMs ?? Date.UTC(2026, 2, 9, 0, 30);
    this.#startedMs = this.#nowMs;
    const stations = STATIONS.length;
    this.#gates = Array.from({ length: options.gates ?? 16 }, (_, i) => ({
      gateId: `G${String(i + 1).padStart(2, '0')}`,
      station: STATIONS[i % stations]!,
      perSecond: 0.8 + 2.6 * this.#random(),
      ...fresh(this.#nowMs),
      backlog: 0,
      stalled: false,
      connected: true,
      lastSeenMs: this.#nowMs,
      acknowledged: 0,
      status: null,
    }));
  }

  /** The gate goes on and still reports, but its uploads are not acknowledged. */
  stall(gateId: string): void {
    this.#find(gateId).stalled = true;
  }

  /** The gate goes on, but its uplink is cut. */
  cut(gateId: string): void {
    this.#find(gateId).connected = false;
  }

  /** The gate's process starts again: its counts begin at zero. */
  restart(gateId: string): void {
    Object.assign(this.#find(gateId), fresh(this.#nowMs));
  }

  advance(seconds: number): void {
    for (let s = 0; s < seconds; s++) {
      this.#nowMs += 1000;
      const rush = 1 + 0.25 * Math.sin(this.#nowMs / 17_000) + 0.12 * Math.sin(this.#nowMs / 5300);
      for (const gate of this.#gates) {
        const wanted = gate.perSecond * rush * (0.55 + 0.9 * this.#random());
        const taps = Math.floor(wanted) + (this.#random() < wanted % 1 ? 1 : 0);
        for (let i = 0; i < taps; i++) this.#tap(gate);
        if (gate.connected) this.#report(gate);
      }
    }
  }

  /** Adds what the ledger found. */
  exception(kind: string, gateId: string, detail: string): void {
    this.#exceptions.push({
      id: this.#exceptions.length + 1,
      kind,
      gateId,
      gateSequence: this.#find(gateId).counts.debits,
      atMs: this.#nowMs,
      amountMinor: FARE_MINOR,
      currency: 'CNY',
      detail,
    });
  }

  state(): DashboardState {
    const acknowledged = this.#gates.reduce((sum, gate) => sum + gate.acknowledged, 0);
    const kinds: Record<string, number> = {};
    for (const { kind } of this.#exceptions) kinds[kind] = (kinds[kind] ?? 0) + 1;
    const suspense = this.#exceptions.length * FARE_MINOR;
    const receivable = acknowledged * FARE_MINOR - suspense;
    return buildState(
      {
        nowMs: this.#nowMs,
        startedMs: this.#startedMs,
        city: 'Beijing',
        currency: { code: 'CNY', decimals: 2 },
        gates: this.#gates.map(input),
        ledger: {
          debits: acknowledged,
          posted: acknowledged - this.#exceptions.length,
          passedThrough: 0,
          unconfirmed: 4,
          voided: 7,
          suspended: this.#exceptions.length,
          refused: 0,
          exceptions: kinds,
          accounts: [
            { name: 'issuer-float', currency: 'CNY', balanceMinor: -receivable - suspense },
            { name: 'operator-receivable', currency: 'CNY', balanceMinor: receivable },
            { name: 'suspense', currency: 'CNY', balanceMinor: suspense },
          ],
        },
        recentExceptions: this.#exceptions.toReversed(),
      },
      this.#telemetry,
    );
  }

  exceptions({ after, limit }: ExceptionsQuery): ExceptionsPage {
    const items = this.#exceptions.filter(({ id }) => id > after).slice(0, limit);
    const last = items.at(-1)?.id ?? 0;
    return { items, next: last < this.#exceptions.length && items.length > 0 ? last : null };
  }

  ledger(): LedgerView {
    return this.state().ledger;
  }

  ready(): boolean {
    return this.takesUploads;
  }

  #find(gateId: string): Gate {
    const gate = this.#gates.find((candidate) => candidate.gateId === gateId);
    if (!gate) throw new Error(`the fixture has no gate ${gateId}`);
    return gate;
  }

  #tap(gate: Gate): void {
    const { counts } = gate;
    counts.taps += 1;
    const spread = this.#random() + this.#random() + this.#random() - 1.5;
    const slow = this.#random() < 0.03 ? 40 * this.#random() : 0;
    const tapMs = 146 + 34 * spread + slow;
    const hostUs = 90 + 60 * this.#random() + (this.#random() < 0.01 ? 500 * this.#random() : 0);
    if (counts.taps % BANK_EVERY === 0) {
      gate.bankTapMs.add(tapMs + SIGNATURE_MS);
      gate.bankHostUs.add(hostUs);
    } else {
      gate.tapMs.add(tapMs);
      gate.hostUs.add(hostUs);
    }
    if (this.#random() < 0.035) {
      const reason = REASONS[Math.floor(REASONS.length * this.#random() ** 2)]!;
      gate.denied[reason] = (gate.denied[reason] ?? 0) + 1;
      return;
    }
    if (this.#random() < 0.004) {
      counts.torn += 1;
      if (this.#random() < 0.9) counts.recovered += 1;
      return;
    }
    counts.opened += 1;
    counts.debits += 1;
    gate.backlog += 1;
  }

  #report(gate: Gate): void {
    // What came in the last moment is still on its way.
    const left = Math.floor(3 * this.#random());
    if (!gate.stalled) {
      gate.acknowledged += Math.max(0, gate.backlog - left);
      gate.backlog = Math.min(gate.backlog, left);
    }
    gate.lastSeenMs = this.#nowMs;
    gate.status = report(gate);
    this.#telemetry.observe(gate.status, this.#nowMs);
  }

  #random(): number {
    this.#seed = (Math.imul(this.#seed, 1_664_525) + 1_013_904_223) >>> 0;
    return this.#seed / 2 ** 32;
  }
}

function fresh(
  startedMs: number,
): Pick<Gate, 'startedMs' | 'counts' | 'denied' | 'tapMs' | 'hostUs' | 'bankTapMs' | 'bankHostUs'> {
  return {
    startedMs,
    counts: { taps: 0, opened: 0, debits: 0, torn: 0, recovered: 0 },
    denied: {},
    tapMs: new Histogram(),
    hostUs: new Histogram(),
    bankTapMs: new Histogram(),
    bankHostUs: new Histogram(),
  };
}

function report(gate: Gate): GateStatus {
  return {
    gateId: gate.gateId,
    station: gate.station,
    startedMs: gate.startedMs,
    ...gate.counts,
    denied: { ...gate.denied },
    backlog: gate.backlog,
    unconfirmed: 0,
    tapMs: gate.tapMs.data(),
    hostUs: gate.hostUs.data(),
    bankTapMs: gate.bankTapMs.data(),
    bankHostUs: gate.bankHostUs.data(),
  };
}

function input(gate: Gate): GateInput {
  const { gateId, station, status, connected, lastSeenMs, acknowledged } = gate;
  return { gateId, station, status, connected, lastSeenMs, acknowledgedThrough: acknowledged };
}

/** Sixteen gates at six stations after five minutes of rush hour, one offline, three exceptions. */
export function livelyFixture(): Fixture {
  const fixture = new Fixture();
  fixture.advance(240);
  fixture.exception('badTac', 'G03', 'the TAC does not verify under key 01 version 01');
  fixture.advance(12);
  fixture.exception('counterGap', 'G11', 'offline counter 41 follows 38; two debits are missing');
  fixture.stall('G14');
  fixture.advance(28);
  fixture.exception('balanceBreak', 'G07', 'balance 12.00 follows 18.00 after a debit of 4.00');
  fixture.cut('G14');
  fixture.advance(48);
  return fixture;
}
