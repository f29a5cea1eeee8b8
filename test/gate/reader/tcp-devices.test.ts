/** PN532 and ACR122 behind a terminal server: both suites of readers, and what opening refuses. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { openReader, readerLinks } from '../../../gate/reader/open.ts';
import { TcpPlug } from '../../kit/device-hosts.ts';
import { deviceSuites } from '../../kit/device-readers.ts';

deviceSuites({ pn532: 'pn532-tcp', acr122: 'acr122-tcp' }, TcpPlug.of);

for (const [kind, chip] of [
  ['pn532-tcp', 'PN532'],
  ['acr122-tcp', 'ACR122'],
] as const) {
  test(`${kind}: an address where nothing listens, or no reader answers, is named`, async () => {
    const server = createServer((socket) => socket.resume()).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    const link = `${kind}:127.0.0.1:${port}`;
    await assert.rejects(openReader(link, { answerMs: 50 }), {
      code: 'READER_FAILED',
      message: `${link}: no ${chip} answers`,
    });
    server.close();
    await once(server, 'close');
    await assert.rejects(openReader(link), {
      code: 'READER_FAILED',
      message: new RegExp(`127.0.0.1:${port}: .*ECONNREFUSED`),
    });
  });
}

test('a link that is none is refused with those that there are', async () => {
  for (const link of [
    '',
    'pn532',
    'pn532:',
    'pn532-tcp:host',
    'pn532-tcp:host:0',
    'pn532-tcp:host:65536',
    'pn532-tcp::1',
    'acr122-serial:',
    'acr122-tcp:[::1]',
    'toString:1',
    'tcp-listen:x',
  ]) {
    await assert.rejects(openReader(link), (error: Error & { code?: string }) => {
      assert.equal(error.code, 'USAGE');
      for (const known of Object.keys(readerLinks)) assert(error.message.includes(known));
      return error.message.startsWith(`no reader link: ${link};`);
    });
  }
});
