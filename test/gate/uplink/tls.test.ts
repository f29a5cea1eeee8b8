/** What a gate is told when the way to its engine is barred. */
import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { FaregateError } from '../../../engine/errors.ts';
import { silentLog } from '../../../engine/log/log.ts';
import { revokeGate } from '../../../engine/operator/enrolment.ts';
import { createAuthority, issueGate } from '../../../engine/pki/certificates.ts';
import { type GateBundle, readBundle, TlsTransport } from '../../../gate/uplink/tls.ts';
import { Uplink } from '../../../gate/uplink/uplink.ts';
import { seeded } from '../../suites/uplink.ts';
import { MemoryJournal, statusOf } from './fakes.ts';
import { TlsWorld } from './worlds.ts';

/** Why an uplink with that bundle gets nowhere; its journal stays as it is. */
async function failure(port: number, bundle: GateBundle): Promise<FaregateError> {
  const journal = new MemoryJournal('G01', 3);
  const uplink = new Uplink({
    gateId: 'G01',
    transport: new TlsTransport({ host: '127.0.0.1', port, bundle }),
    journal,
    status: () => statusOf('G01'),
    log: silentLog,
    random: seeded(1),
    onFailure: (error) => {
      throw error;
    },
    timing: { pauseMinMs: 1, pauseMaxMs: 5 },
  });
  uplink.start();
  while (uplink.lastError === null) await sleep(2);
  const error = uplink.lastError;
  await uplink.stop();
  assert.equal(journal.acknowledged, 0);
  return error;
}

test('a foreign, a missing and a revoked certificate are told apart from a dead line', async () => {
  const world = await TlsWorld.open();
  try {
    const bundle = await readBundle(await world.enrol('G01'));
    const stranger = await createAuthority('somebody else', Date.now());
    const foreign = await issueGate(stranger, 'G01', Date.now());
    const refused = await failure(world.port, { ...bundle, ...foreign });
    assert.equal(refused.code, 'UPLINK_FAILED');
    assert.match(
      refused.message,
      new RegExp(`engine 127\\.0\\.0\\.1:${world.port}: .*before a word`),
    );
    const missing = await failure(world.port, { ...bundle, key: '', certificate: '' });
    assert.equal(missing.code, 'GATE_REFUSED');
    assert.match(missing.message, /alert certificate required/);

    const distrusting = { ...bundle, authority: stranger.certificate };
    const distrusts = await failure(world.port, distrusting);
    assert.equal(distrusts.code, 'UPLINK_FAILED');
    assert.match(distrusts.message, /certificate/);

    await revokeGate(world.dir, 'G01');
    const revoked = await failure(world.port, bundle);
    assert.equal(revoked.code, 'GATE_REFUSED');
    assert.match(revoked.message, /gate G01 was revoked at/);

    await world.server?.close();
    const dead = await failure(world.port, bundle);
    assert.equal(dead.code, 'UPLINK_FAILED');
    assert.match(dead.message, /ECONNREFUSED/);
    assert.equal(world.ledger.posts, 0);
  } finally {
    await world.close();
  }
});

test('a bundle that is damaged or missing is named', async () => {
  const world = await TlsWorld.open();
  try {
    const bundle = await readBundle(await world.enrol('G01'));
    const damaged = await failure(world.port, { ...bundle, key: 'nothing' });
    assert.equal(damaged.code, 'UPLINK_FAILED');
    await assert.rejects(readBundle(join(world.dir, 'nowhere')), (error) => {
      assert.ok(error instanceof FaregateError && error.code === 'FILE_UNREADABLE');
      assert.match(error.message, /nowhere.gate\.key/);
      return true;
    });
  } finally {
    await world.close();
  }
});

test('an engine that accepts and says nothing does not hold up a stop', async () => {
  const silent = createServer(() => undefined).listen(0, '127.0.0.1');
  await new Promise((resolve) => silent.once('listening', resolve));
  const world = await TlsWorld.open();
  try {
    const { port } = silent.address() as { port: number };
    const uplink = new Uplink({
      gateId: 'G01',
      transport: new TlsTransport({
        host: '127.0.0.1',
        port,
        bundle: await readBundle(await world.enrol('G01')),
      }),
      journal: new MemoryJournal('G01', 3),
      status: () => statusOf('G01'),
      log: silentLog,
      random: seeded(1),
      onFailure: (error) => assert.fail(String(error)),
    });
    uplink.start();
    await sleep(20);
    await uplink.stop();
    assert.equal(uplink.connected, false);
  } finally {
    silent.close();
    await world.close();
  }
});
