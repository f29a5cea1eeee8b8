/**
 * A tap in its two phases: first what to debit, or why not; then the debit. A generator within a
 * generator passes every answer through both, which costs a tap more than its DES; so the second
 * phase takes the place of the first.
 */
import type { Answer } from '../card/dialogue.ts';
import type { Debit } from '../debit/record.ts';
import { debitCard, type PurseDebit } from './debit-card.ts';
import {
  type Decision,
  decisionOf,
  type TapAsk,
  type TapDialogue,
  type TapRun,
} from './decision.ts';
import type { DebitOutcome } from './request.ts';

/** How the first phase ends where there is something to debit. */
export interface Quoted extends PurseDebit {
  /** The settlement of an earlier debit whose intent this tap has appended already. */
  readonly settlement: Debit | null;
  /** That earlier debit. */
  readonly settled: Debit | null;
}

/** The tap whose first phase this is. */
export function runPhases(first: TapDialogue<Decision | Quoted>): TapRun {
  return new Phases(first);
}

class Phases implements TapRun {
  readonly #first: TapDialogue<Decision | Quoted>;
  #quoted: Quoted | null = null;
  #second: TapDialogue<DebitOutcome> | null = null;

  constructor(first: TapDialogue<Decision | Quoted>) {
    this.#first = first;
  }

  next(answer: Answer): IteratorResult<TapAsk, Decision> {
    if (this.#second) return this.#debit(this.#second, answer);
    const step = this.#first.next(answer);
    if (step.done !== true) return step;
    const { value } = step;
    if ('open' in value) return { done: true, value };
    this.#quoted = value;
    this.#second = debitCard(value);
    return this.#debit(this.#second, null);
  }

  #debit(second: TapDialogue<DebitOutcome>, answer: Answer): IteratorResult<TapAsk, Decision> {
    const step = second.next(answer);
    if (step.done !== true) return step;
    const { request, settlement, settled } = this.#quoted!;
    const decision = decisionOf(request, step.value);
    if (!settlement) return { done: true, value: decision };
    const closed = [settlement, ...decision.closed];
    return { done: true, value: { ...decision, closed, settled } };
  }
}
