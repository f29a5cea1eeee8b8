/** `ledger check` finds whatever is changed behind the ledger's back, and the command says so. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Io, runProgram } from '../../engine/cli/command.ts';
import { ledgerCommands } from '../../engine/cli/ledger.ts';
import { DebitState } from '../../engine/debit/record.ts';
import { AccountKind, encodePosting, postingKey } from '../../engine/ledger/books.ts';
import { checkLedger } from '../../engine/ledger/check.ts';
import { Ledger } from '../../engine/ledger/ledger.ts';
import { LmdbStore } from '../../engine/ledger/lmdb-store.ts';
import { MemoryStore } from '../../engine/ledger/memory-store.ts';
import { exceptionNumbers, openItems, outcomes } from '../../engine/ledger/outcomes.ts';
import { Standing } from '../../engine/ledger/rows.ts';
import { type LedgerStore, tables } from '../../engine/ledger/store.ts';
import { root } from '../shared.ts';
import { byColumns } from './columns.ts';
import { eventColumns, modeChanged } from './event-samples.ts';
import { cardOf, received, settlement, torn } from './samples.ts';

/** A row of every table. */
async function fill(store: LedgerStore): Promise<void> {
  const ledger = await Ledger.open(store, { checkpointRows: 1 });
  const lost = torn({ gateSequence: 6, card: cardOf('lost') });
  const elsewhere = torn({ gateId: 'G09', gateSequence: 1, card: cardOf('elsewhere') });
  await ledger.post('G01', [
    received({ gateSequence: 1 }),
    received({ gateSequence: 2, offlineCounter: 8, balanceBeforeMinor: 4800 }),
    torn({ gateSequence: 3, offlineCounter: 9, balanceBeforeMinor: 4600 }),
    received({ gateSequence: 4, offlineCounter: 10, balanceBeforeMinor: 4400 }),
    received({ gateSequence: 5, tac: 'invalid', card: cardOf('forged') }),
    lost,
    settlement(elsewhere, DebitState.confirmed, { gateId: 'G01', gateSequence: 7 }),
    received({ gateSequence: 7, amountMinor: 1 }),
    received({ gateSequence: 9, card: cardOf('late') }),
  ]);
  await ledger.postBatch(eventColumns([modeChanged('G03', 1)]));
  const ordinary = { gateId: 'G02', card: cardOf('ordinary') };
  await byColumns(ledger, 'G02', [
    received({ ...ordinary, gateSequence: 1 }),
    received({ ...ordinary, gateSequence: 2, offlineCounter: 8, balanceBeforeMinor: 4800 }),
  ]);
}

test('a sound ledger has no findings, in every table something', async () => {
  const store = new MemoryStore();
  await fill(store);
  const report = checkLedger(store);
  assert.deepEqual(report.findings, []);
  assert.deepEqual(report.sequenceGaps, [{ gateId: 'G01', from: 8, to: 8 }]);
  assert.deepEqual(report.open, {
    unconfirmed: 1,
    settlementUnknown: 1,
    sequenceGap: 1,
    counterGap: 0,
  });
  for (const table of tables) {
    const rows = store.read((reader) => [...reader.range(table, { limit: 1 })]);
    assert.equal(rows.length, 1, table);
  }
});

test('a row removed from any table is found', async () => {
  for (const table of tables) {
    const store = new MemoryStore();
    await fill(store);
    const keys = store.read((reader) => [...reader.range(table, {})].map(({ key }) => key));
    for (const key of keys) {
      const name = Buffer.from(key).toString('latin1');
      // A total of zero may be there or not, and without its layout a store is not opened.
      const value = store.read((reader) => reader.get(table, key)!);
      if (table === 'totals' && (name === 'layout' || value.every((byte) => byte === 0))) continue;
      await store.transaction((writer) => writer.remove(table, key));
      assert(!checkLedger(store).ok, `${table}: ${Buffer.from(key).toString('hex')}`);
      await store.transaction((writer) => writer.put(table, key, value));
      assert(checkLedger(store).ok);
    }
  }
});

const first = { gateId: 'G01', gateSequence: 1 };

