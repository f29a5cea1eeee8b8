/**
 * Held fares from the tap through the ledger to clearing: what the cards lost for good is what the
 * accounts say and what the banks are asked for, holds are claimed from nobody, and who paid less
 * than the fare is told.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fromHex } from '../../engine/bytes.ts';
import { cardKey } from '../../engine/crypto/application-cryptogram.ts';
import { CryptogramKeyring } from '../../engine/crypto/cryptogram-keyring.ts';
import { Keyring } from '../../engine/crypto/keyring.ts';
import { cmacKey } from '../../engine/crypto/mac.ts';
import { at, decodeDebit } from '../../engine/debit/codec.ts';
import { isEvent } from '../../engine/debit/event.ts';
import { DEBIT_BYTES } from '../../engine/debit/record.ts';
import { checkLedger } from '../../engine/ledger/check.ts';
import { Ledger } from '../../engine/ledger/ledger.ts';
import { MemoryStore } from '../../engine/ledger/memory-store.ts';
import { clear } from '../../engine/operator/clearing.ts';
import type { ClearingLine } from '../../engine/operator/clearing-lines.ts';
import { receiveBatch } from '../../engine/operator/received.ts';
import { createRecordChecks } from '../../engine/operator/record-checks.ts';
import type { HoldRule, Side } from '../../engine/tap/setting.ts';
import type { EcashCard } from '../../gate/reader/virtual/ecash-card.ts';
import { testCard } from '../../gate/reader/virtual/ecash-test-card.ts';
import { heldOf, heldProfile, holdingCard } from '../kit/extended-cards.ts';
import { type GateKit, StationKit } from '../kit/station-kit.ts';

const master = fromHex('0123456789ABCDEFFEDCBA9876543210');
const storageKey = new Uint8Array(32).fill(5);
const dir = mkdtempSync(join(tmpdir(), 'faregate-holds-'));
after(() => rmSync(dir, { recursive: true, force: true }));

const START_MINOR = 10_000;
const LAST = 9;

/** A city of one card, its gates and the operator's office. */
class City {
  readonly kit: StationKit;
  readonly card: EcashCard;
  readonly store = new MemoryStore();
  readonly gates: GateKit[] = [];
  readonly #checks;
  #ledger: Ledger | undefined;

  constructor(holdsKey: boolean, provesHolds = false) {
    this.kit = new StationKit({ missingTapMinor: 500 });
    const { pan, panSequence } = testCard;
    const cryptogramKey = cardKey('3des', master, pan, panSequence);
    this.card = holdingCard({ personality: { cryptogramKey }, quirks: { provesHolds } });
    const key = { prefix: '6228', index: 1, algorithm: '3des', master } as const;
    this.#checks = createRecordChecks({
      keyring: new Keyring([]),
      cryptograms: new CryptogramKeyring(holdsKey ? [key] : []),
      cardHash: cmacKey(new Uint8Array(16)),
      storageKey,
      salt: new Uint8Array(16),
    });
  }

  gate(side: Side, station: number, hold: HoldRule): GateKit {
    const bank = { extendedProfile: heldProfile, hold };
    const gate = this.kit.gate(side, station, { bank, families: ['bank'] });
    this.gates.push(gate);
    return gate;
  }

  /** What of the card is gone for good. */
  get lostMinor(): number {
    return START_MINOR - this.card.state.balanceMinor - heldOf(this.card);
  }

  async upload(records: Uint8Array): Promise<readonly string[]> {
    this.#ledger ??= await Ledger.open(this.store);
    const count = records.length / DEBIT_BYTES;
    const { gateId, gateSequence } = decodeDebit(records, 0);
    const batch = { type: 'batch', first: gateSequence, count, records, status: null } as const;
    return (await this.#ledger.postBatch(receiveBatch(gateId, batch, this.#checks))).outcomes;
  }

  async recordsOf({ journal }: GateKit): Promise<Uint8Array> {
    const { records, count } = await journal.read(1, 1000);
    return records.slice(0, count * DEBIT_BYTES);
  }

  /** Uploads every gate's journal, last gate first, twice; and asks the banks. */
  async settle() {
    for (const gate of [...this.gates].reverse()) {
      const records = await this.recordsOf(gate);
      if (records.length === 0) continue;
      await this.upload(records);
      const again = await this.upload(records);
      assert(again.every((outcome) => outcome === 'exists'));
    }
    const all = { fromMs: 0, toMs: Number.MAX_SAFE_INTEGER };
    const [report] = await clear(this.store, mkdtempSync(join(dir, 'd-')), storageKey, all);
    const text = readFileSync(report!.file, 'utf8').trimEnd().split('\n');
    const claims = text.slice(0, -1).map((line) => JSON.parse(line) as ClearingLine);
    assert.deepEqual(checkLedger(this.store).findings, []);
    const { accounts, exceptions } = this.#ledger!.summary();
    const receivable = accounts.find(({ name }) => name.startsWith('receivable:'));
    return {
      claims,
      exceptions,
      claimedMinor: claims.reduce((sum, { amountMinor }) => sum + amountMinor, 0),
      postedMinor: receivable?.balanceMinor ?? 0,
    };
  }
}

