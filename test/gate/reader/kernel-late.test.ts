/**
 * Outcomes of a certified kernel that come too late, twice, or not at all: they never open a gate,
 * what a card has paid is recorded once, and of two payments for one ride one is claimed.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeDebit, at as place } from '../../../engine/debit/codec.ts';
import { isEvent } from '../../../engine/debit/event.ts';
import { DebitKind, DebitState } from '../../../engine/debit/record.ts';
import { FaregateError } from '../../../engine/errors.ts';
import type { Decision } from '../../../engine/tap/decision.ts';
import { RecentTaps } from '../../../engine/tap/recent-taps.ts';
import { MemoryJournal } from '../../../gate/journal/memory.ts';
import type { HeldCard } from '../../../gate/reader/virtual/held-card.ts';
import { ecashCard } from '../../kit/ecash-cards.ts';
import type { Line } from '../../kit/kernel-device.ts';
import { type KernelGate, kernelGate, STATION } from '../../kit/kernel-gate.ts';

/** Directory, application, options, three records, and the last. */
const LAST_COMMAND = 7;

const { confirmed, unconfirmed, void: voided } = DebitState;

/** Kind, state and counter of each debit. */
function told({ closed }: Decision): unknown[] {
  return closed.map(({ kind, state, offlineCounter }) => [
    kind === DebitKind.debit ? 'debit' : 'settlement',
    state,
    offlineCounter,
  ]);
}

/** A tap whose approval does not reach the gate, for the link breaks, and the link made anew. */
async function lose(at: KernelGate, card: HeldCard): Promise<Decision> {
  at.device.isMute = true;
  const count = at.reports.length;
  void at.device.present(card);
  await at.until('the card has paid', () => at.device.owed.size === 1);
  await at.plug.unplug();
  const { decision } = await at.tapped(count + 1);
  assert.deepEqual([decision.open, decision.reason, decision.closed], [false, 'cardGone', []]);
  at.device.isMute = false;
  return decision;
}

/** The same, brought again when the link is back. */
async function loseAndFind(at: KernelGate, card: HeldCard): Promise<Decision> {
  const count = at.reports.length;
  await lose(at, card);
  await at.plug.replug();
  const { decision } = await at.tapped(count + 2);
  await at.until('it is taken', () => at.device.owed.size === 0);
  return decision;
}

test('a link that breaks after the approval: recorded, not opened; the next tap pays and the operator claims one', async () => {
  const at = await kernelGate();
  const card = ecashCard();
  const late = await loseAndFind(at, card);
  assert.deepEqual([late.open, late.reason, late.detail], [false, 'cardGone', 'kernel: late']);
  assert.deepEqual(told(late), [['debit', unconfirmed, 0x20b]]);
  assert(late.evidence, 'with its cryptogram');
  assert.equal(at.gate.barrier.opened, 0);
  const next = (await at.tap(card)).decision;
  assert.equal(next.reason, 'open', next.detail);
  assert.deepEqual(told(next), [
    ['debit', confirmed, 0x20c],
    ['settlement', voided, 0x20b],
  ]);
  assert.equal(at.kit.unconfirmed.find(late.closed[0]!.cardNumber), null);
  assert.equal(card.state.balanceMinor, 10_000 - 2 * at.fareMinor, 'a kernel asks nobody first');
  await at.end();
});

test('the same: a gate of the station with a dialogue of its own opens for what was paid', async () => {
  const at = await kernelGate();
  const card = ecashCard();
  await loseAndFind(at, card);
  const own = at.kit.gate('single', STATION, { bank: {}, families: ['bank'] });
  const { decision } = await own.tap(card);
  assert.deepEqual([decision.open, decision.reason], [true, 'recovered'], decision.detail);
  assert.deepEqual(told(decision), [['settlement', confirmed, 0x20b]]);
  assert.equal(card.state.balanceMinor, 10_000 - at.fareMinor);
  await at.end();
});