/** The first byte of a field in the first row of a table, and what finds its change. */
const damages: readonly [string, (typeof tables)[number], number, RegExp][] = [
  ['an amount in a posting', 'postings', 15, /debit G01\/1, posted to receivable/],
  ['the account of a posting', 'postings', 1, /debit G01\/1, posted to float/],
  ['the issuer of a posting', 'postings', 3, /posting 0 is another's/],
  ['the standing of a debit', 'debits', 0, /debit G01\/1/],
  ['the amount of a debit', 'debits', 19, /debit G01\/1, posted to/],
  ['the card of a debit', 'debits', 30, /G01\/1 is not posted there/],
  ['the counter of a debit', 'debits', 9, /G01\/1 is not posted there/],
  ['a balance', 'accounts', 7, /account receivable:0000000000001000/],
  ['a balance in a chain', 'chain', 3, /is not posted there/],
  ['the debit of a link', 'chain', 27, /is not posted there|places in the chains/],
  ['an amount of a pending debit', 'pending', 9, /is not pending/],
  ['what a gate holds', 'gates', 5, /gate G01, held through/],
  ['the code of an exception', 'exceptions', 0, /count of exceptions/],
  ['the debit of an exception', 'exceptions', 18, /is not held/],
];

for (const [what, table, at, finding] of damages) {
  test(`a change is found: ${what}`, async () => {
    const store = new MemoryStore();
    await fill(store);
    await store.transaction((writer) => {
      const [{ key, value }] = [...writer.range(table, { limit: 1 })] as [
        { key: Uint8Array; value: Uint8Array },
      ];
      value[at]! ^= 0x40;
      writer.put(table, key, value);
    });
    const report = checkLedger(store);
    assert(!report.ok);
    assert.match(report.findings.join('\n'), finding);
  });
}

test('a posting of no debit, and one too many, are found', async () => {
  const store = new MemoryStore();
  await fill(store);
  const posting = encodePosting({
    to: AccountKind.receivable,
    from: AccountKind.float,
    issuer: new Uint8Array(8),
    currency: 156,
    amountMinor: 1,
  });
  await store.transaction((writer) => {
    writer.put('postings', postingKey(first, 1), posting);
    writer.put('postings', postingKey({ gateId: 'NONE', gateSequence: 1 }, 0), posting);
  });
  const text = checkLedger(store).findings.join('\n');
  assert.match(text, /posting of debit NONE\/1: there is no such debit/);
  assert.match(text, /debit G01\/1, number of postings: stored 1, computed 2/);
});

async function run(...argv: string[]): Promise<{ code: number; out: string[]; err: string[] }> {
  const out: string[] = [];
  const err: string[] = [];
  const io: Io = {
    out: (line) => out.push(line),
    err: (line) => err.push(line),
    input: process.stdin,
    env: {},
    terminal: false,
  };
  return { code: await runProgram('faregate-engine', 'test', ledgerCommands, argv, io), out, err };
}

test('the command: sound beside a writer, broken, and missing', async () => {
  const data = mkdtempSync(join(tmpdir(), 'faregate-ledger-'));
  const store = LmdbStore.open(join(data, 'ledger'));
  await fill(store);
  const sound = await run('ledger', 'check', '--data', data);
  assert.deepEqual([sound.code, sound.err], [0, []]);
  assert.equal(sound.out.at(-1), 'the ledger adds up');
  const json = await run('ledger', 'check', '--data', data, '--json');
  assert.equal((JSON.parse(json.out[0]!) as { ok: boolean }).ok, true);

  await store.transaction((writer) => {
    const value = writer.get('postings', postingKey(first, 0))!;
    value[15]!++;
    writer.put('postings', postingKey(first, 0), value);
  });
  const broken = await run('ledger', 'check', '--data', data, '--json');
  assert.equal(broken.code, 1);
  assert.match(broken.err[0]!, /^LEDGER_BROKEN: debit G01\/1, posted to receivable/);
  assert.equal((JSON.parse(broken.out[0]!) as { ok: boolean }).ok, false);
  await store.close();

  const none = await run('ledger', 'check', '--data', join(data, 'none'));
  assert.equal(none.code, 1);
  assert.match(none.err[0]!, /^STORE_FAILED: .*none.*there is no ledger/);
  assert(!readdirSync(data).includes('none'));
  rmSync(data, { recursive: true });
});

test('a ledger of another layout is refused, not read', async () => {
  const store = new MemoryStore();
  await fill(store);
  await store.transaction((writer) => {
    writer.put('totals', Buffer.from('layout'), new Uint8Array([0, 0, 0, 0, 0, 9]));
  });
  assert.throws(() => checkLedger(store), {
    code: 'STORE_FAILED',
    message: /version 9, .* reads 3 to 6$/,
  });
  await assert.rejects(Ledger.open(store), { code: 'STORE_FAILED' });
});

test('docs/ledger.md lists every outcome, standing, exception and open item', () => {
  const text = readFileSync(join(root, 'docs/ledger.md'), 'utf8');
  const listed = (heading: string) => {
    const section = text.split(/^## /m).find((part) => part.startsWith(heading)) ?? '';
    return [...section.matchAll(/^\| `([^`]+)` \| (.*) \|$/gm)].map((row) => [row[1], row[2]]);
  };
  assert.deepEqual(listed('Outcomes'), Object.entries(outcomes));
  assert.deepEqual(listed('Open items'), Object.entries(openItems));
  const codes = (heading: string) => listed(heading).map(([code]) => code);
  assert.deepEqual(codes('Exceptions'), Object.keys(exceptionNumbers));
  assert.deepEqual(codes('Standings'), Object.keys(Standing));
});
