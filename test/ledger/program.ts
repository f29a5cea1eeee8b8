/**
 * A child process for the crash tests: `node program.js PATH FROM` posts batches to the ledger in
 * PATH without end, from sequence FROM on, and prints `held N` once all up to N is acknowledged. Of
 * each card's debits half come after later ones; one batch in four goes by the general rules, so
 * that they have rows of their own. It ends by being killed, or with `failed CODE` when the store
 * fails.
 */
import { FaregateError } from '../../engine/errors.ts';
import { Ledger } from '../../engine/ledger/ledger.ts';
import { LmdbStore } from '../../engine/ledger/lmdb-store.ts';
import { byColumns, byRules } from './columns.ts';
import { cardOf, received } from './samples.ts';

const BATCH = 25;
/** A card's counters in order of arrival. */
const COUNTERS = [3, 6, 5, 0, 8, 2, 4, 9];

async function post(path: string, first: number): Promise<never> {
  const ledger = await Ledger.open(LmdbStore.open(path), { checkpointRows: 40 });
  for (let from = first; ; from += BATCH) {
    const batch = Array.from({ length: BATCH }, (_, i) => {
      const gateSequence = from + i;
      const card = cardOf(`card ${Math.floor(gateSequence / COUNTERS.length)}`);
      const offlineCounter = COUNTERS[gateSequence % COUNTERS.length]!;
      const balanceBeforeMinor = 5000 - 200 * offlineCounter;
      return received({ gateId: 'CRASH', gateSequence, card, offlineCounter, balanceBeforeMinor });
    });
    const lane = Math.floor(from / BATCH) % 4 === 3 ? byRules : byColumns;
    const { acknowledgedThrough } = await lane(ledger, 'CRASH', batch);
    process.stdout.write(`held ${acknowledgedThrough}\n`);
  }
}

const [path, from] = process.argv.slice(2);
if (path !== undefined && from !== undefined) {
  post(path, Number(from)).catch((error: unknown) => {
    if (!(error instanceof FaregateError)) throw error;
    process.stdout.write(`failed ${error.code}\n`, () => process.exit(3));
  });
}
