/**
 * `faregate-engine shifts`: every shift that gates closed, against what is held of it. Also while the
 * engine runs: what is still on its way is then missing for a while.
 */
import { join } from 'node:path';
import { LmdbStore } from '../ledger/lmdb-store.ts';
import { type ShiftReport, shiftReports } from '../ledger/shift-report.ts';
import type { Args, Command, Io } from './command.ts';
import { LEDGER_FOLDER } from './ledger.ts';

export const shiftCommands: readonly Command[] = [
  {
    name: 'shifts',
    about: 'Compares the shifts that gates closed with what is held of them.',
    options: {
      data: { type: 'string', value: 'DIR', required: true, about: "the engine's data folder" },
      gate: { type: 'string', value: 'ID', about: 'of this gate only' },
      json: { type: 'boolean', about: 'print one JSON object a shift' },
    },
    run: shifts,
  },
];

/** Exit code 1 where a shift differs. */
async function shifts(args: Args, io: Io): Promise<number> {
  const store = LmdbStore.open(join(args.need('data'), LEDGER_FOLDER), { readOnly: true });
  try {
    let count = 0;
    let differing = 0;
    for (const report of shiftReports(store, args.text('gate'))) {
      count += 1;
      if (report.differences.length > 0) differing += 1;
      if (args.flag('json')) io.out(JSON.stringify(report));
      else for (const line of describe(report)) io.out(line);
    }
    if (!args.flag('json')) io.out(`${count} shifts, ${differing} differ`);
    return differing > 0 ? 1 : 0;
  } finally {
    await store.close();
  }
}

function describe(report: ShiftReport): string[] {
  const { gateId, shift, first, last, opened, closed, counts, differences } = report;
  const { confirmed, unconfirmed, void: voided, settlement, denied } = counts;
  return [
    `gate ${gateId}, shift ${shift}, ${opened} to ${closed}, sequences ${first} to ${last}: ` +
      `${confirmed.count} confirmed of ${confirmed.amountMinor}, ` +
      `${unconfirmed.count} unconfirmed of ${unconfirmed.amountMinor}, ` +
      `${voided.count} void, ${settlement.count} settlements, ${denied} denied`,
    ...differences.map((difference) => `  ${difference}`),
  ];
}
