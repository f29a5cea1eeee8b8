/** The posting rules case by case. */
import assert from 'node:assert/strict';
import { DebitState, Evidence } from '../../engine/debit/record.ts';
import { checkLedger } from '../../engine/ledger/check.ts';
import type { ReceivedDebit } from '../../engine/ledger/received.ts';
import { BATCH_RECORDS_MAX } from '../../engine/limits.ts';
import { rule } from './rule.ts';
import { CNY, cardOf, ISSUER, received, torn } from './samples.ts';

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
