/**
 * Adds the open-loop books up again from what they rest on: taps priced afresh, charges, postings,
 * entries of files; and, where it is at hand, the ledger itself.
 */
import { Findings } from '../ledger/findings.ts';
import type { Balances } from './books.ts';
import { allBalances, recomputeBalances } from './books.ts';
import { type ReadTap, tapsOf } from './charge-book.ts';
import { type CardRow, type Charge, chargeId, outstandingMinor, presentmentId } from './model.ts';
import type { OpenLoopPolicy } from './policy.ts';
import { type Pricing, priceDays } from './pricing.ts';
import { denialReasons, exposureMinor } from './risk.ts';
import {
  balanceOf,
  dayKey,
  eachRow,
  getRow,
  lastRun,
  liveCharges,
  type OpenLoopReader,
  type OpenLoopStore,
  rowsOf,
  tapKey,
} from './rows.ts';

export interface OpenLoopReport {
  readonly cards: number;
  readonly taps: number;
  /** Taps that no charge can be for. */
  readonly faults: number;
  /** Journeys without a price; they are not charged. */
  readonly unpriced: number;
  readonly openDays: number;
  /** Charges by state. */
  readonly charges: Readonly<Record<string, { readonly count: number; readonly minor: number }>>;
  readonly balances: Balances;
  /** What is unpaid of all cards, and how many are stopped. */
  readonly exposureMinor: number;
  readonly denied: number;
  /** The card of the highest exposure now, and the highest that any card ever had. */
  readonly worst: { readonly card: string; readonly exposureMinor: number } | null;
  readonly peakMinor: number;
  readonly lossMinor: number;
  /** Refunds that the acquirer declined: owed to riders. */
  readonly owedMinor: number;
  readonly findings: readonly string[];
  readonly findingsCount: number;
}

/**
 * @param ledger the posted taps, batch by batch; null: they are not compared
 */
export function checkOpenLoop(
  store: OpenLoopStore,
  policy: OpenLoopPolicy,
  pricing: Pricing,
  ledger: Iterable<readonly ReadTap[]> | null,
): OpenLoopReport {
  const findings = new Findings();
  const report = store.read((reader) => {
    const sums = { cards: 0, taps: 0, unpriced: 0, openDays: 0, exposureMinor: 0, peakMinor: 0 };
    let worst: OpenLoopReport['worst'] = null;
    for (const { row } of [...eachRow(reader, 'cards')]) {
      const of = checkCard(reader, row, policy, pricing, findings);
      sums.cards++;
      sums.taps += of.taps;
      sums.unpriced += of.unpriced;
      sums.openDays += of.openDays;
      sums.exposureMinor += of.exposureMinor;
      sums.peakMinor = Math.max(sums.peakMinor, row.peakMinor);
      if (of.exposureMinor > (worst?.exposureMinor ?? 0)) {
        worst = { card: row.card, exposureMinor: of.exposureMinor };
      }
    }
    const charges = checkCharges(reader, findings);
    checkRuns(reader, findings);
    const faults = [...eachRow(reader, 'faults')].length;
    const denied = [...eachRow(reader, 'denied')].length;
    const lossMinor = balanceOf(reader, 'loss');
    const rest = { ...charges, balances: allBalances(reader), faults, denied, lossMinor };
    return { ...sums, worst, ...rest };
  });
  if (ledger) checkLedgerTaps(store, ledger, findings);
  return { ...report, findings: findings.texts, findingsCount: findings.count };
}

interface CardSums {
  readonly taps: number;
  readonly unpriced: number;
  readonly openDays: number;
  readonly exposureMinor: number;
}

/** Every tap is of one day, every day costs what the account engine says, charges come to that. */
function checkCard(
  reader: OpenLoopReader,
  row: CardRow,
  policy: OpenLoopPolicy,
  pricing: Pricing,
  findings: Findings,
): CardSums {
  const { card, fromDay } = row;
  const say = (what: string) => findings.add(`card ${card}: ${what}`);
  const isDirty = getRow(reader, 'dirty', card) !== undefined;
  const days = rowsOf(reader, 'days', card);
  const priced = priceDays(pricing, tapsOf(reader, row, pricing), row.pricedAtMs);
  const daysOfTap = new Map<string, number>();
  let [openMinor, unpriced, openDays] = [0, 0, 0];
  for (const day of days) {
    for (const tap of day.taps) daysOfTap.set(tap, (daysOfTap.get(tap) ?? 0) + 1);
    unpriced += day.journeys.filter(({ amountMinor }) => amountMinor === null).length;
    if (day.state === 'open') openDays++;
    openMinor += day.priceMinor - day.chargedMinor;
    const charges = rowsOf(reader, 'charges', dayKey(card, day.day));
    checkDay(day.state, day.chargedMinor, charges, (what) => say(`day ${day.day} ${what}`));
    if (isDirty || (fromDay !== null && day.day < fromDay)) continue;
    const fresh = priced.get(day.day) ?? { priceMinor: 0, taps: [] };
    if (fresh.priceMinor !== day.priceMinor || fresh.taps.join() !== day.taps.join()) {
      say(`day ${day.day} costs ${fresh.priceMinor} afresh, not ${day.priceMinor}`);
    }
  }
  const held = new Set(days.map(({ day }) => day));
  for (const day of priced.keys()) if (!isDirty && !held.has(day)) say(`day ${day} is missing`);
  const taps = rowsOf(reader, 'taps', card);
  for (const { id } of taps) {
    const times = daysOfTap.get(id) ?? 0;
    if (times > 1 || (times === 0 && !isDirty)) say(`tap ${id} is of ${times} days`);
  }
  if (openMinor !== row.openMinor) say(`${row.openMinor} is open, not ${openMinor}`);
  const live = liveCharges(reader, card);
  const reasons = denialReasons(row, live, policy.riskLimitMinor).join();
  const denied = getRow(reader, 'denied', card)?.reasons.join() ?? '';
  if (reasons !== denied) say(`stopped for "${denied}", not for "${reasons}"`);
  return { taps: taps.length, unpriced, openDays, exposureMinor: exposureMinor(row, live) };
}