test('the same, where the rider went through another gate meanwhile: not claimed at all', async () => {
  const at = await kernelGate();
  const card = ecashCard();
  await lose(at, card);
  const own = at.kit.gate('single', STATION, { bank: {}, families: ['bank'] });
  assert.equal((await own.tap(card)).decision.reason, 'open');
  await at.plug.replug();
  const { decision } = await at.tapped(2);
  assert.deepEqual(told(decision), [['debit', voided, 0x20b]]);
  await at.end();
});

test('the same, where a later debit of it was torn there: that one stays open, the late one is void', async () => {
  const at = await kernelGate();
  const card = ecashCard();
  await lose(at, card);
  const own = at.kit.gate('single', STATION, { bank: {}, families: ['bank'] });
  const torn = (await own.tap(card, { command: LAST_COMMAND, when: 'after' })).decision
    .unconfirmed!;
  await at.plug.replug();
  const late = (await at.tapped(2)).decision;
  assert.deepEqual([told(late), late.settled], [[['debit', voided, 0x20b]], null]);
  assert.equal(at.kit.unconfirmed.find(torn.cardNumber)?.debit.offlineCounter, 0x20c);
  const { decision } = await own.tap(card);
  assert.deepEqual([decision.open, decision.reason], [true, 'recovered'], decision.detail);
  assert.deepEqual(told(decision), [['settlement', confirmed, 0x20c]]);
  await at.end();
});

test('a reader that never tells: nothing is recorded, and the next tap is one like any other', async () => {
  const at = await kernelGate();
  const card = ecashCard();
  await lose(at, card);
  at.device.owed.clear();
  await at.plug.replug();
  const { decision } = await at.tap(card);
  assert.deepEqual([decision.reason, told(decision)], ['open', [['debit', confirmed, 0x20c]]]);
  await at.end();
});

test('an outcome after its time is late, though the card is still there', async () => {
  const at = await kernelGate();
  at.device.isMute = true;
  const gone = at.device.present(ecashCard());
  const { decision } = await at.tapped(1);
  assert.deepEqual([decision.open, decision.reason], [false, 'cardGone']);
  await gone;
  at.device.isMute = false;
  at.device.say(at.device.outcomes[0]!);
  const late = (await at.tapped(2)).decision;
  assert.deepEqual([late.open, told(late)], [false, [['debit', unconfirmed, 0x20b]]]);
  await at.until('it is taken', () => at.device.owed.size === 0);
  await at.end();
});

test('an outcome told again, on the same link and on later ones, is taken once', async () => {
  const at = await kernelGate();
  await at.tap(ecashCard());
  const [outcome] = at.device.outcomes;
  const taken = () => at.device.heardOf('taken').length;
  at.device.say(outcome!);
  await at.until('taken again', () => taken() === 2);
  at.device.owed.set('kept', outcome!);
  await at.plug.unplug();
  await at.plug.replug();
  await at.until('and again', () => taken() === 3);
  assert.equal(at.reports.length, 1);
  assert.equal(at.gate.journal.backlog, 2, 'debit and evidence');
  await at.end();
});

test('two approvals of one tap are one', async () => {
  const at = await kernelGate();
  const { edit } = at.device;
  at.device.edit = (line) =>
    line.type === 'outcome' ? `${edit(line)}\n${edit(line)}` : edit(line);
  const { decision } = await at.tap(ecashCard());
  assert.equal(decision.reason, 'open');
  await at.until('it is taken', () => at.device.owed.size === 0);
  const debits = at.reports.flatMap((report) => report.decision.closed);
  assert.equal(debits.length, 1);
  await at.end();
});

test('an approval after a verdict that took nothing, in one tap: late, recorded, taken once', async () => {
  const at = await kernelGate();
  const card = ecashCard();
  const { edit } = at.device;
  at.device.edit = (line) => {
    if (line.type !== 'outcome') return edit(line);
    const { tap } = line;
    const first = {
      type: 'outcome',
      tap,
      verdict: 'tryAgain',
      elements: '',
      authentication: 'none',
    };
    return `${JSON.stringify(first)}\n${edit(line)}`;
  };
  const recorded: number[] = [];
  const { heard } = at.device;
  const { push } = heard;
  heard.push = (...lines) => {
    if (lines.some(({ type }) => type === 'taken')) recorded.push(at.gate.journal.nextSequence - 1);
    return push.apply(heard, lines);
  };
  await at.tap(card);
  await at.tapped(2);
  await at.until('it is taken', () => at.device.owed.size === 0);
  const decisions = at.reports.map(({ decision }) => decision);
  assert(decisions.every(({ open }) => !open));
  // Which of the two comes first is left open.
  assert.deepEqual(decisions.flatMap(told), [['debit', unconfirmed, 0x20b]]);
  assert(recorded[0] === 2, 'not taken before debit and evidence are written');
  assert.equal(card.state.balanceMinor, 10_000 - at.fareMinor);
  await at.end();
});

