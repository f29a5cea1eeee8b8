/** Uplinks on a thread: what the suite of all transports does not ask. */
import assert from 'node:assert/strict';
import type { AddressInfo } from 'node:net';
import { createServer, type Socket } from 'node:net';
import { after, test } from 'node:test';
import { UPLINK_HANDSHAKES_MAX } from '../../../engine/limits.ts';
import { encodeMessage, PROTOCOL } from '../../../engine/wire/envelope.ts';
import { UplinkThread } from '../../../gate/uplink/thread/uplink-thread.ts';
import { readBundle } from '../../../gate/uplink/tls.ts';
import { freePorts } from '../../kit/programs.ts';
import { TlsWorld } from './worlds.ts';

const world = await TlsWorld.open();
const bundle = await readBundle(await world.enrol('G01'));
const thread = new UplinkThread();
after(async () => {
  await thread.end();
  await world.close();
});
const never = (): AbortSignal => new AbortController().signal;

test('a message that was cut from a pool leaves the pool as it was', async () => {
  const link = await thread
    .transport({ host: '127.0.0.1', port: world.port, bundle })
    .connect(never());
  const hello = encodeMessage({
    type: 'hello',
    protocol: PROTOCOL,
    gateId: 'G01',
    nextSequence: 1,
  });
  const pool = new Uint8Array(4096);
  pool.set(hello, 100);
  await link.send(pool.subarray(100, 100 + hello.length));
  assert.equal(pool.length, 4096, 'not handed over');
  assert((await link.receive()) !== null);
  const waiting = link.receive();
  link.close();
  assert.equal(await waiting, null);
  await assert.rejects(link.send(hello), { code: 'UPLINK_FAILED' });
});

test('nobody there, and no connection made of what was given up', async () => {
  const [port = 0] = await freePorts(1);
  const nobody = thread.transport({ host: '127.0.0.1', port, bundle });
  await assert.rejects(nobody.connect(never()), { code: 'UPLINK_FAILED', message: /ECONNREFUSED/ });
  const given = AbortSignal.abort();
  const there = thread.transport({ host: '127.0.0.1', port: world.port, bundle });
  await assert.rejects(there.connect(given), { code: 'UPLINK_FAILED', message: /given up/ });
});

test('few handshakes at a time, and all of them in the end given up with the thread', async () => {
  const sockets = new Set<Socket>();
  const mute = createServer((socket) => sockets.add(socket.on('error', () => undefined)));
  await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve));
  const { port } = mute.address() as AddressInfo;
  const crowd = new UplinkThread();
  const transport = crowd.transport({ host: '127.0.0.1', port, bundle });
  const connecting = Array.from({ length: 20 }, () => transport.connect(never()));
  const ended = Promise.allSettled(connecting);
  while (sockets.size < UPLINK_HANDSHAKES_MAX) await new Promise((wait) => setTimeout(wait, 10));
  await new Promise((wait) => setTimeout(wait, 100));
  assert.equal(sockets.size, UPLINK_HANDSHAKES_MAX);
  await crowd.end();
  for (const each of await ended) {
    assert(each.status === 'rejected');
    assert.equal((each.reason as { code: string }).code, 'UPLINK_FAILED');
  }
  await assert.rejects(transport.connect(never()), { code: 'UPLINK_FAILED' });
  mute.close();
});
