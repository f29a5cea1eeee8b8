/** Outcomes of a certified kernel in place of our own dialogue. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromHex, toHex } from '../../engine/bytes.ts';
import { cardNumberOf } from '../../engine/card/qpboc/card-data.ts';
import { readBankPayload } from '../../engine/card/qpboc/evidence-payload.ts';
import { type KernelOutcome, kernelTransaction } from '../../engine/card/qpboc/kernel.ts';
import { DebitState, ECASH_TRANSACTION, OPEN_LOOP_TRANSACTION } from '../../engine/debit/record.ts';
import { FaregateError } from '../../engine/errors.ts';
import type { Decision } from '../../engine/tap/decision.ts';
import { kernelAmount, kernelTap } from '../../engine/tap/kernel-tap.ts';
import { encodeElements } from '../kit/ecash-disguise.ts';
import { type GateOptions, StationKit } from '../kit/station-kit.ts';

const STATION = 3;
const bcd = (value: number, digits: number) => String(value).padStart(digits, '0');

/** Elements of an approved purchase; `changes` replace or, undefined, leave out. */
function elementsOf(
  amountMinor: number,
  changes: Readonly<Record<string, string | undefined>> = {},
): Uint8Array {
  const elements: Record<string, string | undefined> = {
    '84': 'A000000333010101',
    '82': '7C00',
    '9F36': '0102',
    '9F26': '0102030405060708',
    '9F27': '40',
    '9F10': '07010103900000010A01000000970012345678',
    '57': '6228000100001117D30122010123456789',
    '5F34': '01',
    '5F24': '301231',
    '9F5D': bcd(10_000 - amountMinor, 12),
    '9F02': bcd(amountMinor, 12),
    '9F03': bcd(0, 12),
    '9F1A': '0156',
    '95': '0000000000',
    '5F2A': '0156',
    '9A': '260302',
    '9F21': '080001',
    '9C': '00',
    '9F37': '2B29EBE4',
    '9F66': '28000080',
    ...changes,
  };
  const given = Object.entries(elements).filter(([, value]) => value !== undefined);
  return encodeElements(given as [string, string][]);
}

interface Fed {
  readonly decision: Decision;
  readonly kit: StationKit;
  readonly fareMinor: number;
}

/** A kernel's outcome at a gate, which never asks its card anything. */
async function feed(
  outcome: (fareMinor: number) => KernelOutcome,
  options: GateOptions & { side?: 'entry' | 'single'; times?: number; kit?: StationKit } = {},
): Promise<Fed> {
  const { kit = new StationKit(), side = 'single', times = 1, ...rest } = options;
  const gate = kit.gate(side, STATION, { bank: {}, families: ['bank'], ...rest });
  const fareMinor = kit.fares.fareMinor(STATION, STATION, 0);
  const silent = {
    uid: new Uint8Array(7),
    power: () => {},
    transmit: (): never => assert.fail('a card was asked'),
    loseDuring: () => {},
  };
  let decision: Decision | undefined;
  for (let i = 0; i < times; i++) {
    const report = await gate.run(silent, (setting, instantMs, sequence) => {
      const amount = kernelAmount(setting, instantMs);
      const given = typeof amount === 'number' ? amount : fareMinor;
      return kernelTap(setting, instantMs, sequence, outcome(given));
    });
    ({ decision } = report);
  }
  return { decision: decision!, kit, fareMinor };
}

const approved =
  (changes = {}) =>
  (fareMinor: number): KernelOutcome => ({
    verdict: 'approved',
    elements: elementsOf(fareMinor, changes),
  });

test('approved offline: the same records as of our own dialogue', async () => {
  const { decision, kit, fareMinor } = await feed(approved());
  assert.equal(decision.reason, 'open', decision.detail);
  assert.equal(decision.amountMinor, fareMinor);
  assert.equal(decision.balanceMinor, 10_000 - fareMinor);
  const debit = decision.closed[0]!;
  assert.deepEqual(
    [debit.transactionType, debit.state, debit.offlineCounter, debit.balanceBeforeMinor],
    [ECASH_TRANSACTION, DebitState.confirmed, 0x102, 10_000],
  );
  assert.equal(toHex(debit.dateTime), '20260302080001', 'as the cryptogram was computed over');
  const proof = readBankPayload(decision.evidence!.payload, debit)!;
  assert.deepEqual(proof.authenticated, { method: 'kernel', algorithm: 'none' });
  assert.equal(toHex(proof.evidence.cryptogram), '0102030405060708');
  assert.equal(kit.recent.size, 1);
});

