/**
 * The engine whole, from a gate's journal over mutual TLS to the ledger on disk: honest debits are
 * posted, a forged TAC goes to suspense and to the exceptions, and nobody else in its batch is
 * harmed.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { at } from '../../engine/debit/codec.ts';
import { checkLedger } from '../../engine/ledger/check.ts';
import { Ledger } from '../../engine/ledger/ledger.ts';
import { LmdbStore } from '../../engine/ledger/lmdb-store.ts';
import { startEngine } from '../../engine/operator/engine.ts';
import type { DashboardState } from '../../engine/operator/view.ts';
import { MemoryJournal } from '../../gate/journal/memory.ts';
import { engineOptions, upload } from '../kit/engine-kit.ts';
import { StationKit } from '../kit/station-kit.ts';

const dir = mkdtempSync(join(tmpdir(), 'faregate-engine-'));
after(() => rmSync(dir, { recursive: true, force: true }));

/** Forges the TAC of the debit with this sequence as the uplink reads it. */
class ForgingJournal extends MemoryJournal {
  readonly #forged: number;

  constructor(forged: number) {
    super();
    this.#forged = forged;
  }

  override close(record: Uint8Array): void {
    const copy = record.slice();
    if (this.nextSequence - 1 === this.#forged) copy[at.tac]! ^= 0x01;
    super.close(copy);
  }
}

test('a forged TAC goes to suspense and to the exceptions, the others are posted', async () => {
  const kit = new StationKit({ missingTapMinor: 500 });
  const options = engineOptions(kit, join(dir, 'forged'));
  const engine = await startEngine(options);
  const journal = new ForgingJournal(3);
  const gate = kit.gate('exit', 4, { journal });
  for (let i = 0; i < 5; i++) {
    assert.equal((await gate.tap(kit.card())).decision.amountMinor, 500);
  }
  await upload(engine, options.dataDir, gate);
  assert.equal(journal.acknowledged, 5);

  const state = (await (await fetch(`${engine.address}/api/state`)).json()) as DashboardState;
  assert.equal(state.ledger.balanced, true);
  const page = await (await fetch(`${engine.address}/api/exceptions`)).json();
  const { items } = page as { items: { kind: string; gateSequence: number }[] };
  assert.deepEqual(
    items.map(({ kind, gateSequence }) => [kind, gateSequence]),
    [['tacInvalid', 3]],
  );
  await engine.stop();

  const store = LmdbStore.open(join(options.dataDir, 'ledger'), { readOnly: true });
  const ledger = await Ledger.open(store);
  const summary = ledger.summary();
  assert.equal(summary.posted, 4);
  assert.equal(summary.suspended, 1);
  const sums = summary.accounts.map(({ name, balanceMinor }) => [name.split(':')[0], balanceMinor]);
  assert.deepEqual(sums.sort(), [
    ['float', -2000],
    ['receivable', 2500],
    ['suspense', -500],
  ]);
  assert.deepEqual(checkLedger(store).findings, []);
  await store.close();
});

test('ports in use are named, and nothing is left open', async () => {
  const kit = new StationKit();
  const server = createServer();
  const port = await new Promise<number>((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      resolve(typeof address === 'object' && address ? address.port : 0);
    });
  });
  const options = engineOptions(kit, join(dir, 'ports'));
  for (const taken of [{ uplinkPort: port }, { httpPort: port }]) {
    await assert.rejects(startEngine({ ...options, ...taken }), {
      code: 'PORT_IN_USE',
      message: new RegExp(String(port)),
    });
  }
  const engine = await startEngine(options);
  await engine.stop();
  server.close();
});
