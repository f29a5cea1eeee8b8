/**
 * What comes back: the acquirer's results, and what riders in debt pay at a desk or online. Both
 * may be told again.
 */
import { FaregateError } from '../errors.ts';
import { OPEN_LOOP_RESULTS_AT_ONCE } from '../limits.ts';
import { answerCharge, isPayable, payDebt } from './charges.ts';
import { HeldCard } from './held.ts';
import { outstandingMinor, type Payment, type Presentment } from './model.ts';
import type { OpenLoopSettings } from './policy.ts';
import type { ResultLine } from './results.ts';
import { chargeKey, getRow, type OpenLoopStore, type OpenLoopWriter, putRow } from './rows.ts';

/** Why an answer was not taken. */
export type ResultFault = 'unknown' | 'amountDiffers' | 'contradicts';

export interface DisputedResult extends ResultLine {
  readonly fault: ResultFault;
}

export interface TakenResults {
  readonly approved: number;
  readonly approvedMinor: number;
  readonly declined: number;
  readonly declinedMinor: number;
  /** Answers that were taken before. */
  readonly known: number;
  readonly disputed: readonly DisputedResult[];
}

export const refusals = {
  unknownCard: 'no tap of this card has been taken',
  nothingOwed: 'the card has no debt that may be paid here',
  withAcquirer: 'the debt is with the acquirer; ask again after its results',
  tooMuch: 'that is more than the card owes',
  referenceTaken: 'another payment has this reference',
} as const;

export class DebtDesk {
  readonly #store: OpenLoopStore;
  readonly #settings: OpenLoopSettings;

  constructor(store: OpenLoopStore, settings: OpenLoopSettings) {
    this.#store = store;
    this.#settings = settings;
  }

  /** @param today the service day */
  async results(lines: readonly ResultLine[], today: number, nowMs: number): Promise<TakenResults> {
    const counts = { approved: 0, declined: 0, known: 0 };
    const sums = { approvedMinor: 0, declinedMinor: 0 };
    const disputed: DisputedResult[] = [];
    for (let from = 0; from < lines.length; from += OPEN_LOOP_RESULTS_AT_ONCE) {
      const some = lines.slice(from, from + OPEN_LOOP_RESULTS_AT_ONCE);
      const done = await this.#store.transaction((writer) =>
        some.map((line) => this.#result(writer, line, today, nowMs)),
      );
      for (const [i, line] of some.entries()) {
        const what = done[i]!;
        if (typeof what !== 'string') {
          counts[line.result]++;
          sums[`${line.result}Minor`] += what.amountMinor;
        } else if (what === 'known') counts.known++;
        else disputed.push({ ...line, fault: what });
      }
    }
    return { ...counts, ...sums, disputed };
  }

  #result(
    writer: OpenLoopWriter,
    { id, result, amountMinor, code, reference }: ResultLine,
    today: number,
    nowMs: number,
  ): ResultFault | 'known' | Presentment {
    const entry = getRow(writer, 'presentments', id);
    if (!entry) return 'unknown';
    if (amountMinor !== undefined && amountMinor !== entry.amountMinor) return 'amountDiffers';
    if (entry.result !== null) return entry.result === result ? 'known' : 'contradicts';
    putRow(writer, 'presentments', id, { ...entry, result, code, reference });
    const held = HeldCard.of(writer, entry.card, this.#settings, nowMs);
    const { verification } = held.row;
    if (entry.kind === 'verify') {
      const firstDeclinedDay = verification.firstDeclinedDay ?? today;
      const verdict = result === 'approved' ? null : firstDeclinedDay;
      held.change({ verification: { ...verification, state: result, firstDeclinedDay: verdict } });
    } else {
      const charge = getRow(writer, 'charges', chargeKey(entry.card, entry.day!, entry.number!))!;
      held.apply(answerCharge(charge, result, today, nowMs));
      // A card that pays needs no further question.
      if (result === 'approved' && entry.kind !== 'refund') {
        const isAsked = verification.state === 'presented';
        const state = isAsked ? verification.state : 'approved';
        held.change({ verification: { ...verification, state, firstDeclinedDay: null } });
      }
      held.offset();
    }
    held.finish();
    return entry;
  }

  /**
   * A rider pays debts of a card, the oldest first.
   * @param amountMinor null: all of them
   * @param reference names the payment; told again, it is the same
   * @throws FaregateError OPEN_LOOP_REFUSED, with one of `refusals`.
   */
  pay(
    card: string,
    amountMinor: number | null,
    reference: string,
    nowMs: number,
  ): Promise<Payment> {
    return this.#store.transaction((writer) => {
      const known = getRow(writer, 'payments', reference);
      if (known) {
        const isSame =
          known.card === card && (amountMinor ?? known.amountMinor) === known.amountMinor;
        if (isSame) return known;
        throw refused('referenceTaken');
      }
      if (!getRow(writer, 'cards', card)) throw refused('unknownCard');
      const held = HeldCard.of(writer, card, this.#settings, nowMs);
      const live = held.live();
      const debts = live.filter(isPayable);
      const owedMinor = debts.reduce((sum, charge) => sum + outstandingMinor(charge), 0);
      if (owedMinor === 0) {
        const isAway = live.some(({ state }) => state === 'presented');
        throw refused(isAway ? 'withAcquirer' : 'nothingOwed');
      }
      if (amountMinor !== null && amountMinor > owedMinor) throw refused('tooMuch');
      let leftMinor = amountMinor ?? owedMinor;
      const charges: { id: string; amountMinor: number }[] = [];
      for (const charge of debts) {
        const part = Math.min(leftMinor, outstandingMinor(charge));
        if (part === 0) break;
        held.apply(payDebt(charge, part, nowMs));
        charges.push({ id: charge.id, amountMinor: part });
        leftMinor -= part;
      }
      if (!held.live().some(isPayable)) askAnew(held);
      held.finish();
      const paidMinor = amountMinor ?? owedMinor;
      const payment = { reference, card, amountMinor: paidMinor, atMs: nowMs, charges };
      putRow(writer, 'payments', reference, payment);
      return payment;
    });
  }

  /**
   * The issuer is asked about a card anew with the next file; until it answers, gates let it
   * through unless it is in debt.
   * @throws FaregateError OPEN_LOOP_REFUSED unknownCard, withAcquirer.
   */
  verify(card: string, nowMs: number): Promise<void> {
    return this.#store.transaction((writer) => {
      if (!getRow(writer, 'cards', card)) throw refused('unknownCard');
      const held = HeldCard.of(writer, card, this.#settings, nowMs);
      const { verification } = held.row;
      if (verification.state === 'presented') throw refused('withAcquirer');
      held.change({ verification: { ...verification, state: 'due', firstDeclinedDay: null } });
      held.finish();
    });
  }
}

/** Who has paid all debts is asked about anew instead of staying stopped. */
function askAnew(held: HeldCard): void {
  const { verification } = held.row;
  if (verification.firstDeclinedDay === null) return;
  const state = verification.state === 'presented' ? verification.state : 'due';
  held.change({ verification: { ...verification, state, firstDeclinedDay: null } });
}

function refused(why: keyof typeof refusals): FaregateError {
  return new FaregateError('OPEN_LOOP_REFUSED', `${why}: ${refusals[why]}`);
}