test('open loop: an amount of nothing, approved or to go online', async () => {
  const bank = { ecash: false, openLoop: true };
  for (const side of ['entry', 'single'] as const) {
    for (const verdict of ['approved', 'online'] as const) {
      const changes = { '9F27': '80', '9F10': '0110A00003220000' };
      const outcome = () => ({ verdict, elements: elementsOf(0, changes) });
      const { decision } = await feed(outcome, { bank, side });
      assert.equal(decision.reason, 'open', decision.detail);
      assert.equal(decision.closed[0]?.transactionType, OPEN_LOOP_TRANSACTION);
      assert.equal(decision.closed[0].amountMinor, 0);
    }
  }
});

test('verdicts that take nothing', async () => {
  const elements = new Uint8Array(0);
  const declined = (await feed(() => ({ verdict: 'declined', elements }))).decision;
  assert.deepEqual([declined.reason, declined.closed], ['cardDeclined', []]);
  const again = (await feed(() => ({ verdict: 'tryAgain', elements }))).decision;
  assert.deepEqual([again.reason, again.detail], ['cardGone', 'kernel']);
  const online = (fareMinor: number) =>
    ({ verdict: 'online', elements: elementsOf(fareMinor, { '9F27': '80' }) }) as const;
  assert.equal((await feed(online)).decision.reason, 'onlineRequired');
  const entry = (await feed(approved(), { side: 'entry' })).decision;
  assert.equal(entry.reason, 'cardUnsupported', 'no e-cash at an entry');
});

test('what speaks against a card that has paid keeps the gate closed, and the debit is kept', async () => {
  const kit = new StationKit();
  kit.stop(cardNumberOf({ pan: '6228000100001117', panSequence: 1 }));
  const stopped = (await feed(approved(), { kit })).decision;
  assert.deepEqual(
    [stopped.open, stopped.reason, stopped.closed[0]?.state],
    [false, 'denylisted', DebitState.confirmed],
  );
  const twice = (await feed(approved(), { times: 2 })).decision;
  assert.deepEqual([twice.open, twice.detail], [false, 'dynamicSignatureAtc']);
  let counter = 0x102;
  const next = (fareMinor: number) =>
    approved({ '9F36': bcd(0, 2) + toHex(Uint8Array.of(++counter & 0xff)) })(fareMinor);
  const back = (await feed(next, { times: 2 })).decision;
  assert.deepEqual([back.open, back.reason], [false, 'passBack']);
  const wrong = (fareMinor: number) =>
    ({ verdict: 'approved', elements: elementsOf(fareMinor - 1) }) as const;
  const { decision, fareMinor } = await feed(wrong);
  assert.deepEqual([decision.open, decision.reason], [false, 'cardFaulty']);
  assert.equal(decision.closed[0]?.amountMinor, fareMinor - 1);
});

test('the gate opens only on what is durable', async () => {
  const kit = new StationKit();
  const { journal } = kit.gate('single', STATION, { bank: {} });
  journal.intent = () => Promise.reject(new FaregateError('JOURNAL_FULL', 'no room'));
  const { decision } = await feed(approved(), { kit, journal });
  assert.deepEqual([decision.open, decision.reason], [false, 'gateClosed']);
});

test('elements that are none have a named cause', () => {
  const causes = (changes: Record<string, string | undefined>) =>
    kernelTransaction({ verdict: 'approved', elements: elementsOf(100, changes) });
  for (const missing of [
    '84',
    '82',
    '9F36',
    '9F26',
    '9F27',
    '9F10',
    '9F02',
    '9F66',
    '9F37',
    '95',
  ]) {
    assert.equal(causes({ [missing]: undefined }), 'elementMalformed', missing);
    assert.equal(causes({ [missing]: '' }), 'elementMalformed', missing);
  }
  assert.equal(causes({ '57': undefined }), 'panMalformed');
  assert.equal(causes({ '5A': '6228000100001118' }), 'panContradicts');
  assert.equal(causes({ '9A': 'AAAAAA' }), 'elementMalformed');
  assert.equal(causes({ '9F27': 'C0' }), 'elementMalformed');
  const twice = Buffer.concat([elementsOf(100), fromHex('82027C00')]);
  assert.equal(kernelTransaction({ verdict: 'approved', elements: twice }), 'elementTwice');
  const whole = elementsOf(100);
  const cut = kernelTransaction({ verdict: 'approved', elements: whole.subarray(0, -1) });
  assert.equal(cut, 'elementMalformed');
  const long = kernelTransaction({ verdict: 'approved', elements: new Uint8Array(4096) });
  assert.equal(long, 'elementsTooMany');
  for (let at = 0; at < whole.length * 8; at++) {
    const flipped = Uint8Array.from(whole);
    flipped[at >> 3]! ^= 1 << (at & 7);
    const made = kernelTransaction({ verdict: 'approved', elements: flipped });
    assert(typeof made === 'string' || made.card.pan.length >= 13);
  }
});
