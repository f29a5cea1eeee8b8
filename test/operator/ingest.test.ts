/** Ingest over real TLS: who is turned away, what is refused, and that it holds under pressure. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { connect as connectTcp } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ConnectionOptions } from 'node:tls';
import { DEBIT_BYTES, type Debit } from '../../engine/debit/record.ts';
import { FaregateError } from '../../engine/errors.ts';
import { FRAMES_WAITING_PER_GATE_MAX } from '../../engine/limits.ts';
import { enrolGate, revokeGate } from '../../engine/operator/enrolment.ts';
import type { IngestOptions } from '../../engine/operator/ingest.ts';
import { createAuthority, issueGate } from '../../engine/pki/certificates.ts';
import {
  type Ack,
  encodeMessage,
  type GateMessage,
  type Hello,
} from '../../engine/wire/envelope.ts';
import { encodeFrame } from '../../engine/wire/frame.ts';
import { debitOf, recordsOf, statusOf } from '../gate/uplink/fakes.ts';
import { TlsWorld } from '../gate/uplink/worlds.ts';
import { RawGate } from './raw-gate.ts';

function inWorld(
  title: string,
  run: (world: TlsWorld) => Promise<void>,
  options: Partial<IngestOptions> = {},
): void {
  test(title, async () => {
    const world = await TlsWorld.open(options);
    try {
      await run(world);
    } finally {
      await world.close();
    }
  });
}

function debits(gateId: string, first: number, count: number): Debit[] {
  return Array.from({ length: count }, (_, i) => debitOf(gateId, first + i));
}

inWorld('a batch is posted with its verdicts, then acknowledged', async (world) => {
  const gate = await RawGate.welcomed(world, 'G01');
  const zeros = new Uint8Array(4);
  const refersTo = { gateId: 'G02', gateSequence: 9 };
  gate.batch(1, [
    debitOf('G01', 1),
    debitOf('G01', 2, { tac: Uint8Array.of(9, 9, 9, 9) }),
    debitOf('G01', 3, { tac: new Uint8Array(4).fill(0xff) }),
    debitOf('G01', 4, { state: 2, evidence: 0, tac: zeros }),
    debitOf('G01', 5, { state: 3, evidence: 4, tac: zeros }),
    debitOf('G01', 6, { kind: 2, evidence: 3, tac: zeros, refersTo }),
    debitOf('G01', 7, { evidence: 3, tac: zeros }),
  ]);
  const outcomes = { posted: 5, tacInvalid: 2 };
  assert.deepEqual(await acknowledgement(gate), { type: 'ack', through: 7, outcomes });
  const held = [...world.ledger.held.get('G01')!.values()];
  const verdicts = ['valid', 'invalid', 'unknownKey', 'none', 'none', 'none', 'invalid'];
  assert.deepEqual(
    held.map((debit) => debit.tac),
    verdicts,
  );
  const first = held[0]!;
  assert.equal(first.issuer, 'A8A8A8A8A8A8A8A8');
  assert.deepEqual([first.card.length, first.digest.length], [16, 16]);
  assert.deepEqual(new Uint8Array(first.sealed), recordsOf([debitOf('G01', 1)]));
  assert.equal(held[5]!.refersTo?.gateId, 'G02');
  gate.batch(6, debits('G01', 8, 1));
  assert.match(await gate.refusal(), /record 0: field gateSequence is 8, not 6/);
  const { records, posted, duplicates, refused } = world.server!.counters;
  assert.deepEqual([records, posted, duplicates, refused], [7, 7, 0, 1]);
});

inWorld('a repeat is acknowledged and counted, not posted', async (world) => {
  const gate = await RawGate.welcomed(world, 'G01');
  gate.batch(1, debits('G01', 1, 3));
  await gate.hear();
  gate.batch(2, debits('G01', 2, 3));
  const outcomes = { exists: 2, posted: 1 };
  assert.deepEqual(await acknowledgement(gate), { type: 'ack', through: 4, outcomes });
  assert.equal(world.server!.counters.duplicates, 2);
  assert.equal(world.ledger.order.length, 4);
});

inWorld('an ill-formed batch posts nothing and is told where', async (world) => {
  const gateDir = await world.enrol('G01');
  const wrongField = recordsOf(debits('G01', 1, 3));
  wrongField[2 * DEBIT_BYTES + 1] = 7;
  const refused: [Partial<Extract<GateMessage, { type: 'batch' }>>, RegExp][] = [
    [{ records: recordsOf(debits('G02', 1, 3)) }, /record 0: field gateId is G02, not G01/],
    [{ records: wrongField }, /record 2: debit record: field kind is 7/],
    [
      { records: recordsOf([...debits('G01', 1, 2), debitOf('G01', 4)]) },
      /record 2: .*is 4, not 3/,
    ],
    [
      { records: recordsOf([...debits('G01', 1, 2), debitOf('G01', 3, { state: 0 })]) },
      /record 2: field state is 0/,
    ],
    [{ first: 2, records: recordsOf(debits('G01', 2, 3)) }, /begins at sequence 2, but 1 is next/],
    [{ records: new Uint8Array(479) }, /field records has 479 bytes, not 3 times 160/],
    [{ count: 5000 }, /UPLOAD_TOO_LARGE: a batch of 5000 records/],
    [{ status: statusOf('G02') }, /status of gate G02, not G01/],
  ];
  for (const [other, message] of refused) {
    const gate = await RawGate.open(world, gateDir);
    gate.tell({ type: 'hello', protocol: 1, gateId: 'G01', nextSequence: 100 });
    await gate.hear();
    const records = recordsOf(debits('G01', 1, 3));
    gate.tell({ type: 'batch', first: 1, count: 3, records, status: null, ...other });
    assert.match(await gate.refusal(), message);
  }
  assert.equal(world.ledger.posts, 0);
  assert.equal(world.server!.counters.refused, refused.length);
});

inWorld('oversized, garbled and cut frames are refused; others are unharmed', async (world) => {
  const neighbour = await RawGate.welcomed(world, 'G09');
  const gateDir = await world.enrol('G01');
  const refused: [Uint8Array, RegExp][] = [
    [Uint8Array.of(0x7f, 0, 0, 0, 1), /UPLOAD_TOO_LARGE: a frame of 2130706432 bytes/],
    [Uint8Array.of(0, 0, 0, 0), /UPLOAD_MALFORMED: a frame of no bytes/],
    [encodeFrame(Uint8Array.of(0xc1, 1, 2)), /UPLOAD_MALFORMED: message: a value of type c1/],
    [new TextEncoder().encode('GET / HTTP/1.1\r\n\r\n'), /UPLOAD_TOO_LARGE/],
    [
      encodeFrame(encodeMessage({ type: 'status', status: statusOf('G01') })),
      /UPLOAD_MALFORMED: a status before hello/,
    ],
  ];
  for (const [bytes, message] of refused) {
    const gate = await RawGate.open(world, gateDir);
    gate.socket.write(bytes);
    assert.match(await gate.refusal(), message);
  }
  const cut = await RawGate.open(world, gateDir);
  cut.socket.end(encodeFrame(encodeMessage(hello('G01'))).subarray(0, 20));
  assert.equal(await cut.hear(), null);
  neighbour.batch(1, debits('G09', 1, 2));
  assert.equal((await neighbour.hear())?.type, 'ack');
  assert.equal(world.failures.length, 0);
});

inWorld('a hello that cannot be is refused', async (world) => {
  const gateDir = await world.enrol('G01');
  await world.enrol('G02');
  const refused: [GateMessage, RegExp][] = [
    [hello('G02'), /GATE_REFUSED: the certificate of gate G01 cannot upload for gate G02/],
    [{ ...hello('G01'), protocol: 2 }, /GATE_REFUSED: gate G01 speaks protocol 2, this engine 1/],
  ];
  for (const [message, why] of refused) {
    const gate = await RawGate.open(world, gateDir);
    gate.tell(message);
    assert.match(await gate.refusal(), why);
  }
  const before = await RawGate.open(world, gateDir);
  before.tell(hello('G01'));
  await before.hear();
  before.batch(1, debits('G01', 1, 2));
  await before.hear();
  const lost = await RawGate.open(world, gateDir);
  lost.tell({ ...hello('G01'), nextSequence: 2 });
  assert.match(await lost.refusal(), /GATE_REFUSED: .*holds them through 2: its journal was lost/);
});

inWorld('many small frames at once: only so many wait as frames', async (world) => {
  const gate = await RawGate.welcomed(world, 'G01');
  let most = 0;
  world.ledger.before = async () => {
    most = Math.max(most, world.server!.bytesWaiting);
  };
  gate.socket.cork();
  for (let i = 1; i <= 200; i++) gate.batch(i, debits('G01', i, 1));
  gate.socket.uncork();
  for (let i = 1; i <= 200; i++) {
    const ack = await gate.hear();
    assert.equal(ack?.type === 'ack' && ack.through, i);
  }
  assert.ok(most > 0 && most <= FRAMES_WAITING_PER_GATE_MAX * 300, `${most} bytes waited`);
});

inWorld(
  'a revoked gate is refused, even while connected; so is a former certificate',
  async (w) => {
    const gate = await RawGate.welcomed(w, 'G01');
    gate.batch(1, debits('G01', 1, 1));
    assert.equal((await gate.hear())?.type, 'ack');
    await revokeGate(w.dir, 'G01');
    gate.batch(2, debits('G01', 2, 1));
    assert.match(await gate.refusal(), /GATE_REFUSED: gate G01 was revoked at/);

    const formerDir = join(w.dir, 'gate-G01');
    const former = {
      key: await readFile(join(formerDir, 'gate.key')),
      cert: await readFile(join(formerDir, 'gate.crt')),
    };
    await enrolGate(w.dir, { gateId: 'G01', outDir: formerDir, replace: true });
    const old = await RawGate.open(w, formerDir, former);
    old.tell(hello('G01'));
    assert.match(await old.refusal(), /GATE_REFUSED: gate G01 has a newer certificate/);
    const renewed = await RawGate.open(w, formerDir);
    renewed.tell(hello('G01'));
    assert.equal((await renewed.hear())?.type, 'welcome');
    assert.equal(w.ledger.order.length, 1);
  },
);

inWorld('no certificate, a foreign one, or TLS 1.2: no word is exchanged', async (world) => {
  const dir = await world.enrol('G01');
  const authority = await createAuthority('somebody else', Date.now());
  const foreign = await issueGate(authority, 'G01', Date.now());
  const tries: Partial<ConnectionOptions>[] = [
    { key: undefined, cert: undefined },
    { key: foreign.key, cert: foreign.certificate },
    { minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' },
  ];
  for (const [index, other] of tries.entries()) {
    const outcome = await RawGate.open(world, dir, other).then(
      async (gate) => {
        gate.tell(hello('G01'));
        return gate.hear();
      },
      (error: Error) => {
        assert.match(error.message, /alert|ECONNRESET|disconnected/);
        return null;
      },
    );
    assert.equal(outcome, null, `try ${index}`);
  }
  const plain = connectTcp({ host: '127.0.0.1', port: world.port });
  // It may end by a reset as well, which `once` would take for a failure.
  plain.on('error', () => undefined);
  const closed = new Promise((resolve) => plain.once('close', resolve));
  plain.resume().end('hello');
  await closed;
  await waitFor(() => world.server!.counters.refused === 4);
  assert.equal(world.ledger.posts, 0);
  assert.deepEqual(world.server!.gates(), []);
});

inWorld('a newer connection of a gate takes the place of the older one', async (world) => {
  const older = await RawGate.welcomed(world, 'G01');
  let release: () => void = () => undefined;
  world.ledger.before = () =>
    new Promise((resolve) => {
      release = resolve;
    });
  older.batch(1, debits('G01', 1, 2));
  await waitFor(() => world.ledger.posts === 1);
  const newer = await RawGate.open(world, join(world.dir, 'gate-G01'));
  newer.tell(hello('G01'));
  // Its hello is taken, behind that of the older one and the batch.
  await waitFor(() => world.server!.counters.frames === 3);
  release();
  const welcome = await newer.hear();
  assert.equal(welcome?.type, 'welcome');
  assert.equal(welcome.type === 'welcome' && welcome.acknowledgedThrough, 2, 'waits for the batch');
  assert.equal(await older.hear(), null);
  await waitFor(() => world.server!.connections === 1);
});

inWorld('a slow ledger: frames wait within bounds, and the gate is held back', async (world) => {
  const gate = await RawGate.welcomed(world, 'G01');
  let open = false;
  world.ledger.before = async () => {
    while (!open) await sleep(2);
  };
  const count = 200;
  const batchBytes = 512 * DEBIT_BYTES;
  for (let i = 0; i < count; i++) gate.batch(1 + i * 512, debits('G01', 1 + i * 512, 512));
  await waitFor(() => world.server!.bytesWaiting > 0);
  let most = 0;
  for (let i = 0; i < 50; i++) {
    most = Math.max(most, world.server!.bytesWaiting);
    await sleep(4);
  }
  assert.ok(most <= FRAMES_WAITING_PER_GATE_MAX * (batchBytes + 200), `${most} bytes waited`);
  assert.ok(gate.socket.writableLength > 4 * 1024 * 1024, 'what the engine does not read stays');
  open = true;
  for (let i = 0; i < 20; i++) {
    const ack = await gate.hear();
    assert.equal(ack?.type === 'ack' && ack.through, (i + 1) * 512);
  }
  gate.socket.destroy();
  await waitFor(() => world.server!.connections === 0);
  assert.equal(world.server!.bytesWaiting, 0);
});

inWorld(
  'all gates together hold no more than the engine allows, and all get through',
  async (world) => {
    const gates = await Promise.all(['G01', 'G02', 'G03'].map((id) => RawGate.welcomed(world, id)));
    world.ledger.before = () => sleep(2);
    for (let i = 0; i < 10; i++) {
      for (const [n, gate] of gates.entries()) {
        gate.batch(1 + i * 50, debits(`G0${n + 1}`, 1 + i * 50, 50));
      }
    }
    let most = 0;
    const watch = setInterval(() => {
      most = Math.max(most, world.server!.bytesWaiting);
    }, 1);
    for (const gate of gates) {
      for (let i = 0; i < 10; i++) assert.equal((await gate.hear())?.type, 'ack');
    }
    clearInterval(watch);
    assert.ok(most > 0 && most < 20_000 + 8200, `${most} bytes waited`);
    assert.equal(world.ledger.order.length, 1500);
  },
  { bytesMax: 20_000 },
);

inWorld(
  'a silent connection is dropped; one that speaks is not',
  async (world) => {
    const silent = await RawGate.welcomed(world, 'G01');
    const alive = await RawGate.welcomed(world, 'G02');
    const beat = setInterval(() => {
      alive.tell({ type: 'status', status: statusOf('G02') });
    }, 20);
    assert.equal(await silent.hear(), null);
    const views = () => world.server!.gates();
    await waitFor(() => (views()[1]?.status ?? null) !== null);
    clearInterval(beat);
    assert.deepEqual(
      views().map((view) => [view.gateId, view.connected, view.status?.station]),
      [
        ['G01', false, undefined],
        ['G02', true, 'Xidan'],
      ],
    );
  },
  { idleMs: 300 },
);

inWorld(
  'a gate whose handshake ends while the engine closes does not keep it open',
  async (world) => {
    const dir = await world.enrol('G01');
    const first = await RawGate.open(world, dir);
    const socket = connectTcp({ host: '127.0.0.1', port: world.port });
    await once(socket, 'connect');
    // Served in turn, so that the engine has accepted the other one too.
    first.tell(hello('G01'));
    await first.hear();
    const closed = world.server!.close();
    const late = await RawGate.open(world, dir, { socket });
    late.tell(hello('G01'));
    assert.equal(await late.hear(), null);
    await closed;
  },
);

inWorld('a port in use is named', async (world) => {
  await assert.rejects(TlsWorld.open({ port: world.port }), (error) => {
    assert.ok(error instanceof FaregateError && error.code === 'PORT_IN_USE');
    assert.match(error.message, new RegExp(`port ${world.port} `));
    return true;
  });
});

inWorld('a ledger that fails acknowledges nothing and is told to the program', async (world) => {
  const gate = await RawGate.welcomed(world, 'G01');
  const broken = new FaregateError('STORE_FAILED', 'sync of the store: EIO');
  world.ledger.before = () => Promise.reject(broken);
  gate.batch(1, debits('G01', 1, 2));
  assert.match(await gate.refusal(), /^STORE_FAILED: sync of the store/);
  assert.deepEqual(world.failures, [broken]);
  assert.deepEqual(world.server!.gates()[0]?.acknowledgedThrough, 0);
});

function hello(gateId: string): Hello {
  return { type: 'hello', protocol: 1, gateId, nextSequence: 100 };
}

async function waitFor(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 1000 && !condition(); i++) await sleep(5);
  assert.ok(condition(), 'waited in vain');
}

/** The next answer, without the engine's time. */
async function acknowledgement(gate: RawGate): Promise<object> {
  const { nowMs, ...said } = (await gate.hear()) as Ack;
  assert(Number.isSafeInteger(nowMs));
  return said;
}
