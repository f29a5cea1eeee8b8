/**
 * What the dashboard and the HTTP API show: the engine's knowledge turned into one plain state.
 * Pure apart from the `Telemetry` passed in. No card number ever enters it, and texts that come
 * from outside are masked all the same (PCI DSS 3.4: at most the last four digits are shown).
 */
import { clockQualityText } from '../clock-quality.ts';
import { BANK_TAP_DEADLINE_MS, TAP_DEADLINE_MS } from '../durations.ts';
import { bucketHigh, type Histogram, type Percentiles } from '../histogram.ts';
import { modeText } from '../tap/modes.ts';
import type { GateStatus } from '../wire/gate-status.ts';
import { RATE_HISTORY_S, type Telemetry } from './telemetry.ts';

/** The class of the fastest gates in the field (Suica: 200 ms for the whole tap). */
const TAP_AIM_MS = 200;
/**
 * Width of a drawn latency bucket. From 128 to 255 ms a histogram bucket is 4 ms wide, so 20 ms
 * hold five whole ones and the drawing has no comb in it.
 */
const TAP_BUCKET_MS = 20;
/** Taps of this and more share the last drawn bucket. */
const TAP_BUCKETS_END_MS = 400;

/** ISO 4217 code and its decimals. */
export interface Currency {
  readonly code: string;
  readonly decimals: number;
}

/** One enrolled gate as the engine knows it. */
export interface GateInput {
  readonly gateId: string;
  readonly station: string;
  /** Its newest report; null where it has not sent one to this process. */
  readonly status: GateStatus | null;
  readonly connected: boolean;
  /** Instant of its last word; 0 where it never spoke. */
  readonly lastSeenMs: number;
  /** Highest gate sequence the engine has acknowledged. */
  readonly acknowledgedThrough: number;
}

export interface AccountInput {
  readonly name: string;
  readonly currency: string;
  readonly balanceMinor: number;
}

export interface LedgerInput {
  readonly debits: number;
  readonly posted: number;
  /** Of these, the ones that only the card's bank can verify. */
  readonly passedThrough: number;
  readonly unconfirmed: number;
  readonly voided: number;
  /** In suspense: their TAC did not verify. */
  readonly suspended: number;
  /** Not posted for a conflict with another. */
  readonly refused: number;
  /** Count by kind. */
  readonly exceptions: Readonly<Record<string, number>>;
  readonly accounts: readonly AccountInput[];
}

/** A debit the ledger would not post as it came, without its card. */
export interface ExceptionItem {
  /** Rises with each exception; pages start after one. */
  readonly id: number;
  readonly kind: string;
  readonly gateId: string;
  readonly gateSequence: number;
  /** When it was found. */
  readonly atMs: number;
  readonly amountMinor: number;
  readonly currency: string;
  readonly detail: string;
}

export interface StateInput {
  readonly nowMs: number;
  readonly startedMs: number;
  readonly city: string;
  readonly currency: Currency;
  readonly gates: readonly GateInput[];
  readonly ledger: LedgerInput;
  /** Newest first. */
  readonly recentExceptions: readonly ExceptionItem[];
}

export interface AccountView extends AccountInput {
  /** As a person writes it: `-1,234.50`. */
  readonly balance: string;
}

export interface LedgerView {
  readonly debits: number;
  readonly posted: number;
  /** Of these, the ones that only the card's bank can verify. */
  readonly passedThrough: number;
  readonly unconfirmed: number;
  readonly voided: number;
  readonly exceptions: readonly { readonly kind: string; readonly count: number }[];
  readonly accounts: readonly AccountView[];
  /** The books add up when every sum is zero. */
  readonly sums: readonly {
    readonly currency: string;
    readonly sumMinor: number;
    readonly sum: string;
  }[];
  readonly balanced: boolean;
}

export interface GateView {
  readonly gateId: string;
  readonly station: string;
  readonly connected: boolean;
  readonly lastSeenMs: number;
  readonly acknowledgedThrough: number;
  readonly tapsPerSecond: number;
  readonly taps: number;
  readonly opened: number;
  readonly debits: number;
  readonly denied: number;
  readonly torn: number;
  readonly unconfirmed: number;
  readonly backlog: number;
  /** The parameter set in force; 0: none, or it does not say. */
  readonly parametersVersion: number;
  /** Bank cards left out. */
  readonly tapP99Ms: number;
  /** `normal`, or its modes joined by `+`. */
  readonly mode: string;
  readonly clock: string;
  /** The shift it has open; 0 where it did not say. */
  readonly shift: number;
  readonly shiftRecords: number;
  readonly shiftAmountMinor: number;
}

export interface LatencyBucket {
  readonly fromMs: number;
  /** Not included; null in the last bucket, which has no end. */
  readonly toMs: number | null;
  readonly taps: number;
}

export interface PromiseView extends Percentiles {
  readonly promiseMs: number;
  readonly taps: number;
  /** Taps that took less than the promise. */
  readonly withinPromise: number;
}

export interface LatencyView extends PromiseView {
  readonly aimMs: number;
  readonly buckets: readonly LatencyBucket[];
}

