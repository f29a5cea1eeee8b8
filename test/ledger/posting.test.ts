/** The posting rules case by case; after each case the ledger is recomputed and must add up. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DebitState, Evidence } from '../../engine/debit/record.ts';
import { checkLedger } from '../../engine/ledger/check.ts';
import { Ledger } from '../../engine/ledger/ledger.ts';
import { MemoryStore } from '../../engine/ledger/memory-store.ts';
import type { Outcome } from '../../engine/ledger/outcomes.ts';
import type { ReceivedDebit } from '../../engine/ledger/received.ts';
import { BATCH_RECORDS_MAX } from '../../engine/limits.ts';
import { CNY, cardOf, ISSUER, received, settlement, torn } from './samples.ts';

interface Case {
  ledger: Ledger;
  /** Posts one record of whichever gate. */
  post(debit: ReceivedDebit): Promise<Outcome>;
  /** Balances as [receivable, float, suspense]. */
  balances(): number[];
  store: MemoryStore;
}

function rule(name: string, work: (on: Case) => Promise<void>): void {
  test(name, async () => {
    const store = new MemoryStore();
    const ledger = await Ledger.open(store);
    const post = async (debit: ReceivedDebit) => {
      const { outcomes } = await ledger.post(debit.gateId, [debit]);
      const report = checkLedger(store);
      assert.deepEqual(report.findings, []);
      return outcomes[0]!;
    };
    const balances = () => {
      const { accounts } = ledger.summary();
      return ['receivable', 'float', 'suspense'].map(
        (kind) => accounts.find((one) => one.name === `${kind}:${ISSUER}`)?.balanceMinor ?? 0,
      );
    };
    await work({ ledger, post, balances, store });
  });
}

const confirmed = DebitState.confirmed;
const voided = DebitState.void;

rule('a debit is posted once: a repeat exists, another record is a conflict', async (on) => {
  const debit = received({ gateSequence: 1 });
  assert.equal(await on.post(debit), 'posted');
  assert.equal(await on.post(debit), 'exists');
  const other = received({ gateSequence: 1, amountMinor: 300 });
  assert.equal(await on.post(other), 'identityConflict');
  assert.equal(await on.post(other), 'identityConflict');
  assert.deepEqual(on.balances(), [200, -200, 0]);
  const [item, ...more] = on.ledger.exceptions({});
  assert.deepEqual(more, [], 'a conflict that is uploaded again is reported once');
  assert.equal(item!.code, 'identityConflict');
  assert.equal(item!.amountMinor, 300);
  assert.deepEqual([...item!.sealed], [...other.sealed]);
  assert.equal(item!.issuer, ISSUER);
});

rule('accounts are kept by issuer and currency, and an entry of 0 moves nothing', async (on) => {
  await on.post(received({ gateSequence: 1 }));
  await on.post(received({ gateSequence: 2, card: cardOf('b'), issuer: 'ABCDEF0000000001' }));
  await on.post(received({ gateSequence: 3, card: cardOf('c'), currency: 344, amountMinor: 90 }));
  const entry = received({ gateSequence: 4, card: cardOf('d'), amountMinor: 0, currency: 901 });
  assert.equal(await on.post(entry), 'posted');
  const accounts = on.ledger
    .summary()
    .accounts.map(({ name, currency, balanceMinor }) => `${name} ${currency} ${balanceMinor}`);
  assert.deepEqual(accounts.sort(), [
    'float:0000000000001000 156 -200',
    'float:0000000000001000 344 -90',
    'float:abcdef0000000001 156 -200',
    'receivable:0000000000001000 156 200',
    'receivable:0000000000001000 344 90',
    'receivable:abcdef0000000001 156 200',
  ]);
});

rule('a bad TAC goes to suspense with its evidence and leaves the chain to others', async (on) => {
  const forged = received({ gateSequence: 1, tac: 'invalid', amountMinor: 900 });
  const unknown = received({ gateSequence: 2, tac: 'unknownKey' });
  const good = received({ gateSequence: 3 });
  const { outcomes } = await on.ledger.post('G01', [forged, unknown, good]);
  assert.deepEqual(outcomes, ['tacInvalid', 'tacUnknownKey', 'posted']);
  assert.deepEqual(on.balances(), [1300, -200, -1100]);
  assert.equal(on.ledger.summary().suspended, 2);
  const items = on.ledger.exceptions({});
  assert.deepEqual(
    items.map((item) => item.code),
    ['tacInvalid', 'tacUnknownKey'],
  );
  assert.deepEqual([...items[0]!.sealed], [...forged.sealed]);
  assert.deepEqual(checkLedger(on.store).findings, []);
});

rule('a debit without a TAC is taken on the gate’s word', async (on) => {
  assert.equal(await on.post(received({ gateSequence: 1, tac: 'none' })), 'posted');
});

