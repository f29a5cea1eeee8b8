/**
 * Charges for the run's bank cards whose rides are charged later, made from the ledger's taps as
 * `faregate-engine openloop` makes them, some days after the last tap; and proof that each tap is in
 * exactly one of them. The books are made anew each time: the demo presents nothing to a bank.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { openAccountFares } from '../../engine/cli/account-fares.ts';
import { currencyOf } from '../../engine/fare/currencies.ts';
import type { LedgerStore } from '../../engine/ledger/store.ts';
import { ChargeBook } from '../../engine/openloop/charge-book.ts';
import { checkOpenLoop } from '../../engine/openloop/check.ts';
import { TapReader } from '../../engine/openloop/ledger-taps.ts';
import { openOpenLoop } from '../../engine/openloop/open.ts';
import { readOpenLoopSettings } from '../../engine/openloop/policy.ts';
import { openFareSets } from '../../engine/operator/fare-files.ts';
import { readStorageKey } from '../../engine/operator/storage-key.ts';
import { serviceDay } from '../../engine/service-day.ts';
import { Zone } from '../../engine/time.ts';
import type { DemoPlan } from './plan.ts';

/** After so long every ride is over and every day may be closed. */
const LATER_MS = 4 * 86_400_000;

export interface OpenLoopDay {
  readonly cards: number;
  /** Posted by the ledger. */
  readonly taps: number;
  /** One for each card and service day. */
  readonly charges: number;
  readonly chargedMinor: number;
  /** What does not add up, and taps that are in no charge. */
  readonly findings: readonly string[];
}

/**
 * @param engineDir the engine's data folder
 * @param ledger its ledger, read only
 * @param lastMs of the last tap
 */
export async function chargeOpenLoop(
  engineDir: string,
  plan: DemoPlan,
  ledger: LedgerStore,
  lastMs: number,
): Promise<OpenLoopDay> {
  const fares = await openAccountFares(plan.fares);
  const sets = await openFareSets(plan.fares);
  const storageKey = await readStorageKey(engineDir);
  const kept = await readOpenLoopSettings(engineDir);
  const currency = currencyOf(fares.currency)?.number ?? kept.currency;
  const settings = { ...kept, zone: plan.zone, currency };
  const zone = new Zone(plan.zone);
  const dayOf = (instantMs: number) => serviceDay(zone, instantMs, settings.dayStartMinutes);
  const { rider, media } = settings;
  const pricing = { fares, account: { rider, media, passes: [] }, dayOf };
  const reader = new TapReader(ledger, storageKey, { sets, networkOf: () => '' });
  const posted = () => reader.taps(null, null);
  const nowMs = lastMs + LATER_MS;
  rmSync(join(engineDir, 'openloop'), { recursive: true, force: true });
  const store = await openOpenLoop(engineDir, currency);
  try {
    const book = new ChargeBook(store, settings, pricing);
    let taps = 0;
    for (const batch of posted()) {
      await book.take(batch, nowMs);
      taps += batch.length;
    }
    await book.price(nowMs);
    const { charges, chargedMinor } = await book.close(book.lastDay(nowMs), nowMs);
    const report = checkOpenLoop(store, settings, pricing, posted());
    const { cards, openDays, unpriced } = report;
    const findings = [...report.findings];
    // The check finds each tap that it holds in one day, and each closed day in one charge.
    if (report.taps !== taps) findings.push(`${taps} open-loop taps, ${report.taps} in days`);
    if (openDays > 0) findings.push(`${openDays} days of open-loop cards are not charged`);
    if (unpriced > 0) findings.push(`${unpriced} open-loop journeys have no price`);
    return { cards, taps, charges, chargedMinor, findings };
  } finally {
    await store.close();
  }
}