export interface DashboardState {
  readonly atMs: number;
  readonly startedMs: number;
  readonly city: string;
  readonly currency: Currency;
  readonly rate: {
    readonly tapsPerSecond: number;
    /** The busiest second of the history. */
    readonly peak: number;
    /** Taps in each of the last seconds, oldest first. */
    readonly history: readonly number[];
  };
  readonly totals: {
    readonly taps: number;
    readonly opened: number;
    readonly debits: number;
    /** Debits in the ledger that cards committed, or may have. */
    readonly received: number;
    /** Of these, the ones on the issuers' accounts. */
    readonly posted: number;
    readonly denied: number;
    readonly torn: number;
    readonly recovered: number;
    readonly unconfirmed: number;
    readonly exceptions: number;
    readonly backlog: number;
    readonly gates: number;
    readonly connected: number;
  };
  readonly tapMs: LatencyView;
  readonly hostUs: Percentiles;
  /** Of bank cards, which are not in the two above. */
  readonly bankTapMs: PromiseView;
  readonly bankHostUs: Percentiles;
  readonly denials: readonly { readonly reason: string; readonly taps: number }[];
  readonly ledger: LedgerView;
  readonly exceptions: readonly ExceptionItem[];
  readonly gates: readonly GateView[];
}

/**
 * The whole picture at `nowMs`. Reports that `telemetry` has not seen yet are given to it first.
 */
export function buildState(input: StateInput, telemetry: Telemetry): DashboardState {
  for (const { status } of input.gates) if (status) telemetry.observe(status, input.nowMs);
  const { tapMs, hostUs, bankTapMs, bankHostUs } = telemetry.latencies();
  const history = telemetry.rate.history(input.nowMs, RATE_HISTORY_S).map(oneDecimal);
  const ledger = ledgerView(input.ledger, input.currency);
  return {
    atMs: input.nowMs,
    startedMs: input.startedMs,
    city: input.city,
    currency: input.currency,
    rate: {
      tapsPerSecond: oneDecimal(telemetry.rate.perSecond(input.nowMs)),
      peak: Math.max(...history),
      history,
    },
    totals: totals(input, telemetry),
    tapMs: latencyView(tapMs),
    hostUs: hostUs.percentiles(),
    bankTapMs: promiseView(bankTapMs, BANK_TAP_DEADLINE_MS),
    bankHostUs: bankHostUs.percentiles(),
    denials: denials(telemetry),
    ledger,
    exceptions: input.recentExceptions.map(publicException),
    gates: input.gates.map((gate) => gateView(gate, telemetry, input.nowMs)).sort(byPlace),
  };
}

function totals(input: StateInput, telemetry: Telemetry): DashboardState['totals'] {
  const sum = { taps: 0, opened: 0, debits: 0, denied: 0, torn: 0, recovered: 0, backlog: 0 };
  for (const tally of telemetry.tallies.values()) {
    sum.taps += tally.counts.taps;
    sum.opened += tally.counts.opened;
    sum.debits += tally.counts.debits;
    sum.torn += tally.counts.torn;
    sum.recovered += tally.counts.recovered;
    sum.denied += tally.deniedTaps;
    sum.backlog += tally.last.backlog;
  }
  const { posted, unconfirmed, suspended, refused } = input.ledger;
  return {
    ...sum,
    received: posted + unconfirmed + suspended + refused,
    posted,
    unconfirmed,
    exceptions: Object.values(input.ledger.exceptions).reduce((a, b) => a + b, 0),
    gates: input.gates.length,
    connected: input.gates.filter((gate) => gate.connected).length,
  };
}

/**
 * The share within the promise. A histogram bucket that straddles it counts as the slower side of
 * it, so the promise is never flattered.
 */
function promiseView(tapMs: Histogram, promiseMs: number): PromiseView {
  let withinPromise = 0;
  for (const { valueMs, taps } of slowestOf(tapMs)) if (valueMs < promiseMs) withinPromise += taps;
  return { ...tapMs.percentiles(), promiseMs, taps: tapMs.total, withinPromise };
}

/** The same with drawn buckets, whose edges count alike. */
export function latencyView(tapMs: Histogram): LatencyView {
  const taps = new Array<number>(TAP_BUCKETS_END_MS / TAP_BUCKET_MS + 1).fill(0);
  for (const { valueMs, taps: more } of slowestOf(tapMs)) {
    taps[Math.min(Math.floor(valueMs / TAP_BUCKET_MS), taps.length - 1)]! += more;
  }
  return {
    ...promiseView(tapMs, TAP_DEADLINE_MS),
    aimMs: TAP_AIM_MS,
    buckets: taps.map((count, i) => ({
      fromMs: i * TAP_BUCKET_MS,
      toMs: i === taps.length - 1 ? null : (i + 1) * TAP_BUCKET_MS,
      taps: count,
    })),
  };
}

/** The taps of each bucket, with the slowest time that is in it. */
function* slowestOf(tapMs: Histogram): Generator<{ valueMs: number; taps: number }> {
  const { counts, max } = tapMs.data();
  for (let i = 0; i < counts.length; i += 2) {
    yield { valueMs: Math.min(bucketHigh(counts[i]!), max), taps: counts[i + 1]! };
  }
}

