/** Taps of contactless e-cash cards at a gate where a ride costs one fare. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromHex, toHex } from '../../engine/bytes.ts';
import { cardNumberOf } from '../../engine/card/qpboc/card-data.ts';
import { readBankPayload } from '../../engine/card/qpboc/evidence-payload.ts';
import { DebitKind, DebitState, ECASH_TRANSACTION, Evidence } from '../../engine/debit/record.ts';
import type { TapReport } from '../../gate/controller.ts';
import { testCard } from '../../gate/reader/virtual/ecash-test-card.ts';
import type { HeldCard } from '../../gate/reader/virtual/held-card.ts';
import type { Tear } from '../../gate/reader/virtual/reader.ts';
import { caKeyOf, type EcashSetUp, ecashCard, ownKeys } from '../kit/ecash-cards.ts';
import { amountIn, disguised, isOptions, withOptions } from '../kit/ecash-disguise.ts';
import { type GateOptions, StationKit } from '../kit/station-kit.ts';

const STATION = 3;
const bankFirst = { bank: {}, families: ['bank', 'purse'] } as const;
const NUMBER = cardNumberOf(testCard);

function fareOf(kit: StationKit): number {
  return kit.fares.fareMinor(STATION, STATION, 0);
}

function gateOf(kit: StationKit, options: GateOptions = {}) {
  return kit.gate('single', STATION, { ...bankFirst, ...options });
}

/** One tap at a station of its own. */
async function tapOnce(card: HeldCard, options: GateOptions = {}, tear?: Tear): Promise<TapReport> {
  return gateOf(new StationKit(), options).tap(card, tear);
}

/** A tap that is refused, appends nothing and takes nothing. */
async function refusedTap(
  setUp: EcashSetUp,
  reason: string,
  detail: string,
  options: GateOptions = {},
): Promise<void> {
  const card = ecashCard(setUp);
  const { balanceMinor } = card.state;
  const { decision } = await tapOnce(card, options);
  assert.deepEqual([decision.reason, decision.detail], [reason, detail]);
  assert.equal(decision.open, false);
  assert.deepEqual(decision.closed, []);
  assert.equal(card.state.balanceMinor, balanceMinor);
}

for (const sm2 of [false, true]) {
  for (const fdda of ['v00', 'v01'] as const) {
    for (const signatureFirst of [false, true]) {
      const how = `${sm2 ? 'SM2' : 'RSA'} ${fdda}, signature ${signatureFirst ? 'first' : 'last'}`;
      test(`a card pays the flat fare and the gate opens: ${how}`, () =>
        paid(sm2, fdda, signatureFirst));
    }
  }
}

async function paid(sm2: boolean, fdda: 'v00' | 'v01', signatureFirst: boolean): Promise<void> {
  const kit = new StationKit();
  // The published SM2 chain ended in 2020.
  if (sm2) kit.clock.jump((Date.UTC(2020, 10, 30) - kit.clock.nowMs()) / 60_000);
  const card = ecashCard({ personality: { fdda, signatureFirst } });
  const terminal = { qualifiers: fromHex('28000080'), country: 156, currency: 156, sm2 };
  const policy = { fddaV00: true, staticData: false };
  const bank = { policy, terminal: { ...terminal, transactionType: 0 } };
  const gate = gateOf(kit, { bank });
  const { decision, stages } = await gate.tap(card);
  assert.equal(decision.reason, 'open', decision.detail);
  const { tapMs, bankTapMs, bankHostUs, debits } = gate.gate.counts;
  assert.deepEqual([tapMs.total, bankTapMs.total, bankHostUs.total, debits], [0, 1, 1, 1]);
  const fareMinor = fareOf(kit);
  assert.equal(decision.amountMinor, fareMinor);
  assert.equal(card.state.balanceMinor, 10_000 - fareMinor);
  assert.equal(decision.balanceMinor, card.state.balanceMinor);
  assert.equal(stages.length, signatureFirst ? 8 : 7);
  const [debit] = decision.closed;
  assert(debit && decision.evidence);
  assert.deepEqual(
    [debit.transactionType, debit.state, debit.evidence, debit.offlineCounter, debit.amountMinor],
    [ECASH_TRANSACTION, DebitState.confirmed, Evidence.debitAnswer, card.state.atc, fareMinor],
  );
  assert.equal(debit.balanceBeforeMinor, 10_000);
  assert.equal(debit.currency, 156);
  assert.deepEqual([debit.keyIndex, debit.keyVersion], [1, 1]);
  assert.equal(
    toHex(debit.issuer),
    '6228000000000000',
    'the issuer of the card, not its application',
  );
  assert.equal(toHex(debit.cardNumber), toHex(NUMBER));
  const proof = readBankPayload(decision.evidence.payload, debit);
  const method = fdda === 'v00' ? 'fddaV00' : 'fddaV01';
  assert.deepEqual(proof?.authenticated, { method, algorithm: sm2 ? 'sm2' : 'rsa' });
  assert.equal(toHex(proof!.evidence.unpredictableNumber), toHex(debit.random));
  assert.equal(decision.evidence.gateSequence, debit.gateSequence + 1);
}

