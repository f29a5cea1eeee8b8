/** The engine of an ingest benchmark: the operator's own, as `serve` composes it. */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Keyring } from '../../engine/crypto/keyring.ts';
import { cmacKey } from '../../engine/crypto/mac.ts';
import { Ledger } from '../../engine/ledger/ledger.ts';
import { LmdbStore } from '../../engine/ledger/lmdb-store.ts';
import { createLog } from '../../engine/log/log.ts';
import { type RunningEngine, startEngine } from '../../engine/operator/engine.ts';
import { enrolGate } from '../../engine/operator/enrolment.ts';
import { bundleDirOf, engineDirOf, gateIdOf, type LoadPlan } from './plan.ts';
import { keyringOfRecords } from './records.ts';

const HASH_KEY = new Uint8Array(16).fill(0x5a);

/** What the ledger holds, read anew from disk. */
export interface Held {
  readonly debits: number;
  readonly posted: number;
  readonly sumMinor: number;
  /** To open it again. */
  readonly openSeconds: number;
  readonly diskBytes: number;
}

export async function runEngine(plan: LoadPlan): Promise<RunningEngine> {
  for (let i = 0; i < plan.gates; i++) {
    await enrolGate(engineDirOf(plan), { gateId: gateIdOf(i), outDir: bundleDirOf(plan, i) });
  }
  return startBenchEngine(engineDirOf(plan), keyringOfRecords(), HASH_KEY);
}

/** An engine on any free ports, which ends its process with the first failure. */
export function startBenchEngine(
  dataDir: string,
  keyring: Keyring,
  hashKey: Uint8Array,
): Promise<RunningEngine> {
  return startEngine({
    dataDir,
    keyring,
    cardHash: cmacKey(hashKey),
    host: '127.0.0.1',
    names: [],
    uplinkPort: 0,
    httpPort: 0,
    city: 'benchmark',
    currency: 'CNY',
    log: createLog('engine', 'warn'),
    onFailure: (error) => {
      throw error;
    },
  });
}

/** After the engine has stopped. */
export async function held(plan: LoadPlan): Promise<Held> {
  const dir = join(engineDirOf(plan), 'ledger');
  const store = LmdbStore.open(dir);
  const startMs = performance.now();
  const ledger = await Ledger.open(store);
  const openSeconds = (performance.now() - startMs) / 1000;
  const { debits, posted, accounts } = ledger.summary();
  const float = accounts.find(({ name }) => name.startsWith('float:'));
  await store.close();
  let diskBytes = 0;
  for (const name of await readdir(dir)) diskBytes += (await stat(join(dir, name))).blocks * 512;
  return { debits, posted, sumMinor: Math.abs(float?.balanceMinor ?? 0), openSeconds, diskBytes };
}