/** A closed day has one charge of number 0, and adjustments without gaps. */
function checkDay(
  state: 'open' | 'closed',
  chargedMinor: number,
  charges: readonly Charge[],
  say: (what: string) => void,
): void {
  if ((state === 'closed') !== charges.length > 0)
    say(`is ${state} with ${charges.length} charges`);
  const sum = charges.reduce((total, { amountMinor }) => total + amountMinor, 0);
  if (sum !== chargedMinor) say(`is charged ${sum}, not ${chargedMinor}`);
  for (const [i, { number, id, card, day }] of charges.entries()) {
    if (number !== i || id !== chargeId(card, day, i)) say(`has charge ${number} for ${i}`);
  }
}

function checkCharges(
  reader: OpenLoopReader,
  findings: Findings,
): Pick<OpenLoopReport, 'charges' | 'owedMinor'> {
  const charges: Record<string, { count: number; minor: number }> = {};
  let [receivable, loss, revenue, owedMinor] = [0, 0, 0, 0];
  for (const { key, row } of eachRow(reader, 'charges')) {
    const of = charges[row.state] ?? { count: 0, minor: 0 };
    charges[row.state] = { count: of.count + 1, minor: of.minor + row.amountMinor };
    const left = outstandingMinor(row);
    revenue -= row.amountMinor;
    if (row.state === 'writtenOff') loss += left;
    else receivable += left;
    if (row.state === 'declined' && left < 0) owedMinor -= left;
    const isSettled = row.state === 'paid' || row.state === 'recovered';
    if (isSettled !== (left === 0)) findings.add(`charge ${row.id}: ${row.state}, ${left} left`);
    const isLive = getRow(reader, 'live', key) !== undefined;
    if (isLive !== (left !== 0)) findings.add(`charge ${row.id}: wrongly indexed`);
    const entries = Array.from({ length: row.attempts }, (_, i) =>
      getRow(reader, 'presentments', presentmentId(row.id, i + 1)),
    );
    const waiting = entries.filter((entry) => entry?.result === null).length;
    if (entries.some((entry) => !entry) || waiting !== (row.state === 'presented' ? 1 : 0)) {
      findings.add(`charge ${row.id}: ${row.state}, and ${waiting} entries wait for a result`);
    }
  }
  const balances = allBalances(reader);
  const again = recomputeBalances(reader);
  const wanted = { ...again, receivable, loss, revenue };
  for (const [kind, balance] of Object.entries(wanted)) {
    const held = balances[kind as keyof Balances];
    const posted = again[kind as keyof Balances];
    if (held === balance && posted === balance) continue;
    findings.add(`account ${kind} is ${held}, postings come to ${posted}, charges to ${balance}`);
  }
  const total = Object.values(balances).reduce((sum, balance) => sum + balance, 0);
  if (total !== 0) findings.add(`the accounts sum to ${total}`);
  return { charges, owedMinor };
}

/** Every entry is of the run that lists it, and in one run only. */
function checkRuns(reader: OpenLoopReader, findings: Findings): void {
  const seen = new Set<string>();
  let runs = 0;
  for (const { row } of eachRow(reader, 'runs')) {
    runs++;
    if (row.run !== runs) findings.add(`run ${runs} is missing`);
    for (const id of row.entries) {
      if (seen.has(id)) findings.add(`entry ${id} is in two runs`);
      seen.add(id);
      if (getRow(reader, 'presentments', id)?.run !== row.run) {
        findings.add(`entry ${id} is not one of run ${row.run}`);
      }
    }
  }
  if (runs !== (lastRun(reader)?.run ?? 0)) findings.add(`there are ${runs} runs`);
  for (const { key } of eachRow(reader, 'presentments')) {
    if (!seen.has(key)) findings.add(`entry ${key} is in no run`);
  }
}

/** Every posted tap is held, and every tap held is posted. */
function checkLedgerTaps(
  store: OpenLoopStore,
  ledger: Iterable<readonly ReadTap[]>,
  findings: Findings,
): void {
  const posted = new Set<string>();
  for (const taps of ledger) {
    store.read((reader) => {
      for (const { card, id } of taps) {
        posted.add(tapKey(card, id));
        const isHeld = getRow(reader, 'taps', tapKey(card, id)) ?? getRow(reader, 'faults', id);
        if (!isHeld) findings.add(`tap ${id} is posted and was not taken: run openloop taps`);
      }
    });
  }
  store.read((reader) => {
    for (const { key, row } of eachRow(reader, 'taps')) {
      const isFinal = getRow(reader, 'faults', row.id)?.code === 'finalDay';
      if (!posted.has(key) && !isFinal) findings.add(`tap ${key} was taken and is not posted`);
    }
  });
}