test('an old approval in place of the outcome of this tap opens nothing', async () => {
  const at = await kernelGate();
  const card = ecashCard();
  await at.tap(card);
  const old = at.device.outcomes[0]!;
  const { edit } = at.device;
  at.device.edit = (line) =>
    edit(line.type === 'outcome' ? { ...line, elements: old.elements } : line);
  const { decision } = await at.tap(card);
  assert.deepEqual([decision.open, decision.detail], [false, 'dynamicSignatureAtc']);
  at.device.edit = edit;
  // Nor one that was late, and is recorded without having opened.
  const other = await kernelGate({ kit: at.kit });
  const lost = ecashCard({ state: { atc: 0x300 } });
  await loseAndFind(other, lost);
  const late = other.device.outcomes[0]!;
  other.device.edit = (line) =>
    edit(line.type === 'outcome' ? { ...line, elements: late.elements } : line);
  const again = (await other.tap(lost)).decision;
  assert.deepEqual([again.open, again.detail, again.closed], [false, 'dynamicSignatureAtc', []]);
  await other.end();
  await at.end();
});

test('an approval of a tap that no gate knows is recorded and opens nothing', async () => {
  const at = await kernelGate();
  await at.tap(ecashCard());
  const elements = (at.device.outcomes[0]!.elements as string).replace('9F3602020B', '9F36020300');
  const tap = 'ffffffffffffffff-9';
  at.device.say({ ...(at.device.outcomes[0] as Line), tap, elements });
  const { decision } = await at.tapped(2);
  assert.deepEqual([decision.open, told(decision)], [false, [['debit', unconfirmed, 0x300]]]);
  assert.equal(at.gate.barrier.refused, 0, 'nobody stands there');
  await at.end();
});

test('a later payment settles none at a counter that its card has not come to', async () => {
  const at = await kernelGate();
  await at.tap(ecashCard());
  const elements = (at.device.outcomes[0]!.elements as string).replace('9F3602020B', '9F36020300');
  at.device.say({ ...(at.device.outcomes[0] as Line), tap: 'ffffffffffffffff-9', elements });
  const late = (await at.tapped(2)).decision.unconfirmed!;
  const next = await kernelGate({ kit: at.kit, recent: new RecentTaps() });
  const { decision } = await next.tap(ecashCard({ state: { atc: 0x20f } }));
  assert.equal(decision.reason, 'open', decision.detail);
  assert.deepEqual(told(decision), [['debit', confirmed, 0x210]]);
  assert.equal(at.kit.unconfirmed.find(late.cardNumber), null, 'the ledger decides');
  await next.end();
  await at.end();
});

test('a gate that was killed between approval and outcome hears of it at its next start', async () => {
  const first = await kernelGate();
  const card = ecashCard();
  await lose(first, card);
  await first.stop();
  await first.plug.replug();
  const next = await kernelGate({
    kit: first.kit,
    device: first.device,
    plug: first.plug,
    recent: new RecentTaps(),
  });
  const { decision } = await next.tapped(1);
  assert.deepEqual(told(decision), [['debit', unconfirmed, 0x20b]]);
  await next.end();
});