function denials(telemetry: Telemetry): { reason: string; taps: number }[] {
  const byReason = new Map<string, number>();
  for (const tally of telemetry.tallies.values()) {
    for (const [reason, taps] of Object.entries(tally.denied)) {
      byReason.set(reason, (byReason.get(reason) ?? 0) + taps);
    }
  }
  return [...byReason]
    .map(([reason, taps]) => ({ reason, taps }))
    .filter(({ taps }) => taps > 0)
    .sort((a, b) => b.taps - a.taps || (a.reason < b.reason ? -1 : 1));
}

function gateView(gate: GateInput, telemetry: Telemetry, nowMs: number): GateView {
  const tally = telemetry.tallies.get(gate.gateId);
  const now = tally?.last.now;
  return {
    gateId: gate.gateId,
    station: gate.station,
    connected: gate.connected,
    lastSeenMs: gate.lastSeenMs,
    acknowledgedThrough: gate.acknowledgedThrough,
    tapsPerSecond: oneDecimal(tally?.rate.perSecond(nowMs) ?? 0),
    taps: tally?.counts.taps ?? 0,
    opened: tally?.counts.opened ?? 0,
    debits: tally?.counts.debits ?? 0,
    denied: tally?.deniedTaps ?? 0,
    torn: tally?.counts.torn ?? 0,
    unconfirmed: tally?.last.unconfirmed ?? 0,
    backlog: tally?.last.backlog ?? 0,
    parametersVersion: tally?.last.parameters?.version ?? 0,
    tapP99Ms: tally?.tapP99Ms ?? 0,
    mode: modeText(now?.mode ?? 0),
    clock: clockQualityText(now?.clockQuality ?? 0),
    shift: now?.shift ?? 0,
    shiftRecords: now?.shiftRecords ?? 0,
    shiftAmountMinor: now?.shiftAmountMinor ?? 0,
  };
}

const collator = new Intl.Collator('en', { numeric: true });

function byPlace(a: GateView, b: GateView): number {
  return collator.compare(a.station, b.station) || collator.compare(a.gateId, b.gateId);
}

/** The ledger's counts and accounts, with the sum of each currency, which must be zero. */
export function ledgerView(ledger: LedgerInput, currency: Currency): LedgerView {
  const sums = new Map<string, number>([[currency.code, 0]]);
  for (const account of ledger.accounts) {
    sums.set(account.currency, (sums.get(account.currency) ?? 0) + account.balanceMinor);
  }
  const decimals = (code: string) =>
    code === currency.code ? currency.decimals : decimalsOf(code);
  return {
    debits: ledger.debits,
    posted: ledger.posted,
    passedThrough: ledger.passedThrough,
    unconfirmed: ledger.unconfirmed,
    voided: ledger.voided,
    exceptions: Object.entries(ledger.exceptions).map(([kind, count]) => ({ kind, count })),
    accounts: ledger.accounts.map((account) => ({
      name: account.name,
      currency: account.currency,
      balanceMinor: account.balanceMinor,
      balance: formatMinor(account.balanceMinor, decimals(account.currency)),
    })),
    sums: [...sums].map(([code, sumMinor]) => ({
      currency: code,
      sumMinor,
      sum: formatMinor(sumMinor, decimals(code)),
    })),
    balanced: [...sums.values()].every((sumMinor) => sumMinor === 0),
  };
}

/** Decimals of a currency that is not the city's own (ISO 4217, as the runtime has it). */
function decimalsOf(code: string): number {
  if (!/^[A-Z]{3}$/.test(code)) return 0;
  const format = new Intl.NumberFormat('en', { style: 'currency', currency: code });
  return format.resolvedOptions().maximumFractionDigits ?? 0;
}

/** Minor units as a person writes them, without ever dividing: (-123450, 2) is `-1,234.50`. */
export function formatMinor(amountMinor: number, decimals: number): string {
  const digits = String(Math.abs(amountMinor)).padStart(decimals + 1, '0');
  const whole = digits.slice(0, digits.length - decimals).replace(/\B(?=(\d{3})+$)/g, ',');
  const fraction = decimals === 0 ? '' : `.${digits.slice(-decimals)}`;
  return `${amountMinor < 0 ? '-' : ''}${whole}${fraction}`;
}

/** The exception as it may be shown: exactly the public fields, long digit runs masked. */
export function publicException(item: ExceptionItem): ExceptionItem {
  return {
    id: item.id,
    kind: item.kind,
    gateId: item.gateId,
    gateSequence: item.gateSequence,
    atMs: item.atMs,
    amountMinor: item.amountMinor,
    currency: item.currency,
    detail: maskNumbers(item.detail),
  };
}

/** Hides what could be a card number: runs of 12 or more hex digits keep their last four. */
export function maskNumbers(text: string): string {
  return text.replace(/[0-9a-f]{12,}/gi, (run) => `****${run.slice(-4)}`);
}

function oneDecimal(value: number): number {
  return Math.round(value * 10) / 10;
}