for (const [holdsKey, provesHolds] of [
  [true, false],
  [true, true],
  [false, false],
] as const) {
  test(`a ride: key held ${holdsKey}, proof of the hold ${provesHolds}`, async () => {
    const city = new City(holdsKey, provesHolds);
    const { kit, card } = city;
    await city.gate('entry', 3, 'maxFare').tap(card);
    const heldMinor = heldOf(card);
    kit.pass(20);
    await city.gate('exit', 8, 'maxFare').tap(card);
    const fareMinor = kit.fares.fareMinor(3, 8, 0);
    const { claims, exceptions, claimedMinor, postedMinor } = await city.settle();
    assert.deepEqual(
      [city.lostMinor, postedMinor, claimedMinor],
      [fareMinor, fareMinor, fareMinor],
    );
    const [claim, ...others] = claims;
    assert.deepEqual(others, [], 'nobody is asked for a hold');
    assert.deepEqual(
      [claim!.verified, claim!.heldMinor, claim!.dueMinor, claim!.tags.DF60],
      [holdsKey, heldMinor, fareMinor, '03'],
    );
    assert.equal(Number(claim!.tags['9F02']), fareMinor);
    assert.match(claim!.tags['9F26']!, /^(?!0{16})[0-9A-F]{16}$/);
    assert.deepEqual(Object.values(exceptions).filter(Boolean), []);
  });
}

test('a fare over the hold: the hold is claimed, and the notice comes once', async () => {
  const city = new City(true);
  await city.gate('entry', 3, 100).tap(city.card);
  city.kit.pass(20);
  await city.gate('exit', 20, 100).tap(city.card);
  const { claims, exceptions, claimedMinor, postedMinor } = await city.settle();
  assert.deepEqual([city.lostMinor, postedMinor, claimedMinor], [100, 100, 100]);
  assert.equal(exceptions.fareOverHold, 1);
  assert.equal(claims[0]!.dueMinor, city.kit.fares.fareMinor(3, 20, 0));
});

test('torn taps, an unfinished ride, and one after it: lost, posted and claimed are one', async () => {
  for (const when of ['during', 'after'] as const) {
    const city = new City(true);
    const { kit, card } = city;
    const tear = { command: LAST, when } as const;
    const entry = city.gate('entry', 3, 'maxFare');
    await entry.tap(card, tear);
    kit.clock.advance(kit.clock.nowMs() + 3000);
    assert.equal((await entry.tap(card)).decision.open, true);
    kit.pass(24 * 60);
    const second = city.gate('entry', 8, 'maxFare');
    await second.tap(card, tear);
    kit.clock.advance(kit.clock.nowMs() + 3000);
    assert.equal((await second.tap(card)).decision.open, true);
    kit.pass(20);
    const exit = city.gate('exit', 20, 'maxFare');
    await exit.tap(card, tear);
    kit.clock.advance(kit.clock.nowMs() + 3000);
    assert.equal((await exit.tap(card)).decision.open, true);
    const { claimedMinor, postedMinor } = await city.settle();
    const lostMinor = 500 + kit.fares.fareMinor(8, 20, 0);
    assert.deepEqual(
      [city.lostMinor, postedMinor, claimedMinor],
      [lostMinor, lostMinor, lostMinor],
    );
  }
});

test('a hold that says it took money is none: nothing is posted of it', async () => {
  for (const provesHolds of [false, true]) {
    const city = new City(true, provesHolds);
    const entry = city.gate('entry', 3, 700);
    await entry.tap(city.card);
    const records = await city.recordsOf(entry);
    assert(!isEvent(records, 0));
    new DataView(records.buffer).setUint32(at.amountMinor, 700);
    assert.deepEqual(await city.upload(records), ['tacInvalid', 'recorded']);
  }
});