rule('two debits of one card at one counter: the second is a conflict', async (on) => {
  await on.post(received({ gateSequence: 1 }));
  const clone = received({ gateId: 'G02', gateSequence: 1, amountMinor: 300 });
  assert.equal(await on.post(clone), 'naturalKeyConflict');
  assert.deepEqual(on.balances(), [200, -200, 0]);
  const [item] = on.ledger.exceptions({});
  assert.deepEqual(
    [item!.gateId, item!.other?.gateId, item!.other?.gateSequence],
    ['G02', 'G01', 1],
  );
  assert.equal(on.ledger.summary().refused, 1);
});

rule('the two purses of a card count apart', async (on) => {
  await on.post(received({ gateSequence: 1, transactionType: 6 }));
  assert.equal(await on.post(received({ gateSequence: 2, transactionType: 5 })), 'posted');
  assert.equal(
    await on.post(received({ gateSequence: 3, transactionType: 9 })),
    'naturalKeyConflict',
  );
});

rule('a void debit is recorded, nothing is posted, and its counter stays free', async (on) => {
  const refused = received({
    gateSequence: 1,
    state: voided,
    evidence: Evidence.refused,
    tac: 'none',
  });
  assert.equal(await on.post(refused), 'voided');
  assert.equal(await on.post(received({ gateSequence: 2 })), 'posted');
  assert.deepEqual(on.balances(), [200, -200, 0]);
});

rule('the chain: adjacent balances must meet, in whichever order they come', async (on) => {
  const first = received({ gateSequence: 1 });
  const second = received({ gateSequence: 2, offlineCounter: 8, balanceBeforeMinor: 4800 });
  const loaded = received({ gateSequence: 3, offlineCounter: 9, balanceBeforeMinor: 9600 });
  const short = received({ gateSequence: 4, offlineCounter: 10, balanceBeforeMinor: 9399 });
  for (const debit of [short, first, loaded, second]) assert.equal(await on.post(debit), 'posted');
  const items = on.ledger.exceptions({});
  assert.deepEqual(
    items.map((item) => [item.code, item.gateSequence, item.other?.gateSequence]),
    [['balanceBreak', 4, 3]],
  );
  assert.deepEqual([...items[0]!.sealed], [...loaded.sealed], 'what came last showed it');
  assert.deepEqual(on.balances(), [800, -800, 0]);
});

rule('a neighbour in another currency breaks the balance', async (on) => {
  await on.post(received({ gateSequence: 1 }));
  await on.post(received({ gateSequence: 2, offlineCounter: 8, currency: 344 }));
  assert.equal(on.ledger.summary().exceptions.balanceBreak, 1);
});

rule('gaps are open until they are filled', async (on) => {
  await on.post(received({ gateSequence: 1 }));
  const late = received({ gateSequence: 4, offlineCounter: 10, balanceBeforeMinor: 4400 });
  await on.post(late);
  const before = checkLedger(on.store);
  assert.deepEqual(before.sequenceGaps, [{ gateId: 'G01', from: 2, to: 3 }]);
  assert.deepEqual([before.open.sequenceGap, before.open.counterGap], [2, 2]);
  assert.equal(on.ledger.acknowledgedThrough('G01'), 1);
  await on.post(received({ gateSequence: 3, offlineCounter: 9, balanceBeforeMinor: 4600 }));
  assert.equal(on.ledger.acknowledgedThrough('G01'), 1);
  await on.post(received({ gateSequence: 2, offlineCounter: 8, balanceBeforeMinor: 4800 }));
  assert.equal(on.ledger.acknowledgedThrough('G01'), 4);
  const after = checkLedger(on.store);
  assert.deepEqual([after.open.sequenceGap, after.open.counterGap], [0, 0]);
  assert.deepEqual(on.ledger.exceptions({}), []);
});

rule('unconfirmed: kept aside until a settlement proves it, under its own identity', async (on) => {
  const debit = torn({ gateSequence: 1 });
  assert.equal(await on.post(debit), 'unconfirmed');
  assert.deepEqual(on.balances(), [0, 0, 0]);
  const [item] = on.ledger.unconfirmed({});
  assert.deepEqual([item!.gateSequence, item!.presumed], [1, null]);
  assert.deepEqual([...item!.sealed], [...debit.sealed]);
  const proof = settlement(debit, confirmed, { gateId: 'G02', gateSequence: 1 });
  assert.equal(await on.post(proof), 'settled');
  assert.equal(await on.post(proof), 'exists');
  assert.deepEqual(on.balances(), [200, -200, 0]);
  assert.equal(await on.post(debit), 'exists');
  const { debits, posted, unconfirmed, settlements } = on.ledger.summary();
  assert.deepEqual([debits, posted, unconfirmed, settlements], [2, 1, 0, 1]);
});

