/**
 * `node ledger-fill.js CARDS ROUNDS [PATH]`: debits each of CARDS cards ROUNDS times, in another
 * order each time, and says what a debit takes of the main thread, what the heads take of memory
 * and the ledger of the disk, and how long a start takes. Without PATH the ledger is thrown away.
 */
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { writeU16, writeU32, writeU48 } from '../../engine/bytes.ts';
import { at } from '../../engine/debit/codec.ts';
import { DEBIT_BYTES, DebitKind, DebitState } from '../../engine/debit/record.ts';
import { Ledger } from '../../engine/ledger/ledger.ts';
import { LmdbStore } from '../../engine/ledger/lmdb-store.ts';
import { type ReceivedBatch, TAC_VALID } from '../../engine/ledger/received.ts';

const BATCH = 512;
const GATES = 64;
const SEALED_BYTES = BATCH * DEBIT_BYTES + 64;

/** One batch, written anew for each round: cards in a full cycle of `index * step + round`. */
function batchOf(gate: number, first: number, from: number, round: number, cards: number) {
  const records = new Uint8Array(BATCH * DEBIT_BYTES);
  const hashes = new Uint8Array(BATCH * 16);
  const digests = new Uint8Array(BATCH * 16);
  for (let i = 0; i < BATCH; i++) {
    const card = (((from + i) % cards) * (7_919 + 2 * round)) % cards;
    const to = i * DEBIT_BYTES;
    records[to + at.kind] = DebitKind.debit;
    records[to + at.state] = DebitState.confirmed;
    records[to + at.transactionType] = 9;
    records[to + at.issuer] = 3;
    writeU48(records, to + at.gateSequence, first + i);
    writeU16(records, to + at.offlineCounter, round + 1);
    writeU32(records, to + at.balanceBeforeMinor, 1_000_000 - 200 * round);
    writeU32(records, to + at.amountMinor, 200);
    writeU16(records, to + at.currency, 156);
    for (let word = 0; word < 4; word++) {
      writeU32(hashes, i * 16 + 4 * word, Math.imul(card * 4 + word + 1, 0x9e3779b1) ^ mixed(card));
    }
  }
  return {
    gateId: `G${gate}`,
    firstSequence: first,
    count: BATCH,
    records,
    cards: hashes,
    tacs: new Uint8Array(BATCH).fill(TAC_VALID),
    digests,
    sealed: new Uint8Array(SEALED_BYTES),
    debitAt: (index: number) => {
      throw new Error(`record ${index} should be ordinary`);
    },
  } satisfies ReceivedBatch;
}

function mixed(card: number): number {
  let x = Math.imul(card ^ (card >>> 16), 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return x ^ (x >>> 16);
}

/** Main-thread time within transactions, and all of the time. */
async function fill(store: LmdbStore, cards: number, rounds: number): Promise<void> {
  let insideMs = 0;
  const ledger = await Ledger.open({
    transaction: (work) =>
      store.transaction((writer) => {
        const start = performance.now();
        const result = work(writer);
        insideMs += performance.now() - start;
        return result;
      }),
    read: (work) => store.read(work),
    close: () => store.close(),
  });
  const next = new Array<number>(GATES).fill(1);
  const batches = Math.ceil(cards / BATCH);
  for (let round = 0; round < rounds; round++) {
    const start = performance.now();
    insideMs = 0;
    for (let done = 0; done < batches; done += GATES) {
      const posts = [];
      for (let gate = 0; gate < Math.min(GATES, batches - done); gate++) {
        const batch = batchOf(gate, next[gate]!, (done + gate) * BATCH, round, batches * BATCH);
        next[gate]! += BATCH;
        posts.push(ledger.postBatch(batch));
      }
      await Promise.all(posts);
    }
    const debits = batches * BATCH;
    const perDebit = (ms: number) => Math.round((ms * 1e6) / debits);
    say({
      round,
      debits,
      mainThreadNsPerDebit: perDebit(insideMs),
      wallNsPerDebitWithGenerator: perDebit(performance.now() - start),
    });
  }
}

function say(what: object): void {
  process.stdout.write(`${JSON.stringify(what)}\n`);
}

const [cards, rounds, given] = process.argv.slice(2);
if (cards !== undefined && rounds !== undefined) {
  const path = given ?? mkdtempSync(join(tmpdir(), 'faregate-fill-'));
  const store = LmdbStore.open(path);
  await fill(store, Number(cards), Number(rounds));
  await store.close();
  const again = LmdbStore.open(path);
  const start = performance.now();
  const ledger = await Ledger.open(again);
  const startMs = Math.round(performance.now() - start);
  const { debits } = ledger.summary();
  const file = statSync(join(path, 'data.mdb')).size;
  const { size, bytes } = ledger.headsSize();
  say({
    startMs,
    debits,
    purses: size,
    headBytesPerPurse: bytes / size,
    diskPerDebit: file / debits,
  });
  await again.close();
  if (!given) rmSync(path, { recursive: true });
}
