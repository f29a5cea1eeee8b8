/**
 * The path of a batch in the engine alone, one batch at a time and without a network: checks, TAC
 * from the master key, the card's keyed hash, digest, sealed evidence and the ledger's transaction
 * on lmdb, as the engine runs them; against node:crypto per call and one durable transaction a
 * record, with JSON rows. Both stores sync before they answer, in the folder for temporary files:
 * on a memory disk a sync costs nothing and the figures say little.
 */
import {
  createCipheriv,
  createHash,
  createHmac,
  hash,
  randomBytes,
  timingSafeEqual,
} from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { open } from 'lmdb';
import { writeU16, writeU48 } from '../engine/bytes.ts';
import { cmacKey } from '../engine/crypto/mac.ts';
import { at, decodeDebit, encodeDebit } from '../engine/debit/codec.ts';
import { DEBIT_BYTES, type Debit } from '../engine/debit/record.ts';
import { Ledger } from '../engine/ledger/ledger.ts';
import { LmdbStore } from '../engine/ledger/lmdb-store.ts';
import { receiveBatch } from '../engine/operator/received.ts';
import { createRecordChecks } from '../engine/operator/record-checks.ts';
import type { Batch } from '../engine/wire/envelope.ts';
import type { Contender, Question } from './harness.ts';
import { keyringOfRecords, makeDebit, nodeTac } from './load/records.ts';

const GATE = 'bench-1';
const HASH_KEY = new Uint8Array(16).fill(0x5a);
const STORAGE_KEY = new Uint8Array(32).fill(0x3c);
const BALANCE_MINOR = 10_000;
/** One TAC in so many is forged, so that a contender that says yes to all does not agree. */
const FORGED_EVERY = 50;
/** Of crossed ones the second is the one that was overtaken. */
const CHECKED_UPLOADS = 2;

/** @param crossed each card's debits come in pairs, the later one first. */
export async function pathQuestion(smoke: boolean, crossed: boolean): Promise<Question> {
  const count = smoke ? 64 : 1000;
  const contenders = [await engineContender(count, crossed), nodeContender(count, crossed)];
  const how = crossed ? ', every other one overtaken' : '';
  const name = `${count} debits, uploaded to durable${how}`;
  // A transaction a record takes a quarter of a second for a batch.
  const timing = { timeMs: 3000, iterationsMin: 8 };
  return { name, operations: count, bytes: DEBIT_BYTES, contenders, ...timing };
}

/** The path of `IngestSession`, without the socket. */
async function engineContender(count: number, crossed: boolean): Promise<Contender> {
  const folder = mkdtempSync(join(tmpdir(), 'faregate-bench-'));
  const store = LmdbStore.open(folder);
  const ledger = await Ledger.open(store);
  const checks = createRecordChecks({
    keyring: keyringOfRecords(),
    cardHash: cmacKey(HASH_KEY),
    storageKey: STORAGE_KEY,
    salt: new Uint8Array(randomBytes(16)),
  });
  const next = uploads(count, crossed);
  const run = async () => {
    await ledger.postBatch(receiveBatch(GATE, next(), checks));
  };
  const answer = async () => {
    for (let i = 0; i < CHECKED_UPLOADS; i++) await run();
    const { posted, accounts } = ledger.summary();
    // Suspended debits stand on another account.
    const float = accounts.find(({ name }) => name.startsWith('float:'));
    return summed(posted, Math.abs(float?.balanceMinor ?? 0));
  };
  const close = async () => {
    await store.close();
    rmSync(folder, { recursive: true });
  };
  return { name: 'faregate', run, answer, close };
}

interface Account {
  readonly posted: number;
  readonly sumMinor: number;
}

