/**
 * Clearing of e-cash: every posted debit in one file, none in two, however runs are broken off and
 * whatever comes late; claims that fall are withdrawn; what cannot be claimed is counted.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { fromHex } from '../../engine/bytes.ts';
import { verifyCryptogram } from '../../engine/card/qpboc/cryptogram.ts';
import { evidenceOf } from '../../engine/card/qpboc/evidence.ts';
import { finalDebits } from '../../engine/cards/ledger-debits.ts';
import { spentOfIssuers } from '../../engine/cards/ledger-spending.ts';
import { CryptogramKeyring } from '../../engine/crypto/cryptogram-keyring.ts';
import { Keyring } from '../../engine/crypto/keyring.ts';
import { cmacKey } from '../../engine/crypto/mac.ts';
import { at, decodeDebit, encodeDebit } from '../../engine/debit/codec.ts';
import { DEBIT_BYTES, type Debit } from '../../engine/debit/record.ts';
import { checkLedger } from '../../engine/ledger/check.ts';
import { Ledger } from '../../engine/ledger/ledger.ts';
import { LmdbStore } from '../../engine/ledger/lmdb-store.ts';
import { MemoryStore } from '../../engine/ledger/memory-store.ts';
import { idKey } from '../../engine/ledger/rows.ts';
import type { StoreReader, StoreWriter } from '../../engine/ledger/store.ts';
import { clear, type RunReport } from '../../engine/operator/clearing.ts';
import { receiveBatch } from '../../engine/operator/received.ts';
import { createRecordChecks } from '../../engine/operator/record-checks.ts';
import { debitOf } from '../gate/uplink/fakes.ts';
import { bankRecords, cardOfIssuer, purchaseRecords } from '../kit/bank-records.ts';
import { approvedBy, buy } from '../kit/ecash-cards.ts';

const master = fromHex('0123456789ABCDEFFEDCBA9876543210');
const storageKey = new Uint8Array(32).fill(5);
const dir = mkdtempSync(join(tmpdir(), 'faregate-clearing-'));
after(() => rmSync(dir, { recursive: true, force: true }));

const ALL = { fromMs: 0, toMs: Number.MAX_SAFE_INTEGER };

interface Line {
  readonly run: number;
  readonly id?: string;
  readonly withdraws?: string;
  readonly claimedInRun?: number;
  readonly verified?: boolean;
  readonly tags?: Readonly<Record<string, string>>;
  readonly debits?: number;
  readonly unproved?: number;
  readonly issuers?: readonly object[];
}

function linesOf({ file }: RunReport): Line[] {
  const text = readFileSync(file, 'utf8');
  assert(text.endsWith('\n'));
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Line);
}

function claimedIn(report: RunReport): string[] {
  return linesOf(report).flatMap(({ id }) => id ?? []);
}

/** A ledger, gates that upload to it, and its folder. */
class Office {
  readonly store = new MemoryStore();
  readonly dataDir = mkdtempSync(join(dir, 'd-'));
  readonly card = cardOfIssuer(master);
  readonly #next = new Map<string, number>();
  readonly #checks;
  #ledger: Ledger | undefined;

