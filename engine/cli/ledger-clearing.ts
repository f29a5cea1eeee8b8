/** `faregate-engine ledger clearing`: e-cash debits for the banks that pay for them. */
import { join } from 'node:path';
import { LmdbStore } from '../ledger/lmdb-store.ts';
import { clear, type RunReport } from '../operator/clearing.ts';
import { readStorageKey } from '../operator/storage-key.ts';
import type { Args, Command, Io } from './command.ts';
import { instantOption, LEDGER_FOLDER } from './ledger.ts';

export const clearingCommand: Command = {
  name: 'ledger clearing',
  about: 'Writes the file of posted e-cash debits that no earlier run claimed, with card numbers.',
  options: {
    data: { type: 'string', value: 'DIR', required: true, about: "the engine's data folder" },
    from: { type: 'string', value: 'INSTANT', about: 'debits from then on (default: all before)' },
    to: { type: 'string', value: 'INSTANT', required: true, about: 'debits before then' },
    json: { type: 'boolean', about: 'print one JSON object a run' },
  },
  run: clearing,
};

async function clearing(args: Args, io: Io): Promise<number> {
  const dataDir = args.need('data');
  const fromMs = args.text('from') === undefined ? 0 : instantOption(args, 'from');
  const range = { fromMs, toMs: instantOption(args, 'to') };
  const key = await readStorageKey(dataDir);
  const store = LmdbStore.open(join(dataDir, LEDGER_FOLDER), { readOnly: true });
  try {
    for (const report of await clear(store, dataDir, key, range)) {
      if (args.flag('json')) io.out(JSON.stringify(report));
      else for (const line of describe(report)) io.out(line);
    }
    return 0;
  } finally {
    await store.close();
  }
}

function describe(report: RunReport): string[] {
  const { run, file, takenUp, debits, withdrawals, unproved, issuers } = report;
  return [
    `run ${run}${takenUp ? ', which was broken off' : ''}: ${debits} debits in ${file}`,
    ...issuers.map(
      ({ issuer, currency, debits: count, amountMinor, passedThrough }) =>
        `  issuer ${issuer}: ${amountMinor} (currency ${currency}) by ${count} debits, ` +
        `${passedThrough} of which only the bank can verify`,
    ),
    ...(withdrawals > 0 ? [`  ${withdrawals} claims of earlier runs are withdrawn`] : []),
    ...(unproved > 0 ? [`  ${unproved} debits are presumed posted and cannot be claimed`] : []),
  ];
}
