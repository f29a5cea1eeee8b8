/**
 * `faregate-engine openloop ...`: bank cards that pay as they go. Taps out of the ledger become one
 * charge a card and day, charges go to the acquirer in files, results and payments come back.
 */

import { resolve } from 'node:path';
import { FaregateError } from '../errors.ts';
import { postedMark } from '../ledger/posted.ts';
import { OPEN_LOOP_RESULTS_BYTES_MAX } from '../limits.ts';
import { formatDay } from '../openloop/charge-file.ts';
import { checkOpenLoop, type OpenLoopReport } from '../openloop/check.ts';
import { DebtDesk } from '../openloop/debts.ts';
import { ledgerEvidence } from '../openloop/evidence.ts';
import { parseResults } from '../openloop/results.ts';
import { RunDesk } from '../openloop/runs.ts';
import { takeTaps } from '../openloop/take-taps.ts';
import { readIfPresent, readText, requireFolderOf, writeWhole } from '../pki/files.ts';
import { referenceFrom, tell } from './cards-office.ts';
import type { Args, Command, Io } from './command.ts';
import {
  besideLedgerStore,
  bookOf,
  bookOptions,
  cardFrom,
  dayFrom,
  fareOptions,
  foundBooks,
  inBooks,
  pricingOf,
  requireOver,
  tapOptions,
  tapReaderOf,
} from './openloop-office.ts';
import { showOpenLoop } from './openloop-show.ts';

/** Card numbers are in it. */
const FILE_MODE = 0o600;
const AMOUNT_MAX = 0x7fff_ffff;

const cardOption = {
  type: 'string',
  value: 'HASH',
  about: 'keyed hash of the card, as the ledger has it',
} as const;
const dayOption = { type: 'string', value: 'YYYY-MM-DD', about: 'service day' } as const;

export const openLoopCommands: readonly Command[] = [
  {
    name: 'openloop taps',
    about: 'Takes posted taps of bank cards out of the ledger, and prices their days.',
    options: {
      ...bookOptions,
      ...fareOptions,
      ...tapOptions,
      all: { type: 'boolean', about: 'read all taps again: the ledger came from a backup' },
    },
    run: taps,
  },
  {
    name: 'openloop close',
    about: 'Makes the charges of days that are over, and adjusts those that late taps changed.',
    options: {
      ...bookOptions,
      ...fareOptions,
      day: { ...dayOption, about: 'the last day to close (default: all that are over)' },
      all: { type: 'boolean', about: 'price every card anew: after a correction of fares' },
    },
    run: close,
  },
  {
    name: 'openloop present',
    about: 'Writes what is due into a file for the acquirer.',
    options: {
      ...bookOptions,
      out: { type: 'string', value: 'FILE', required: true, about: 'the file to write' },
    },
    run: present,
  },
  {
    name: 'openloop results',
    about: "Takes a file of the acquirer's results.",
    options: bookOptions,
    rest: 'FILE',
    run: results,
  },
  {
    name: 'openloop pay',
    about: 'A rider pays debts of a card, the oldest first.',
    options: {
      ...bookOptions,
      card: { ...cardOption, required: true },
      amount: { type: 'string', value: 'MINOR', about: 'in minor units (default: all debts)' },
      reference: {
        type: 'string',
        value: 'REF',
        required: true,
        about: 'of the payment; told again it is the same',
      },
    },
    run: pay,
  },
  {
    name: 'openloop verify',
    about: 'Asks the issuer about a card anew, with the next file.',
    options: { ...bookOptions, card: { ...cardOption, required: true } },
    run: verify,
  },
  {
    name: 'openloop show',
    about: 'A card with its days and charges, or the charges of a day.',
    options: { ...bookOptions, card: cardOption, day: dayOption },
    run: show,
  },
  {
    name: 'openloop check',
    about: 'Adds everything up again, from the ledger on, and tells what is at risk.',
    options: { ...bookOptions, ...fareOptions, ...tapOptions },
    run: check,
  },
];

function taps(args: Args, io: Io): Promise<number> {
  return foundBooks(args, async (books) => {
    const book = await bookOf(args, books);
    return besideLedgerStore(books.dataDir, async (ledger, key) => {
      const through = postedMark(ledger);
      const reader = await tapReaderOf(args, ledger, key);
      const { store, nowMs } = books;
      const done = await takeTaps(store, book, reader, through, nowMs, args.flag('all'));
      const { taken, known, withdrawn, faults } = done;
      const cards = await book.price(books.nowMs);
      return tell(args, io, { taken, known, withdrawn, cards, faults }, [
        `${taken} taps taken, ${known} known; ${cards} cards priced`,
        ...(withdrawn > 0 ? [`${withdrawn} taps taken back: the ledger has voided them`] : []),
        ...faults.map(({ id, code }) =>
          code === 'finalDay'
            ? `tap ${id} was voided and stays charged: ${code}`
            : `tap ${id} is not charged: ${code}`,
        ),
      ]);
    });
  });
}

