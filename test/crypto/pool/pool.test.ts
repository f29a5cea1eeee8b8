/** The crypto pool: order, shares, bounds, aborts, deaths of threads, keys, and its end. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { KeySet } from '../../../engine/crypto/key-set.ts';
import type { MasterKey } from '../../../engine/crypto/keyring.ts';
import { CryptoPool, openCryptoPool, type PoolOptions } from '../../../engine/crypto/pool/pool.ts';
import { tacCodes } from '../../../engine/crypto/tac.ts';
import { POOL_ATTEMPTS_MAX, POOL_BATCHES_PER_WORKER } from '../../../engine/limits.ts';
import { Draw, drawRecords } from '../bitslice/records.ts';
import { probe, probes } from './probes.ts';

const workerFile = new URL('./worker.js', import.meta.url);
const draw = new Draw(20261124);

function tacKey(version = 1): MasterKey {
  const master = draw.fill(new Uint8Array(16));
  return { use: 'tac', index: 1, version, algorithm: '3des', master };
}

const key = tacKey();
const keySet: KeySet = {
  keys: [key],
  aes: [],
  cryptogram: [],
  cardHash: draw.fill(new Uint8Array(16)),
};
const one = new Uint8Array(1);

/** A pool with the probes, closed when the test ends. */
async function open(t: TestContext, options: PoolOptions, file = workerFile) {
  const pool = await CryptoPool.open({ table: probes, workerFile: file }, keySet, options);
  t.after(() => pool.close({ abort: true }));
  return pool;
}

/** Memory the probes share; `let` them go on with `release`. */
function newShared(isOpen: boolean): Int32Array {
  const shared = new Int32Array(new SharedArrayBuffer(4096));
  shared[probe.open] = isOpen ? 1 : 0;
  return shared;
}

function release(shared: Int32Array): void {
  Atomics.store(shared, probe.open, 1);
  Atomics.notify(shared, probe.open);
}

function tagsBegun(shared: Int32Array): number[] {
  return [...shared.subarray(probe.tags, probe.tags + Atomics.load(shared, probe.begun))];
}