test('a refused bank card is timed as one, a purse at the same gate as another', async () => {
  const kit = new StationKit();
  const gate = gateOf(kit);
  const refused = await gate.tap(ecashCard({ quirks: { decision: 'AAC' } }));
  const purse = await gate.tap(kit.card());
  assert.deepEqual([refused.isBank, purse.isBank], [true, false]);
  assert.deepEqual([refused.decision.open, purse.decision.open], [false, true]);
  const { tapMs, bankTapMs } = gate.gate.counts;
  assert.deepEqual([tapMs.total, bankTapMs.total], [1, 1]);
});

test('what a card says that does not pay, and what a gate does not take', async () => {
  const fareMinor = fareOf(new StationKit());
  const low = { balanceMinor: fareMinor - 1, atc: 1 };
  await refusedTap({ state: low }, 'balanceTooLow', 'declinedByCard');
  await refusedTap({ quirks: { decision: 'AAC' } }, 'cardDeclined', 'declinedByCard');
  await refusedTap({ quirks: { decision: 'ARQC' } }, 'onlineRequired', 'onlineByCard');
  await refusedTap({ quirks: { optionsStatus: 0x6984 } }, 'otherInterface', 'otherInterface');
  await refusedTap(
    { quirks: { optionsStatus: 0x6985 } },
    'cardUnsupported',
    'SELECT: 6A82 no such application',
  );
  await refusedTap(
    { quirks: { optionsStatus: 0x6f00 } },
    'cardRefused',
    'GET PROCESSING OPTIONS: 6F00 the card gives no reason',
  );
  const none = { personality: { aip: fromHex('4000') } };
  await refusedTap(none, 'cardUnsupported', 'authenticationUnsupported');
  const dear = { bank: { maxAmountMinor: fareMinor - 1 } };
  await refusedTap({}, 'amountOverLimit', '', dear);
});

test('dates are looked at before the last record', async () => {
  for (const [year, reason, detail] of [
    [2031, 'expired', 'expired'],
    [1995, 'notYetValid', 'notYetEffective'],
  ] as const) {
    const kit = new StationKit();
    kit.clock.jump((Date.UTC(year, 5, 1) - kit.clock.nowMs()) / 60_000);
    const card = ecashCard();
    const { decision } = await gateOf(kit).tap(card);
    assert.deepEqual([decision.reason, decision.detail], [reason, detail]);
    assert.deepEqual(decision.closed, []);
    assert.equal(card.state.balanceMinor, 10_000);
  }
});

test('a card on the denylist is not debited, nor one of a stopped issuer', async () => {
  const kit = new StationKit();
  kit.stop(NUMBER);
  const card = ecashCard();
  const { decision } = await gateOf(kit).tap(card);
  assert.equal(decision.reason, 'denylisted');
  assert.deepEqual(decision.closed, []);
  assert.equal(card.state.balanceMinor, 10_000);
});

test('a card that has just paid here is not charged again, until the time is over', async () => {
  const kit = new StationKit();
  const card = ecashCard();
  const gate = gateOf(kit);
  await gate.tap(card);
  kit.clock.advance(kit.clock.nowMs() + 2000);
  const neighbour = gateOf(kit);
  for (const one of [gate, neighbour]) {
    const { decision } = await one.tap(card);
    assert.equal(decision.reason, 'passBack');
    assert.equal(card.state.balanceMinor, 10_000 - fareOf(kit));
  }
  kit.pass(60);
  assert.equal((await gate.tap(card)).decision.reason, 'open');
  assert.equal(card.state.balanceMinor, 10_000 - 2 * fareOf(kit));
});

test('a spoilt signature: nothing is taken where it comes first, else the gate stays closed', async () => {
  const quirks = { spoilsSignature: true };
  const first = { personality: { signatureFirst: true }, quirks };
  const spoilt = ecashCard(first);
  const early = (await tapOnce(spoilt)).decision;
  assert.equal(early.reason, 'answerForged');
  assert.match(early.detail, /^dynamicSignature/);
  assert.deepEqual(early.closed, []);
  assert.equal(spoilt.state.balanceMinor, 10_000);

  const card = ecashCard({ quirks });
  const kit = new StationKit();
  const gate = gateOf(kit);
  const { decision } = await gate.tap(card);
  assert.deepEqual([decision.open, decision.reason], [false, 'answerForged']);
  assert.equal(gate.barrier.opened, 0);
  const [debit] = decision.closed;
  assert.equal(debit?.state, DebitState.unconfirmed, 'what no ride was given for is not claimed');
  assert.equal(card.state.balanceMinor, 10_000 - fareOf(kit));
  const proof = readBankPayload(decision.evidence!.payload, debit);
  assert.deepEqual(proof?.authenticated, { method: 'none', algorithm: 'none' });
  assert.equal(kit.recent.size, 0, 'who was not let through does not pass back');
  const again = (await gate.tap(card)).decision;
  assert.deepEqual([again.open, again.reason, again.closed], [false, 'answerForged', []]);
  assert.equal(card.state.balanceMinor, 10_000 - fareOf(kit), 'and not taken twice');
  const genuine = ecashCard({ state: card.state });
  assert.equal((await gate.tap(genuine)).decision.reason, 'recovered', 'the link had spoilt it');
  assert.equal(genuine.state.balanceMinor, 10_000 - fareOf(kit));
});