  constructor(holdsKey = true) {
    const key = { prefix: '6228', index: 1, algorithm: '3des', master } as const;
    this.#checks = createRecordChecks({
      keyring: new Keyring([]),
      cryptograms: new CryptogramKeyring(holdsKey ? [key] : []),
      cardHash: cmacKey(new Uint8Array(16)),
      storageKey,
      salt: new Uint8Array(16),
    });
  }

  next(gateId: string): number {
    return this.#next.get(gateId) ?? 1;
  }

  async upload(gateId: string, records: Uint8Array): Promise<readonly string[]> {
    this.#ledger ??= await Ledger.open(this.store);
    const count = records.length / DEBIT_BYTES;
    const first = this.next(gateId);
    this.#next.set(gateId, first + count);
    const batch = { type: 'batch', first, count, records, status: null } as const;
    const received = receiveBatch(gateId, batch, this.#checks);
    return (await this.#ledger.postBatch(received)).outcomes;
  }

  /** A purchase at a gate, uploaded at once. */
  async pay(gateId: string, amountMinor: number, debit: Partial<Debit> = {}): Promise<string> {
    const first = this.next(gateId);
    const records = purchaseRecords(gateId, first, this.card, amountMinor, { debit });
    await this.upload(gateId, records);
    return `${gateId}-${first}`;
  }

  clear(range: Partial<typeof ALL> = {}): Promise<RunReport[]> {
    return clear(this.store, this.dataDir, storageKey, { ...ALL, ...range });
  }
}

test('a posted debit is claimed once, with all that its cryptogram is computed over', async () => {
  const office = new Office();
  const transaction = approvedBy(buy(office.card, 1234));
  await office.upload('G01', bankRecords('G01', 1, transaction));
  const [report] = await office.clear();
  assert.equal(statSync(report!.file).mode & 0o777, 0o600);
  const [line, totals] = linesOf(report!);
  const { tags } = line!;
  assert.deepEqual([line!.id, line!.verified], ['G01-1', true]);
  const names = '9F26 9F27 9F10 9F37 9F36 95 9A 9C 9F02 5F2A 82 9F1A 9F03 5A 5F34 5F24 9F66 4F';
  for (const name of names.split(' ')) assert(tags![name], name);
  assert.deepEqual([tags!['5A'], tags!['5F34']], ['6228000100001117', '01']);
  // What the file says is enough to verify the cryptogram by.
  const value = (name: string) => fromHex(tags![name]!);
  const evidence = {
    ...evidenceOf(transaction),
    card: { pan: tags!['5A']!, panSequence: Number(tags!['5F34']) },
    cryptogram: value('9F26'),
    iad: value('9F10'),
    amount: value('9F02'),
    amountOther: value('9F03'),
    country: value('9F1A'),
    verificationResults: value('95'),
    currency: value('5F2A'),
    date: value('9A'),
    transactionType: value('9C')[0]!,
    unpredictableNumber: value('9F37'),
    aip: value('82'),
    atc: Number.parseInt(tags!['9F36']!, 16),
  };
  assert.equal(verifyCryptogram(evidence, '3des', master), 'valid');
  assert.deepEqual(totals, {
    run: 1,
    debits: 1,
    withdrawals: 0,
    unproved: 0,
    issuers: [
      { issuer: '6228000000000000', currency: 156, debits: 1, amountMinor: 1234, passedThrough: 0 },
    ],
  });
  const [again] = await office.clear();
  assert.deepEqual([again!.run, claimedIn(again!)], [2, []]);
});

test('late arrivals, entries of 0, other cards and what is suspended', async () => {
  const office = new Office(false);
  const early = purchaseRecords('G02', 1, office.card, 100);
  const first = await office.pay('G01', 200);
  await office.pay('G01', 0);
  await office.upload('G02', early);
  const forged = purchaseRecords('G03', 1, office.card, 300);
  forged.fill(0, DEBIT_BYTES + 41, 2 * DEBIT_BYTES - 10);
  assert.deepEqual(await office.upload('G03', forged), ['evidenceMissing', 'recorded']);
  const [report] = await office.clear();
  assert.deepEqual(claimedIn(report!), [first, 'G02-1']);
  const { issuers } = linesOf(report!).at(-1)!;
  const total = { debits: 2, amountMinor: 300, passedThrough: 2 };
  assert.deepEqual(issuers, [{ issuer: '6228000000000000', currency: 156, ...total }]);
  assert.deepEqual(checkLedger(office.store).findings, []);
});

test('what clearing claims is left alone by settlement and floats', async () => {
  for (const holdsKey of [true, false]) {
    const office = new Office(holdsKey);
    const late = purchaseRecords('G02', 1, office.card, 100);
    await office.pay('G01', 200);
    await office.upload('G02', late);
    const [report] = await office.clear();
    assert.equal(claimedIn(report!).length, 2);
    assert.deepEqual([...finalDebits(office.store, storageKey)], []);
    const { accounts } = (await Ledger.open(office.store)).summary();
    assert.deepEqual(spentOfIssuers(accounts), []);
    const name = holdsKey ? 'clearing:6228000000000000' : 'passedThrough:6228000000000000';
    assert.equal(accounts.find((one) => one.name === name)?.balanceMinor, -300);
    assert.deepEqual(checkLedger(office.store).findings, []);
  }
});

test('a range claims what is in it, and a later run the rest', async () => {
  const office = new Office();
  const ids = [];
  for (const instantMs of [3000, 1000, 2000]) ids.push(await office.pay('G01', 100, { instantMs }));
  const [day] = await office.clear({ fromMs: 1500, toMs: 3000 });
  assert.deepEqual(claimedIn(day!), [ids[2]]);
  const [rest] = await office.clear({ toMs: 3000 });
  assert.deepEqual(claimedIn(rest!), [ids[1]]);
  const [all] = await office.clear();
  assert.deepEqual(claimedIn(all!), [ids[0]]);
});

test('late debits are heard once, and wait open for their range', async () => {
  const office = new Office();
  const make = (gateId: string, instantMs: number) =>
    purchaseRecords(gateId, 1, office.card, 100, { debit: { instantMs } });
  const [early, later] = [make('G02', 1000), make('G03', 5000)];
  await office.pay('G01', 200, { instantMs: 1000 });
  await office.upload('G02', early);
  const [day] = await office.clear({ toMs: 3000 });
  assert.deepEqual(claimedIn(day!), ['G01-1', 'G02-1']);
  let walks = 0;
  const counting = new Proxy(office.store, {
    get: (target, name) => {
      if (name !== 'read') return Reflect.get(target, name, target) as unknown;
      return (work: (reader: StoreReader) => unknown) =>
        target.read((reader) => {
          const range: StoreReader['range'] = (table, of) => {
            if (table === 'debits') walks++;
            return reader.range(table, of);
          };
          return work({ get: reader.get.bind(reader), range });
        });
    },
  });
  await office.upload('G03', later);
  const clearCounting = (toMs: number) =>
    clear(counting, office.dataDir, storageKey, { ...ALL, toMs });
  const [second] = await clearCounting(3000);
  assert.deepEqual([claimedIn(second!), second!.unproved], [[], 0]);
  const [third] = await clearCounting(Number.MAX_SAFE_INTEGER);
  assert.deepEqual(claimedIn(third!), ['G03-1']);
  assert.deepEqual((await clearCounting(Number.MAX_SAFE_INTEGER))[0]!.debits, 0);
  assert.equal(walks, 0);
});

/** A torn debit whose cryptogram the gate still has, and what the card's balance said later. */
async function torn(office: Office, proved: boolean): Promise<void> {
  const records = purchaseRecords('G01', 1, office.card, 200);
  records[at.state] = 2;
  records[at.evidence] = 0;
  if (!proved) records.fill(0, DEBIT_BYTES + 41, 2 * DEBIT_BYTES - 10);
  assert.deepEqual(await office.upload('G01', records), ['unconfirmed', 'recorded']);
  await office.pay('G02', 100);
}

test('a presumed debit is claimed by its cryptogram; one without is counted', async () => {
  for (const proved of [true, false]) {
    const office = new Office();
    await torn(office, proved);
    const [report] = await office.clear();
    assert.deepEqual(claimedIn(report!), proved ? ['G01-1', 'G02-1'] : ['G02-1']);
    assert.equal(report!.unproved, proved ? 0 : 1);
  }
});

test('a claim whose debit falls is withdrawn, once', async () => {
  const office = new Office();
  await torn(office, true);
  await office.clear();
  const settlement = new Uint8Array(DEBIT_BYTES);
  const original = purchaseRecords('G01', 1, cardOfIssuer(master), 200).slice(0, DEBIT_BYTES);
  const denial: Debit = {
    ...debitOf('G02', office.next('G02')),
    ...decodeDebit(original, 0),
    gateId: 'G02',
    gateSequence: office.next('G02'),
    kind: 2,
    state: 3,
    evidence: 3,
    refersTo: { gateId: 'G01', gateSequence: 1 },
  };
  encodeDebit(denial, settlement, 0);
  assert.deepEqual(await office.upload('G02', settlement), ['settled']);
  const [report] = await office.clear();
  const [line] = linesOf(report!);
  assert.deepEqual([line!.withdraws, line!.claimedInRun], ['G01-1', 1]);
  const [after] = await office.clear();
  assert.deepEqual([after!.debits, after!.withdrawals], [0, 0]);
});

/** A ledger whose reads fail from the n-th on: the process that ends in the middle of a run. */
function failing(store: MemoryStore, after: number): MemoryStore {
  let reads = 0;
  return new Proxy(store, {
    get(target, name) {
      const value = Reflect.get(target, name, target) as unknown;
      if (typeof value !== 'function') return value;
      if (name === 'read' && ++reads > after) throw new Error('gone');
      return value.bind(target) as unknown;
    },
  });
}

test('a run broken off anywhere is taken up; every debit is in one file', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(40), { maxLength: 4 }), async (breaks) => {
      const office = new Office();
      const expected = new Set<string>();
      const reports = new Map<number, RunReport>();
      for (const reads of [...breaks, Number.POSITIVE_INFINITY]) {
        for (let n = 0; n < 3; n++) expected.add(await office.pay(`G0${n}`, 100 + n));
        const store = failing(office.store, reads);
        try {
          for (const one of await clear(store, office.dataDir, storageKey, ALL)) {
            reports.set(one.run, one);
          }
        } catch (error) {
          assert.equal((error as Error).message, 'gone');
        }
      }
      // A run that was closed before the process ended reported nothing: its file is there.
      const runs = Math.max(...reports.keys());
      const found: string[] = [];
      for (let run = 1; run <= runs; run++) {
        const file = join(
          office.dataDir,
          'clearing',
          `clearing-${String(run).padStart(6, '0')}.jsonl`,
        );
        found.push(...claimedIn({ file } as RunReport));
      }
      assert.deepEqual(found.sort(), [...expected].sort());
    }),
    { numRuns: 25 },
  );
});

