/**
 * Damage that no power cut makes: changed bytes, missing and foreign files, forged frames. It is
 * either told with file and offset, or it lies in the last batch, where it looks like a write that
 * was cut; never does a journal open with a record changed, invented or silently missing before it.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { crc32 } from 'node:zlib';
import { writeU32 } from '../../../engine/bytes.ts';
import { FaregateError } from '../../../engine/errors.ts';
import { openJournal } from '../../../gate/journal/journal.ts';
import type { Journal } from '../../../gate/journal/port.ts';
import { SimDisk, seeded } from '../../sim-disk.ts';
import { append, finalOf, intentOf, readAll } from '../../suites/journal.ts';

const key = new Uint8Array(32).fill(7);
const choose = seeded(11);
const HEADER_BYTES = 96;
/** The first frame is the opening's, 64 bytes; then each tap has two. */
const RECORDS_AT = HEADER_BYTES + 64;
const FRAME_BYTES = 208;
/** Slots of frames in one segment of this size: 14. */
const SEGMENT_BYTES = 3072;
const FIRST = 'segment-00000001.log';

function open(disk: SimDisk): Promise<Journal> {
  const random = (bytes: number) => Uint8Array.from({ length: bytes }, () => choose(256));
  return openJournal({ disk, gateId: 'G-01', key, random, segmentBytes: SEGMENT_BYTES });
}

/** A disk with `taps` taps, each its own batch of the intent and the final record before it. */
async function diskOf(taps: number): Promise<SimDisk> {
  const disk = new SimDisk();
  const journal = await open(disk);
  for (let i = 0; i < taps; i++) {
    await append(journal, 1);
    await new Promise((resolve) => setImmediate(resolve));
  }
  await journal.end();
  return disk;
}

function changed(disk: SimDisk, name: string, change: (bytes: Uint8Array) => void): SimDisk {
  const copy = disk.crash(() => 0);
  const bytes = copy.bytesOf(name).slice();
  change(bytes);
  copy.put(name, bytes);
  return copy;
}

/** What opening and reading it all gives: an error, or the number of taps found as they were. */
async function outcome(disk: SimDisk): Promise<FaregateError | number> {
  let journal: Journal | undefined;
  try {
    journal = await open(disk);
    const records = await readAll(journal);
    for (const [index, record] of records.entries()) assert.deepEqual(record, finalOf(index + 1));
    for (const record of journal.open()) assert.deepEqual(record, intentOf(records.length + 1));
    return journal.nextSequence - 1;
  } catch (error) {
    if (error instanceof FaregateError) return error;
    throw error;
  } finally {
    await journal?.end();
  }
}

function assertCorrupt(found: FaregateError | number, where: RegExp): void {
  assert(found instanceof FaregateError, `opened with ${found} taps`);
  assert.equal(found.code, 'JOURNAL_CORRUPT');
  assert.match(found.message, where);
}

/** Where the header or frame starts that `offset` lies in. */
function startOf(offset: number): number {
  if (offset < HEADER_BYTES) return 0;
  if (offset < RECORDS_AT) return HEADER_BYTES;
  return offset - ((offset - RECORDS_AT) % FRAME_BYTES);
}

test('any changed byte in a segment that is not the last is told with its place', async () => {
  const disk = await diskOf(20);
  assert.equal(await outcome(disk.crash(() => 0)), 20);
  for (let offset = 0; offset < RECORDS_AT + 14 * FRAME_BYTES; offset += 1 + choose(20)) {
    const found = await outcome(
      changed(disk, FIRST, (bytes) => {
        bytes[offset]! ^= 1 << choose(8);
      }),
    );
    assertCorrupt(found, new RegExp(`^segment-00000001\\.log at byte ${startOf(offset)}: `));
  }
});

test('any changed byte in the last segment is told, or cuts off the last batch', async () => {
  const disk = await diskOf(5);
  const lastBatch = RECORDS_AT + 9 * FRAME_BYTES;
  for (let offset = 0; offset < lastBatch + FRAME_BYTES; offset += 1 + choose(12)) {
    const found = await outcome(
      changed(disk, FIRST, (bytes) => {
        bytes[offset]! ^= 1 << choose(8);
      }),
    );
    if (offset < lastBatch) assertCorrupt(found, /^segment-00000001\.log at byte \d+: /);
    else assert.equal(found, 5);
  }
  for (let offset = lastBatch + FRAME_BYTES; offset < SEGMENT_BYTES; offset += 50) {
    const found = await outcome(
      changed(disk, FIRST, (bytes) => {
        bytes[offset]! ^= 0xff;
      }),
    );
    assert.equal(found, 5);
  }
});

