/** `ledger check` finds whatever is changed in blocks and heads behind the ledger's back. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { crc32 } from 'node:zlib';
import { writeU32 } from '../../engine/bytes.ts';
import { totalKey } from '../../engine/ledger/books.ts';
import { type CheckReport, checkLedger } from '../../engine/ledger/check.ts';
import { Ledger } from '../../engine/ledger/ledger.ts';
import { MemoryStore } from '../../engine/ledger/memory-store.ts';
import { u48 } from '../../engine/ledger/rows.ts';
import { byColumns, byRules } from './columns.ts';
import { cardOf, received } from './samples.ts';

const BLOCKS = 4;
const cards = ['a', 'b', 'c'].map(cardOf);

/** Three cards, debited once in each of four blocks of two gates; then one late arrival. */
async function filled(): Promise<MemoryStore> {
  const store = new MemoryStore();
  const ledger = await Ledger.open(store, { checkpointRows: 1000 });
  const post = async (gateId: string, from: number, counter: number) => {
    const debits = cards.map((card, i) =>
      received({
        gateId,
        gateSequence: from + i,
        card,
        offlineCounter: counter,
        balanceBeforeMinor: 9000 - 200 * counter,
      }),
    );
    await byColumns(ledger, gateId, debits);
  };
  for (let n = 0; n < BLOCKS; n++) await post(n % 2 ? 'G02' : 'G01', 1 + 3 * (n >> 1), 2 * n);
  await post('G03', 1, 3);
  return store;
}

/** Changes a block's bytes and, like one who knows what they do, its checksum. */
async function forge(store: MemoryStore, number: number, change: (bytes: Uint8Array) => void) {
  await store.transaction((writer) => {
    const bytes = writer.get('blocks', u48(number))!;
    change(bytes);
    writeU32(bytes, 0, crc32(bytes.subarray(4)));
    writer.put('blocks', u48(number), bytes);
  });
}

function foundIn(store: MemoryStore): string {
  const report: CheckReport = checkLedger(store);
  assert(!report.ok);
  assert.deepEqual(checkLedger(store, { passes: 3 }).findingsCount, report.findingsCount);
  return report.findings.join('\n');
}

/** Of the second row of a block: where a row begins, and its fields in `block.ts`. */
const SECOND = 46 + 64;

const forgeries: readonly [string, number, RegExp, mask?: number][] = [
  ['the amount', 48 + 3, /account receivable:0000000000001000/],
  ['the balance before', 44 + 2, /balance breaks in the chains/, 0x20],
  ['the currency', 42, /account receivable:0000000000001000/],
  ['the counter', 40, /head of card|held twice/],
  ['the card', 1, /its card was at/],
  ['the sequence', 38, /records|held through|comes after/],
  ['the block of the row before', 52 + 3, /G01\/5: follows block \d+, row 1, but its card was at/],
  ['the index of the row before', 56 + 1, /G01\/5: follows block 2, row \d+, but its card was/],
  // Transaction type 9 becomes 5, the other purse.
  ['the purse', 58, /its card was at/, 12],
  ['the issuer', 61, /account float:/],
  ['the highest counter before, too low', 62 + 1, /G01\/5: its card was at counter 2 before/],
  ['the highest counter before, too high', 62 + 1, /late rows of blocks: stored 3, computed 4/, 16],
];

for (const [what, field, finding, mask] of forgeries) {
  test(`a forged row is found: ${what}`, async () => {
    const store = await filled();
    assert.deepEqual(checkLedger(store).findings, []);
    await forge(store, 3, (bytes) => {
      bytes[SECOND + field]! ^= mask ?? 2;
    });
    assert.match(foundIn(store), finding);
  });
}

test('a late row that says it were none is found', async () => {
  const store = await filled();
  await forge(store, BLOCKS + 1, (bytes) => {
    bytes[SECOND + 63] = 2;
  });
  assert.match(foundIn(store), /counter 3: held twice, or below the row before/);
});

test('a late row below a row of its own that hides a higher one before it is found', async () => {
  const store = new MemoryStore();
  const ledger = await Ledger.open(store);
  for (const [i, counter] of [20, 15, 10].entries()) {
    const gateId = `G0${i + 1}`;
    const debit = received({ gateId, gateSequence: 1, offlineCounter: counter });
    await (i === 0 ? byRules : byColumns)(ledger, gateId, [debit]);
  }
  assert.deepEqual(checkLedger(store).findings, []);
  await forge(store, 3, (bytes) => {
    bytes[46 + 63] = 12;
  });
  assert.match(foundIn(store), /G03\/1: its card was at counter 15 before/);
});

