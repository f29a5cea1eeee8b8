/** Taps of AES closed-loop cards at gates that take both families. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readU16 } from '../../engine/bytes.ts';
import { encodeDebit } from '../../engine/debit/codec.ts';
import { encodeEvent } from '../../engine/debit/event.ts';
import { DEBIT_BYTES, DESFIRE_TRANSACTION, DebitState } from '../../engine/debit/record.ts';
import { tacCodes } from '../../engine/ledger/received.ts';
import { DesfireVerifier } from '../../engine/operator/desfire-evidence.ts';
import type { Decision } from '../../engine/tap/decision.ts';
import type { AesKeyHolder } from '../../gate/sam/aes-holder.ts';
import { StationKit } from '../kit/station-kit.ts';

const ORDERS = ['first', 'last'] as const;

/** What the operator's keys say of a decision's debit. */
function verdictOf(kit: StationKit, { closed, evidence }: Decision): string {
  const records = new Uint8Array(2 * DEBIT_BYTES);
  encodeDebit(closed.at(-1)!, records, 0);
  if (evidence) encodeEvent(evidence, records, DEBIT_BYTES);
  const verdicts = new Uint8Array(2);
  new DesfireVerifier(kit.desfireScheme).verify(records, evidence ? 2 : 1, verdicts);
  return tacCodes[verdicts[0]!]!;
}

for (const desfire of ORDERS) {
  for (const generation of ['ev2', 'light'] as const) {
    test(`${generation}, asked for ${desfire}: in, out, and each debit is verified`, async () => {
      const kit = new StationKit();
      const card = kit.desfireCard({}, generation);
      const entry = await kit.gate('entry', 3, { desfire }).tap(card);
      assert.equal(entry.decision.reason, 'open');
      assert.equal(entry.decision.amountMinor, 0);
      kit.pass(20);
      const exit = await kit.gate('exit', 8, { desfire }).tap(card);
      const fare = kit.fares.fareMinor(3, 8, 0);
      assert.equal(exit.decision.reason, 'open');
      assert.equal(exit.decision.amountMinor, fare);
      assert.equal(exit.decision.balanceMinor, 10_000 - fare);
      assert.equal(card.state.debitedMinor, fare);
      for (const [i, { decision }] of [entry, exit].entries()) {
        const [debit] = decision.closed;
        assert.equal(debit?.state, DebitState.confirmed);
        assert.equal(debit.transactionType, DESFIRE_TRANSACTION);
        assert.equal(debit.offlineCounter, i);
        assert.deepEqual(debit.cardNumber, Uint8Array.of(0, 0, 0, ...card.state.uid));
        assert.equal(decision.evidence?.gateSequence, debit.gateSequence + 1);
        assert.equal(verdictOf(kit, decision), 'valid');
      }
      assert.deepEqual(exit.decision.closed[0]?.fromStation, kit.fares.stations[3]!.code);
    });
  }
}

test('the fewest exchanges: eight where these cards are asked for first', async () => {
  const kit = new StationKit();
  const card = kit.desfireCard();
  const entry = await kit.gate('entry', 3, { desfire: 'first' }).tap(card);
  // An entry changes no value.
  assert.equal(entry.stages.length, 7);
  const exit = await kit.gate('exit', 8, { desfire: 'first' }).tap(card);
  assert.equal(exit.stages.length, 8);
  const after = await kit.gate('entry', 8, { desfire: 'last' }).tap(card);
  const selects = after.stages.filter(({ command }) => command === 'SELECT').length;
  assert(selects > 0, 'applications of purses are tried before');
  assert.equal(after.stages.length, selects + 7);
});

test('a purse at a gate of both families takes no command more, where purses go first', async () => {
  const kit = new StationKit();
  const without = await kit.gate('entry', 3).tap(kit.card());
  const last = await kit.gate('entry', 3, { desfire: 'last' }).tap(kit.card());
  const first = await kit.gate('entry', 3, { desfire: 'first' }).tap(kit.card());
  assert.equal(last.decision.reason, 'open');
  assert.equal(first.decision.reason, 'open');
  assert.equal(last.stages.length, without.stages.length);
  assert.equal(first.stages.length, without.stages.length + 2, 'two AES schemes are tried');
});

test('a card of neither family is not accepted, in either order', async () => {
  const kit = new StationKit();
  for (const desfire of ORDERS) {
    const disabled = kit.desfireCard({ disabled: true });
    const refused = await kit.gate('entry', 3, { desfire }).tap(disabled);
    assert.equal(refused.decision.reason, 'cardUnsupported');
  }
  const none = await kit.gate('entry', 3).tap(kit.desfireCard());
  assert.equal(none.decision.reason, 'cardUnsupported');
  const alone = kit.gate('entry', 3, { desfire: 'last', profiles: [] });
  assert.equal((await alone.tap(kit.card())).decision.reason, 'cardUnsupported');
  assert.equal((await alone.tap(kit.desfireCard())).decision.reason, 'open');
});

