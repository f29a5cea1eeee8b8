/** docs/wire.md says what the code does: record layout, bounds, message fields. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { at } from '../../engine/debit/codec.ts';
import { DEBIT_BYTES } from '../../engine/debit/record.ts';
import { UPLOAD_IDLE_MS_MAX } from '../../engine/durations.ts';
import {
  BATCH_RECORDS_MAX,
  FRAME_BYTES_MAX,
  FRAMES_WAITING_PER_GATE_MAX,
  INGEST_BYTES_MAX,
  UPLINK_WINDOW,
  WIRE_DEPTH_MAX,
  WIRE_ITEMS_MAX,
} from '../../engine/limits.ts';
import { statusOf } from '../gate/uplink/fakes.ts';
import { root } from '../shared.ts';

const page = readFileSync(join(root, 'docs', 'wire.md'), 'utf8');

test('the record table has every field at its offset, and leaves no byte out', () => {
  const section = page.split(/^## /m).find((part) => part.startsWith('The debit record'))!;
  const rows = [...section.matchAll(/^\| (\d+) \| (\d+) \| (?:`(\w+)`|zeros)/gm)];
  const offsets = new Map<string, number>();
  let next = 0;
  for (const [, offset, bytes, field] of rows) {
    assert.equal(Number(offset), next, `row of ${field ?? 'zeros'}`);
    next += Number(bytes);
    if (field) offsets.set(field, Number(offset));
  }
  assert.equal(next, DEBIT_BYTES);
  assert.deepEqual(Object.fromEntries(offsets), at);
});

test('the bounds and fields it names are the ones in force', () => {
  const said = [
    `1 to ${FRAME_BYTES_MAX.toLocaleString('en-US')}`,
    `1 to ${BATCH_RECORDS_MAX.toLocaleString('en-US')}`,
    `more than ${WIRE_ITEMS_MAX.toLocaleString('en-US')} values or six levels`,
    `while ${INGEST_BYTES_MAX / 1024 / 1024} MiB`,
    `silent for ${UPLOAD_IDLE_MS_MAX / 1000} s`,
    ...Object.keys(statusOf('G01')).map((field) => `\`${field}\``),
  ];
  const text = page.replaceAll('\n', ' ');
  for (const words of said) assert.ok(text.includes(words), words);
  assert.deepEqual([WIRE_DEPTH_MAX, FRAMES_WAITING_PER_GATE_MAX, UPLINK_WINDOW], [6, 4, 2]);
});
