/** Rows of a block against a slow twin: from views at odd offsets, in rooms of every size. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEBIT_BYTES } from '../../engine/debit/record.ts';
import { BLOCK_ROW_BYTES, BlockBuilder } from '../../engine/ledger/block.ts';
import { type ReceivedBatch, TAC_PASSED_THROUGH, TAC_VALID } from '../../engine/ledger/received.ts';
import { rowPlainly } from '../reference/block-rows.ts';
import { seeded } from '../sim-disk.ts';

const HEADER_BYTES = 46;

test('rows packed by words are those packed byte by byte', () => {
  const draw = seeded(41);
  /** In shared memory, as batches are, and at an offset that no word begins at. */
  const drawn = (length: number): Uint8Array => {
    const bytes = new Uint8Array(new SharedArrayBuffer(length + 13)).subarray(5, 5 + length);
    for (let i = 0; i < length; i++) bytes[i] = draw(256);
    return bytes;
  };
  for (let run = 0; run < 60; run++) {
    const count = 1 + (run % 40);
    const batch: ReceivedBatch = {
      gateId: 'G1',
      firstSequence: 9,
      count,
      records: drawn(count * DEBIT_BYTES),
      cards: drawn(count * 16),
      digests: drawn(count * 16),
      tacs: Uint8Array.from({ length: count }, () => (draw(2) ? TAC_VALID : TAC_PASSED_THROUGH)),
      sealed: new Uint8Array(9),
      debitAt: () => assert.fail('no row is unpacked'),
    };
    const roomBytes = HEADER_BYTES + BLOCK_ROW_BYTES * count + (run % 7);
    const room = new Uint8Array(new ArrayBuffer(roomBytes + 3), 3, roomBytes).fill(0xa5);
    const builder = new BlockBuilder(7 + run, batch, run % 2 ? room : new Uint8Array(0));
    const wanted: number[][] = [];
    for (let i = 0; i < count; i++) {
      const place = {
        issuerPlace: draw(255),
        previousBlock: 0xffff_fff0 + draw(16),
        previousIndex: draw(0x1_0000),
        previousCounter: draw(0x1_0000),
      };
      const { issuerPlace, previousBlock, previousIndex, previousCounter } = place;
      builder.add(i, issuerPlace, previousBlock, previousIndex, previousCounter);
      wanted.push(rowPlainly(batch, i, place));
    }
    const block = builder.finish([]);
    for (const [i, row] of wanted.entries()) {
      const from = HEADER_BYTES + i * BLOCK_ROW_BYTES;
      assert.deepEqual([...block.subarray(from, from + BLOCK_ROW_BYTES)], row, `run ${run}: ${i}`);
    }
  }
});
