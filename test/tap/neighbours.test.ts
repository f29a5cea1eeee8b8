/**
 * One card at two gates of a station, the second before the first is over with it: its reader takes
 * its time to say that the card has gone, or its disk to forget an earlier debit. The rider pays
 * once.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DebitState } from '../../engine/debit/record.ts';
import type { CardSession } from '../../gate/reader/reader.ts';
import type { HeldCard } from '../../gate/reader/virtual/held-card.ts';
import { ecashCard } from '../kit/ecash-cards.ts';
import { debitsOf } from '../kit/journal-debits.ts';
import { type GateOptions, StationKit } from '../kit/station-kit.ts';

const STATION = 3;
const DEBIT = 0x54;
const COMMIT_TRANSACTION = 0xc7;
const READ_RECORD = 0xb2;

/** A card that is taken away at its n-th command of this code, which its reader is slow to tell. */
class Slow implements CardSession {
  readonly uid: Uint8Array;
  readonly modelledUs = 0;
  readonly #card: HeldCard;
  readonly #code: number;
  #left: number;
  readonly #reaches: boolean;
  readonly left: Promise<void>;
  #leave: () => void = () => {};
  #told: () => void = () => {};
  readonly #tells: Promise<null>;

  constructor(card: HeldCard, code: number, nth: number, reaches: boolean) {
    this.#card = card;
    this.uid = card.uid;
    this.#code = code;
    this.#left = nth;
    this.#reaches = reaches;
    this.left = new Promise((resolve) => {
      this.#leave = resolve;
    });
    this.#tells = new Promise((resolve) => {
      this.#told = () => resolve(null);
    });
    card.power();
  }

  async transceive(apdu: Uint8Array): Promise<Uint8Array | null> {
    const isNamed = apdu[1] === this.#code;
    if (isNamed) this.#left -= 1;
    if (!isNamed || this.#left > 0) return this.#card.transmit(apdu);
    if (this.#reaches) this.#card.transmit(apdu);
    this.#card.power();
    this.#leave();
    return this.#tells;
  }

  tell(): void {
    this.#told();
  }

  async release(): Promise<void> {}
}

interface Family {
  readonly name: string;
  readonly options: GateOptions;
  readonly card: (kit: StationKit) => HeldCard;
  readonly balanceOf: (card: never) => number;
  readonly code: number;
  readonly nth: number;
}

const families: readonly Family[] = [
  {
    name: 'a purse',
    options: {},
    card: (kit) => kit.card(),
    balanceOf: (card: ReturnType<StationKit['card']>) => card.state.balanceMinor,
    code: DEBIT,
    nth: 1,
  },
  {
    name: 'an AES card',
    options: { desfire: 'first' },
    card: (kit) => kit.desfireCard(),
    balanceOf: (card: ReturnType<StationKit['desfireCard']>) => card.state.application.value.value,
    code: COMMIT_TRANSACTION,
    nth: 1,
  },
  {
    name: 'a bank card',
    options: { bank: {}, families: ['bank'] },
    card: () => ecashCard(),
    balanceOf: (card: ReturnType<typeof ecashCard>) => card.state.balanceMinor,
    code: READ_RECORD,
    nth: 4,
  },
];

for (const { name, options, card: make, balanceOf, code, nth } of families) {
  test(`${name} that its first gate still waits for pays once at the next`, async () => {
    for (const reaches of [true, false]) {
      const kit = new StationKit();
      const fareMinor = kit.fares.fareMinor(STATION, STATION, 0);
      const [first, next] = [1, 2].map(() => kit.gate('single', STATION, options));
      const card = make(kit);
      const startMinor = balanceOf(card as never);
      const slow = new Slow(card, code, nth, reaches);
      const tapping = first!.gate.tap(slow);
      await slow.left;
      const { decision } = await next!.tap(card);
      assert.equal(decision.reason, reaches ? 'recovered' : 'open', decision.detail);
      slow.tell();
      const late = (await tapping).decision;
      assert.deepEqual([late.open, late.reason], [false, 'cardGone']);
      assert.equal(startMinor - balanceOf(card as never), fareMinor);
      assert.equal(kit.unconfirmed.size, 0, 'settled for good');
      const [own] = await debitsOf(first!.journal);
      assert.equal(own!.state, DebitState.unconfirmed);
      const states = (await debitsOf(next!.journal)).map(({ state }) => state);
      const { confirmed } = DebitState;
      assert.deepEqual(states.sort(), reaches ? [confirmed] : [confirmed, DebitState.void].sort());
    }
  });
}

test('a debit is found at the next gate while the disk forgets the one before it', async () => {
  const kit = new StationKit();
  const options: GateOptions = { bank: {}, families: ['bank'] };
  const [first, next] = [1, 2].map(() => kit.gate('single', STATION, options));
  const fareMinor = kit.fares.fareMinor(STATION, STATION, 0);
  const card = ecashCard();
  await first!.tap(card, { command: 7, when: 'during' });
  assert.equal(kit.unconfirmed.size, 1);
  let isKept: () => void = () => {};
  const disk = new Promise<void>((resolve) => {
    isKept = resolve;
  });
  let told: () => void = () => {};
  const diskBusy = (): Promise<void> =>
    new Promise((resolve) => {
      told = resolve;
    });
  const keep = (): Promise<void> => {
    told();
    return disk;
  };
  kit.unconfirmed.attach('T1', { keep }, []);
  // Void by its balance; and this tap, too, is torn off.
  const waits = diskBusy();
  const tapping = first!.tap(card, { command: 7, when: 'after' });
  await waits;
  const nextWaits = diskBusy();
  const tappingNext = next!.tap(card);
  await nextWaits;
  isKept();
  const { decision } = await tappingNext;
  assert.equal(decision.reason, 'recovered', decision.detail);
  await tapping;
  assert.equal(10_000 - card.state.balanceMinor, fareMinor);
  assert.equal(kit.unconfirmed.size, 0);
});

test('a late end does not take the place of a debit that the card has made since', async () => {
  const kit = new StationKit();
  const options: GateOptions = { bank: {}, families: ['bank'] };
  const [first, next] = [1, 2].map(() => kit.gate('single', STATION, options));
  const card = ecashCard();
  const slow = new Slow(card, READ_RECORD, 4, false);
  const tapping = first!.gate.tap(slow);
  await slow.left;
  kit.pass(1);
  await next!.tap(card, { command: 7, when: 'after' });
  const { cardNumber } = (await debitsOf(next!.journal)).at(-1)!;
  assert.equal(kit.unconfirmed.find(cardNumber)?.debit.gateId, 'T2', 'the newer one');
  slow.tell();
  await tapping;
  assert.deepEqual(
    [...kit.unconfirmed.all()].map(({ gateId }) => gateId),
    ['T2'],
  );
  assert.equal((await first!.tap(card)).decision.reason, 'recovered');
});