function nodeContender(count: number, crossed: boolean): Contender {
  const folder = mkdtempSync(join(tmpdir(), 'faregate-bench-'));
  const root = open({ path: folder, noSubdir: false, overlappingSync: false, encoding: 'json' });
  const debits = root.openDB<object, string>({ name: 'debits', encoding: 'json' });
  const naturalKeys = root.openDB<string, string>({ name: 'naturalKeys', encoding: 'json' });
  const accounts = root.openDB<Account, string>({ name: 'accounts', encoding: 'json' });
  const next = uploads(count, crossed);
  const post = (debit: Debit, record: Uint8Array) => {
    const valid = timingSafeEqual(nodeTac(debit), debit.tac);
    const card = createHmac('sha256', HASH_KEY).update(debit.cardNumber).digest('hex');
    const digest = hash('sha256', record, 'hex');
    const sealed = nodeSeal(record, `${debit.gateId}/${debit.gateSequence}`);
    const { offlineCounter, amountMinor, balanceBeforeMinor, instantMs, currency } = debit;
    const id = `${debit.gateId}/${debit.gateSequence}`;
    const naturalKey = `${card}/${debit.transactionType}/${offlineCounter}`;
    const row = { card, offlineCounter, amountMinor, balanceBeforeMinor, instantMs, currency };
    root.transactionSync(() => {
      if (debits.get(id) || naturalKeys.get(naturalKey)) return;
      const issuer = Buffer.from(debit.issuer).toString('hex');
      const name = `${valid ? 'float' : 'suspense'}:${issuer}`;
      const account = accounts.get(name) ?? { posted: 0, sumMinor: 0 };
      debits.putSync(id, { ...row, valid, digest, sealed });
      naturalKeys.putSync(naturalKey, id);
      accounts.putSync(name, {
        posted: account.posted + 1,
        sumMinor: account.sumMinor + amountMinor,
      });
    });
  };
  const run = () => {
    const batch = next();
    for (let i = 0; i < count; i++) {
      const record = batch.records.subarray(i * DEBIT_BYTES, (i + 1) * DEBIT_BYTES);
      post(decodeDebit(record, 0), record);
    }
  };
  const answer = () => {
    for (let i = 0; i < CHECKED_UPLOADS; i++) run();
    const { value } = [...accounts.getRange({ start: 'float:', end: 'float;' })][0]!;
    return summed(value.posted, value.sumMinor);
  };
  const close = async () => {
    await root.close();
    rmSync(folder, { recursive: true });
  };
  return { name: 'node:crypto, a transaction each', run, answer, close };
}

function summed(posted: number, sumMinor: number): Uint8Array {
  return createHash('sha256').update(`${posted} ${sumMinor}`).digest();
}

/**
 * Uploads of one gate, `count` cards once in each. Sequences and counters rise from one upload to
 * the next; the TAC covers neither, so the rest of the records stays as it is.
 */
function uploads(count: number, crossed: boolean): () => Batch {
  const records = new Uint8Array(count * DEBIT_BYTES);
  for (let i = 0; i < count; i++) encodeDebit(makeMixed(i), records, i * DEBIT_BYTES);
  let upload = 0;
  return () => {
    const first = upload * count + 1;
    const counter = (crossed ? upload ^ 1 : upload) & 0xffff;
    for (let i = 0; i < count; i++) {
      writeU48(records, i * DEBIT_BYTES + at.gateSequence, first + i);
      writeU16(records, i * DEBIT_BYTES + at.offlineCounter, counter);
    }
    upload += 1;
    return { type: 'batch', first, count, records, status: null };
  };
}

/** Some with another TAC than the card's. */
function makeMixed(i: number): Debit {
  const debit = makeDebit(GATE, i, BALANCE_MINOR);
  const tac = debit.tac.slice();
  if (i % FORGED_EVERY === 3) tac[0]! ^= 1;
  return { ...debit, tac };
}

function nodeSeal(record: Uint8Array, identity: string): string {
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', STORAGE_KEY, nonce).setAAD(Buffer.from(identity));
  const sealed = [nonce, cipher.update(record), cipher.final(), cipher.getAuthTag()];
  return Buffer.concat(sealed).toString('base64');
}