/** Until a job has begun on a thread; the runner's own limit ends a wait in vain. */
async function begun(shared: Int32Array, count: number): Promise<void> {
  while (Atomics.load(shared, probe.begun) < count) {
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

test('batches begin in the order they were sent', async (t) => {
  const pool = await open(t, { workers: 1 });
  const shared = newShared(false);
  const tags = Array.from({ length: 40 }, (_, i) => i + 1);
  const done = tags.map((tag) => pool.run('gated', one, { shared, tag }));
  assert.equal(pool.status().running, POOL_BATCHES_PER_WORKER);
  assert.equal(pool.status().waiting, 40 - POOL_BATCHES_PER_WORKER);
  release(shared);
  const results = await Promise.all(done);
  assert.deepEqual(tagsBegun(shared), tags);
  assert.deepEqual(
    results.map((bytes) => bytes[0]),
    tags,
  );
  assert(pool.status().blocksFree <= POOL_BATCHES_PER_WORKER);
});

test('callers that send their next batch on an answer all get the same share', async (t) => {
  const pool = await open(t, { workers: 2 });
  const shared = newShared(true);
  // Callers, as their batches are handed to a thread, which reads the tag; a slow thread may keep
  // a caller from sending, but never one that has sent.
  const handed: number[] = [];
  await Promise.all(
    Array.from({ length: 16 }, async (_, caller) => {
      for (let i = 0; i < 12; i++) {
        const from = handed.length;
        let to = from;
        const probed = {
          shared,
          get tag() {
            to = handed.push(caller);
            return caller + 1;
          },
        };
        await pool.run('gated', one, probed);
        const meanwhile = handed.slice(from, to);
        assert.equal(new Set(meanwhile).size, meanwhile.length, `caller ${caller}: ${meanwhile}`);
      }
    }),
  );
  assert.equal(handed.length, 16 * 12);
});

test('a full queue refuses by count and by bytes, and serves what it holds', async (t) => {
  const shared = newShared(false);
  const pool = await open(t, { workers: 1, jobsMax: 2, bytesMax: 100 });
  const send = (bytes = 1) => pool.run('gated', new Uint8Array(bytes), { shared, tag: 5 });
  const taken = [send(), send(), send(60)];
  await assert.rejects(send(41), { code: 'POOL_FULL', message: /gated of 41 items: 1 .*60 bytes/ });
  taken.push(send(40));
  await assert.rejects(send(0), { code: 'POOL_FULL', message: /2 batches of 100 bytes wait/ });
  release(shared);
  assert.deepEqual(
    (await Promise.all(taken)).map(({ length }) => length),
    [1, 1, 60, 40],
  );
  assert.deepEqual(
    { ...pool.status(), blocksFree: 0 },
    {
      workers: 1,
      waiting: 0,
      waitingBytes: 0,
      running: 0,
      keysVersion: 1,
      deaths: 0,
      blocksFree: 0,
    },
  );
});

test('an aborted batch leaves the queue at once; one that runs is dropped, its thread kept', async (t) => {
  const pool = await open(t, { workers: 1 });
  const shared = newShared(false);
  const abort = [new AbortController(), new AbortController(), new AbortController()] as const;
  const send = (tag: number, controller: AbortController) =>
    pool.run('gated', one, { shared, tag }, controller.signal);
  const running = send(1, abort[0]);
  const handed = send(2, abort[1]);
  const queued = send(3, abort[2]);
  const last = send(4, new AbortController());
  await begun(shared, 1);
  abort[2].abort(new Error('no longer wanted'));
  assert.equal(pool.status().waiting, 1);
  await assert.rejects(queued, { message: 'no longer wanted' });
  abort[0].abort();
  await assert.rejects(running, { name: 'AbortError' });
  await assert.rejects(send(9, abort[0]), { name: 'AbortError' });
  release(shared);
  assert.equal((await handed)[0], 2);
  assert.equal((await last)[0], 4);
  abort[1].abort();
  assert.deepEqual(tagsBegun(shared), [1, 2, 4]);
  assert.equal(pool.status().deaths, 0);
});

for (const how of ['exit', 'throw', 'heap'] as const) {
  test(`a batch whose thread fails by ${how} is done again, and others once`, async (t) => {
    const pool = await open(t, { workers: 1 });
    const fatal = newShared(true);
    const shared = newShared(true);
    const before = pool.run('gated', one, { shared, tag: 1 });
    const failing = pool.run('fatal', new Uint8Array(3), { shared: fatal, failures: 1, how });
    const after = pool.run('gated', one, { shared, tag: 2 });
    assert.deepEqual([...(await failing)], [7, 7, 7]);
    assert.deepEqual([(await before)[0], (await after)[0]], [1, 2]);
    assert.equal(fatal[probe.begun], 2);
    assert.deepEqual(tagsBegun(shared), [1, 2]);
    assert.equal(pool.status().workers, 1);
    assert.equal(pool.status().deaths, how === 'throw' ? 0 : 1);
  });
}

test('a batch that fails each time is given up with its cause, and the pool goes on', async (t) => {
  const pool = await open(t, { workers: 2 });
  for (const [how, message] of [
    ['exit', /^fatal of 1 items: worker exited with code: 7/],
    ['throw', /^fatal of 1 items: thrown by the probe/],
  ] as const) {
    const shared = newShared(true);
    const failing = pool.run('fatal', one, { shared, failures: 99, how });
    await assert.rejects(failing, { code: 'POOL_FAILED', message });
    assert.equal(shared[probe.begun], POOL_ATTEMPTS_MAX);
  }
  const fine = await pool.run('gated', one, { shared: newShared(true), tag: 8 });
  assert.equal(fine[0], 8);
});

test('batches behind one that kills its threads are not blamed', async (t) => {
  const pool = await open(t, { workers: 1 });
  const fatal = newShared(true);
  const shared = newShared(true);
  const sent = [1, 2].map((tag) => {
    const killer = pool.run('fatal', one, { shared: fatal, failures: 99, how: 'exit' });
    const given = assert.rejects(killer, { code: 'POOL_FAILED' });
    return [given, pool.run('gated', one, { shared, tag })] as const;
  });
  for (const [i, [given, behind]] of sent.entries()) {
    await given;
    assert.equal((await behind)[0], i + 1);
  }
  assert.equal(fatal[probe.begun], 2 * POOL_ATTEMPTS_MAX);
  assert.equal(shared[probe.begun], 2);
});

test("an operating error of a job is the caller's, not tried again", async (t) => {
  const of = { use: 'load', index: 9, version: 1, algorithm: 0, levels: 1 } as const;
  for (const workers of [0, 1]) {
    const pool = await open(t, { workers });
    await assert.rejects(pool.run('cardKeys', new Uint8Array(16), of), {
      code: 'KEYS_MISSING',
      message: 'no load key of index 9, version 1',
    });
  }
});

test('where no thread can start, batches are done in line, in order', async (t) => {
  const nowhere = new URL('./no-such-file.js', import.meta.url);
  for (const [workers, file] of [
    [2, nowhere],
    [0, workerFile],
  ] as const) {
    const pool = await open(t, { workers }, file);
    assert.equal(pool.status().workers, 0);
    const shared = newShared(true);
    const sent = [1, 2, 3].map((tag) => pool.run('gated', one, { shared, tag }));
    assert.deepEqual(
      (await Promise.all(sent)).map((bytes) => bytes[0]),
      [1, 2, 3],
    );
    assert.deepEqual(tagsBegun(shared), [1, 2, 3]);
  }
});

test('a batch meets the keys in force when it was sent, and those alone', async (t) => {
  const pool = await open(t, { workers: 1 });
  const next = tacKey(2);
  const old = drawRecords(draw, key, 200);
  const fresh = drawRecords(draw, next, 200);
  const shared = newShared(false);
  const blocked = [1, 2].map((tag) => pool.run('gated', one, { shared, tag }));
  const sent = [pool.run('tacs', old, null), pool.run('tacs', fresh, null)];
  assert.equal(await pool.useKeys({ ...keySet, keys: [next] }), 2);
  sent.push(pool.run('tacs', old, null), pool.run('tacs', fresh, null));
  release(shared);
  const { valid, unknownKey } = tacCodes;
  const verdicts = (await Promise.all(sent)).map((bytes) => [...new Set(bytes)]);
  assert.deepEqual(verdicts, [[valid], [unknownKey], [unknownKey], [valid]]);
  await Promise.all(blocked);
  assert.equal(pool.status().keysVersion, 2);
});

test('threads give what in-line work gives, whatever memory the items lie in', async (t) => {
  const seed = Date.now() % 1_000_000;
  t.diagnostic(`seed ${seed}`);
  const random = new Draw(seed);
  const purchase: MasterKey = { ...tacKey(), use: 'purchase' };
  const threads = await open(t, { workers: 2 });
  const inLine = await open(t, { workers: 0 });
  await threads.useKeys({ ...keySet, keys: [key, purchase] });
  await inLine.useKeys({ ...keySet, keys: [key, purchase] });
  const of = { use: 'purchase', index: 1, version: 1, algorithm: 0, levels: 2 } as const;
  for (let round = 0; round < 12; round++) {
    const records = drawRecords(random, key, 1 + random.below(300), 1 + random.below(2));
    for (let i = 0; i < records.length / 400; i++) records[random.below(records.length)]! ^= 16;
    const shared = new Uint8Array(new SharedArrayBuffer(records.length));
    shared.set(records);
    const expected = await inLine.run('tacs', records, null);
    assert.deepEqual(await threads.run('tacs', records, null), expected);
    assert.deepEqual(await threads.run('tacs', shared, null), expected);
    const factors = random.fill(new Uint8Array(16 * (1 + random.below(300))));
    assert.deepEqual(
      await threads.run('cardKeys', factors, of),
      await inLine.run('cardKeys', factors, of),
    );
    const numbers = random.fill(new Uint8Array(10 * (1 + random.below(300))));
    assert.deepEqual(
      await threads.run('cardHashes', numbers, null),
      await inLine.run('cardHashes', numbers, null),
    );
  }
});

test('a small batch is done at once, without a thread', async () => {
  const pool = await openCryptoPool(keySet, { workers: 1 });
  const small = pool.run('tacs', drawRecords(draw, key, 3), null);
  assert.deepEqual(pool.status().running, 0);
  assert.deepEqual([...(await small)], [tacCodes.valid, tacCodes.valid, tacCodes.valid]);
  assert.equal((await pool.run('tacs', new Uint8Array(0), null)).length, 0);
  await assert.rejects(
    pool.run('tacs', new Uint8Array(159), null),
    /159 bytes are no items of 160/,
  );
  await pool.close();
});

test('closing does what was sent; aborting refuses it; both take no more', async (t) => {
  const drained = await open(t, { workers: 1 });
  const shared = newShared(true);
  const sent = [1, 2, 3, 4].map((tag) => drained.run('gated', one, { shared, tag }));
  await Promise.all([drained.close(), drained.close()]);
  assert.deepEqual(
    (await Promise.all(sent)).map((bytes) => bytes[0]),
    [1, 2, 3, 4],
  );
  await assert.rejects(drained.run('gated', one, { shared, tag: 5 }), { code: 'POOL_CLOSED' });
  await assert.rejects(drained.useKeys(keySet), { code: 'POOL_CLOSED' });
  const aborted = await open(t, { workers: 1 });
  const shut = newShared(false);
  const lost = [1, 2, 3, 4].map((tag) => aborted.run('gated', one, { shared: shut, tag }));
  const refused = lost.map((batch) => assert.rejects(batch, { code: 'POOL_CLOSED' }));
  await aborted.close({ abort: true });
  await Promise.all(refused);
});

test('a program with a closed pool ends by itself, also where it may start no threads', () => {
  const program = fileURLToPath(new URL('./program.js', import.meta.url));
  for (const [flags, workers] of [
    [[], 2],
    [['--experimental-permission', '--allow-fs-read=*', '--no-warnings'], 0],
  ] as const) {
    const run = spawnSync(process.execPath, [...flags, program], {
      encoding: 'utf8',
      timeout: 120_000,
    });
    assert.equal(run.status, 0, run.stderr);
    assert.deepEqual(JSON.parse(run.stdout), {
      workers,
      verdicts: [tacCodes.unknownKey],
      held: [],
    });
  }
});
