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
import { cmacKey } from '../../engine/crypto/mac.ts';
import { at } from '../../engine/debit/codec.ts';
import { checkLedger } from '../../engine/ledger/check.ts';
import { Ledger } from '../../engine/ledger/ledger.ts';
import { LmdbStore } from '../../engine/ledger/lmdb-store.ts';
import { silentLog } from '../../engine/log/log.ts';
import {
  type EngineOptions,
  type RunningEngine,
  startEngine,
} from '../../engine/operator/engine.ts';
import { enrolGate } from '../../engine/operator/enrolment.ts';
import type { DashboardState } from '../../engine/operator/view.ts';
import { MemoryJournal } from '../../gate/journal/memory.ts';
import { readBundle, TlsTransport } from '../../gate/uplink/tls.ts';
import { Uplink } from '../../gate/uplink/uplink.ts';
import { type GateKit, StationKit } from '../kit/station-kit.ts';

const dir = mkdtempSync(join(tmpdir(), 'faregate-engine-'));
after(() => rmSync(dir, { recursive: true, force: true }));

function engineOptions(kit: StationKit, name: string): EngineOptions {
  return {
    dataDir: join(dir, name),
    keyring: kit.keyring,
    cardHash: cmacKey(new Uint8Array(16).fill(9)),
    host: '127.0.0.1',
    names: [],
    uplinkPort: 0,
    httpPort: 0,
    city: 'Test',
    currency: 'CNY',
    log: silentLog,
    onFailure: (error) => assert.fail(String(error)),
  };
}

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

async function upload(
  engine: RunningEngine,
  dataDir: string,
  { gate, journal }: GateKit,
): Promise<void> {
  const outDir = join(dir, `bundle-${Math.random()}`);
  await enrolGate(dataDir, { gateId: 'T1', station: 'Here', outDir });
  const bundle = await readBundle(outDir);
  const uplink = new Uplink({
    gateId: 'T1',
    transport: new TlsTransport({ host: '127.0.0.1', port: engine.uplinkPort, bundle }),
    journal,
    status: () => gate.counts.status(journal.backlog, 0),
    log: silentLog,
    random: Math.random,
    onFailure: (error) => assert.fail(String(error)),
  });
  uplink.start();
  await uplink.drained();
  await uplink.stop();
}

test('a forged TAC goes to suspense and to the exceptions, the others are posted', async () => {
  const kit = new StationKit({ missingTapMinor: 500 });
  const options = engineOptions(kit, 'forged');
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
  const options = engineOptions(kit, 'ports');
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