test('a ride that is tapped once is paid once', async () => {
  const kit = new StationKit();
  const card = kit.desfireCard();
  const bus = kit.gate('single', 4, { desfire: 'first' });
  const { decision } = await bus.tap(card);
  assert.equal(decision.reason, 'open');
  assert.equal(card.state.debitedMinor, kit.fares.fareMinor(4, 4, 0));
  assert.equal(verdictOf(kit, decision), 'valid');
});

test('the rules are those of purses: balance, denylist, pass-back, order', async () => {
  const kit = new StationKit({ missingTapMinor: null });
  const options = { desfire: 'first' } as const;
  const poor = kit.desfireCard({ valueMinor: 0 });
  const low = await kit.gate('entry', 3, options).tap(poor);
  assert.equal(low.decision.reason, 'balanceTooLow');
  assert.equal(low.decision.balanceMinor, 0);
  assert.deepEqual(low.decision.closed, []);
  const stopped = kit.desfireCard();
  kit.stop(stopped);
  assert.equal((await kit.gate('entry', 3, options).tap(stopped)).decision.reason, 'denylisted');
  kit.stop();
  const card = kit.desfireCard();
  assert.equal((await kit.gate('exit', 3, options).tap(card)).decision.reason, 'noEntry');
  assert.equal((await kit.gate('entry', 3, options).tap(card)).decision.reason, 'open');
  assert.equal((await kit.gate('entry', 3, options).tap(card)).decision.reason, 'passBack');
  assert.equal(card.state.application.transactionMac?.tmc, 1);
});

test('a card whose counter is at its end is not debited', async () => {
  const kit = new StationKit();
  const record = new Uint8Array(48);
  record.fill(0xff, 42, 44);
  const card = kit.desfireCard({ record });
  const { decision } = await kit.gate('entry', 3, { desfire: 'first' }).tap(card);
  assert.deepEqual([decision.open, decision.reason], [false, 'cardRefused']);
  assert.equal(card.state.application.transactionMac?.tmc, 0);
});

test('too late to be debited: the gate stays closed and the card as it was', async () => {
  const kit = new StationKit();
  const card = kit.desfireCard();
  const gate = kit.gate('entry', 3, { desfire: 'first', deadlineMs: 40 });
  const { decision } = await gate.tap(card);
  assert.equal(decision.reason, 'deadline');
  assert.equal(decision.closed[0]?.state, DebitState.void);
  assert.equal(card.state.application.transactionMac?.tmc, 0);
  const { count } = await gate.journal.read(1, 10);
  assert.equal(count, 2, 'the debit and its empty evidence');
});

test('an answer that does not verify: a reason of its own, and a closed gate', async () => {
  const kit = new StationKit();
  // Another issuer's card: it cannot prove the key.
  const foreign = new StationKit().desfireCard();
  const gate = kit.gate('entry', 3, { desfire: 'first' });
  const stranger = await gate.tap(foreign);
  assert.equal(stranger.decision.reason, 'cardRefused', 'it is the card that notices first');
  for (const command of [1, 2, 3, 4, 5, 6, 7]) {
    const card = kit.desfireCard();
    const transmit = card.transmit.bind(card);
    let commands = 0;
    card.transmit = (apdu) => {
      const answer = transmit(apdu);
      commands += 1;
      if (commands === command && answer.length > 2) answer[0]! ^= 1;
      return answer;
    };
    const { decision } = await gate.tap(card);
    if (command === 1) {
      assert.equal(decision.reason, 'open', 'SELECT is answered by a status alone');
      continue;
    }
    assert.equal(decision.open, false);
    // A changed challenge is the card's to notice.
    assert.equal(decision.reason, command === 2 ? 'cardRefused' : 'answerForged', `${command}`);
    const isCommit = command === 7;
    assert.equal(decision.unconfirmed !== null, isCommit);
    assert.equal(kit.unconfirmed.size, isCommit ? 1 : 0);
    if (!isCommit) continue;
    // The card did commit: its own record says so at the next tap.
    const again = await gate.tap(card);
    assert.equal(again.decision.reason, 'recovered');
  }
});

test('a gate without the key says so', async () => {
  const kit = new StationKit();
  const aesKeys: AesKeyHolder = { prepare: () => {}, answer: () => 'unknownKey' };
  const gate = kit.gate('entry', 3, { desfire: 'first', aesKeys });
  assert.equal((await gate.tap(kit.desfireCard())).decision.reason, 'keyUnknown');
});

test('a load between two rides moves the value, not the counter', async () => {
  const kit = new StationKit();
  const card = kit.desfireCard();
  await kit.gate('entry', 3, { desfire: 'first' }).tap(card);
  const newest = card.state.application.record.records.at(-1)!;
  assert.equal(readU16(newest, 42), 1);
  kit.topUp(card, 700);
  assert.deepEqual(card.state.application.record.records.at(-1), newest);
  kit.pass(20);
  const { decision } = await kit.gate('exit', 8, { desfire: 'first' }).tap(card);
  assert.equal(decision.closed[0]?.offlineCounter, 1);
  assert.equal(decision.closed[0]?.balanceBeforeMinor, 10_700);
  assert.equal(verdictOf(kit, decision), 'valid');
});
