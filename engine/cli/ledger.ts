/** `faregate-engine ledger check`: adds the ledger up again, also while the engine runs. */
import { join } from 'node:path';
import { type CheckReport, checkLedger, requireSound } from '../ledger/check.ts';
import { LmdbStore } from '../ledger/lmdb-store.ts';
import type { Args, Command, Io } from './command.ts';

/** Folder of the ledger's store in the engine's data folder. */
export const LEDGER_FOLDER = 'ledger';

export const ledgerCommands: readonly Command[] = [
  {
    name: 'ledger check',
    about: 'recompute the ledger from its postings and compare',
    options: {
      data: { type: 'string', value: 'DIR', required: true, about: "the engine's data folder" },
      json: { type: 'boolean', about: 'print the report as one JSON object' },
    },
    run: check,
  },
];

async function check(args: Args, io: Io): Promise<number> {
  const store = LmdbStore.open(join(args.need('data'), LEDGER_FOLDER), { readOnly: true });
  try {
    const report = checkLedger(store);
    if (args.flag('json')) io.out(JSON.stringify(report));
    else for (const line of describe(report)) io.out(line);
    requireSound(report);
    return 0;
  } finally {
    await store.close();
  }
}

function describe(report: CheckReport): string[] {
  const { open, sequenceGaps } = report;
  return [
    `${report.debits} debits, ${report.postings} postings, ${report.exceptions} exceptions`,
    ...report.accounts.map(
      ({ name, currency, balanceMinor }) => `  ${name} ${balanceMinor} (currency ${currency})`,
    ),
    `open: ${open.unconfirmed} unconfirmed, ${open.settlementUnknown} settlements waiting, ` +
      `${open.sequenceGap} sequences missing, ${open.counterGap} counters missing`,
    ...sequenceGaps.map(({ gateId, from, to }) => `  gate ${gateId}: ${from} to ${to} missing`),
    report.ok ? 'the ledger adds up' : `${report.findingsCount} disagreements`,
  ];
}