test('a gate that takes no v00 knows by the last record that a card signs so', async () => {
  const card = ecashCard({ personality: { fdda: 'v00' } });
  const kit = new StationKit();
  for (let taps = 0; taps < 3; taps++) {
    const { decision } = await gateOf(kit).tap(card);
    assert.deepEqual([decision.reason, decision.detail], ['cardUnsupported', 'fddaVersion']);
  }
  assert.equal(card.state.balanceMinor, 10_000 - fareOf(kit), 'taken once, however often it taps');
  assert.equal(kit.unconfirmed.size, 1);
});

test('cards of a CA that the gate does not know, or whose issuer it forged, pay nothing', async () => {
  const keys = ownKeys();
  const { CaKeys } = await import('../../engine/card/qpboc/oda/ca-keys.ts');
  const { Issuers } = await import('../../engine/card/qpboc/oda/issuers.ts');
  const issuersOf = (index: string) =>
    new Issuers(CaKeys.parse(JSON.stringify({ keys: [caKeyOf(keys.rsa.ca, index)] }), 'test'));
  await refusedTap({}, 'keyUnknown', 'caKeyUnknown', { bank: { issuers: issuersOf('01') } });
  // The CA's key under the card's index is another one: its issuer certificate is none of its own.
  const forged = { bank: { issuers: issuersOf('80') } };
  await refusedTap({}, 'answerForged', 'issuerCertificateLength', forged);
});

test('a clone that answers with what another card said is not let through', async () => {
  const kit = new StationKit();
  const gate = gateOf(kit);
  const said = new Map<string, Uint8Array>();
  const card = ecashCard({ personality: { signatureFirst: true } });
  const keyOf = (apdu: Uint8Array) => toHex(isOptions(apdu) ? apdu.subarray(0, 4) : apdu);
  const spy = disguised(card, (apdu, response) => {
    said.set(keyOf(apdu), response);
    return null;
  });
  assert.equal((await gate.tap(spy)).decision.reason, 'open');
  kit.pass(60);
  const clone: HeldCard = {
    uid: card.uid,
    power: () => {},
    transmit: (apdu) => said.get(keyOf(apdu)) ?? fromHex('6A82'),
    loseDuring: () => {},
  };
  const here = (await gate.tap(clone)).decision;
  assert.deepEqual([here.reason, here.detail], ['answerForged', 'dynamicSignatureAtc']);
  const elsewhere = (await tapOnce(clone)).decision;
  assert.equal(elsewhere.reason, 'answerForged');
  assert.equal(elsewhere.detail, 'dynamicSignatureHash');
  assert.deepEqual([here.closed, elsewhere.closed], [[], []]);
  // Whoever could make the gate repeat its number would be let through: it never does.
  const numbers = new Set<string>();
  for (let i = 0; i < 200; i++) {
    const { stages } = await gate.tap(ecashCard({ quirks: { decision: 'AAC' } }));
    const options = stages.find(({ command }) => command === 'GET PROCESSING OPTIONS');
    numbers.add(toHex(options!.apdu!.subarray(-6, -2)));
  }
  assert.equal(numbers.size, 200);
});

test('the balance: from 9F5D, from 9F10, from the card, or not at all', async () => {
  const fareMinor = fareOf(new StationKit());
  const without = (more: readonly string[]) =>
    withOptions((elements) => {
      elements.delete('9F5D');
      if (more.includes('9F10')) elements.set('9F10', elements.get('9F10')!.slice(0, 14));
    });
  const cases = [
    [without([]), 7, 10_000],
    // GET DATA ends the purchase: SELECT, options and three records once more.
    [without(['9F10']), 13, 10_000],
  ] as const;
  for (const [disguise, commands, before] of cases) {
    const card = ecashCard();
    const { decision, stages } = await tapOnce(disguised(card, disguise), { deadlineMs: 1000 });
    assert.equal(decision.reason, 'open', decision.detail);
    assert.equal(stages.length, commands);
    assert.equal(decision.closed[0]?.balanceBeforeMinor, before);
    assert.equal(decision.balanceMinor, before - fareMinor);
    assert.equal(card.state.balanceMinor, 10_000 - fareMinor);
  }
  const card = ecashCard();
  const silent = disguised(card, (apdu, response) =>
    apdu[1] === 0xca ? fromHex('6A88') : without(['9F10'])(apdu, response),
  );
  const { decision } = await tapOnce(silent, { deadlineMs: 1000 });
  assert.equal(decision.reason, 'open');
  assert.equal(decision.closed[0]?.balanceBeforeMinor, 0);
  assert.equal(decision.balanceMinor, null);
});

