/** The virtual card as a program: its file, its connection, its command line. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { after, test } from 'node:test';
import { fromHex, toHex } from '../../../../engine/bytes.ts';
import { type Io, runProgram } from '../../../../engine/cli/command.ts';
import { KEY_FILE_BYTES_MAX } from '../../../../engine/limits.ts';
import { virtualCardCommand } from '../../../../gate/cli/virtual-card.ts';
import { TcpListenReader } from '../../../../gate/reader/tcp.ts';
import { purchaseMac1, purchaseSessionKey } from '../../../../gate/reader/virtual/card-crypto.ts';
import { decodeCardState, issueCard } from '../../../../gate/reader/virtual/card-state.ts';
import { serveVirtualCard } from '../../../../gate/reader/virtual/program.ts';
import { frame, PowerControl } from '../../../../gate/reader/vpcd.ts';
import { cardOf, dateTime, masters, terminalId } from './terminal.ts';

const folder = mkdtempSync(join(tmpdir(), 'virtual-card-'));
after(() => rmSync(folder, { recursive: true }));

const keys = join(folder, 'keys.json');
writeFileSync(
  keys,
  JSON.stringify({
    purchase: { index: 1, version: 1, master: toHex(masters.purchase.master) },
    tac: { index: 2, version: 1, master: toHex(masters.tac.master) },
  }),
);

/** Runs the command; its exit code and lines. */
async function virtualCard(...argv: string[]): Promise<{ code: number; lines: string[] }> {
  const lines: string[] = [];
  const line = (text: string): number => lines.push(text);
  const io: Io = { out: line, err: line, input: new PassThrough(), env: {}, terminal: false };
  const code = await runProgram('gate', '', [virtualCardCommand], ['virtual-card', ...argv], io);
  return { code, lines };
}

/** One purchase of 100 from the next card; TAC ‖ MAC2 ‖ status. */
async function purchase(reader: TcpListenReader, sequence: string): Promise<string> {
  const { purchaseKey } = issueCard('tunion', masters);
  for await (const session of reader.cards()) {
    const ask = async (hex: string): Promise<Uint8Array> => {
      const response = await session.transceive(fromHex(hex));
      assert(response);
      return response;
    };
    await ask('00A4040008A00000063201010500');
    const initialized = await ask(`805001020B0100000064${toHex(terminalId)}`);
    const random = initialized.subarray(11, 15);
    const counter = (initialized[4]! << 8) | initialized[5]!;
    const session8 = purchaseSessionKey(purchaseKey.key, random, counter, fromHex(sequence));
    const terms = { amountMinor: 100, transactionType: 6, terminalId, dateTime };
    const mac1 = toHex(purchaseMac1(session8, terms, new Uint8Array(0)));
    return toHex(await ask(`805401000F${sequence}${toHex(dateTime)}${mac1}08`));
  }
  throw new Error('no card came');
}

test('a card kept in a file goes on where it was, and a replayer replays it', async () => {
  const reader = await TcpListenReader.listen({ port: 0 });
  const state = join(folder, 'card.bin');
  const connect = `127.0.0.1:${reader.port}`;
  const common = ['--connect', connect, '--personality', 'tunion', '--keys', keys];
  const start = (...more: string[]): ReturnType<typeof virtualCard> =>
    virtualCard(...common, '--state', state, '--balance', '500', '--once', ...more);
  let answer = '';
  for (const [sequence, left] of [
    ['00000001', 400],
    ['00000002', 300],
  ] as const) {
    const program = start();
    answer = await purchase(reader, sequence);
    assert.match(answer, /^[0-9A-F]{16}9000$/);
    assert.equal((await program).code, 0);
    assert.equal(decodeCardState(readFileSync(state)).balanceMinor, left);
  }
  const attacker = start('--quirk', 'replay');
  assert.equal(await purchase(reader, '00000003'), answer);
  assert.equal((await attacker).code, 0);
  assert.equal(decodeCardState(readFileSync(state)).balanceMinor, 300);
  const wrongScheme = await virtualCard(
    '--connect',
    connect,
    '--personality',
    'jrt0025',
    '--state',
    state,
  );
  assert.equal(wrongScheme.code, 2);
  assert.match(wrongScheme.lines[0]!, /holds a tunion card/);
  await reader.close();
});

test('a card without --once stays until the reader ends the connection', async () => {
  const reader = await TcpListenReader.listen({ port: 0 });
  const connect = `127.0.0.1:${reader.port}`;
  const program = virtualCard('--connect', connect, '--personality', 'tunion', '--keys', keys);
  assert.match(await purchase(reader, '00000001'), /9000$/);
  await reader.close();
  const { code, lines } = await program;
  assert.equal(code, 0);
  assert.match(lines.at(-1)!, /balance 9900, next counter 1/);
  assert(!lines.join().includes('03105170010170000001'), 'no whole card number');
});

test('no reader: an error that names the address, after the retries', async () => {
  const reader = await TcpListenReader.listen({ port: 0 });
  const { port } = reader;
  await reader.close();
  await assert.rejects(serveVirtualCard({ host: '127.0.0.1', port, card: cardOf(), retryMs: 60 }), {
    code: 'READER_FAILED',
    message: new RegExp(`127.0.0.1:${port}.*ECONNREFUSED`),
  });
});

