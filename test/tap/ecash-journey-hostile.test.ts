/**
 * A bank card of the extended application behind a link that changes, cuts or replaces one of its
 * answers: no tap throws, the gate claims what the card took, and opens for no less than the fare.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decodeDebit } from '../../engine/debit/codec.ts';
import { isEvent } from '../../engine/debit/event.ts';
import { DEBIT_BYTES, DebitState } from '../../engine/debit/record.ts';
import type { Journal } from '../../gate/journal/port.ts';
import type { EcashCard } from '../../gate/reader/virtual/ecash-card.ts';
import type { HeldCard } from '../../gate/reader/virtual/held-card.ts';
import { extendedCard, extendedProfile } from '../kit/extended-cards.ts';
import { StationKit } from '../kit/station-kit.ts';

const options = { bank: { extendedProfile }, families: ['bank'] } as const;

/** The last record's place among the commands. */
const LAST = 9;

/** What becomes of an answer. */
type Change = (answer: Uint8Array) => Uint8Array;

/** The card, the nth of whose answers is changed. */
function behind(card: EcashCard, nth: number, change: Change): HeldCard {
  let count = 0;
  return {
    uid: card.uid,
    power: () => card.power(),
    loseDuring: (apdu) => card.loseDuring(apdu),
    transmit: (apdu) => {
      count += 1;
      const answer = card.transmit(apdu);
      return count === nth ? change(Uint8Array.from(answer)) : answer;
    },
  };
}

/** Amounts by the state that their debits ended in. */
async function amounts(journal: Journal): Promise<{ confirmed: number; unconfirmed: number }> {
  const { records, count } = await journal.read(1, 1000);
  const sums = { confirmed: 0, unconfirmed: 0 };
  for (let i = 0; i < count; i++) {
    if (isEvent(records, i * DEBIT_BYTES)) continue;
    const { state, amountMinor } = decodeDebit(records, i * DEBIT_BYTES);
    if (state === DebitState.confirmed) sums.confirmed += amountMinor;
    if (state === DebitState.unconfirmed) sums.unconfirmed += amountMinor;
  }
  return sums;
}

async function exitBehind(nth: number, change: Change): Promise<void> {
  const kit = new StationKit({ missingTapMinor: 900 });
  const card = extendedCard();
  await kit.gate('entry', 3, options).tap(card);
  kit.pass(20);
  const gate = kit.gate('exit', 8, options);
  const { decision } = await gate.tap(behind(card, nth, change));
  const takenMinor = 10_000 - card.state.balanceMinor;
  const { confirmed, unconfirmed } = await amounts(gate.journal);
  // A status word in the place of the last record says that nothing was taken: the link lied.
  const isDenied = nth === LAST && decision.reason === 'cardRefused';
  if (takenMinor > 0 && !isDenied) assert.equal(confirmed + unconfirmed, takenMinor);
  // A list of terminal data that the link changed has the card take another amount than was asked
  // for: its signature does not verify, and the evidence says so.
  const isForged = decision.reason === 'answerForged';
  if (takenMinor === 0 && !isForged) assert.equal(confirmed, 0, decision.reason);
  assert.equal(gate.barrier.opened, decision.open ? 1 : 0);
  if (!decision.open) return;
  assert.equal(decision.amountMinor, takenMinor);
  // The journey read may be another: then the fare is that of another ride, and paid.
  if (nth !== 3) assert.equal(takenMinor, kit.fares.fareMinor(3, 8, 0));
}

const nth = fc.integer({ min: 1, max: LAST });

test('any bit of any answer', async () => {
  await fc.assert(
    fc.asyncProperty(nth, fc.nat(), fc.nat(7), (place, at, bit) =>
      exitBehind(place, (answer) => {
        answer[at % answer.length]! ^= 1 << bit;
        return answer;
      }),
    ),
    { numRuns: 120, seed: 20261130 },
  );
});

test('answers that are cut, longer, or another status word', async () => {
  const status = fc.uint8Array({ minLength: 2, maxLength: 2 });
  const change: fc.Arbitrary<Change> = fc.oneof(
    fc.nat().map(
      (at): Change =>
        (answer) =>
          answer.slice(0, at % answer.length),
    ),
    status.map(
      (sw): Change =>
        () =>
          sw,
    ),
    status.map(
      (sw): Change =>
        (answer) =>
          Uint8Array.of(...answer.slice(0, -2), ...sw),
    ),
    fc.uint8Array({ maxLength: 40 }).map(
      (more): Change =>
        (answer) =>
          Uint8Array.of(...answer.slice(0, -2), ...more, 0x90, 0x00),
    ),
  );
  await fc.assert(fc.asyncProperty(nth, change, exitBehind), { numRuns: 100, seed: 20261130 });
});
