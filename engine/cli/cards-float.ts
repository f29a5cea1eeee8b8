/**
 * `faregate-engine cards float|settle|payout|deposit`: the money that stands behind cards, and what
 * of it goes to operators.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { isHex } from '../bytes.ts';
import { checkFloats, type FloatPosition, type FloatReport } from '../cards/float.ts';
import { walkDebits } from '../cards/ledger-debits.ts';
import { spendingOf } from '../cards/ledger-spending.ts';
import { operatorsOf } from '../cards/open.ts';
import { checkCards } from '../cards/reconcile.ts';
import type { CardStore } from '../cards/rows.ts';
import {
  allSettlements,
  depositCash,
  paySettlement,
  type SettleRun,
  settleDebits,
  settlementFile,
} from '../cards/settle.ts';
import { FaregateError, systemCode, systemText } from '../errors.ts';
import { FLOAT_READINGS_MAX } from '../limits.ts';
import { readStorageKey } from '../operator/storage-key.ts';
import { writeWhole } from '../pki/files.ts';
import {
  besideLedger,
  granted,
  inOffice,
  officeOptions,
  referenceFrom,
  tell,
} from './cards-office.ts';
import type { Args, Command, Io } from './command.ts';

const AMOUNT_MAX = Number.MAX_SAFE_INTEGER;
const CNY = 156;
const FILE_MODE = 0o640;

export const floatCommands: readonly Command[] = [
  {
    name: 'cards float',
    about: "Proves each issuer's float: books against cards, ledger and settlements.",
    options: officeOptions,
    run: float,
  },
  {
    name: 'cards settle',
    about: 'Settles new debits between issuers and operators, each once; writes what is due.',
    options: {
      ...officeOptions,
      out: { type: 'string', value: 'DIR', required: true, about: 'folder for settlement files' },
      all: { type: 'boolean', about: 'read all debits again: the ledger came from a backup' },
    },
    run: settle,
  },
  {
    name: 'cards payout',
    about: "The issuer's bank has paid a settlement.",
    options: {
      ...officeOptions,
      settlement: { type: 'string', value: 'ID', required: true, about: 'as in its file name' },
      reference: { type: 'string', value: 'REF', required: true, about: 'of the payment' },
    },
    run: payout,
  },
  {
    name: 'cards deposit',
    about: 'Money of the tills was brought to the bank.',
    options: {
      ...officeOptions,
      issuer: { type: 'string', value: 'HEX', required: true, about: '8 bytes as in file 15' },
      amount: { type: 'string', value: 'MINOR', required: true, about: 'in minor units' },
      reference: { type: 'string', value: 'REF', required: true, about: "the bank's receipt" },
      currency: { type: 'string', value: 'NUMBER', about: 'ISO 4217 number (default 156)' },
    },
    run: deposit,
  },
];

function float(args: Args, io: Io): Promise<number> {
  return inOffice(args, io, async ({ store }) => {
    const report = await steadyFloats(args.need('data'), store);
    const findings = [...checkCards(store).findings, ...report.findings];
    if (args.flag('json')) io.out(JSON.stringify({ ...report, findings }));
    else {
      for (const position of report.positions) {
        for (const line of describePosition(position)) io.out(line);
      }
      for (const notice of report.notices) io.out(`look at ${notice}`);
      io.out(findings.length === 0 ? 'the floats add up' : 'the floats disagree');
    }
    if (findings.length === 0) return 0;
    throw new FaregateError('CARDS_BROKEN', findings.join('; '));
  });
}

/**
 * The report of one state of the ledger: while an engine posts beside, cards, accounts and debits
 * are read of several, and a disagreement of theirs is none.
 */
async function steadyFloats(dataDir: string, store: CardStore): Promise<FloatReport> {
  for (let reading = 1; ; reading++) {
    const { report, isSteady } = await readFloats(dataDir, store);
    if (isSteady || report.findings.length === 0 || reading === FLOAT_READINGS_MAX) return report;
  }
}

async function readFloats(
  dataDir: string,
  store: CardStore,
): Promise<{ report: FloatReport; isSteady: boolean }> {
  const key = await storageKeyOf(dataDir);
  const read = await besideLedger(dataDir, (ledger, ledgerStore) => {
    const before = JSON.stringify(ledger.summary());
    const report = checkFloats(store, spendingOf(ledger, ledgerStore, key));
    return { report, isSteady: JSON.stringify(ledger.summary()) === before };
  });
  if (read) return read;
  const nothing = { debits: 0, postedMinor: 0, head: null };
  const none = { issuers: [], spentOf: () => nothing, debits: () => [] };
  return { report: checkFloats(store, none), isSteady: true };
}

