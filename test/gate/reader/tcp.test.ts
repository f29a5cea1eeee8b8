/** The TCP reader: the suite of readers, and everything a card program can do wrong to it. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { test } from 'node:test';
import { fromHex, toHex } from '../../../engine/bytes.ts';
import { openReader } from '../../../gate/reader/open.ts';
import type { CardSession } from '../../../gate/reader/reader.ts';
import { TcpListenReader } from '../../../gate/reader/tcp.ts';
import { serveVirtualCard } from '../../../gate/reader/virtual/program.ts';
import { leavingCard, programOf } from '../../kit/card-programs.ts';
import { readerSuite } from '../../suites/reader.ts';
import { cardOf } from './virtual/terminal.ts';

const host = '127.0.0.1';
const select = fromHex('00A4040008A00000063201010500');

readerSuite('tcp-listen', async () => {
  const reader = await TcpListenReader.listen({ port: 0 });
  return {
    reader,
    present: (card, commands) =>
      commands === undefined
        ? serveVirtualCard({ host, port: reader.port, card, once: true })
        : leavingCard(reader.port, card, commands),
  };
});

async function firstCard(reader: TcpListenReader): Promise<CardSession> {
  const { value } = await reader.cards()[Symbol.asyncIterator]().next();
  assert(value);
  return value;
}

/** What a card that answers a command with `bytes` comes to: null, and it is disconnected. */
const breaches: [name: string, bytes: string][] = [
  ['an answer over 258 bytes', `0103${'00'.repeat(259)}`],
  ['a length that is garbage', 'FFFF9000'],
  ['an answer of one byte', '000190'],
  ['an empty answer', '0000'],
];

for (const [name, bytes] of breaches) {
  test(`${name}: the card counts as gone and is disconnected`, async () => {
    const reader = await TcpListenReader.listen({ port: 0 });
    const socket = await programOf(reader.port, () => fromHex(bytes));
    const closed = once(socket, 'close');
    const session = await firstCard(reader);
    assert.equal(await session.transceive(select), null);
    assert.equal(await session.transceive(select), null);
    await closed;
    await reader.close();
  });
}

test('half an answer and then nothing: gone after the time-out', async () => {
  const reader = await TcpListenReader.listen({ port: 0, answerTimeoutMs: 50 });
  const socket = await programOf(reader.port, () => fromHex('000290'));
  const closed = once(socket, 'close');
  const session = await firstCard(reader);
  assert.equal(await session.transceive(select), null);
  await closed;
  await reader.close();
});

test('half an answer and then the end: gone', async () => {
  const reader = await TcpListenReader.listen({ port: 0 });
  const socket = await programOf(reader.port, () => {
    socket.end(fromHex('000290'));
    return null;
  });
  const session = await firstCard(reader);
  assert.equal(await session.transceive(select), null);
  await reader.close();
});

test('an answer in single bytes is put together', async () => {
  const reader = await TcpListenReader.listen({ port: 0 });
  const socket = await programOf(reader.port, () => {
    void (async () => {
      for (const byte of fromHex('00046F009000')) {
        socket.write(Uint8Array.of(byte));
        await new Promise(setImmediate);
      }
    })();
    return null;
  });
  const session = await firstCard(reader);
  assert.equal(toHex((await session.transceive(select))!), '6F009000');
  await reader.close();
});

test('bytes after an answer that nothing asked for: the answer counts, the card is dropped', async () => {
  const reader = await TcpListenReader.listen({ port: 0 });
  await programOf(reader.port, () => fromHex('000290000002FFFF'));
  const session = await firstCard(reader);
  assert.equal(toHex((await session.transceive(select))!), '9000');
  assert.equal(await session.transceive(select), null);
  await reader.close();
});

test('a program without an ATR is no card; the next one is', async () => {
  // With the time-out of a gate: the one that is a card must keep it, however busy the machine.
  const reader = await TcpListenReader.listen({ port: 0 });
  for (const atr of ['', '0000', '000100', `0022${'3B'.repeat(34)}`, 'FFFF00']) {
    const socket = await programOf(reader.port, () => null, fromHex(atr));
    const closed = once(socket, 'close');
    const cards = reader.cards()[Symbol.asyncIterator]();
    const next = cards.next();
    await closed;
    const served = serveVirtualCard({ host, port: reader.port, card: cardOf(), once: true });
    const { value } = await next;
    assert(value);
    assert.equal(toHex((await value.transceive(select))!.subarray(-2)), '9000');
    await value.release();
    await served;
  }
  await reader.close();
});

test('a second connection is closed without a byte while the first card goes on', async () => {
  const reader = await TcpListenReader.listen({ port: 0 });
  const served = serveVirtualCard({ host, port: reader.port, card: cardOf(), once: true });
  const session = await firstCard(reader);
  const second = connect({ host, port: reader.port });
  let received = 0;
  second.on('data', (chunk) => {
    received += chunk.length;
  });
  await once(second, 'close');
  assert.equal(received, 0);
  assert.equal(toHex((await session.transceive(select))!.subarray(-2)), '9000');
  await session.release();
  await served;
  await reader.close();
});

test('a released card that stays is not offered again until it leaves', async () => {
  const reader = await TcpListenReader.listen({ port: 0 });
  const staying = await programOf(reader.port, () => fromHex('00029000'));
  let sessions = 0;
  const loop = (async () => {
    for await (const session of reader.cards()) {
      sessions++;
      await session.transceive(select);
      await session.release();
    }
  })();
  while (sessions === 0) await new Promise(setImmediate);
  for (let i = 0; i < 20; i++) await new Promise(setImmediate);
  assert.equal(sessions, 1);
  staying.end();
  await once(staying, 'close');
  await serveVirtualCard({ host, port: reader.port, card: cardOf(), once: true });
  assert.equal(sessions, 2);
  await reader.close();
  await loop;
});

test('a port in use is named', async () => {
  const server = createServer().listen(0, host);
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  await assert.rejects(openReader(`tcp-listen:${port}`), {
    code: 'PORT_IN_USE',
    message: new RegExp(`^tcp-listen:${port}: port ${port} `),
  });
  server.close();
});

test('a malformed link is a usage error that lists the known ones', async () => {
  for (const link of [
    '',
    'tcp-listen',
    'tcp-listen:',
    'tcp-listen:x',
    'tcp-listen:65536',
    'telepathy:0',
  ]) {
    await assert.rejects(async () => await openReader(link), {
      code: 'USAGE',
      message: /tcp-listen:PORT/,
    });
  }
  const reader = await openReader('tcp-listen:0');
  assert.match(reader.name, /^tcp-listen:\d+$/);
  await reader.close();
});