test('a segment cut short, missing or under another number is told', async () => {
  const disk = await diskOf(20);
  const short = disk.crash(() => 0);
  short.put(FIRST, disk.bytesOf(FIRST).slice(0, 2000));
  assertCorrupt(await outcome(short), /^segment-00000001\.log at byte 2000: the file is cut short/);

  const missing = disk.crash(() => 0);
  await missing.remove('segment-00000002.log');
  assertCorrupt(await outcome(missing), /^segment-00000002\.log at byte 0: the file is missing/);

  const swapped = disk.crash(() => 0);
  swapped.put('segment-00000002.log', disk.bytesOf(FIRST));
  assertCorrupt(await outcome(swapped), /^segment-00000002\.log at byte 0: it is segment 1/);

  const headless = disk.crash(() => 0);
  await headless.remove(FIRST);
  headless.put('segment-00000002.log', new Uint8Array(SEGMENT_BYTES));
  await headless.remove('segment-00000003.log');
  await headless.remove('segment-00000004.log');
  assertCorrupt(await outcome(headless), /^segment-00000002\.log at byte 0: its header/);
});

/** Writes the frame's checksum anew, as someone without the key can. */
function mend(bytes: Uint8Array, offset: number, length = 176): void {
  const sealed = bytes.subarray(offset + 32, offset + 32 + length);
  writeU32(bytes, offset + 28, crc32(sealed, crc32(bytes.subarray(offset, offset + 28))));
}

test('a frame changed by someone without the key does not open', async () => {
  const disk = await diskOf(5);
  const last = RECORDS_AT + 9 * FRAME_BYTES;
  for (const at of [6, 13, 19, 32, 100, 191, 207]) {
    const forged = changed(disk, FIRST, (bytes) => {
      bytes[last + at]! ^= 1;
      mend(bytes, last);
    });
    assertCorrupt(await outcome(forged), new RegExp(`at byte ${last}: a frame is not as it was`));
  }
});

test('a frame of another place or time does not open in this one', async () => {
  const disk = await diskOf(5);
  const last = RECORDS_AT + 9 * FRAME_BYTES;
  const moved = changed(disk, FIRST, (bytes) => {
    const head = bytes.slice(last, last + 32);
    bytes.copyWithin(last, last - FRAME_BYTES, last);
    bytes.set(head.subarray(20, 24), last + 20);
    mend(bytes, last);
  });
  assertCorrupt(await outcome(moved), /a frame is not as it was sealed/);
});

test('a header changed by someone without the key is not taken', async () => {
  const disk = await diskOf(20);
  const forged = changed(disk, 'segment-00000002.log', (bytes) => {
    bytes[43] = 9;
    writeU32(bytes, 92, crc32(bytes.subarray(0, 92)));
  });
  assertCorrupt(await outcome(forged), /^segment-00000002\.log at byte 0: its header is not as/);
});

test('damage that appears after opening is told by the read that meets it', async () => {
  const disk = await diskOf(5);
  const journal = await open(disk);
  const bytes = disk.bytesOf(FIRST).slice();
  const final2 = RECORDS_AT + 3 * FRAME_BYTES;
  bytes[final2 + 60]! ^= 1;
  disk.put(FIRST, bytes);
  assert.equal((await journal.read(1, 1)).count, 1);
  await assert.rejects(journal.read(1, 3), {
    code: 'JOURNAL_CORRUPT',
    message: `segment-00000001.log at byte ${final2}: the final record of 2 is damaged`,
  });
  await journal.end();
});

test('nothing of a record can be read on the disk', async () => {
  const disk = await diskOf(5);
  const image = Buffer.from(disk.bytesOf(FIRST));
  for (let sequence = 1; sequence <= 5; sequence++) {
    assert.equal(image.includes(Buffer.from(finalOf(sequence).subarray(30, 42))), false);
  }
});
