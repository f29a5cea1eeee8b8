/** Damage in the shared log: what had been promised is never dropped without a word. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BATCHES_AT } from '../../../../gate/journal/shared/layout.ts';
import { openSharedDisk } from '../../../../gate/journal/shared/shared-disk.ts';
import { seeded } from '../../../sim-disk.ts';
import { type Disks, mapDisks, newDisks, openLog } from './world.ts';

const choose = seeded(5);
const BATCH_BYTES = 1040;

/** Batches of one write of 980 bytes each, `count` of them, and then no power. */
async function written(count: number): Promise<Disks> {
  const disks = newDisks();
  const log = await openLog(disks, choose);
  const disk = await openSharedDisk(log, disks.gates.get('north')!, 'north');
  const file = await disk.preallocate('a.log', 50_000);
  for (let i = 0; i < count; i++) {
    await file.write(new Uint8Array(980).fill(i + 1), i * 980);
    await file.sync();
  }
  return mapDisks(disks, (each) => each.crash(() => 0));
}

function flip(disks: Disks, name: string, offset: number): void {
  const bytes = disks.log.bytesOf(name).slice();
  bytes[offset]! ^= 0x10;
  disks.log.put(name, bytes);
}

async function restored(disks: Disks): Promise<number[]> {
  await openLog(disks, choose);
  const bytes = disks.gates.get('north')!.bytesOf('a.log');
  const marks: number[] = [];
  for (let at = 0; bytes[at]; at += 980) marks.push(bytes[at]!);
  return marks;
}

test('undamaged, every write comes back, over two generations too', async () => {
  assert.deepEqual(await restored(await written(3)), [1, 2, 3]);
  const ten = Array.from({ length: 10 }, (_, i) => i + 1);
  assert.deepEqual(await restored(await written(10)), ten);
});

test('a bad last batch looks like one that the power cut, and is dropped', async () => {
  const disks = await written(3);
  flip(disks, 'shared-0.log', BATCHES_AT + 2 * BATCH_BYTES + 500);
  assert.deepEqual(await restored(disks), [1, 2]);
});

test('a bad batch with a whole one behind it is damage, told by file and offset', async () => {
  const disks = await written(3);
  flip(disks, 'shared-0.log', BATCHES_AT + BATCH_BYTES + 500);
  const at = BATCHES_AT + BATCH_BYTES;
  await assert.rejects(restored(disks), {
    code: 'JOURNAL_CORRUPT',
    message: new RegExp(`shared-0\\.log, byte ${at}: batch 2 is damaged`),
  });
});

test('a bad batch at the end of the generation before is damage', async () => {
  const disks = await written(10);
  flip(disks, 'shared-0.log', BATCHES_AT + 5 * BATCH_BYTES + 500);
  await assert.rejects(restored(disks), { code: 'JOURNAL_CORRUPT', message: /shared-0\.log/ });
});

for (const [what, harm, message] of [
  ['a damaged header', (disks: Disks) => flip(disks, 'shared-0.log', 30), /shared-0\.log, byte 0/],
  [
    'a file cut short',
    (disks: Disks) => disks.log.put('shared-1.log', disks.log.bytesOf('shared-1.log').slice(0, -1)),
    /shared-1\.log.*short/,
  ],
  ['a missing file', (disks: Disks) => disks.log.remove('shared-1.log'), /shared-1\.log.*missing/],
] as const) {
  test(`${what} is refused, and nothing is changed`, async () => {
    const disks = await written(3);
    await harm(disks);
    const before = disks.gates.get('north')!.bytesOf('a.log').slice();
    await assert.rejects(restored(disks), { code: 'JOURNAL_CORRUPT', message });
    assert.deepEqual(disks.gates.get('north')!.bytesOf('a.log'), before);
  });
}