test('a run that ended behind its file writes the same file again, and claims no more', async (t) => {
  const office = new Office();
  const claimed = [await office.pay('G01', 200), await office.pay('G02', 300)];
  const { transaction } = LmdbStore.prototype;
  const dies = t.mock.method(
    LmdbStore.prototype,
    'transaction',
    function (this: LmdbStore, work: (writer: StoreWriter) => unknown) {
      return transaction.call(this, (writer) => {
        const put: StoreWriter['put'] = (table, key, value) => {
          if (Buffer.from(value).includes('"closed":true')) throw new Error('gone');
          writer.put(table, key, value);
        };
        return work({
          get: (...asked) => writer.get(...asked),
          range: (...asked) => writer.range(...asked),
          remove: (...asked) => writer.remove(...asked),
          put,
        } as StoreWriter);
      });
    },
  );
  await assert.rejects(office.clear(), { message: 'gone' });
  dies.mock.restore();
  const file = join(office.dataDir, 'clearing', 'clearing-000001.jsonl');
  const sent = readFileSync(file, 'utf8');
  assert.deepEqual(claimedIn({ file } as RunReport), claimed);
  // The bank has it, and it was deleted.
  rmSync(file);
  const next = await office.pay('G01', 400);
  const [takenUp, after] = await office.clear();
  assert.equal(takenUp!.takenUp, true);
  assert.equal(readFileSync(file, 'utf8'), sent);
  assert.deepEqual(claimedIn(after!), [next]);
});

test('a debit without its proof stops the run by name, and leaves it open', async () => {
  const office = new Office();
  await office.pay('G01', 200);
  const key = idKey({ gateId: 'G01', gateSequence: 2 });
  let kept: Uint8Array | undefined;
  await office.store.transaction((writer) => {
    kept = writer.get('events', key);
    writer.remove('events', key);
  });
  await assert.rejects(office.clear(), {
    code: 'LEDGER_BROKEN',
    message: 'the proof of debit G01-1 is missing',
  });
  await office.store.transaction((writer) => writer.put('events', key, kept!));
  const reports = await office.clear();
  assert.deepEqual(
    reports.map(({ run, takenUp, debits }) => [run, takenUp, debits]),
    [
      [1, true, 1],
      [2, false, 0],
    ],
  );
});

test('another storage key opens nothing', async () => {
  const office = new Office();
  await office.pay('G01', 200);
  await assert.rejects(clear(office.store, office.dataDir, new Uint8Array(32), ALL), {
    code: 'LEDGER_BROKEN',
    message: 'evidence of debit G01-1 does not open',
  });
});