test('a count of late rows that is not theirs is found', async () => {
  for (const count of [0, 1, 2, 4]) {
    const store = await filled();
    await store.transaction((writer) => writer.put('totals', totalKey('rowsLate'), u48(count)));
    assert.match(foundIn(store), new RegExp(`late rows of blocks: stored ${count}, computed 3`));
  }
});

test('damage to any byte of a block is found, and is not started from', async () => {
  const store = await filled();
  const size = store.read((reader) => reader.get('blocks', u48(2))!.length);
  for (let at = 0; at < size; at += 13) {
    const flip = () =>
      store.transaction((writer) => {
        const bytes = writer.get('blocks', u48(2))!;
        bytes[at]! ^= 0x10;
        writer.put('blocks', u48(2), bytes);
      });
    await flip();
    assert.match(foundIn(store), /block 2 is damaged/);
    await assert.rejects(Ledger.open(store), { code: 'LEDGER_BROKEN', message: /block 2/ });
    await flip();
  }
  assert.deepEqual(checkLedger(store).findings, []);
});

test('a missing block is named, by the check and at a start', async () => {
  for (const number of [1, 2, BLOCKS]) {
    const store = await filled();
    await store.transaction((writer) => writer.remove('blocks', u48(number)));
    assert.match(foundIn(store), new RegExp(`block ${number}: is missing|number of a block`));
    await assert.rejects(Ledger.open(store), {
      code: 'LEDGER_BROKEN',
      message: new RegExp(`block ${number} is missing`),
    });
  }
});

test('two blocks in each other’s place, and one from elsewhere, are found', async () => {
  const store = await filled();
  await store.transaction((writer) => {
    const [first, second] = [1, 2].map((n) => writer.get('blocks', u48(n))!);
    writer.put('blocks', u48(1), second!);
    writer.put('blocks', u48(2), first!);
  });
  assert.match(foundIn(store), /block 1 is block 2/);
});

test('a sealed batch that is missing, or another’s, is found', async () => {
  for (const sealed of [undefined, Buffer.from('sealed G01/1+9'), Buffer.from('sealed')]) {
    const store = await filled();
    await store.transaction((writer) => {
      if (sealed) writer.put('sealed', u48(1), sealed);
      else writer.remove('sealed', u48(1));
    });
    assert.match(foundIn(store), /block 1.*(sealed batch|end of it)/);
  }
});

/** A ledger whose heads were all saved, some before the last blocks. */
async function saved(): Promise<MemoryStore> {
  const store = await filled();
  const ledger = await Ledger.open(store, { checkpointRows: 1 / 1024 });
  const card = cardOf('last');
  await byColumns(ledger, 'G04', [received({ gateId: 'G04', gateSequence: 1, card })]);
  const later = await Ledger.open(store);
  const next = { card, offlineCounter: 9, gateId: 'G04', gateSequence: 2 };
  await byColumns(later, 'G04', [received(next)]);
  assert.deepEqual(checkLedger(store).findings, []);
  return store;
}

const headDamages: readonly [string, number, RegExp][] = [
  ['the left balance', 8 + 16 + 3, /head of card \S+ purse 2: stored counter/],
  ['the counter', 8 + 20 + 3, /head of card \S+ purse 2/],
  ['the block', 8 + 12 + 3, /head of card \S+ purse 2: stored .*row/],
  ['the card', 8 + 8, /head of card \S+ purse 2: stored none/],
  ['the flags', 8 + 24 + 3, /head of card/],
];

for (const [what, at, finding] of headDamages) {
  test(`a wrong head is found: ${what}`, async () => {
    const store = await saved();
    await store.transaction((writer) => {
      const all = [...writer.range('heads', {})];
      const { key, value } = all.find((entry) => entry.value.length > 8)!;
      value[at]! ^= 16;
      writeU32(value, 0, crc32(value.subarray(4)));
      writer.put('heads', key, value);
    });
    assert.match(foundIn(store), finding);
  });
}

test('a segment of heads that is damaged or gone is found; a start does without', async () => {
  for (const cut of [0, 1]) {
    const store = await saved();
    const expected = [...(await Ledger.open(store)).cardTotals()];
    await store.transaction((writer) => {
      for (const { key, value } of [...writer.range('heads', {})]) {
        if (value.length <= 8) continue;
        if (cut === 0) writer.remove('heads', key);
        else writer.put('heads', key, value.subarray(0, value.length - cut));
      }
    });
    assert.match(foundIn(store), /heads \d+, saved: stored false, computed true/);
    assert.deepEqual([...(await Ledger.open(store)).cardTotals()], expected);
  }
});