rule('unconfirmed: settled void, the counter goes to the next debit', async (on) => {
  const debit = torn({ gateSequence: 1 });
  await on.post(debit);
  assert.equal(await on.post(settlement(debit, voided, { gateSequence: 2 })), 'settled');
  assert.equal(await on.post(received({ gateSequence: 3 })), 'posted');
  assert.deepEqual(on.balances(), [200, -200, 0]);
  assert.equal(on.ledger.summary().voided, 1);
});

rule('a settlement may overtake the debit it names', async (on) => {
  const debit = torn({ gateSequence: 1 });
  const proof = settlement(debit, confirmed, { gateId: 'G02', gateSequence: 1 });
  assert.equal(await on.post(proof), 'settlementUnknown');
  assert.equal(on.ledger.summary().settlementsWaiting, 1);
  assert.equal(checkLedger(on.store).open.settlementUnknown, 1);
  assert.equal(await on.post(debit), 'settled');
  assert.equal(on.ledger.summary().settlementsWaiting, 0);
  assert.deepEqual(on.balances(), [200, -200, 0]);
});

rule('a settlement that does not fit is a conflict, early or late', async (on) => {
  const debit = torn({ gateSequence: 1 });
  const dearer = settlement(debit, confirmed, {
    gateId: 'G02',
    gateSequence: 1,
    amountMinor: 300,
  });
  const ofSettlement = settlement(dearer, confirmed, { gateId: 'G03', gateSequence: 1 });
  assert.equal(await on.post(dearer), 'settlementUnknown');
  assert.equal(await on.post(ofSettlement), 'settlementConflict');
  assert.equal(await on.post(debit), 'unconfirmed');
  assert.equal(on.ledger.summary().exceptions.settlementConflict, 2);
  const undecided = settlement(debit, DebitState.unconfirmed, { gateId: 'G02', gateSequence: 2 });
  assert.equal(await on.post(undecided), 'settlementConflict');
  await on.post(settlement(debit, confirmed, { gateId: 'G02', gateSequence: 3 }));
  const denial = settlement(debit, voided, { gateId: 'G02', gateSequence: 4 });
  assert.equal(await on.post(denial), 'settlementConflict');
  assert.deepEqual(on.balances(), [200, -200, 0]);
});

rule('a settlement with a bad TAC settles nothing', async (on) => {
  const debit = torn({ gateSequence: 1 });
  await on.post(debit);
  const forged = settlement(debit, confirmed, { gateSequence: 2, tac: 'invalid' });
  assert.equal(await on.post(forged), 'tacInvalid');
  assert.equal(on.ledger.summary().unconfirmed, 1);
  assert.deepEqual(on.balances(), [0, 0, 0]);
});

rule('the chain settles: the counter went to another debit', async (on) => {
  await on.post(torn({ gateSequence: 1 }));
  await on.post(received({ gateId: 'G02', gateSequence: 1 }));
  assert.equal(on.ledger.summary().voided, 1);
  const late = torn({ gateId: 'G03', gateSequence: 1 });
  assert.equal(await on.post(late), 'settled');
  const { posted, voided: gone, unconfirmed } = on.ledger.summary();
  assert.deepEqual([posted, gone, unconfirmed], [1, 2, 0]);
  const proof = settlement(late, confirmed, { gateId: 'G03', gateSequence: 2 });
  assert.equal(await on.post(proof), 'settlementConflict', 'two debits cannot hold one counter');
});

rule('the chain presumes: the next balance bears the debit out', async (on) => {
  const debit = torn({ gateSequence: 1 });
  await on.post(debit);
  await on.post(
    received({ gateId: 'G02', gateSequence: 1, offlineCounter: 8, balanceBeforeMinor: 4800 }),
  );
  assert.deepEqual(on.balances(), [400, -400, 0]);
  assert.deepEqual([on.ledger.summary().posted, on.ledger.summary().presumed], [2, 1]);
  assert.equal(on.ledger.unconfirmed({})[0]!.presumed, 'posted');
  const [total] = on.ledger.cardTotals([debit.card]);
  assert.deepEqual([total!.debits, total!.postedMinor], [2, 400]);
  assert.deepEqual(total!.head, { offlineCounter: 8, balanceAfterMinor: 4600 });
  assert.equal(checkLedger(on.store).open.counterGap, 0);
  const proof = settlement(debit, confirmed, { gateSequence: 2 });
  assert.equal(await on.post(proof), 'settled');
  assert.deepEqual(on.balances(), [400, -400, 0]);
  assert.deepEqual(on.ledger.unconfirmed({}), []);
});

