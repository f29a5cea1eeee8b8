/** The client of pcscd against a service that says what a test wants. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fromHex, toHex } from '../../../engine/bytes.ts';
import { openReader } from '../../../gate/reader/open.ts';
import { PcscService } from '../../../gate/reader/pcsc-service.ts';
import { connectBody, readersState, transmitBody } from '../../../gate/reader/pcsc-wire.ts';
import { localLink } from '../../../gate/reader/socket-link.ts';

const READERS_BYTES = 16 * 184;

function words(...values: number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4);
  values.forEach((value, i) => void bytes.writeUInt32LE(value, i * 4));
  return bytes;
}

function table(...readers: [name: string, events: number, state: number][]): Buffer {
  const bytes = Buffer.alloc(READERS_BYTES);
  readers.forEach(([name, events, state], i) => {
    bytes.write(name, i * 184);
    words(events, state).copy(bytes, i * 184 + 128);
  });
  return bytes;
}

type Answers = Readonly<Record<number, (body: Buffer) => Buffer | null>>;

/** What a service with one reader says; a test puts other answers in. */
const plain: Answers = {
  17: () => words(4, 4, 0),
  1: () => words(0, 0x1234, 0),
  18: () => table(['Reader A 00 00', 7, 0x34]),
  4: (body) => Buffer.concat([body.subarray(0, 140), words(0x99, 2, 0)]),
  9: (body) => Buffer.concat([body.subarray(0, 24), words(2, 0), fromHex('9000')]),
};

async function withService(answers: Answers, body: (path: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'faregate-pcsc-'));
  const path = join(folder, 'comm');
  const server = serve(path, { ...plain, ...answers });
  await once(server, 'listening');
  try {
    await body(path);
  } finally {
    server.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Answers each request; one without an answer ends the connection. */
function serve(path: string, answers: Answers): Server {
  return createServer((socket) => {
    let bytes = Buffer.alloc(0);
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      bytes = Buffer.concat([bytes, chunk]);
      while (bytes.length >= 8 && bytes.length >= 8 + bytes.readUInt32LE(0)) {
        const body = bytes.subarray(8, 8 + bytes.readUInt32LE(0));
        const command = bytes.readUInt32LE(4);
        const after = command === 0x09 ? body.readUInt32LE(12) : 0;
        bytes = bytes.subarray(8 + body.length + after);
        const answer = answers[command]?.(body);
        if (answer) socket.write(answer);
        else if (answer === undefined) socket.destroy();
      }
    });
  }).listen(path);
}

/** Where a test waits for no answer it is short; elsewhere no busy machine must come near it. */
const SILENCE_MS = 100;
const ANSWER_MS = 60_000;

function opened(path: string, wanted = '', answerMs = ANSWER_MS): Promise<PcscService> {
  return PcscService.open('pcsc', localLink(path), wanted, answerMs);
}

test('bodies are laid out as pcsc-lite has them', () => {
  const connect = connectBody(0x01020304, 'R', false);
  assert.equal(connect.length, 152);
  assert.equal(toHex(connect.subarray(0, 6)), '040302015200');
  assert.equal(toHex(connect.subarray(132)), `0100000003000000${'00'.repeat(12)}`);
  const transmit = transmitBody({ handle: 0x99, protocol: 2 }, 5);
  const numbers = [0x99, 2, 16, 5, 2, 16, 258, 0];
  assert.equal(toHex(transmit), toHex(words(...numbers)));
  const state = readersState(table(['A', 3, 0x02], ['B', 4, 0x34]));
  assert.deepEqual(state, [
    { name: 'A', events: 3, present: false },
    { name: 'B', events: 4, present: true },
  ]);
});

test('a card is connected to and answers', async () => {
  await withService({}, async (path) => {
    const service = await opened(path);
    assert.deepEqual(await service.state(), { name: 'Reader A 00 00', events: 7, present: true });
    const card = await service.connect();
    assert.deepEqual(card, { handle: 0x99, protocol: 2 });
    assert(typeof card === 'object');
    assert.equal(toHex((await service.transmit(card, fromHex('00A4040000')))!), '9000');
    service.close();
  });
});

const refusals: [name: string, answers: Answers, message: string][] = [
  ['another protocol', { 17: () => words(4, 2, 0x8010001e) }, 'pcscd speaks protocol 4:2, not 4:4'],
  ['no context', { 1: () => words(0, 0, 0x80100006) }, 'pcscd gives no context'],
  ['no reader', { 18: () => table() }, 'pcscd has not one reader; it has none'],
  ['an end', { 18: undefined! }, 'the other side ended the connection'],
];

for (const [name, answers, message] of refusals) {
  test(`a service with ${name} is refused by name`, async () => {
    await withService(answers, async (path) => {
      await assert.rejects(opened(path), { code: 'READER_FAILED', message: `pcsc: ${message}` });
    });
  });
}

const silences: [name: string, answers: Answers][] = [
  ['no answer', { 18: () => null }],
  ['half an answer', { 18: () => Buffer.alloc(100) }],
];

for (const [name, answers] of silences) {
  test(`a service with ${name} is refused by name`, async () => {
    await withService(answers, async (path) => {
      await assert.rejects(opened(path, '', SILENCE_MS), {
        code: 'READER_FAILED',
        message: `pcsc: pcscd did not answer in ${SILENCE_MS} ms`,
      });
    });
  });
}

test('results of connecting: gone, unreadable, in use, missing', async () => {
  const results = [0x8010000c, 0x80100069, 0x80100066, 0x8010000b, 0x80100009, 0x80100017];
  const connect = (body: Buffer) =>
    Buffer.concat([body.subarray(0, 140), words(0, 0, results.shift()!)]);
  await withService({ 4: connect }, async (path) => {
    const service = await opened(path, 'Reader A');
    assert.equal(await service.connect(), 'gone');
    assert.equal(await service.connect(), 'gone');
    assert.equal(await service.connect(), 'unreadable');
    await assert.rejects(service.connect(), { message: /another program uses Reader A 00 00$/ });
    await assert.rejects(service.connect(), { message: /Reader A 00 00 is not there$/ });
    await assert.rejects(service.connect(), { message: /Reader A 00 00 is not there$/ });
    service.close();
  });
});

test('an answer longer than a card can give ends the connection', async () => {
  const transmit = (body: Buffer) => Buffer.concat([body.subarray(0, 24), words(0xffff_ffff, 0)]);
  await withService({ 9: transmit }, async (path) => {
    const service = await opened(path);
    const card = { handle: 1, protocol: 2 };
    await assert.rejects(service.transmit(card, fromHex('00A4040000')), {
      code: 'READER_FAILED',
      message: 'pcsc: an answer of 4294967295 bytes',
    });
    service.close();
  });
});

test('without pcscd the message names its socket', async () => {
  process.env.PCSCLITE_CSOCK_NAME = '/nowhere/pcscd.comm';
  try {
    await assert.rejects(openReader('pcsc'), {
      code: 'READER_FAILED',
      message: /\/nowhere\/pcscd\.comm: .*ENOENT.*: is pcscd running\?$/,
    });
  } finally {
    delete process.env.PCSCLITE_CSOCK_NAME;
  }
});
