/** `faregate-engine ledger clearing` on the store of an engine. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { after, test } from 'node:test';
import { runProgram } from '../../engine/cli/command.ts';
import { clearingCommand } from '../../engine/cli/ledger-clearing.ts';
import { Keyring } from '../../engine/crypto/keyring.ts';
import { cmacKey } from '../../engine/crypto/mac.ts';
import { DEBIT_BYTES } from '../../engine/debit/record.ts';
import { Ledger } from '../../engine/ledger/ledger.ts';
import { LmdbStore } from '../../engine/ledger/lmdb-store.ts';
import { receiveBatch } from '../../engine/operator/received.ts';
import { createRecordChecks } from '../../engine/operator/record-checks.ts';
import { makeStorageKey } from '../../engine/operator/storage-key.ts';
import { purchaseRecords } from '../kit/bank-records.ts';
import { ecashCard } from '../kit/ecash-cards.ts';

const dataDir = mkdtempSync(join(tmpdir(), 'faregate-clearing-'));
after(() => rmSync(dataDir, { recursive: true, force: true }));

const PAN = '6228000100001117';

async function run(...args: string[]): Promise<{ code: number; out: string[]; err: string }> {
  const out: string[] = [];
  const err: string[] = [];
  const code = await runProgram('faregate-engine', '', [clearingCommand], args, {
    out: (line) => out.push(line),
    err: (line) => err.push(line),
    input: Readable.from([]),
    env: {},
    terminal: false,
  });
  return { code, out, err: err.join('\n') };
}

const clearing = (...args: string[]) => run('ledger', 'clearing', '--data', dataDir, ...args);

test('writes what is to be claimed, beside an engine that posts; says no card number', async () => {
  const store = LmdbStore.open(join(dataDir, 'ledger'));
  try {
    const ledger = await Ledger.open(store);
    const checks = createRecordChecks({
      keyring: new Keyring([]),
      cardHash: cmacKey(new Uint8Array(16)),
      storageKey: await makeStorageKey(dataDir),
      salt: new Uint8Array(16),
    });
    const card = ecashCard();
    const pay = async (first: number) => {
      const records = purchaseRecords('G01', first, card, 250);
      const count = records.length / DEBIT_BYTES;
      const batch = { type: 'batch', first, count, records, status: null } as const;
      await ledger.postBatch(receiveBatch('G01', batch, checks));
    };
    await pay(1);
    const first = await clearing('--to', '2030-01-01T00:00:00Z');
    assert.equal(first.code, 0, first.err);
    assert.match(first.out[0]!, /^run 1: 1 debits in .*clearing-000001\.jsonl$/);
    assert.match(first.out[1]!, /issuer 6228000000000000: 250 \(currency 156\) by 1 debits, 1 of/);
    await pay(3);
    const second = await clearing('--to', '2030-01-01T00:00:00Z', '--json');
    const {
      run: number,
      debits,
      file,
    } = JSON.parse(second.out[0]!) as {
      run: number;
      debits: number;
      file: string;
    };
    assert.deepEqual([number, debits], [2, 1]);
    assert(!`${first.out.join()}${second.out.join()}`.includes(PAN));
    assert(readFileSync(file, 'utf8').includes(PAN));
    const folder = join(dataDir, 'clearing');
    assert.equal(statSync(folder).mode & 0o777, 0o700);
    assert.deepEqual(readdirSync(folder), [
      'claims',
      'clearing-000001.jsonl',
      'clearing-000002.jsonl',
    ]);
    const early = await clearing('--from', '2020-01-01T00:00:00Z', '--to', '2020-01-02T00:00:00Z');
    assert.match(early.out[0]!, /^run 3: 0 debits/);
  } finally {
    await store.close();
  }
});

test('an instant that is none, or a ledger that is not there, is refused', async () => {
  const wrong = await clearing('--to', 'tomorrow');
  assert.deepEqual([wrong.code, /--to takes an ISO 8601 instant/.test(wrong.err)], [2, true]);
  const nowhere = await run(
    'ledger',
    'clearing',
    '--data',
    `${dataDir}x`,
    '--to',
    '2030-01-01T00:00Z',
  );
  assert.equal(nowhere.code, 1);
  assert.match(nowhere.err, /FILE_UNREADABLE/);
});
