/**
 * The ledger: posts received debits once each, in durable transactions, and answers what it holds.
 * Rules are in `rules.ts`, the double entry in `books.ts`, this file is the door.
 */
import assert from 'node:assert/strict';
import { readU48, toHex } from '../bytes.ts';
import { DEBIT_BYTES, type DebitId, GATE_ID_PATTERN } from '../debit/record.ts';
import { FaregateError } from '../errors.ts';
import { BATCH_RECORDS_MAX, EXCEPTIONS_PAGE_MAX } from '../limits.ts';
import { Blocks } from './blocks.ts';
import { accountOf, decodeBalance, readTotal, standingTotal, totalKey } from './books.ts';
import { catchUp, loadHeads } from './checkpoint.ts';
import { type Heads, SEGMENTS } from './heads.ts';
import { LAYOUT_VERSION, requireLayout } from './layout.ts';
import { type ExceptionCode, exceptionCodes } from './outcomes.ts';
import { Poster, type PostOutcome } from './poster.ts';
import type { ReceivedBatch, ReceivedDebit } from './received.ts';
import {
  CARD_BYTES,
  comparePending,
  DIGEST_BYTES,
  decodeDebitRow,
  decodeException,
  decodeGateRow,
  decodePending,
  gateKey,
  idKey,
  type Pending,
  purseKey,
  purseOf,
  Standing,
  u48,
} from './rows.ts';
import type { LedgerStore, StoreReader } from './store.ts';
import { type CardTotal, totalsOfCard } from './totals.ts';
import { View } from './view.ts';

export interface AccountBalance {
  /** `receivable:`, `float:`, `suspense:`, `passedThrough:` or `clearing:ISSUER`. */
  readonly name: string;
  readonly currency: number;
  readonly balanceMinor: number;
}

export interface LedgerSummary {
  /** Records held: debits and settlements. */
  readonly debits: number;
  /** Debits whose amount is on the issuer's account, presumed ones included. */
  readonly posted: number;
  /** Of these, the ones only the card's chain or a gate's reading speaks for, without a TAC. */
  readonly presumed: number;
  /** Of these, the ones that only the card's bank can verify. */
  readonly passedThrough: number;
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
  /** What the card's chain or a gate's reading says so far; null while nothing does. */
  readonly presumed: 'posted' | 'voided' | null;
  readonly card: Uint8Array;
  readonly offlineCounter: number;
  readonly balanceBeforeMinor: number;
  readonly amountMinor: number;
  readonly currency: number;
  readonly instantMs: number;
  readonly sealed: Uint8Array;
}

export interface LedgerOptions {
  /** LEDGER_CHECKPOINT_ROWS unless a test is in a hurry. */
  readonly checkpointRows?: number;
}

/** All records of the batch that an ordinary debit came in. */
export interface SealedBatch {
  readonly gateId: string;
  readonly firstSequence: number;
  readonly count: number;
  readonly sealed: Uint8Array;
}

export class Ledger {
  readonly #store: LedgerStore;
  readonly #heads: Heads;
  readonly #blocks = new Blocks();
  readonly #poster: Poster;

  private constructor(store: LedgerStore, options: LedgerOptions) {
    this.#store = store;
    this.#heads = store.read(loadHeads);
    this.#poster = new Poster(store, this.#heads, this.#blocks, options.checkpointRows);
  }

  /**
   * Reads the cards' heads into memory. A ledger that only reads may be open beside the one that
   * posts.
   * @throws FaregateError STORE_FAILED where the store was laid out by another version,
   *   LEDGER_BROKEN where a block is missing or damaged.
   */
  static async open(store: LedgerStore, options: LedgerOptions = {}): Promise<Ledger> {
    if (store.read((reader) => readTotal(reader, 'layout')) === 0) {
      await store.transaction((writer) => {
        writer.put('totals', totalKey('layout'), u48(LAYOUT_VERSION));
      });
    }
    store.read(requireLayout);
    return new Ledger(store, options);
  }