/** The key of evidence; zeros where no engine has run yet, and there is none to open. */
async function storageKeyOf(dataDir: string): Promise<Uint8Array> {
  try {
    return await readStorageKey(dataDir);
  } catch (error) {
    const cause = error instanceof FaregateError ? error.cause : error;
    if (systemCode(cause) === 'ENOENT') return new Uint8Array(32);
    throw error;
  }
}

function describePosition(of: FloatPosition): string[] {
  const { issuer, currency, floatMinor, onCardsMinor, unsettledMinor, settledMinor } = of;
  const { dueMinor, bankMinor, tillsMinor, shortMinor } = of;
  const bring = shortMinor === 0 ? '' : `; bring ${shortMinor} to the bank`;
  return [
    `issuer ${issuer} (currency ${currency}): float ${floatMinor}: ` +
      `on cards ${onCardsMinor}, to be settled ${unsettledMinor}`,
    `  settled ${settledMinor}, due to operators ${dueMinor}; ` +
      `bank ${bankMinor}, tills ${tillsMinor}${bring}`,
  ];
}

function settle(args: Args, io: Io): Promise<number> {
  return inOffice(args, io, async ({ store, settings }) => {
    const dataDir = args.need('data');
    const out = args.need('out');
    const key = await storageKeyOf(dataDir);
    const run = await besideLedger(dataDir, (_, ledgerStore) =>
      settleDebits(
        store,
        walkDebits(ledgerStore, key),
        operatorsOf(settings),
        Date.now(),
        args.flag('all'),
      ),
    );
    const { settlements, unassigned } = run ?? { settlements: [], unassigned: [] };
    const files = await writeDue(store, out);
    const words = [
      ...settlements.map(
        ({ settlementId, debits, amountMinor }) =>
          `settled ${settlementId}: ${debits} debits, ${amountMinor}`,
      ),
      ...(settlements.length === 0 ? ['nothing new to settle'] : []),
      ...unassigned.map(
        ({ gateId, debits, amountMinor }) =>
          `gate ${gateId} has no operator: ${debits} debits, ${amountMinor} stay in the float`,
      ),
      ...files.map((file) => `wrote ${file}`),
    ];
    return tell(args, io, { settlements, unassigned, files } satisfies Settled, words);
  });
}

type Settled = SettleRun & { readonly files: readonly string[] };

/** Writes the file of every settlement that is not paid, as often as it is asked for. */
async function writeDue(store: CardStore, out: string): Promise<string[]> {
  const due = store.read(allSettlements).filter(({ state }) => state === 'due');
  const files: string[] = [];
  try {
    await mkdir(out, { recursive: true });
  } catch (cause) {
    throw new FaregateError('FILE_UNWRITABLE', `${out}: ${systemText(cause)}`, { cause });
  }
  for (const settlement of due) {
    const { name, text } = settlementFile(settlement);
    const path = join(out, name);
    await writeWhole(path, [text], FILE_MODE);
    files.push(path);
  }
  return files;
}

function payout(args: Args, io: Io): Promise<number> {
  return inOffice(args, io, async ({ store }) => {
    const reference = referenceFrom(args, 'reference')!;
    const paid = await paySettlement(store, args.need('settlement'), reference, Date.now());
    const { settlementId, amountMinor, state } = granted(paid);
    const words = [`settlement ${settlementId} of ${amountMinor} is ${state}`];
    return tell(args, io, granted(paid), words);
  });
}

function deposit(args: Args, io: Io): Promise<number> {
  return inOffice(args, io, async ({ store }) => {
    const issuer = args.need('issuer').toUpperCase();
    if (!isHex(issuer, 8)) {
      throw new FaregateError('USAGE', '--issuer takes 8 bytes in hexadecimal');
    }
    const currency = args.whole('currency', CNY, 1, 999);
    args.need('amount');
    const amountMinor = args.whole('amount', 0, 1, AMOUNT_MAX);
    const reference = referenceFrom(args, 'reference')!;
    const of = { issuer, currency };
    granted(await depositCash(store, of, amountMinor, reference, Date.now()));
    const words = [`${amountMinor} of issuer ${issuer} are at the bank`];
    return tell(args, io, { issuer, currency, amountMinor, reference }, words);
  });
}
