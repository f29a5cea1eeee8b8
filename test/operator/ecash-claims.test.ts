/**
 * Torn debits of bank cards from the tap through the ledger to clearing: what left the card is what
 * its bank is asked for, also where the station could not tell what became of them.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fromHex } from '../../engine/bytes.ts';
import { CryptogramKeyring } from '../../engine/crypto/cryptogram-keyring.ts';
import { Keyring } from '../../engine/crypto/keyring.ts';
import { cmacKey } from '../../engine/crypto/mac.ts';
import { decodeDebit } from '../../engine/debit/codec.ts';
import { DEBIT_BYTES } from '../../engine/debit/record.ts';
import { checkLedger } from '../../engine/ledger/check.ts';
import { Ledger } from '../../engine/ledger/ledger.ts';
import { MemoryStore } from '../../engine/ledger/memory-store.ts';
import { clear } from '../../engine/operator/clearing.ts';
import type { ClearingLine } from '../../engine/operator/clearing-lines.ts';
import { receiveBatch } from '../../engine/operator/received.ts';
import { createRecordChecks } from '../../engine/operator/record-checks.ts';
import { RecentTaps } from '../../engine/tap/recent-taps.ts';
import { openJournal } from '../../gate/journal/journal.ts';
import type { Journal } from '../../gate/journal/port.ts';
import { UnconfirmedDebits } from '../../gate/unconfirmed.ts';
import { cardOfIssuer } from '../kit/bank-records.ts';
import { type GateOptions, StationKit } from '../kit/station-kit.ts';
import { SimDisk } from '../sim-disk.ts';
import { settled, untilReadable } from '../suites/journal.ts';

const master = fromHex('0123456789ABCDEFFEDCBA9876543210');
const storageKey = new Uint8Array(32).fill(5);
const dir = mkdtempSync(join(tmpdir(), 'faregate-claims-'));
after(() => rmSync(dir, { recursive: true, force: true }));

/** Directory, application, options, three records, and the last. */
const LAST = 7;
const BANK: GateOptions = { bank: {}, families: ['bank'] };

/** The operator's ledger, and what the banks are asked for by it. */
class Office {
  readonly #store = new MemoryStore();
  readonly #ledger = Ledger.open(this.#store);
  readonly #checks = createRecordChecks({
    keyring: new Keyring([]),
    cryptograms: new CryptogramKeyring([{ prefix: '6228', index: 1, algorithm: '3des', master }]),
    cardHash: cmacKey(new Uint8Array(16)),
    storageKey,
    salt: new Uint8Array(16),
  });

  async upload(journal: Journal): Promise<void> {
    const first = journal.acknowledged + 1;
    const read = await journal.read(first, 1000);
    const { count } = read;
    const records = read.records.slice(0, count * DEBIT_BYTES);
    const batch = { type: 'batch', first, count, records, status: null } as const;
    const { gateId } = decodeDebit(records, 0);
    await (await this.#ledger).postBatch(receiveBatch(gateId, batch, this.#checks));
    journal.acknowledge(first + count - 1);
    await settled();
  }

  async claimedMinor(): Promise<number> {
    const all = { fromMs: 0, toMs: Number.MAX_SAFE_INTEGER };
    const folder = mkdtempSync(join(dir, 'd-'));
    const [report] = await clear(this.#store, folder, storageKey, all);
    assert.deepEqual(checkLedger(this.#store).findings, []);
    const lines = readFileSync(report!.file, 'utf8').trimEnd().split('\n').slice(0, -1);
    return lines
      .map((line) => JSON.parse(line) as ClearingLine)
      .reduce((sum, { amountMinor }) => sum + amountMinor, 0);
  }
}

for (const when of ['during', 'after'] as const) {
  test(`torn ${when} its commit, used elsewhere, and loaded until the balance fits by chance`, async () => {
    const kit = new StationKit();
    const fareMinor = kit.fares.fareMinor(3, 3, 0);
    const here = kit.gate('single', 3, BANK);
    const elsewhere = { unconfirmed: new UnconfirmedDebits(kit.clock), recent: new RecentTaps() };
    const there = kit.gate('single', 5, { ...BANK, ...elsewhere });
    const startMinor = 6 * fareMinor;
    let card = cardOfIssuer(master, {}, { balanceMinor: startMinor });
    const ride = async (gate: typeof here): Promise<void> => {
      kit.pass(300);
      assert.equal((await gate.tap(card)).decision.reason, 'open');
    };
    await here.tap(card, { command: LAST, when });
    await ride(there);
    if (when === 'during') await ride(there);
    await ride(here);
    const loadMinor = (when === 'after' ? 4 : 2) * fareMinor;
    const balanceMinor = card.state.balanceMinor + loadMinor;
    card = cardOfIssuer(master, {}, { atc: card.state.atc, balanceMinor });
    await ride(here);
    await ride(here);
    const office = new Office();
    for (const { journal } of [there, here]) await office.upload(journal);
    const lostMinor = startMinor + loadMinor - card.state.balanceMinor;
    assert.equal(lostMinor, 5 * fareMinor);
    assert.equal(await office.claimedMinor(), lostMinor);
  });
}

test('a journal that fills up while a card is torn again and again', async () => {
  const startMinor = 100_000;
  for (let before = 0; before < 6; before++) {
    const kit = new StationKit();
    const journal = await openJournal({
      disk: new SimDisk(),
      gateId: 'G-01',
      key: new Uint8Array(32).fill(7),
      random: (length) => new Uint8Array(randomBytes(length)),
      segments: 2,
      segmentBytes: 8192,
    });
    const gate = kit.gate('single', 3, { ...BANK, journal });
    const card = cardOfIssuer(master, {}, { balanceMinor: startMinor });
    const office = new Office();
    const tap = async (tear?: Parameters<typeof gate.tap>[1]): Promise<string> => {
      kit.pass(5);
      const { reason } = (await gate.tap(card, tear)).decision;
      await settled();
      return reason;
    };
    const upload = async (): Promise<void> => {
      await untilReadable(journal, journal.nextSequence - 1);
      await office.upload(journal);
    };
    for (let i = 0; i < before; i++) assert.equal(await tap(), 'open');
    do await tap({ command: LAST, when: 'during' });
    while ((await tap()) !== 'gateClosed');
    await upload();
    assert.notEqual(await tap(), 'gateClosed');
    await upload();
    assert.equal(await office.claimedMinor(), startMinor - card.state.balanceMinor, `${before}`);
    await journal.end();
  }
});
