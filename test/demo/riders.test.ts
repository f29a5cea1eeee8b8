/** Riders and their cards: families by their shares, and cards that live in the file. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { toHex } from '../../engine/bytes.ts';
import { compileFares } from '../../engine/fare/compile.ts';
import { sampleFareSet } from '../../engine/fare/sample-city.ts';
import { BankCards } from '../../gate/demo/bank-cards.ts';
import { makeBankKeys } from '../../gate/demo/bank-keys.ts';
import { bankAfter, bankLoaded, newBankState } from '../../gate/demo/bank-state.ts';
import { CardFile } from '../../gate/demo/card-file.ts';
import { makeMasters, readMasters } from '../../gate/demo/masters.ts';
import {
  chooseDistrict,
  FAMILIES,
  familyOf,
  makeRider,
  type RiderHabits,
} from '../../gate/demo/population.ts';
import { riderCard, truthsOf } from '../../gate/demo/rider-card.ts';
import { cardNumbersOf, firstCounterOf, makeCard } from '../../gate/demo/riders.ts';

const SEED = 1;
const RIDERS = 200;
const dir = mkdtempSync(join(tmpdir(), 'faregate-riders-'));
after(() => rmSync(dir, { recursive: true, force: true }));

const [mastersPath, banksPath] = [join(dir, 'masters'), join(dir, 'banks')];
writeFileSync(mastersPath, makeMasters());
writeFileSync(banksPath, makeBankKeys());
const masters = readMasters(mastersPath, banksPath);
const fares = compileFares(sampleFareSet());
const district = chooseDistrict(fares, 4);
const riders: RiderHabits[] = Array.from({ length: RIDERS }, (_, i) =>
  makeRider(SEED, i, district, fares.riders.length),
);

test('of each hundred riders every family has its share', () => {
  for (const from of [0, 100, 5900]) {
    const indexes = Array.from({ length: 100 }, (_, i) => from + i);
    for (const [family, share] of FAMILIES) {
      assert.equal(indexes.filter((i) => familyOf(i) === family).length, share, family);
    }
  }
});

test('no two cards have a number in common', () => {
  const numbers = riders.flatMap(cardNumbersOf).map(toHex);
  assert.equal(new Set(numbers).size, numbers.length);
});

test('every card comes out of the file as it was put in, and again after its commits', () => {
  const path = join(dir, 'cards.bin');
  const progress = { step: 0, tries: 0, nextMs: 5 };
  const states = riders.map((rider) => makeCard(rider, masters));
  const made = CardFile.open(path, SEED, RIDERS, masters, (i) => ({ state: states[i]!, progress }));
  const banks = new BankCards(masters.bank, riders);
  const randomBytes = (length: number) => new Uint8Array(length).fill(7);
  for (const rider of riders) {
    const { index } = rider;
    const card = riderCard(made.card(index), rider, { masters, banks, randomBytes }, (state) => {
      states[index] = state;
      made.commit(index, state);
    });
    if (rider.oddity === 'none') {
      card.topUp(500, Uint8Array.of(0x20, 0x26, 0x03, 0x02, 0x08, 0x15, 0));
    }
  }
  made.close();
  const read = CardFile.open(path, SEED, RIDERS, masters, () => assert.fail('is there already'));
  for (const rider of riders) {
    const { index } = rider;
    const state = read.card(index);
    assert.deepEqual(state, states[index], `rider ${index}`);
    assert.deepEqual(read.progress(index), progress);
    const truths = truthsOf(state, index, firstCounterOf(index));
    assert.deepEqual(
      truths.map(({ cardNumber }) => toHex(cardNumber)),
      cardNumbersOf(rider).map(toHex),
    );
    for (const { debits, spentMinor } of truths) assert.deepEqual([debits, spentMinor], [0, 0]);
  }
  read.close();
});

test('a bank card spends what it had and what it owes; a load pays that first', () => {
  const record = { sfi: 21, bytes: new Uint8Array(48), heldMinor: 0 };
  const extended = { records: [record], deductedMinor: 0, proof: null };
  const full = newBankState({ balanceMinor: 300, atc: 1, extended });
  const proof = { atc: 2, tc: new Uint8Array(8) };
  const counted = bankAfter(full, { ...full.ecash, atc: 2 });
  assert.deepEqual([counted.debits, counted.spentMinor], [0, 0]);
  const after = { records: [{ ...record }], deductedMinor: 200, proof };
  const spent = bankAfter(counted, { balanceMinor: 0, atc: 2, extended: after });
  assert.deepEqual([spent.debits, spent.spentMinor], [1, 500]);
  const nothing = bankAfter(spent, { ...spent.ecash, atc: 3, extended: { ...after, proof } });
  assert.deepEqual([nothing.debits, nothing.spentMinor], [1, 500]);
  const part = bankLoaded(nothing, 150);
  assert.deepEqual([part.ecash.balanceMinor, part.ecash.extended?.deductedMinor], [0, 50]);
  const all = bankLoaded(part, 150);
  assert.deepEqual([all.ecash.balanceMinor, all.ecash.extended?.deductedMinor], [100, 0]);
  assert.deepEqual([all.debits, all.spentMinor], [1, 500]);
});
