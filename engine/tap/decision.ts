/** What a tap asks of its driver beyond card and keys, and what it decides. */
import type { AesAsk } from '../card/desfire/asks.ts';
import type { Answer, Ask } from '../card/dialogue.ts';
import type { RecordMacAsk } from '../card/qpboc/extended/asks.ts';
import type { EvidenceEvent } from '../debit/event.ts';
import { type Debit, DebitKind, type TapKind } from '../debit/record.ts';
import type { Reason } from './reasons.ts';
import type { DebitOutcome, DebitRequest } from './request.ts';

/**
 * Append this intent to the journal, under the sequence it carries. The write starts at once and
 * nobody waits: `commit` does.
 */
export interface IntentAsk {
  readonly ask: 'intent';
  readonly debit: Debit;
}

/**
 * May the card be debited now? The driver answers when every intent is durable: `go`, or `late`
 * when the tap's deadline could not be kept, or `failed` when the journal could not write. After
 * `go` the debit is sent whatever the clock says.
 */
export interface CommitAsk {
  readonly ask: 'commit';
  /** Its intent. */
  readonly debit: Debit;
}

/** Append this event as an intent too, right behind the one of its debit. */
export interface EvidenceAsk {
  readonly ask: 'evidence';
  readonly event: EvidenceEvent;
}

/**
 * What has the certified kernel of the card's reader made of the card? Answered with a
 * `KernelOutcome`, or null: it said nothing, or nothing in time.
 */
export interface KernelAsk {
  readonly ask: 'kernel';
}

/** Is as much of the tap's deadline left? Answered with a boolean. */
export interface TimeAsk {
  readonly ask: 'time';
  readonly ms: number;
}

export type TapAsk =
  | Ask
  | AesAsk
  | RecordMacAsk
  | IntentAsk
  | EvidenceAsk
  | CommitAsk
  | KernelAsk
  | TimeAsk;
export type TapDialogue<R> = Generator<TapAsk, R, Answer>;

/** A tap under way, as its driver sees it: asks, is answered, and in the end decides. */
export interface TapRun {
  /** The next ask, or the decision; the first call takes null. */
  next(answer: Answer): IteratorResult<TapAsk, Decision>;
}

/** What the gate does, and what is to be remembered of it. */
export interface Decision {
  readonly open: boolean;
  readonly reason: Reason;
  /** For staff and traces: the command, status word or rule behind the reason; '' where plain. */
  readonly detail: string;
  readonly tapKind: TapKind;
  /** Taken from the card by this tap. */
  readonly amountMinor: number;
  /** The card's balance as far as it is known after the tap. */
  readonly balanceMinor: number | null;
  /** Final records of the intents this tap appended, in their order. */
  readonly closed: readonly Debit[];
  /** What bears out the debit among `closed`, closed before it; null where it does so itself. */
  readonly evidence: EvidenceEvent | null;
  /** This tap's debit when its outcome is unknown: to be settled when the card is seen again. */
  readonly unconfirmed: Debit | null;
  /** The earlier unconfirmed debit that this tap settled, or left to the ledger for good. */
  readonly settled: Debit | null;
}

/** The tap's own debit; undefined where it only settled an earlier one, or nothing. */
export function debitIn({ closed }: Decision): Debit | undefined {
  return closed.find(({ kind }) => kind === DebitKind.debit);
}

/** The decision of a tap that ends before anything was appended. */
export function refuse(tapKind: TapKind, reason: Reason, detail: string): Decision {
  return {
    open: false,
    reason,
    detail,
    tapKind,
    amountMinor: 0,
    balanceMinor: null,
    closed: [],
    evidence: null,
    unconfirmed: null,
    settled: null,
  };
}

/** The decision that the outcome of a debit makes. */
export function decisionOf(request: DebitRequest, outcome: DebitOutcome): Decision {
  const open = outcome.reason === 'open';
  return {
    open,
    reason: outcome.reason,
    detail: outcome.detail,
    tapKind: request.tapKind,
    amountMinor: open ? request.amountMinor : 0,
    balanceMinor: outcome.balanceMinor,
    closed: outcome.closed,
    evidence: outcome.evidence,
    unconfirmed: outcome.unconfirmed,
    settled: outcome.settled,
  };
}
