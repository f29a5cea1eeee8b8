/** Long files of stopped cards: hashed by the batch on the pool while they are read. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { fromHex, toHex } from '../../engine/bytes.ts';
import { cmacKey } from '../../engine/crypto/mac.ts';
import { openCryptoPool } from '../../engine/crypto/pool/pool.ts';
import { hashCardNumber } from '../../engine/denylist/card-hash.ts';
import { sortKeys } from '../../engine/denylist/sorted-keys.ts';
import { FaregateError } from '../../engine/errors.ts';
import { DENYLIST_BATCHES_MAX } from '../../engine/limits.ts';
import { CardHashing } from '../../engine/operator/card-hashing.ts';
import { readStoppedCards } from '../../engine/operator/stopped-cards.ts';

const dir = mkdtempSync(join(tmpdir(), 'faregate-stopped-'));
after(() => rmSync(dir, { recursive: true }));

const keys = { keys: [], aes: [], cryptogram: [], cardHash: new Uint8Array(16).fill(9) };
/** Three pieces of a megabyte, and a little. */
const CARDS = 160_000;

function numberOf(card: number): string {
  return `6217${Math.imul(card, 0x9e3779b1).toString(16).toUpperCase().replace('-', '0').padStart(16, '0')}`;
}

/** A line for each card, in the ways operators write them. */
function fileOf(name: string, lineOf: (card: number) => string): string {
  const path = join(dir, name);
  writeFileSync(path, Array.from({ length: CARDS }, (_, i) => lineOf(i)).join(''));
  return path;
}

const endings = ['\n', '\r\n', ',lost\n', ';stolen 2026\r\n'];
const sound = fileOf('sound.csv', (i) => numberOf(i) + endings[i % endings.length]);

const silent = (): void => undefined;

test('on the pool, each card is hashed as one by one', async () => {
  const expected = new Int32Array(2 * CARDS);
  const key = cmacKey(keys.cardHash);
  for (let i = 0; i < CARDS; i++) hashCardNumber(key, fromHex(numberOf(i)), 0, expected, 2 * i);
  const pool = await openCryptoPool(keys);
  let pooled = 0;
  const counting: typeof pool.run = (job, ...rest) => {
    pooled += 1;
    return pool.run(job, ...rest);
  };
  const up = () => Promise.resolve({ run: counting, close: () => pool.close() });
  const hashing = new CardHashing(keys, up, 50_000);
  const hash = (numbers: Uint8Array) => hashing.hash(numbers);
  const { keys: found } = await readStoppedCards([sound], hash, silent);
  await hashing.close();
  assert.deepEqual(found, sortKeys(expected));
  assert(pooled >= 2, `${pooled} batches`);
});

test('a heading is the first line that is neither empty nor a remark, and the only one', async () => {
  const path = join(dir, 'heading.csv');
  const hash = (numbers: Uint8Array) => new CardHashing(keys, () => Promise.reject()).hash(numbers);
  const read = (text: string) => {
    writeFileSync(path, text);
    return readStoppedCards([path], hash, silent);
  };
  const card = numberOf(1);
  const { keys: found } = await read(`# stopped\n\r\ncard,reason\n${card};lost\n`);
  assert.equal(found.length, 2);
  for (const text of [`card\nreason\n${card}\n`, `${card}\ncard\n`, `${card}-${card}\ncard\n`]) {
    await assert.rejects(read(text), (error) => {
      assert(error instanceof FaregateError);
      assert.equal(error.code, 'DENYLIST_CARDS_INVALID');
      assert.match(error.message, /heading\.csv:2: /);
      return true;
    });
  }
});

test('cards are hashed in line until threads are up; what keeps them from it is told', async () => {
  let fail: (error: Error) => void = () => {};
  const never = () =>
    new Promise<never>((_, reject) => {
      fail = reject;
    });
  const hashing = new CardHashing(keys, never, 1);
  const numbers = fromHex(numberOf(7));
  const key = cmacKey(keys.cardHash);
  const expected = new Int32Array(2);
  hashCardNumber(key, numbers, 0, expected, 0);
  for (let batch = 0; batch < 3; batch++) {
    assert.deepEqual(await hashing.hash(numbers), expected);
  }
  fail(new FaregateError('POOL_FAILED', 'three times'));
  await setImmediate();
  await assert.rejects(hashing.hash(numbers), { code: 'POOL_FAILED' });
  await hashing.close();
});

test('every number is handed over once, and few batches are under way', async () => {
  const seen: string[] = [];
  const underWay: (() => void)[] = [];
  let most = 0;
  let readOn = 0;
  const progress = () => {
    if (underWay.length > DENYLIST_BATCHES_MAX) readOn += 1;
  };
  // Nothing comes back before as many are under way as may be, or all was handed over.
  const slow = async (numbers: Uint8Array): Promise<Int32Array> => {
    for (let at = 0; at < numbers.length; at += 10) seen.push(toHex(numbers.subarray(at, at + 10)));
    const done = new Promise<void>((resolve) => underWay.push(resolve));
    most = Math.max(most, underWay.length);
    await setImmediate();
    if (seen.length === CARDS * DENYLIST_BATCHES_MAX) for (const end of underWay.splice(0)) end();
    else if (underWay.length > DENYLIST_BATCHES_MAX) underWay.shift()!();
    await done;
    return new Int32Array(numbers.length / 5);
  };
  await readStoppedCards(Array<string>(DENYLIST_BATCHES_MAX).fill(sound), slow, progress);
  assert.equal(seen.length, CARDS * DENYLIST_BATCHES_MAX);
  for (const [i, number] of seen.entries()) assert.equal(number, numberOf(i % CARDS), `${i}`);
  assert.equal(most, DENYLIST_BATCHES_MAX + 1);
  assert.equal(readOn, 0, 'with so many under way nothing more is read');
});

test('a bad line deep in a file is named, whatever is being hashed', async () => {
  const bad = fileOf('bad.csv', (i) => (i === 123_456 ? 'nobody\n' : `${numberOf(i)}\n`));
  const hashing = new CardHashing(keys);
  const hash = (numbers: Uint8Array) => hashing.hash(numbers);
  await assert.rejects(readStoppedCards([bad], hash, silent), {
    code: 'DENYLIST_CARDS_INVALID',
    message: /bad\.csv:123457: not a card number/,
  });
  await hashing.close();
});

test('what hashing failed with is told as it is', async () => {
  let batches = 0;
  const failing = (numbers: Uint8Array): Promise<Int32Array> => {
    batches += 1;
    return batches === 2
      ? Promise.reject(new FaregateError('POOL_FAILED', 'three times'))
      : Promise.resolve(new Int32Array(numbers.length / 5));
  };
  await assert.rejects(readStoppedCards([sound], failing, silent), { code: 'POOL_FAILED' });
});

test('a short list starts no threads', async () => {
  const path = join(dir, 'short.txt');
  writeFileSync(path, `${numberOf(1)}\n${numberOf(2)}`);
  const hashing = new CardHashing({ ...keys, keys: null as unknown as [] });
  // A pool of such keys could not be opened.
  const { keys: found } = await readStoppedCards(
    [path],
    (numbers) => hashing.hash(numbers),
    silent,
  );
  assert.equal(found.length, 4);
  await hashing.close();
});
