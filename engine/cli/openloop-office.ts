/** What the `openloop` commands share: options, and the books with all that they work with, open. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { isHex } from '../bytes.ts';
import { FaregateError } from '../errors.ts';
import { currencyOf } from '../fare/currencies.ts';
import { LmdbStore } from '../ledger/lmdb-store.ts';
import type { LedgerStore } from '../ledger/store.ts';
import { ChargeBook } from '../openloop/charge-book.ts';
import { formatDay, parseDay } from '../openloop/charge-file.ts';
import { TapReader } from '../openloop/ledger-taps.ts';
import { hasOpenLoop, openOpenLoop } from '../openloop/open.ts';
import { type OpenLoopSettings, readOpenLoopSettings } from '../openloop/policy.ts';
import type { Pricing } from '../openloop/pricing.ts';
import type { OpenLoopStore } from '../openloop/rows.ts';
import { openFareSets } from '../operator/fare-files.ts';
import { readStorageKey } from '../operator/storage-key.ts';
import { serviceDay } from '../service-day.ts';
import { Zone } from '../time.ts';
import { openAccountFares } from './account-fares.ts';
import type { Args, Option } from './command.ts';
import { LEDGER_FOLDER, networksOf } from './ledger.ts';

const CARD_BYTES = 16;

export const bookOptions = {
  data: { type: 'string', value: 'DIR', required: true, about: "the engine's data folder" },
  json: { type: 'boolean', about: 'print one JSON object' },
} as const satisfies Record<string, Option>;

export const fareOptions = {
  fares: {
    type: 'string',
    value: 'DIR',
    required: true,
    about: 'fare set directory that prices taps',
  },
} as const satisfies Record<string, Option>;

export const tapOptions = {
  stations: {
    type: 'string',
    value: 'DIR',
    about: 'the fare sets gates had, which know stations by code (default: --fares)',
  },
  network: {
    type: 'string',
    multiple: true,
    value: 'GATES=NETWORK',
    about: 'network of the gates whose ids begin so; the longest beginning counts',
  },
} as const satisfies Record<string, Option>;

export interface Books {
  readonly dataDir: string;
  readonly store: OpenLoopStore;
  readonly settings: OpenLoopSettings;
  readonly dayOf: (instantMs: number) => number;
  readonly today: number;
  readonly nowMs: number;
}

type Work = (books: Books) => Promise<number>;

/** @throws FaregateError STORE_FAILED where there are no books; nothing is made then. */
export async function inBooks(args: Args, work: Work): Promise<number> {
  const dataDir = args.need('data');
  if (hasOpenLoop(dataDir)) return withBooks(dataDir, work);
  throw lacking(dataDir, 'open-loop book; `openloop taps` makes it');
}

/**
 * Makes the books where an engine has a ledger and none yet.
 * @throws FaregateError STORE_FAILED where there is no ledger either; nothing is made then.
 */
export async function foundBooks(args: Args, work: Work): Promise<number> {
  const dataDir = args.need('data');
  const hasLedger = existsSync(join(dataDir, LEDGER_FOLDER, 'data.mdb'));
  if (hasOpenLoop(dataDir) || hasLedger) return withBooks(dataDir, work);
  throw lacking(dataDir, 'ledger');
}

function lacking(dataDir: string, what: string): FaregateError {
  return new FaregateError('STORE_FAILED', `${dataDir}: there is no ${what}`);
}

async function withBooks(dataDir: string, work: Work): Promise<number> {
  const settings = await readOpenLoopSettings(dataDir);
  const zone = new Zone(settings.zone);
  const dayOf = (instantMs: number) => serviceDay(zone, instantMs, settings.dayStartMinutes);
  const nowMs = Date.now();
  const store = await openOpenLoop(dataDir, settings.currency);
  try {
    return await work({ dataDir, store, settings, dayOf, today: dayOf(nowMs), nowMs });
  } finally {
    await store.close();
  }
}

/** @throws FaregateError CONFIG_INVALID where the fares are in another currency than the books. */
export async function pricingOf(args: Args, { settings, dayOf }: Books): Promise<Pricing> {
  const fares = await openAccountFares(args.need('fares'));
  const { number } = currencyOf(fares.currency) ?? { number: 0 };
  if (number !== settings.currency) {
    const message = `openloop.json: field currency is ${settings.currency}`;
    throw new FaregateError('CONFIG_INVALID', `${message}, the fares are in ${fares.currency}`);
  }
  const { rider, media } = settings;
  return { fares, account: { rider, media, passes: [] }, dayOf };
}

export async function bookOf(args: Args, books: Books): Promise<ChargeBook> {
  return new ChargeBook(books.store, books.settings, await pricingOf(args, books));
}

/** Runs `work` on the ledger's store, beside the engine that posts to it. */
export async function besideLedgerStore<R>(
  dataDir: string,
  work: (store: LedgerStore, storageKey: Uint8Array) => Promise<R>,
): Promise<R> {
  const key = await readStorageKey(dataDir);
  const store = LmdbStore.open(join(dataDir, LEDGER_FOLDER), { readOnly: true });
  try {
    return await work(store, key);
  } finally {
    await store.close();
  }
}

/** Reads the ledger's taps of bank cards. */
export async function tapReaderOf(
  args: Args,
  store: LedgerStore,
  storageKey: Uint8Array,
): Promise<TapReader> {
  const sets = await openFareSets(args.text('stations') ?? args.need('fares'));
  return new TapReader(store, storageKey, { sets, networkOf: networksOf(args) });
}

export function dayFrom(args: Args): number | undefined {
  const text = args.text('day');
  if (text === undefined) return undefined;
  const day = parseDay(text);
  if (!Number.isNaN(day)) return day;
  throw new FaregateError('USAGE', `--day takes a service day as YYYY-MM-DD, not ${text}`);
}

export function cardFrom(args: Args): string | undefined {
  const text = args.text('card');
  if (text === undefined) return undefined;
  if (isHex(text, CARD_BYTES)) return text.toLowerCase();
  throw new FaregateError('USAGE', `--card takes a keyed hash of ${CARD_BYTES} bytes in hex`);
}

/** @throws FaregateError OPEN_LOOP_REFUSED for a day whose taps may still come. */
export function requireOver(day: number, last: number): void {
  if (day <= last) return;
  const message = `${formatDay(day)} is not over, or its late taps may still come`;
  throw new FaregateError('OPEN_LOOP_REFUSED', `${message}: the last day is ${formatDay(last)}`);
}
