/** Gates that upload to a ledger and to its slow twin, which must agree after every commit. */
import assert from 'node:assert/strict';
import { checkLedger } from '../../engine/ledger/check.ts';
import { Findings } from '../../engine/ledger/findings.ts';
import { allHeld } from '../../engine/ledger/held.ts';
import { Ledger } from '../../engine/ledger/ledger.ts';
import { MemoryStore } from '../../engine/ledger/memory-store.ts';
import type { ReceivedDebit } from '../../engine/ledger/received.ts';
import { standingNames } from '../../engine/ledger/rows.ts';
import type { LedgerStore } from '../../engine/ledger/store.ts';
import { ReferenceLedger } from '../reference/ledger.ts';
import type { Lane } from './columns.ts';
import { GATES, type Upload, type World } from './world.ts';

/** Heads are saved often, so that a start finds some. */
const options = { checkpointRows: 1 };

/** Gates that upload their journals to a ledger and to its twin. */
export class Run {
  readonly store: LedgerStore;
  ledger: Ledger;
  readonly twin = new ReferenceLedger();
  readonly #lane: Lane;
  readonly #world: Pick<World, 'journals'>;
  readonly #acknowledged = new Map<string, number>();
  readonly #underWay: Promise<void>[] = [];

  private constructor(
    world: Pick<World, 'journals'>,
    store: LedgerStore,
    ledger: Ledger,
    lane: Lane,
  ) {
    this.#world = world;
    this.store = store;
    this.ledger = ledger;
    this.#lane = lane;
  }

  static async on(world: Pick<World, 'journals'>, store: LedgerStore, lane: Lane): Promise<Run> {
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

  standings(): Map<string, string> {
    const findings = new Findings();
    const standings = this.store.read((reader) =>
      [...allHeld(reader, findings)].map(({ id, row }): [string, string] => {
        return [`${id.gateId}/${id.gateSequence}`, standingNames[row!.standing - 1]!];
      }),
    );
    assert.deepEqual(findings.texts, []);
    return new Map(standings);
  }

  compare(): void {
    assert.deepEqual(this.standings(), this.twin.standings());
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