test('a full journal: no card is to pay, and what has been paid waits for room', async () => {
  const journal = new MemoryJournal();
  const at = await kernelGate({ journal });
  await at.until('it is told', () => at.device.heardOf('start').length === 1);
  const { reserve } = journal;
  const { edit } = at.device;
  at.device.edit = (line) => {
    // Full from the moment at which the reader has found a card.
    if (line.type === 'card') {
      journal.reserve = () => {
        throw new FaregateError('JOURNAL_FULL', 'full');
      };
    }
    return edit(line);
  };
  const closed = (await at.tap(ecashCard())).decision;
  assert.deepEqual([closed.open, closed.reason, closed.closed], [false, 'gateClosed', []]);
  await at.until('it is told', () => at.device.heardOf('start').at(-1)!.amountMinor === null);
  assert.equal(at.device.owed.size, 1);
  journal.reserve = reserve;
  at.device.edit = edit;
  await at.until('it is taken', () => at.device.owed.size === 0);
  assert.deepEqual(told(at.reports.at(-1)!.decision), [['debit', unconfirmed, 0x20b]]);
  await at.end();
});

test('a journal that takes no intent: the approval stays owed until it does', async () => {
  const journal = new MemoryJournal();
  const at = await kernelGate({ journal });
  const { intent } = journal;
  journal.intent = () => Promise.reject(new FaregateError('JOURNAL_FULL', 'no room'));
  const closed = (await at.tap(ecashCard())).decision;
  assert.deepEqual([closed.open, closed.reason], [false, 'gateClosed']);
  journal.intent = intent;
  await at.until('it is taken', () => at.device.owed.size === 0);
  assert.deepEqual(told(at.reports.at(-1)!.decision), [['debit', unconfirmed, 0x20b]]);
  await at.end();
});

test('a journal that takes the debit and not its evidence: void, and recorded whole later', async () => {
  const journal = new MemoryJournal();
  const at = await kernelGate({ journal });
  const { intent } = journal;
  journal.intent = (record) =>
    isEvent(record, 0)
      ? Promise.reject(new FaregateError('JOURNAL_FULL', 'no room'))
      : intent.call(journal, record);
  const card = ecashCard();
  const closed = (await at.tap(card)).decision;
  assert.deepEqual([closed.open, closed.reason], [false, 'gateClosed']);
  assert.deepEqual([told(closed), closed.evidence], [[['debit', voided, 0x20b]], null]);
  assert.equal(at.device.owed.size, 1);
  journal.intent = intent;
  await at.until('it is taken', () => at.device.owed.size === 0);
  const late = at.reports.at(-1)!.decision;
  assert.deepEqual(told(late), [['debit', unconfirmed, 0x20b]]);
  assert(late.evidence, 'with its cryptogram');
  assert.equal(card.state.balanceMinor, 10_000 - at.fareMinor);
  await at.end();
});

test('a gate that was killed before the evidence was written: the same', async () => {
  const journal = new MemoryJournal();
  const first = await kernelGate({ journal });
  const card = ecashCard();
  await first.tap(card);
  const [outcome] = first.device.outcomes;
  await first.stop();
  const left = new MemoryJournal();
  const { records } = await journal.read(1, 1);
  records[place.state] = DebitState.intended;
  await left.intent(records);
  first.device.owed.set('kept', outcome!);
  const { kit, device, plug } = first;
  const next = await kernelGate({ kit, device, plug, recent: new RecentTaps(), journal: left });
  assert.deepEqual(left.open(), []);
  assert.equal(decodeDebit((await left.read(1, 1)).records, 0).state, voided);
  const { decision } = await next.tapped(1);
  assert.deepEqual(told(decision), [['debit', unconfirmed, 0x20b]]);
  assert(decision.evidence, 'with its cryptogram');
  await next.end();
});

test('an approval that cannot be read is told to the staff, once, and held no longer', async () => {
  const at = await kernelGate();
  const { edit } = at.device;
  at.device.edit = (line) => edit(line.type === 'outcome' ? { ...line, elements: '9F3602' } : line);
  const { decision } = await at.tap(ecashCard());
  assert.deepEqual([decision.open, decision.reason], [false, 'cardFaulty']);
  await at.until('it is taken', () => at.device.owed.size === 0);
  const { tap } = at.device.outcomes[0]!;
  assert.deepEqual(at.notices.slice(1), [
    { notice: 'outcomeUnreadable', tap, why: 'elementMalformed' },
  ]);
  await at.end();
});
