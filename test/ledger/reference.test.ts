/**
 * The ledger against its slow twin over both stores: gates upload in any order, in any batches,
 * again and again, with crashes in between; after every commit both must agree and sum to zero.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { checkLedger } from '../../engine/ledger/check.ts';
import { Findings } from '../../engine/ledger/findings.ts';
import { allHeld } from '../../engine/ledger/held.ts';
import { Ledger } from '../../engine/ledger/ledger.ts';
import { LmdbStore } from '../../engine/ledger/lmdb-store.ts';
import { MemoryStore } from '../../engine/ledger/memory-store.ts';
import type { ReceivedDebit } from '../../engine/ledger/received.ts';
import { standingNames } from '../../engine/ledger/rows.ts';
import type { LedgerStore } from '../../engine/ledger/store.ts';
import { ReferenceLedger } from '../reference/ledger.ts';
import { byColumns, byRules, type Lane } from './columns.ts';
import { anyTaps, GATES, honestTaps, play, type Upload, uploads, type World } from './world.ts';

/** Heads are saved often, so that a start finds some. */
const options = { checkpointRows: 1 };

/** Gates that upload their journals to a ledger and to its twin. */
class Run {
  readonly store: LedgerStore;
  ledger: Ledger;
  readonly twin = new ReferenceLedger();
  readonly #lane: Lane;
  readonly #world: World;
  readonly #acknowledged = new Map<string, number>();
  readonly #underWay: Promise<void>[] = [];

  private constructor(world: World, store: LedgerStore, ledger: Ledger, lane: Lane) {
    this.#world = world;
    this.store = store;
    this.ledger = ledger;
    this.#lane = lane;
  }

  static async on(world: World, store: LedgerStore, lane: Lane): Promise<Run> {
    return new Run(world, store, await Ledger.open(store, options), lane);
  }

  async upload(upload: Upload): Promise<void> {
    const gateId = GATES[upload.gate]!;
    const from = (this.#acknowledged.get(gateId) ?? 0) - upload.back;
    const journal = this.#world.journals.get(gateId)!;
    const batch = journal.filter((debit) => debit.gateSequence > from).slice(0, upload.size);
    this.#underWay.push(this.#post(gateId, batch));
    const crashes = upload.crash && this.store instanceof MemoryStore;
    if (crashes) this.store.crash();
    else if (upload.overlap) return;
    await Promise.all(this.#underWay.splice(0));
    if (crashes) this.ledger = await Ledger.open(this.store, options);
    this.compare();
  }

  async #post(gateId: string, batch: readonly ReceivedDebit[]): Promise<void> {
    let through: number;
    try {
      through = (await this.#lane(this.ledger, gateId, batch)).acknowledgedThrough;
    } catch (error) {
      assert.equal((error as { code?: string }).code, 'STORE_FAILED');
      return;
    }
    for (const debit of batch) this.twin.receive(debit);
    assert.equal(through, this.twin.acknowledgedThrough(gateId));
    this.#acknowledged.set(gateId, through);
  }

  /** Everything that was not acknowledged, in turns of the gates. */
  async finish(): Promise<void> {
    await Promise.all(this.#underWay.splice(0));
    for (const gate of GATES.keys()) {
      await this.upload({ gate, size: 1000, back: 0, overlap: false, crash: false });
    }
  }

  compare(): void {
    const findings = new Findings();
    const standings = this.store.read((reader) =>
      [...allHeld(reader, findings)].map(({ id, row }): [string, string] => {
        return [`${id.gateId}/${id.gateSequence}`, standingNames[row!.standing - 1]!];
      }),
    );
    assert.deepEqual(findings.texts, []);
    assert.deepEqual(new Map(standings), this.twin.standings());
    const accounts = this.ledger.summary().accounts.filter((one) => one.balanceMinor !== 0);
    assert.deepEqual(
      new Map(accounts.map((one) => [`${one.name} ${one.currency}`, one.balanceMinor])),
      this.twin.balances(),
    );
    const breaks = this.ledger
      .exceptions({})
      .filter((item) => item.code === 'balanceBreak')
      .map(({ gateId, gateSequence, other }) => {
        return `${gateId}/${gateSequence} after ${other!.gateId}/${other!.gateSequence}`;
      });
    assert.deepEqual(breaks.sort(), this.twin.balanceBreaks().sort());
    assert.deepEqual(checkLedger(this.store).findings, []);
  }
}

type Work = (run: Run) => Promise<void>;

async function inMemory(world: World, lane: Lane, work: Work): Promise<void> {
  await work(await Run.on(world, new MemoryStore(), lane));
}

async function onLmdb(world: World, lane: Lane, work: Work): Promise<void> {
  const path = mkdtempSync(join(tmpdir(), 'faregate-ledger-'));
  const store = LmdbStore.open(path);
  try {
    await work(await Run.on(world, store, lane));
  } finally {
    await store.close();
    rmSync(path, { recursive: true });
  }
}

const stores = [
  { name: 'memory', on: inMemory, lane: byRules, numRuns: 100 },
  { name: 'memory, by columns', on: inMemory, lane: byColumns, numRuns: 200 },
  { name: 'lmdb, by columns', on: onLmdb, lane: byColumns, numRuns: 10 },
];

for (const { name, on, lane, numRuns } of stores) {
  test(`${name}: whatever arrives in whatever order: as the twin has it`, async () => {
    await fc.assert(
      fc.asyncProperty(anyTaps, uploads, async (taps, plan) => {
        await on(play(taps, false), lane, async (run) => {
          for (const upload of plan) await run.upload(upload);
          await run.finish();
        });
      }),
      { numRuns },
    );
  });

  test(`${name}: honest cards: every order of uploads ends with what the cards paid`, async () => {
    await fc.assert(
      fc.asyncProperty(honestTaps, uploads, async (taps, plan) => {
        const world = play(taps, true);
        await on(world, lane, async (run) => {
          for (const upload of plan) await run.upload(upload);
          await run.finish();
          assert.equal(run.ledger.summary().unconfirmed, 0);
          const paid = [...run.ledger.cardTotals(world.cards.map((card) => card.hash))];
          assert.deepEqual(
            paid.map((total) => total.postedMinor),
            world.cards.map((card) => card.paidMinor),
          );
          const { naturalKeyConflict, settlementConflict, balanceBreak } =
            run.ledger.summary().exceptions;
          assert.deepEqual([naturalKeyConflict, settlementConflict, balanceBreak], [0, 0, 0]);
        });
      }),
      { numRuns },
    );
  });
}
