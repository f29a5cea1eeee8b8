/** How unconfirmed debits are settled, case by case: by settlements, and by the card's chain. */
import assert from 'node:assert/strict';
import { DebitState, Evidence } from '../../engine/debit/record.ts';
import { checkLedger } from '../../engine/ledger/check.ts';
import { rule } from './rule.ts';
import { cardOf, received, settlement, torn } from './samples.ts';

const confirmed = DebitState.confirmed;
const voided = DebitState.void;

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

rule('a settlement without a TAC vouches, and a debit with a TAC overrules it', async (on) => {
  const reading = { evidence: Evidence.cardState, tac: 'none' } as const;
  const debit = torn({ gateSequence: 1 });
  await on.post(debit);
  assert.equal(
    await on.post(settlement(debit, confirmed, { gateSequence: 2, ...reading })),
    'settled',
  );
  assert.deepEqual(on.balances(), [200, -200, 0]);
  const { unconfirmed, presumed } = on.ledger.summary();
  assert.deepEqual([unconfirmed, presumed], [0, 1]);
  const retap = received({ gateId: 'G02', gateSequence: 1, amountMinor: 300 });
  assert.equal(await on.post(retap), 'posted');
  assert.deepEqual(on.balances(), [300, -300, 0]);
  const again = settlement(debit, confirmed, { gateId: 'G02', gateSequence: 2, ...reading });
  assert.equal(await on.post(again), 'settled');
  assert.deepEqual(on.balances(), [300, -300, 0]);
  assert.deepEqual(on.ledger.exceptions({}), []);
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

rule('of rivals for one counter that the balance allows, the latest committed', async (on) => {
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

for (const amountMinor of [100, 300]) {
  const name = `of rivals the one committed whose amount left the card, 200 and not ${amountMinor}`;
  rule(name, async (on) => {
    // The clock of the first one's gate is a day ahead.
    const ahead = torn({ gateSequence: 1, instantMs: 86_400_000, amountMinor });
    const committed = torn({ gateId: 'G02', gateSequence: 1, instantMs: 2000 });
    const next = received({
      gateId: 'G03',
      gateSequence: 1,
      offlineCounter: 8,
      balanceBeforeMinor: 4800,
    });
    for (const debit of [ahead, committed, next]) await on.post(debit);
    const presumed = on.ledger.unconfirmed({}).map((one) => [one.gateId, one.presumed]);
    assert.deepEqual(presumed, [
      ['G01', 'voided'],
      ['G02', 'posted'],
    ]);
    assert.deepEqual(on.balances(), [400, -400, 0]);
  });
}

rule('when the latest rival is settled void, the chain is asked again', async (on) => {
  const early = torn({ gateSequence: 1, instantMs: 1000 });
  const late = torn({ gateId: 'G02', gateSequence: 1, instantMs: 2000 });
  const next = received({ gateId: 'G03', gateSequence: 1, offlineCounter: 9 });
  for (const debit of [early, late, next]) await on.post(debit);
  await on.post(settlement(late, voided, { gateId: 'G02', gateSequence: 2 }));
  const presumed = on.ledger.unconfirmed({}).map((one) => [one.gateId, one.presumed]);
  assert.deepEqual(presumed, [['G01', 'posted']]);
  assert.deepEqual(on.balances(), [400, -400, 0]);
});

rule('the nearest debit above speaks, not those further on', async (on) => {
  await on.post(torn({ gateSequence: 1 }));
  await on.post(received({ gateSequence: 2, offlineCounter: 8 }));
  await on.post(received({ gateSequence: 3, offlineCounter: 9, balanceBeforeMinor: 4800 }));
  assert.equal(on.ledger.summary().unconfirmed, 1);
});
