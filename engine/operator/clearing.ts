/**
 * Clearing of e-cash: files of posted debits for the bank that pays for them, each debit in one of
 * them. A run first marks what it claims, durably and under its number, then writes its file whole
 * or not at all, then closes; a run that was broken off is taken up where it stopped before another
 * begins, so that none is claimed twice and none is lost. Its claims are complete before there is a
 * file, so that one sent before its run closed is never followed by a longer one of that number.
 * The marks are a store of their own in `clearing/`: the ledger is only read, also while the engine
 * posts.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { readU48 } from '../bytes.ts';
import { LmdbStore } from '../ledger/lmdb-store.ts';
import { u48 } from '../ledger/rows.ts';
import type { LedgerStore, StoreReader } from '../ledger/store.ts';
import { locked, writeWhole } from '../pki/files.ts';
import {
  type ClearingRange,
  type ClearingTable,
  clearingTables,
  type MarkedThrough,
  type RunRow,
} from './clearing-claims.ts';
import { ClearingRun, type ClearingTotals } from './clearing-run.ts';

export interface RunReport extends ClearingTotals {
  readonly file: string;
  /** It was broken off, and is finished now. */
  readonly takenUp: boolean;
}

const FOLDER = 'clearing';
const FOLDER_MODE = 0o700;
/** Card numbers are in it. */
const FILE_MODE = 0o600;
const THROUGH: Uint8Array = new Uint8Array(Buffer.from('through'));
const CHANGE: Uint8Array = new Uint8Array(Buffer.from('change'));

/**
 * Finishes the run that was broken off, if any, then claims in a new one what of `range` was not
 * claimed yet.
 * @param storageKey 32 bytes, the operator's
 * @returns a report for each of the runs
 * @throws FaregateError LEDGER_BROKEN where a record or its proof is missing (the run stays open),
 *   STORE_FAILED also where another clearing is under way, FILE_UNWRITABLE, DISK_FULL.
 */
export async function clear(
  ledger: LedgerStore,
  dataDir: string,
  storageKey: Uint8Array,
  range: ClearingRange,
): Promise<RunReport[]> {
  const dir = join(dataDir, FOLDER);
  await mkdir(dir, { recursive: true, mode: FOLDER_MODE });
  const busy = { code: 'STORE_FAILED', what: 'clearing' } as const;
  return locked(join(dir, 'lock'), () => clearAlone(ledger, dir, storageKey, range), busy);
}

async function clearAlone(
  ledger: LedgerStore,
  dir: string,
  storageKey: Uint8Array,
  range: ClearingRange,
): Promise<RunReport[]> {
  const path = join(dir, 'claims');
  const claims = LmdbStore.openTables<ClearingTable>(path, clearingTables, 'clearing');
  try {
    const reports: RunReport[] = [];
    const last = claims.read(lastRun);
    if (last && !last.closed) {
      reports.push(await finish(new ClearingRun(ledger, claims, storageKey, last), dir, true));
    }
    const row: RunRow = {
      ...range,
      number: (last?.number ?? 0) + 1,
      afterBlock: claims.read(throughBlock),
      closed: false,
    };
    await claims.transaction((writer) => writer.put('runs', u48(row.number), encodeRun(row)));
    reports.push(await finish(new ClearingRun(ledger, claims, storageKey, row), dir, false));
    return reports;
  } finally {
    await claims.close();
  }
}

async function finish(run: ClearingRun, dir: string, takenUp: boolean): Promise<RunReport> {
  const { row, claims } = run;
  const marked = row.marked ?? (await markAll(run));
  const file = join(dir, `clearing-${String(row.number).padStart(6, '0')}.jsonl`);
  let broken: unknown;
  const parts = function* (): Generator<string> {
    try {
      yield* run.parts();
    } catch (error) {
      broken = error;
      throw error;
    }
  };
  try {
    await writeWhole(file, parts(), FILE_MODE);
  } catch (error) {
    throw broken ?? error;
  }
  await claims.transaction((writer) => {
    writer.put('runs', u48(row.number), encodeRun({ ...row, marked, closed: true }));
    writer.put('marks', THROUGH, u48(marked.block));
    if (marked.change !== null) writer.put('marks', CHANGE, u48(marked.change));
  });
  await run.settle();
  return { ...run.totals(), file, takenUp };
}

/** Marks what the run claims, and then that this is all. */
async function markAll(run: ClearingRun): Promise<MarkedThrough> {
  const { row, claims } = run;
  const change = await run.hear(claims.read(lastChange));
  const marked = { block: await run.mark(), change };
  await claims.transaction((writer) =>
    writer.put('runs', u48(row.number), encodeRun({ ...row, marked })),
  );
  return marked;
}

function throughBlock(reader: StoreReader<ClearingTable>): number {
  const bytes = reader.get('marks', THROUGH);
  return bytes ? readU48(bytes, 0) : 0;
}

function lastChange(reader: StoreReader<ClearingTable>): number | null {
  const bytes = reader.get('marks', CHANGE);
  return bytes ? readU48(bytes, 0) : null;
}

function lastRun(reader: StoreReader<ClearingTable>): RunRow | null {
  const [entry] = [...reader.range('runs', { reverse: true, limit: 1 })];
  return entry ? (JSON.parse(Buffer.from(entry.value).toString('utf8')) as RunRow) : null;
}

function encodeRun(row: RunRow): Uint8Array {
  return new Uint8Array(Buffer.from(JSON.stringify(row)));
}