  /**
   * Posts a gate's debits in one durable transaction, by the general rules one by one.
   * @throws FaregateError UPLOAD_TOO_LARGE, UPLOAD_MALFORMED (a record of another gate, a sequence
   * below 1); nothing is posted then. STORE_FAILED; nothing is posted from then on.
   */
  async post(gateId: string, debits: readonly ReceivedDebit[]): Promise<PostOutcome> {
    checkBatch(gateId, debits);
    return this.#poster.post({ gateId, debits });
  }

  /** `post` for a batch of columns, which must not change meanwhile. */
  async postBatch(batch: ReceivedBatch): Promise<PostOutcome> {
    checkColumns(batch);
    return this.#poster.post({ gateId: batch.gateId, columns: batch });
  }

  /** Highest sequence of the gate up to which everything is held; 0 for none. */
  acknowledgedThrough(gateId: string): number {
    assert(GATE_ID_PATTERN.test(gateId), `not a gate id: ${gateId}`);
    const known = this.#poster.durableThrough(gateId);
    if (known !== undefined) return known;
    return this.#store.read(
      (reader) => decodeGateRow(reader.get('gates', gateKey(gateId))).through,
    );
  }

  /** Purses known, and bytes of memory that their heads take. */
  headsSize(): { readonly size: number; readonly bytes: number } {
    return { size: this.#heads.size, bytes: this.#heads.bytes };
  }

  summary(): LedgerSummary {
    return this.#store.read((reader) => {
      const standing = (value: Standing) => readTotal(reader, standingTotal(value));
      const presumed = standing(Standing.presumedPosted);
      return {
        debits: readTotal(reader, 'debits'),
        posted: standing(Standing.posted) + presumed,
        presumed,
        passedThrough: readTotal(reader, 'passedThrough'),
        suspended: standing(Standing.suspended),
        unconfirmed: standing(Standing.unconfirmed),
        voided: standing(Standing.voided) + standing(Standing.presumedVoided),
        refused: standing(Standing.refused),
        settlements: standing(Standing.settlement),
        settlementsWaiting: readTotal(reader, 'waiting'),
        exceptions: readExceptionTotals(reader),
        accounts: readAccounts(reader),
      };
    });
  }

  /** Exceptions numbered above `after`, at most `limit` and EXCEPTIONS_PAGE_MAX. */
  exceptions(page: { after?: number; limit?: number }): ExceptionItem[] {
    const range = { from: u48((page.after ?? 0) + 1), limit: pageLimit(page.limit) };
    return this.#store.read((reader) =>
      [...reader.range('exceptions', range)].map(({ key, value }) => {
        const row = decodeException(value);
        return { number: readU48(key, 0), ...row, issuer: toHex(row.issuer).toLowerCase() };
      }),
    );
  }

  /** Debits whose fate no record has fixed, by card, at most `limit` and EXCEPTIONS_PAGE_MAX. */
  unconfirmed(page: { after?: DebitId; limit?: number }): UnconfirmedItem[] {
    return this.#store.read((reader) => {
      const items: UnconfirmedItem[] = [];
      for (const pending of pendingAfter(reader, page.after)) {
        const { vouched: _, ...shown } = pending;
        const { card, sealed, standing } = decodeDebitRow(reader.get('debits', idKey(pending))!);
        items.push({ ...shown, presumed: presumedName(standing), card, sealed });
        if (items.length === pageLimit(page.limit)) break;
      }
      return items;
    });
  }

  /** The sealed batch that an ordinary debit came in; any other has evidence of its own. */
  sealedBatchOf(id: DebitId): SealedBatch | null {
    return this.#view((view) => {
      const block = view.blockOf(idKey(id));
      if (!block) return null;
      const { gateId, firstSequence, records, number } = block;
      const sealed = view.get('sealed', u48(number));
      return sealed ? { gateId, firstSequence, count: records, sealed } : null;
    });
  }

  /**
   * Totals of these cards, or of every card in key order. Each card is read from one durable state;
   * postings between two cards show from then on.
   */
  *cardTotals(cards?: Iterable<Uint8Array>): Generator<CardTotal> {
    for (const card of cards ?? this.#cards()) {
      yield* this.#view((view) => totalsOfCard(view, card));
    }
  }

  *#cards(): Generator<Uint8Array> {
    for (let segment = 0; segment < SEGMENTS; segment++) {
      // Together, because the heads move while others post.
      const cards = this.#view((view) => [...view.cards(segment)]);
      yield* cards;
    }
  }

  /** Runs `work` on one durable state, blocks included: those of another process's engine too. */
  #view<T>(work: (view: View) => T): T {
    return this.#store.read((reader) => {
      const through = readTotal(reader, 'blocks');
      if (through > this.#heads.through) catchUp(reader, this.#heads);
      return work(new View(reader, this.#heads, this.#blocks, through));
    });
  }
}

