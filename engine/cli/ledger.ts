/**
 * `faregate-engine ledger check`: adds the ledger up again, also while the engine runs. `ledger
 * taps`: what cards paid, for accounts.
 */
import { join } from 'node:path';
import { FaregateError } from '../errors.ts';
import { parseInstant } from '../fare/instant.ts';
import { type CheckReport, checkLedger, requireSound } from '../ledger/check.ts';
import { LmdbStore } from '../ledger/lmdb-store.ts';
import { LEDGER_SHARDS_MAX } from '../limits.ts';
import { openFareSets } from '../operator/fare-files.ts';
import { lostTaps, postedTaps } from '../operator/posted-taps.ts';
import { readStorageKey } from '../operator/storage-key.ts';
import type { Args, Command, Io } from './command.ts';

/** Folder of the ledger's store in the engine's data folder. */
export const LEDGER_FOLDER = 'ledger';

export const ledgerCommands: readonly Command[] = [
  {
    name: 'ledger check',
    about: 'Recomputes the ledger from its postings and compares.',
    options: {
      data: { type: 'string', value: 'DIR', required: true, about: "the engine's data folder" },
      json: { type: 'boolean', about: 'print the report as one JSON object' },
    },
    run: check,
  },
  {
    name: 'ledger taps',
    about: 'Writes posted debits of cards as taps, with what each paid: input of `account`.',
    options: {
      data: { type: 'string', value: 'DIR', required: true, about: "the engine's data folder" },
      fares: { type: 'string', value: 'DIR', required: true, about: 'the fare sets gates had' },
      from: { type: 'string', value: 'INSTANT', required: true, about: 'taps from then on' },
      to: { type: 'string', value: 'INSTANT', required: true, about: 'taps before then' },
      'open-loop': {
        type: 'boolean',
        about: 'taps of bank cards that `openloop` charges too; they paid 0',
      },
      network: {
        type: 'string',
        multiple: true,
        value: 'GATES=NETWORK',
        about: 'network of the gates whose ids begin so; the longest beginning counts',
      },
      shard: {
        type: 'string',
        value: 'I/N',
        about: 'part I of N of all cards, from 1 (default 1/1)',
      },
    },
    run: taps,
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

async function taps(args: Args, io: Io): Promise<number> {
  const dataDir = args.need('data');
  const [fromMs, toMs] = [instantOption(args, 'from'), instantOption(args, 'to')];
  const range = { ...shardOption(args), fromMs, toMs, openLoop: args.flag('open-loop') };
  const sets = await openFareSets(args.need('fares'));
  const key = await readStorageKey(dataDir);
  const networkOf = networksOf(args);
  const store = LmdbStore.open(join(dataDir, LEDGER_FOLDER), { readOnly: true });
  try {
    for (const tap of postedTaps(store, key, range, { sets, networkOf })) {
      io.out(JSON.stringify(tap));
      await io.drained?.();
    }
    let lost = 0;
    for (const id of lostTaps(store, range)) {
      if (lost++ === 0) io.err(`debit ${id}: posted, and its record is kept nowhere`);
    }
    if (lost > 0) io.err(`${lost} posted debits are not among these taps: see ledger check`);
    return 0;
  } finally {
    await store.close();
  }
}

/** An instant that must be given. @throws FaregateError USAGE. */
export function instantOption(args: Args, name: string): number {
  const ms = parseInstant(args.need(name));
  if (!Number.isNaN(ms)) return ms;
  throw new FaregateError('USAGE', `--${name} takes an ISO 8601 instant with a zone`);
}

function shardOption(args: Args): { readonly shard: number; readonly shards: number } {
  const [, part, of] = /^(\d{1,5})\/(\d{1,5})$/.exec(args.text('shard') ?? '1/1') ?? [];
  const [shard, shards] = [Number(part) - 1, Number(of)];
  if (shard >= 0 && shard < shards && shards <= LEDGER_SHARDS_MAX) return { shard, shards };
  throw new FaregateError('USAGE', `--shard takes I/N, N up to ${LEDGER_SHARDS_MAX}`);
}

/** The network of a gate, by `--network`. @throws FaregateError USAGE */
export function networksOf(args: Args): (gateId: string) => string {
  const networks = args.list('network').map(networkOption);
  return (gateId) => {
    const named = networks.filter(({ gates }) => gateId.startsWith(gates));
    return named.sort((a, b) => b.gates.length - a.gates.length)[0]?.network ?? '';
  };
}

function networkOption(text: string): { readonly gates: string; readonly network: string } {
  const equals = text.indexOf('=');
  if (equals >= 0 && equals < text.length - 1) {
    return { gates: text.slice(0, equals), network: text.slice(equals + 1) };
  }
  throw new FaregateError('USAGE', `--network takes GATES=NETWORK, not ${JSON.stringify(text)}`);
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