rule('a presumption is reversed by the debit that held the counter', async (on) => {
  await on.post(torn({ gateSequence: 1 }));
  await on.post(
    received({ gateId: 'G02', gateSequence: 1, offlineCounter: 8, balanceBeforeMinor: 4800 }),
  );
  const retap = received({ gateId: 'G03', gateSequence: 1, instantMs: 1_760_000_001_000 });
  assert.equal(await on.post(retap), 'posted');
  assert.deepEqual(on.balances(), [400, -400, 0]);
  const { posted, presumed, voided: gone } = on.ledger.summary();
  assert.deepEqual([posted, presumed, gone], [2, 0, 1]);
});

rule('a presumption is reversed by a settlement', async (on) => {
  const debit = torn({ gateSequence: 1 });
  await on.post(debit);
  await on.post(received({ gateSequence: 2, offlineCounter: 9, balanceBeforeMinor: 4800 }));
  assert.deepEqual(on.balances(), [400, -400, 0], 'further on the counter alone speaks');
  await on.post(settlement(debit, voided, { gateSequence: 3 }));
  assert.deepEqual(on.balances(), [200, -200, 0]);
});

rule('a balance that does not bear the debit out presumes nothing', async (on) => {
  await on.post(torn({ gateSequence: 1, card: cardOf('unmoved') }));
  await on.post(torn({ gateSequence: 2, card: cardOf('fell') }));
  await on.post(received({ gateSequence: 3, card: cardOf('unmoved'), offlineCounter: 8 }));
  await on.post(
    received({
      gateSequence: 4,
      card: cardOf('fell'),
      offlineCounter: 8,
      balanceBeforeMinor: 4700,
    }),
  );
  assert.equal(on.ledger.summary().unconfirmed, 2);
  assert.deepEqual(on.balances(), [400, -400, 0]);
});

rule('of rivals for one counter only the latest can have committed', async (on) => {
  const early = torn({ gateSequence: 1, instantMs: 1000 });
  const late = torn({ gateId: 'G02', gateSequence: 1, instantMs: 2000 });
  const next = received({
    gateId: 'G03',
    gateSequence: 1,
    offlineCounter: 8,
    balanceBeforeMinor: 4800,
  });
  for (const debit of [late, next, early]) await on.post(debit);
  assert.deepEqual(on.balances(), [400, -400, 0]);
  const presumed = on.ledger.unconfirmed({}).map((one) => [one.gateId, one.presumed]);
  assert.deepEqual(presumed, [
    ['G01', 'voided'],
    ['G02', 'posted'],
  ]);
  const page = on.ledger.unconfirmed({ after: { gateId: 'G01', gateSequence: 1 }, limit: 5 });
  assert.deepEqual(
    page.map((one) => one.gateId),
    ['G02'],
  );
});

rule('a batch that cannot be is refused whole', async (on) => {
  const good = received({ gateSequence: 1 });
  const foreign = received({ gateId: 'G02', gateSequence: 2 });
  await assert.rejects(on.ledger.post('G01', [good, foreign]), {
    code: 'UPLOAD_MALFORMED',
    message: 'gate G01, record 1: field gateId is G02',
  });
  await assert.rejects(on.ledger.post('G01', [good, received({ gateSequence: 0 })]), {
    code: 'UPLOAD_MALFORMED',
    message: /record 1: field gateSequence is 0/,
  });
  await assert.rejects(on.ledger.post('no gate', [good]), { code: 'UPLOAD_MALFORMED' });
  const many = new Array<ReceivedDebit>(BATCH_RECORDS_MAX + 1).fill(good);
  await assert.rejects(on.ledger.post('G01', many), { code: 'UPLOAD_TOO_LARGE' });
  assert.equal(on.ledger.summary().debits, 0);
});

rule('exceptions come in pages', async (on) => {
  const bad = Array.from({ length: 5 }, (_, i) =>
    received({ gateSequence: i + 1, tac: 'invalid', currency: CNY }),
  );
  await on.ledger.post('G01', bad);
  const first = on.ledger.exceptions({ limit: 3 });
  const second = on.ledger.exceptions({ after: first.at(-1)!.number, limit: 3 });
  assert.deepEqual(
    [...first, ...second].map((item) => item.number),
    [1, 2, 3, 4, 5],
  );
});

rule('totals of all cards are met in order, pending-only cards too', async (on) => {
  const names = ['a', 'b', 'c', 'd', 'e'];
  const debits = names.map((name, i) => received({ gateSequence: i + 1, card: cardOf(name) }));
  await on.ledger.post('G01', [...debits, torn({ gateSequence: 6, card: cardOf('torn') })]);
  const cards = [...on.ledger.cardTotals()].map((total) => Buffer.from(total.card).toString('hex'));
  const expected = names.map((name) => Buffer.from(cardOf(name)).toString('hex')).sort();
  assert.deepEqual(cards, expected, 'a card with nothing posted has no total');
});