test('a card that is too slow pays nothing and is told to tap again', async () => {
  const card = ecashCard();
  const { decision } = await tapOnce(card, { deadlineMs: 200 });
  assert.equal(decision.reason, 'deadline');
  assert.equal(decision.closed[0]?.state, DebitState.void);
  assert.equal(
    decision.evidence?.payload.every((byte) => byte === 0),
    true,
  );
  assert.equal(card.state.balanceMinor, 10_000);
});

test('a card without records has taken the money: it is recorded, and not let through', async () => {
  const card = ecashCard({ personality: { chainFor: () => null } });
  const kit = new StationKit();
  const { decision } = await gateOf(kit).tap(card);
  assert.equal(decision.open, false);
  assert.equal(decision.closed[0]?.state, DebitState.unconfirmed);
  assert.equal(card.state.balanceMinor, 10_000 - fareOf(kit));
  kit.stop(NUMBER);
  const again = (await gateOf(kit).tap(card)).decision;
  const states = again.closed.map(({ kind, state }) => [kind, state]);
  assert.equal(again.reason, 'denylisted');
  assert.deepEqual(states, [[DebitKind.debit, DebitState.unconfirmed]], 'it settles nothing');
});

test('the order of families: what stands first is asked for first, and pays', async () => {
  for (const [families, commands] of [
    [['bank', 'purse'], 7],
    [['purse', 'bank'], 10],
    [['purse', 'desfire', 'bank'], 12],
  ] as const) {
    const { decision, stages } = await tapOnce(ecashCard(), { families, desfire: 'last' });
    assert.equal(decision.reason, 'open', families.join());
    assert.equal(stages.length, commands, families.join());
  }
  const kit = new StationKit();
  for (const family of ['purse', 'desfire'] as const) {
    const card = family === 'purse' ? kit.card() : kit.desfireCard();
    const families = ['bank', 'desfire', 'purse'] as const;
    const { decision } = await gateOf(kit, { families, desfire: 'last' }).tap(card);
    assert.equal(decision.reason, 'open', `${family} where bank cards come first`);
  }
  const foreign = ecashCard({ personality: { aid: fromHex('A0000000031010') } });
  const { decision } = await tapOnce(foreign, { families: ['bank'] });
  assert.deepEqual([decision.reason, decision.detail], ['cardUnsupported', '']);
});

test('a card of two families pays with what stands first', async () => {
  const kit = new StationKit();
  for (const first of ['purse', 'bank'] as const) {
    const purse = kit.card();
    const bank = ecashCard();
    let current: HeldCard = bank;
    const isPurse = (apdu: Uint8Array) => purse.transmit(apdu).at(-2) !== 0x6a;
    const both: HeldCard = {
      uid: bank.uid,
      power() {
        purse.power();
        bank.power();
      },
      transmit(apdu) {
        if (apdu[1] === 0xa4) current = isPurse(apdu) ? purse : bank;
        return current.transmit(apdu);
      },
      loseDuring: (apdu) => current.loseDuring(apdu),
    };
    const families =
      first === 'purse' ? (['purse', 'bank'] as const) : (['bank', 'purse'] as const);
    const { decision } = await gateOf(kit, { families }).tap(both);
    assert.equal(decision.reason, 'open', decision.detail);
    const isEcash = decision.closed[0]?.transactionType === ECASH_TRANSACTION;
    assert.equal(isEcash, first === 'bank');
    assert.equal(bank.state.balanceMinor, isEcash ? 10_000 - fareOf(kit) : 10_000);
  }
});

test('entries and exits take no e-cash, and do not ask for it', async () => {
  const kit = new StationKit();
  for (const side of ['entry', 'exit'] as const) {
    const { decision, stages } = await kit.gate(side, STATION, bankFirst).tap(ecashCard());
    assert.equal(decision.reason, 'cardUnsupported');
    assert.equal(stages.length, 3, 'the purses alone');
  }
});

test('the fare is what the card is asked for', async () => {
  const { stages } = await tapOnce(ecashCard());
  const options = stages.find(({ command }) => command === 'GET PROCESSING OPTIONS');
  assert.equal(amountIn(options!.apdu!), fareOf(new StationKit()));
});
