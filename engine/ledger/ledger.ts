/**
 * The ledger: posts received debits once each, in durable transactions, and answers what it holds.
 * Rules are in `rules.ts`, the double entry in `books.ts`, this file is the door.
 */
import type { DebitId } from '../debit/record.ts';
import type { ExceptionCode, Outcome } from './outcomes.ts';
import type { ReceivedDebit } from './received.ts';
import type { LedgerStore } from './store.ts';

export interface PostOutcome {
  /** One for each debit given, in the same order. */
  readonly outcomes: readonly Outcome[];
  /** Highest sequence of the gate up to which everything is held durably; 0 for none. */
  readonly acknowledgedThrough: number;
}

export interface AccountBalance {
  /** `receivable:ISSUER`, `float:ISSUER` or `suspense:ISSUER`. */
  readonly name: string;
  readonly currency: number;
  readonly balanceMinor: number;
}

export interface LedgerSummary {
  /** Records held: debits and settlements. */
  readonly debits: number;
  /** Debits whose amount is on the issuer's account, presumed ones included. */
  readonly posted: number;
  /** Of these, the ones only the card's chain speaks for. */
  readonly presumed: number;
  /** Debits in suspense: their TAC did not verify. */
  readonly suspended: number;
  /** Debits whose outcome is not known. */
  readonly unconfirmed: number;
  readonly voided: number;
  /** Debits not posted for a conflict of natural keys. */
  readonly refused: number;
  readonly settlements: number;
  readonly settlementsWaiting: number;
  readonly exceptions: Readonly<Record<ExceptionCode, number>>;
  readonly accounts: readonly AccountBalance[];
}

export interface ExceptionItem extends DebitId {
  /** From 1, in order of arrival; pass the last as `after` for the next page. */
  readonly number: number;
  readonly code: ExceptionCode;
  /** The other record where two disagree. */
  readonly other: DebitId | null;
  readonly card: Uint8Array;
  readonly issuer: string;
  readonly offlineCounter: number;
  readonly amountMinor: number;
  readonly currency: number;
  readonly instantMs: number;
  readonly sealed: Uint8Array;
}

export interface UnconfirmedItem extends DebitId {
  /** What the card's chain says so far; null while it says nothing. */
  readonly presumed: 'posted' | 'voided' | null;
  readonly card: Uint8Array;
  readonly offlineCounter: number;
  readonly balanceBeforeMinor: number;
  readonly amountMinor: number;
  readonly currency: number;
  readonly instantMs: number;
}

/** One card's purse in one currency. */
export interface CardTotal {
  readonly card: Uint8Array;
  /** 1 electronic deposit (ED), 2 electronic purse (EP). */
  readonly purse: number;
  readonly currency: number;
  /** Posted debits and their sum, presumed ones included, those in suspense not. */
  readonly debits: number;
  readonly postedMinor: number;
  /** After the highest counter seen; null where every debit is presumed. */
  readonly head: { readonly offlineCounter: number; readonly balanceAfterMinor: number } | null;
}

export class Ledger {
  readonly #store: LedgerStore;

  private constructor(store: LedgerStore) {
    this.#store = store;
  }

  /** @throws FaregateError STORE_FAILED where the store was laid out by another version. */
  static async open(store: LedgerStore): Promise<Ledger> {
    return new Ledger(store);
  }

  /**
   * Posts a gate's debits in one durable transaction.
   * @throws FaregateError UPLOAD_TOO_LARGE, UPLOAD_MALFORMED (a record of another gate, a sequence
   * below 1), STORE_FAILED. Nothing is posted then.
   */
  post(_gateId: string, _debits: readonly ReceivedDebit[]): Promise<PostOutcome> {
    void this.#store;
    throw new Error('not implemented');
  }

  acknowledgedThrough(_gateId: string): number {
    throw new Error('not implemented');
  }

  summary(): LedgerSummary {
    throw new Error('not implemented');
  }

  /** Exceptions numbered above `after`, at most `limit` and EXCEPTIONS_PAGE_MAX. */
  exceptions(_page: { after?: number; limit?: number }): ExceptionItem[] {
    throw new Error('not implemented');
  }

  /** Debits not settled by a record, at most `limit` and EXCEPTIONS_PAGE_MAX. */
  unconfirmed(_page: { after?: DebitId; limit?: number }): UnconfirmedItem[] {
    throw new Error('not implemented');
  }

  /** Totals of these cards, or of every card in key order; a state per card, not one for all. */
  cardTotals(_cards?: Iterable<Uint8Array>): Iterable<CardTotal> {
    throw new Error('not implemented');
  }
}