function checkSize(gateId: string, count: number): void {
  if (!GATE_ID_PATTERN.test(gateId)) {
    throw new FaregateError('UPLOAD_MALFORMED', `not a gate id: ${JSON.stringify(gateId)}`);
  }
  if (count > BATCH_RECORDS_MAX) {
    throw new FaregateError(
      'UPLOAD_TOO_LARGE',
      `gate ${gateId}: ${count} records in a batch, at most ${BATCH_RECORDS_MAX}`,
    );
  }
}

/** What ingest has checked of the records themselves is not checked again. */
function checkColumns(batch: ReceivedBatch): void {
  const { gateId, firstSequence, count, records, cards, tacs, digests } = batch;
  checkSize(gateId, count);
  if (!(Number.isSafeInteger(firstSequence) && firstSequence >= 1)) {
    throw new FaregateError(
      'UPLOAD_MALFORMED',
      `gate ${gateId}: the batch begins at sequence ${firstSequence}`,
    );
  }
  assert(records.length === count * DEBIT_BYTES && tacs.length === count);
  assert(cards.length === count * CARD_BYTES && digests.length === count * DIGEST_BYTES);
}

function checkBatch(gateId: string, debits: readonly ReceivedDebit[]): void {
  checkSize(gateId, debits.length);
  for (const [i, debit] of debits.entries()) {
    const where = `gate ${gateId}, record ${i}`;
    if (debit.gateId !== gateId) {
      throw new FaregateError('UPLOAD_MALFORMED', `${where}: field gateId is ${debit.gateId}`);
    }
    if (!(Number.isSafeInteger(debit.gateSequence) && debit.gateSequence >= 1)) {
      throw new FaregateError(
        'UPLOAD_MALFORMED',
        `${where}: field gateSequence is ${debit.gateSequence}`,
      );
    }
  }
}

function pageLimit(asked: number | undefined): number {
  return Math.max(1, Math.min(asked ?? EXCEPTIONS_PAGE_MAX, EXCEPTIONS_PAGE_MAX));
}

function readExceptionTotals(reader: StoreReader): Record<ExceptionCode, number> {
  const counts = exceptionCodes.map((code) => [code, readTotal(reader, `exception.${code}`)]);
  return Object.fromEntries(counts) as Record<ExceptionCode, number>;
}

function readAccounts(reader: StoreReader): AccountBalance[] {
  return [...reader.range('accounts', {})].map(({ key, value }) => ({
    ...accountOf(key),
    balanceMinor: decodeBalance(value),
  }));
}

function presumedName(standing: Standing): UnconfirmedItem['presumed'] {
  if (standing === Standing.presumedPosted) return 'posted';
  return standing === Standing.presumedVoided ? 'voided' : null;
}

/** Pending debits by card, from the one after `after`; from the start where that is not known. */
function* pendingAfter(reader: StoreReader, after: DebitId | undefined): Generator<Pending> {
  const bytes = after && reader.get('debits', idKey(after));
  const row = bytes && decodeDebitRow(bytes);
  const from = row && purseKey(row.card, purseOf(row.transactionType));
  const last = row && { ...row, ...after! };
  for (const { key, value } of reader.range('pending', from ? { from } : {})) {
    const first = from !== undefined && Buffer.compare(key, from) === 0;
    for (const pending of decodePending(value)) {
      if (!first || comparePending(pending, last!) > 0) yield pending;
    }
  }
}