function close(args: Args, io: Io): Promise<number> {
  return inBooks(args, async (books) => {
    const book = await bookOf(args, books);
    const last = book.lastDay(books.nowMs);
    const day = dayFrom(args) ?? last;
    requireOver(day, last);
    const done = await book.close(day, books.nowMs, args.flag('all'));
    return tell(args, io, { day: formatDay(day), ...done }, [
      `days to ${formatDay(day)}: ${done.charges} charges of ${done.chargedMinor}`,
      `${done.adjustments} adjustments of ${done.adjustedMinor}; ${done.riding} days wait for a ride`,
      ...(done.writtenOffMinor > 0 ? [`written off: ${done.writtenOffMinor}`] : []),
    ]);
  });
}

function present(args: Args, io: Io): Promise<number> {
  return inBooks(args, ({ dataDir, store, settings, today, nowMs }) =>
    besideLedgerStore(dataDir, async (ledger, key) => {
      const files = {
        read: readIfPresent,
        write: (path: string, text: string) => writeWhole(path, [text], FILE_MODE),
      };
      const evidence = (wanted: ReadonlySet<string>) => ledgerEvidence(ledger, key, wanted);
      const desk = new RunDesk(store, settings, files, evidence);
      const out = resolve(args.need('out'));
      // A run that is begun keeps its name, and no other begins before it is written.
      await requireFolderOf(out);
      const done = await desk.present(out, today, nowMs);
      const { run, finished, noEvidence, left } = done;
      return tell(args, io, done, [
        ...(finished ? [`run ${finished.run} was cut off; its file is ${finished.path}`] : []),
        run ? `run ${run.run}: ${run.entries.length} entries in ${run.path}` : 'nothing is due',
        ...noEvidence.map((card) => `card ${card} waits: no proof of its taps can be read`),
        ...(left > 0 ? [`${left} entries wait for the next file`] : []),
      ]);
    }),
  );
}

function results(args: Args, io: Io): Promise<number> {
  const [file, more] = args.rest;
  if (file === undefined || more !== undefined) {
    throw new FaregateError('USAGE', 'openloop results takes one FILE');
  }
  return inBooks(args, async ({ store, settings, today, nowMs }) => {
    const lines = parseResults(await readText(file, OPEN_LOOP_RESULTS_BYTES_MAX), file);
    const done = await new DebtDesk(store, settings).results(lines, today, nowMs);
    return tell(args, io, done, [
      `${done.approved} approved, ${done.approvedMinor}; ${done.declined} declined, ${done.declinedMinor}`,
      ...(done.known > 0 ? [`${done.known} were known`] : []),
      ...done.disputed.map(({ line, id, fault }) => `${file}:${line}: entry ${id}: ${fault}`),
    ]);
  });
}

function pay(args: Args, io: Io): Promise<number> {
  const isPart = args.text('amount') !== undefined;
  const amountMinor = isPart ? args.whole('amount', 0, 1, AMOUNT_MAX) : null;
  args.need('reference');
  const reference = referenceFrom(args, 'reference')!;
  return inBooks(args, async ({ store, settings, nowMs }) => {
    const desk = new DebtDesk(store, settings);
    const paid = await desk.pay(cardFrom(args)!, amountMinor, reference, nowMs);
    const charges = `${paid.charges.length} charges`;
    return tell(args, io, paid, [`${paid.amountMinor} paid of ${charges}, ${paid.reference}`]);
  });
}

function verify(args: Args, io: Io): Promise<number> {
  return inBooks(args, async ({ store, settings, nowMs }) => {
    const card = cardFrom(args)!;
    await new DebtDesk(store, settings).verify(card, nowMs);
    return tell(args, io, { card }, [`card ${card} is asked about with the next file`]);
  });
}

function show(args: Args, io: Io): Promise<number> {
  const [card, day] = [cardFrom(args), dayFrom(args)];
  if ((card === undefined) === (day === undefined)) {
    throw new FaregateError('USAGE', 'openloop show takes --card or --day');
  }
  return inBooks(args, async ({ store }) => {
    const { what, words } = store.read((reader) => showOpenLoop(reader, card, day));
    return tell(args, io, what, words);
  });
}

function check(args: Args, io: Io): Promise<number> {
  return inBooks(args, async (books) => {
    const pricing = await pricingOf(args, books);
    const report = await besideLedgerStore(books.dataDir, async (ledger, key) => {
      const posted = (await tapReaderOf(args, ledger, key)).taps(null, null);
      return checkOpenLoop(books.store, books.settings, pricing, posted);
    });
    tell(args, io, report, describe(report));
    if (report.findingsCount === 0) return 0;
    throw new FaregateError('OPEN_LOOP_BROKEN', report.findings.join('; '));
  });
}

function describe(report: OpenLoopReport): string[] {
  const { balances, worst } = report;
  return [
    `${report.cards} cards, ${report.taps} taps, ${report.openDays} open days; ` +
      `not charged: ${report.faults} taps, ${report.unpriced} journeys`,
    ...Object.entries(report.charges).map(
      ([state, { count, minor }]) => `  ${state}: ${count} charges, ${minor}`,
    ),
    `charged ${-balances.revenue}: acquirer ${balances.acquirer}, desk ${balances.desk}, ` +
      `receivable ${balances.receivable}, lost ${balances.loss}, owed to riders ${report.owedMinor}`,
    `at risk ${report.exposureMinor}; ${report.denied} cards stopped; ` +
      `worst card now ${worst?.exposureMinor ?? 0}, ever ${report.peakMinor}`,
    report.findingsCount === 0 ? 'the books add up' : `${report.findingsCount} disagreements`,
  ];
}