test('a busy reader: the card waits for its turn', async () => {
  const reader = await TcpListenReader.listen({ port: 0 });
  const { port } = reader;
  const serve = (): Promise<void> =>
    serveVirtualCard({ host: '127.0.0.1', port, card: cardOf(), once: true });
  const both = [serve(), serve()];
  await purchase(reader, '00000001');
  await purchase(reader, '00000001');
  await Promise.all(both);
  await reader.close();
});

test('a card that a reader let go of before a command is held out again', async () => {
  let connections = 0;
  const answers: string[] = [];
  const server = createServer((socket) => {
    connections += 1;
    socket.write(frame(Uint8Array.of(PowerControl.on)));
    // As a reader does for whom the card was too slow to wake.
    if (connections === 1) socket.end();
    else {
      socket.write(frame(fromHex('00A4040008A00000063201010500')));
      socket.once('data', (chunk) => {
        answers.push(toHex(chunk.subarray(-2)));
        socket.write(frame(Uint8Array.of(PowerControl.off)));
      });
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await serveVirtualCard({ host: '127.0.0.1', port, card: cardOf(), once: true });
  assert.deepEqual([connections, answers], [2, ['9000']]);
  server.close();
});

test('a card that cannot commit does not answer', async () => {
  const reader = await TcpListenReader.listen({ port: 0 });
  const card = cardOf({
    commit: () => {
      throw new Error('disk full');
    },
  });
  const program = serveVirtualCard({ host: '127.0.0.1', port: reader.port, card });
  const failed = assert.rejects(program, /disk full/);
  await assert.rejects(purchase(reader, '00000001'), assert.AssertionError);
  await failed;
  assert.equal(card.state.balanceMinor, 10_000);
  await reader.close();
});

const bad: [name: string, argv: string[], code: number, message: RegExp][] = [
  ['no address', ['--personality', 'tunion'], 2, /--connect is required/],
  [
    'address without port',
    ['--connect', 'here', '--personality', 'tunion'],
    2,
    /HOST:PORT, not here/,
  ],
  ['port 0', ['--connect', 'h:0', '--personality', 'tunion'], 2, /HOST:PORT/],
  ['unknown personality', ['--connect', 'h:1', '--personality', 'x'], 2, /known are jrt0025/],
  [
    'unknown quirk',
    ['--connect', 'h:1', '--personality', 'tunion', '--quirk', 'x'],
    2,
    /known are no-fci/,
  ],
  [
    'card number too short',
    ['--connect', 'h:1', '--personality', 'tunion', '--card-number', '0102'],
    2,
    /--card-number takes 10 bytes/,
  ],
  [
    'balance that is none',
    ['--connect', 'h:1', '--personality', 'tunion', '--balance', '-1'],
    2,
    /--balance/,
  ],
  [
    'keys that are not there',
    ['--connect', 'h:1', '--personality', 'tunion', '--keys', join(folder, 'none')],
    1,
    /FILE_UNREADABLE: .*none/,
  ],
];

for (const [name, argv, code, message] of bad) {
  test(`bad command line: ${name}`, async () => {
    const result = await virtualCard(...argv);
    assert.equal(result.code, code);
    assert.match(result.lines[0]!, message);
  });
}

test('bad key files are named with the field, and show no key', async () => {
  const master = toHex(masters.purchase.master);
  const key = { index: 1, version: 1, master };
  const files: [text: string, message: RegExp][] = [
    [`{"purchase": "${master}`, /not JSON at column 14: a text has no closing quote$/],
    [JSON.stringify({ purchase: key }), /required property 'tac'/],
    [JSON.stringify({ purchase: key, tac: { ...key, master: `${master}00` } }), /\/tac\/master/],
    [JSON.stringify({ purchase: { ...key, index: 256 }, tac: key }), /\/purchase\/index/],
    [' '.repeat(KEY_FILE_BYTES_MAX + 1), /larger than/],
  ];
  for (const [text, message] of files) {
    const path = join(folder, 'bad-keys.json');
    writeFileSync(path, text);
    const argv = ['--connect', 'h:1', '--personality', 'tunion', '--keys', path];
    const { code, lines } = await virtualCard(...argv);
    assert.equal(code, 1);
    assert.match(lines[0]!, /^KEYS_INVALID: .*bad-keys\.json: /);
    assert.match(lines[0]!, message);
    assert(!lines.join().includes(master));
  }
});

test('a damaged state file is named and left as it is', async () => {
  const path = join(folder, 'damaged.bin');
  for (const bytes of [new Uint8Array(0), new Uint8Array(512), new Uint8Array(1024)]) {
    writeFileSync(path, bytes);
    const argv = ['--connect', 'h:1', '--personality', 'tunion', '--state', path];
    const { code, lines } = await virtualCard(...argv);
    assert.equal(code, 1);
    assert.match(lines[0]!, /^CARD_STATE_INVALID: .*damaged\.bin: /);
    assert.deepEqual(new Uint8Array(readFileSync(path)), bytes);
  }
});
