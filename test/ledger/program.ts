/**
 * A child process for the crash tests: `node program.js PATH FROM` posts batches to the ledger in
 * PATH without end, from sequence FROM on, and prints `held N` once all up to N is acknowledged. It
 * ends by being killed, or with `failed CODE` when the store fails.
 */
import { FaregateError } from '../../engine/errors.ts';
import { Ledger } from '../../engine/ledger/ledger.ts';
import { LmdbStore } from '../../engine/ledger/lmdb-store.ts';
import { cardOf, received } from './samples.ts';

const BATCH = 25;

async function post(path: string, first: number): Promise<never> {
  const ledger = await Ledger.open(LmdbStore.open(path));
  for (let from = first; ; from += BATCH) {
    const batch = Array.from({ length: BATCH }, (_, i) => {
      const gateSequence = from + i;
      const card = cardOf(`card ${gateSequence}`);
      return received({ gateId: 'CRASH', gateSequence, card });
    });
    const { acknowledgedThrough } = await ledger.post('CRASH', batch);
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
