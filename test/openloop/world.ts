/**
 * Riders, gates and an acquirer around the open-loop books, and a disk that fails: each commit and
 * each file may be cut off before it, after it, or before it is durable. What was cut off is run
 * again, as an operator would.
 */
import assert from 'node:assert/strict';
import { MemoryStore } from '../../engine/ledger/memory-store.ts';
import type { LedgerStore, StoreReader, StoreWriter } from '../../engine/ledger/store.ts';
import { ChargeBook, type ReadTap } from '../../engine/openloop/charge-book.ts';
import { DebtDesk } from '../../engine/openloop/debts.ts';
import type { TapEvidence } from '../../engine/openloop/evidence.ts';
import type { OpenLoopSettings } from '../../engine/openloop/policy.ts';
import type { Pricing } from '../../engine/openloop/pricing.ts';
import { parseResults } from '../../engine/openloop/results.ts';
import { type OpenLoopTable, openLoopTables } from '../../engine/openloop/rows.ts';
import { type ChargeFiles, RunDesk } from '../../engine/openloop/runs.ts';
import { serviceDay } from '../../engine/service-day.ts';
import { Zone } from '../../engine/time.ts';
import { type City, proofOf } from './city.ts';

export const MINUTE_MS = 60_000;
export const DAY_MS: number = 1440 * MINUTE_MS;
/** Monday, 1 June 2026, 03:00 in Shanghai: the beginning of a service day and a week. */
export const START_MS: number = Date.parse('2026-06-01T03:00:00+08:00');

export const settings: OpenLoopSettings = {
  zone: 'Asia/Shanghai',
  dayStartMinutes: 180,
  graceMinutes: 360,
  currency: 156,
  rider: null,
  media: null,
  riskLimitMinor: 2500,
  verifiesNewCards: true,
  retryDays: [1, 2, 4],
  debtDaysMax: 8,
};

class Crash extends Error {}

/** How a step ends. */
export type Fate = 'done' | 'before' | 'lost' | 'after';

class FailingStore implements LedgerStore<OpenLoopTable> {
  readonly inner: MemoryStore<OpenLoopTable> = new MemoryStore(async () => {}, openLoopTables);
  readonly #fate: () => Fate;

  constructor(fate: () => Fate) {
    this.#fate = fate;
  }

  async transaction<R>(work: (writer: StoreWriter<OpenLoopTable>) => R): Promise<R> {
    const fate = this.#fate();
    if (fate === 'before') throw new Crash();
    const outcome = this.inner.transaction(work);
    if (fate === 'lost') {
      this.inner.crash();
      await outcome.catch(() => {});
      throw new Crash();
    }
    const result = await outcome;
    if (fate === 'after') throw new Crash();
    return result;
  }

  read<R>(work: (reader: StoreReader<OpenLoopTable>) => R): R {
    return this.inner.read(work);
  }

  async close(): Promise<void> {}
}

/** What the acquirer has in its hands. */
export interface FileLine {
  readonly id: string;
  readonly kind: 'charge' | 'supplement' | 'refund' | 'verify';
  readonly attempt: number;
  readonly amountMinor: number;
  readonly day: string | null;
  readonly card: string;
  readonly pan: string;
}

export class World {
  readonly store: FailingStore;
  readonly files: Map<string, string> = new Map();
  /** A test may put something between a look at a name and what follows. */
  readsFile: ChargeFiles['read'] = async (path) => this.files.get(path) ?? null;
  readonly pricing: Pricing;
  readonly book: ChargeBook;
  readonly runs: RunDesk;
  readonly debts: DebtDesk;
  /** Steps so far: commits and files. */
  steps = 0;
  /** Ids of taps that no proof of can be read. */
  readonly mute: Set<string> = new Set();
  #fateOf: (step: number) => Fate;

  /** @param fateOf what becomes of a step, by its number from 1 */
  constructor(of: City, fateOf: (step: number) => Fate = () => 'done') {
    this.#fateOf = fateOf;
    const fate = () => this.#fateOf(++this.steps);
    const zone = new Zone(settings.zone);
    const dayOf = (atMs: number) => serviceDay(zone, atMs, settings.dayStartMinutes);
    this.store = new FailingStore(fate);
    this.pricing = { fares: of.fares, account: { rider: null, media: null, passes: [] }, dayOf };
    this.book = new ChargeBook(this.store, settings, this.pricing, 1);
    const files: ChargeFiles = {
      read: (path) => this.readsFile(path),
      write: async (path, text) => {
        const end = fate();
        if (end === 'before' || end === 'lost') throw new Crash();
        assert(!this.files.has(path), `${path} is written twice`);
        this.files.set(path, text);
        if (end === 'after') throw new Crash();
      },
    };
    const evidence: TapEvidence = {
      proofOf: (card, tap) =>
        this.mute.has(tap) ? null : proofOf({ pan: panOf(card), panSequence: 1 }, 7),
    };
    this.runs = new RunDesk(this.store, settings, files, () => evidence);
    this.debts = new DebtDesk(this.store, settings);
  }

  /** From now on nothing fails. */
  calm(): void {
    this.#fateOf = () => 'done';
  }

  /** Runs a command again until it comes to its end. */
  async untilDone<R>(command: () => Promise<R>): Promise<R> {
    for (;;) {
      try {
        return await command();
      } catch (error) {
        if (!(error instanceof Crash)) throw error;
      }
    }
  }

  today(nowMs: number): number {
    return this.pricing.dayOf(nowMs);
  }

  takeTaps(taps: readonly ReadTap[], nowMs: number): Promise<number> {
    return this.untilDone(async () => {
      await this.book.take(taps, nowMs);
      return this.book.price(nowMs);
    });
  }

  withdrawTaps(taps: readonly ReadTap[], nowMs: number): Promise<number> {
    return this.untilDone(async () => {
      await this.book.withdraw(taps, nowMs);
      return this.book.price(nowMs);
    });
  }

  close(nowMs: number): Promise<unknown> {
    return this.untilDone(() => this.book.close(this.book.lastDay(nowMs), nowMs));
  }

  /** Lines of the file written, entries only. */
  async present(path: string, nowMs: number): Promise<FileLine[]> {
    await this.untilDone(async () => {
      if (!this.files.has(path))
        return void (await this.runs.present(path, this.today(nowMs), nowMs));
      // Cut off behind the file: another call finds its run, or it is marked already.
      return void (await this.runs.finish());
    });
    return linesOf(this.files.get(path) ?? '');
  }

  results(lines: readonly string[], nowMs: number) {
    const parsed = parseResults(lines.join('\n'), 'results');
    return this.untilDone(() => this.debts.results(parsed, this.today(nowMs), nowMs));
  }

  /** All that is held, as text. */
  dump(): string {
    return this.store.read((reader) =>
      openLoopTables
        .flatMap((table) =>
          [...reader.range(table, {})].map(
            ({ key, value }) => `${table} ${Buffer.from(key)} ${Buffer.from(value)}`,
          ),
        )
        .join('\n'),
    );
  }
}

export function linesOf(text: string): FileLine[] {
  const lines = text.split('\n').filter((line) => line !== '');
  return lines.slice(1).map((line) => JSON.parse(line) as FileLine);
}

/** The keyed hash of the card of a number. */
export function cardHash(number: number): string {
  return number.toString(16).padStart(32, 'c');
}

export function panOf(card: string): string {
  return `62218801${card.slice(-8).replaceAll('c', '0').padStart(8, '0')}`.replace(/[a-f]/g, '9');
}
