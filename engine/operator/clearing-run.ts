/** One run of clearing (`clearing.ts`): what it claims, and what its file says. */
import { toHex } from '../bytes.ts';
import { openBatch } from '../debit/batch-evidence.ts';
import { openEvidence } from '../debit/evidence.ts';
import { DEBIT_BYTES, type Debit, type DebitId, ECASH_TRANSACTION } from '../debit/record.ts';
import { FaregateError } from '../errors.ts';
import { isPosted, type OwnDebit } from '../ledger/changes.ts';
import {
  lastBlock,
  ownDebits,
  ownDebitsSince,
  type PostedBatch,
  postedInBatch,
  postedMark,
} from '../ledger/posted.ts';
import { decodeDebitRow, idKey, readId } from '../ledger/rows.ts';
import type { LedgerStore } from '../ledger/store.ts';
import { CLEARING_MARKS_MAX, LEDGER_PAGE_ROWS } from '../limits.ts';
import {
  type Claim,
  type ClaimStore,
  type ClearingRange,
  claimOf,
  encodeClaim,
  type RunRow,
} from './clearing-claims.ts';
import {
  type ClearingLine,
  clearingLine,
  debitIn,
  lineName,
  proofOf,
  type WithdrawalLine,
} from './clearing-lines.ts';

/** What a run claims of one issuer, in one currency. */
export interface IssuerTotal {
  readonly issuer: string;
  readonly currency: number;
  debits: number;
  amountMinor: number;
  /** Of these, what only the bank can verify. */
  passedThrough: number;
}

/** The last line of a clearing file. */
export interface ClearingTotals {
  readonly run: number;
  readonly debits: number;
  readonly withdrawals: number;
  /** Presumed posted, without a cryptogram to claim them by: nothing pays for these. */
  readonly unproved: number;
  readonly issuers: readonly IssuerTotal[];
}

const LINES_PER_PART = 256;
const NOTHING = new Uint8Array(0);
/** Behind a key: the least that is greater. */
const NOTHING_MORE = new Uint8Array(1);

export class ClearingRun {
  readonly row: RunRow;
  readonly claims: ClaimStore;
  readonly #ledger: LedgerStore;
  readonly #key: Uint8Array;
  readonly #issuers = new Map<string, IssuerTotal>();
  #debits = 0;
  #withdrawals = 0;
  #unproved = 0;
  #marks: { readonly key: Uint8Array; readonly claim: Claim }[] = [];

  constructor(ledger: LedgerStore, claims: ClaimStore, storageKey: Uint8Array, row: RunRow) {
    this.#ledger = ledger;
    this.claims = claims;
    this.#key = storageKey;
    this.row = row;
  }

  /**
   * Opens every debit with a row of its own that changed since a change was heard last; where none
   * was, all that there are.
   * @param after number of that change
   * @returns the last change heard; null where the ledger keeps no log yet
   */
  async hear(after: number | null): Promise<number | null> {
    const through = postedMark(this.#ledger);
    const since = after === null || !through ? null : { block: 0, change: after };
    const changed = since ? ownDebitsSince(this.#ledger, since, through) : ownDebits(this.#ledger);
    const open: Uint8Array[] = [];
    for (const own of changed) {
      if (!isEcash(own) || !(isPosted(own.row) || this.#claimOf(own))) continue;
      open.push(idKey(own));
      if (open.length === CLEARING_MARKS_MAX) await this.#setOpen(open.splice(0), true);
    }
    await this.#setOpen(open, true);
    return through?.change ?? null;
  }

  /** Closes those of which nothing is left to say; a later change opens them again. */
  async settle(): Promise<void> {
    const done: Uint8Array[] = [];
    for (const own of this.#openDebits()) {
      const claim = this.#claimOf(own);
      const stands = claim !== null && claim.withdrawnIn === 0;
      if (stands !== isPosted(own.row)) continue;
      done.push(idKey(own));
      if (done.length === CLEARING_MARKS_MAX) await this.#setOpen(done.splice(0), false);
    }
    await this.#setOpen(done, false);
  }

  async #setOpen(keys: readonly Uint8Array[], isOpen: boolean): Promise<void> {
    if (keys.length === 0) return;
    await this.claims.transaction((writer) => {
      for (const key of keys) {
        if (isOpen) writer.put('open', key, NOTHING);
        else writer.remove('open', key);
      }
    });
  }

  /**
   * Marks every debit that the run claims, or withdraws; whatever is marked already stays.
   * @returns the last block of which nothing is left to claim
   */
  async mark(): Promise<number> {
    let through = this.row.afterBlock;
    let isWhole = true;
    for (const { number, batch } of this.#batches()) {
      let leftOut = 0;
      for (const id of ecashIn(batch)) {
        const claim = this.#claimOf(id);
        if (claim) continue;
        if (isWithin(this.row, id)) this.#marks.push({ key: idKey(id), claim: this.#ours() });
        else leftOut++;
      }
      await this.#flush(CLEARING_MARKS_MAX);
      isWhole &&= leftOut === 0;
      if (isWhole) through = number;
    }
    for (const own of this.#openDebits()) {
      const claim = this.#claimNow(own);
      if (claim) this.#marks.push({ key: idKey(own), claim });
      await this.#flush(CLEARING_MARKS_MAX);
    }
    await this.#flush(1);
    return through;
  }

  #ours(): Claim {
    return { run: this.row.number, withdrawnIn: 0 };
  }

  /** The claim that is to be written of a debit with a row of its own; null: none. */
  #claimNow(own: OwnDebit): Claim | null {
    const claim = this.#claimOf(own);
    const stands = claim !== null && claim.withdrawnIn === 0;
    if (stands) {
      const falls = !isPosted(own.row) && claim.run < this.row.number;
      return falls ? { ...claim, withdrawnIn: this.row.number } : null;
    }
    const { number } = this.row;
    if (!isPosted(own.row) || !isWithin(this.row, own.row) || claim?.withdrawnIn === number) {
      return null;
    }
    return this.#proved(own) ? this.#ours() : null;
  }

  #proved(own: OwnDebit): boolean {
    const debit = debitIn(openEvidence(this.#key, own.row.sealed, own), own);
    return this.#ledger.read((reader) => proofOf(reader, debit)) !== null;
  }

  async #flush(least: number): Promise<void> {
    if (this.#marks.length < least) return;
    const marks = this.#marks.splice(0);
    await this.claims.transaction((writer) => {
      for (const { key, claim } of marks) writer.put('claims', key, encodeClaim(claim));
    });
  }

  /** The content of the file, some lines at a time: what is marked, then the totals. */
  *parts(): Generator<string> {
    const lines: string[] = [];
    for (const line of this.#lines()) {
      lines.push(`${JSON.stringify(line)}\n`);
      if (lines.length === LINES_PER_PART) yield lines.splice(0).join('');
    }
    lines.push(`${JSON.stringify(this.totals())}\n`);
    yield lines.join('');
  }

  totals(): ClearingTotals {
    return {
      run: this.row.number,
      debits: this.#debits,
      withdrawals: this.#withdrawals,
      unproved: this.#unproved,
      issuers: [...this.#issuers.values()],
    };
  }

  *#lines(): Generator<ClearingLine | WithdrawalLine> {
    for (const { batch } of this.#batches()) {
      const claimed = ecashIn(batch).filter((id) => this.#claimOf(id)?.run === this.row.number);
      if (claimed.length === 0) continue;
      const { gateId, firstSequence, sealed } = batch;
      const records = openBatch(this.#key, sealed, { gateId, gateSequence: firstSequence });
      for (const { passedThrough, ...id } of claimed) {
        const from = (id.gateSequence - firstSequence) * DEBIT_BYTES;
        const record = records?.slice(from, from + DEBIT_BYTES) ?? null;
        yield this.#line(debitIn(record, id), !passedThrough);
      }
    }
    for (const own of this.#openDebits()) {
      const claim = this.#claimOf(own);
      if (claim?.run === this.row.number) {
        const debit = debitIn(openEvidence(this.#key, own.row.sealed, own), own);
        yield this.#line(debit, own.row.tac === 'valid');
      } else if (claim?.withdrawnIn === this.row.number) {
        yield this.#withdrawal(own, claim);
      } else if (!claim && isPosted(own.row) && isWithin(this.row, own.row)) {
        this.#unproved++;
      }
    }
  }

  #line(debit: Debit, verified: boolean): ClearingLine {
    const proof = this.#ledger.read((reader) => proofOf(reader, debit));
    if (!proof) {
      const message = `the proof of debit ${lineName(debit)} is missing`;
      throw new FaregateError('LEDGER_BROKEN', message);
    }
    const line = clearingLine(this.row.number, debit, proof, verified);
    const { issuer, currency, amountMinor } = line;
    const name = `${issuer} ${currency}`;
    const total = this.#issuers.get(name) ?? {
      issuer,
      currency,
      debits: 0,
      amountMinor: 0,
      passedThrough: 0,
    };
    this.#issuers.set(name, total);
    total.debits++;
    total.amountMinor += amountMinor;
    if (!verified) total.passedThrough++;
    this.#debits++;
    return line;
  }

  #withdrawal(own: OwnDebit, claim: Claim): WithdrawalLine {
    this.#withdrawals++;
    return {
      run: this.row.number,
      withdraws: lineName(own),
      claimedInRun: claim.run,
      issuer: toHex(own.row.issuer),
      amountMinor: own.row.amountMinor,
      currency: own.row.currency,
    };
  }

  *#batches(): Generator<{ readonly number: number; readonly batch: PostedBatch }> {
    const last = lastBlock(this.#ledger);
    for (let number = this.row.afterBlock + 1; number <= last; number++) {
      yield { number, batch: this.#ledger.read((reader) => postedInBatch(reader, number)) };
    }
  }

  /** In order of their ids, page by page. */
  *#openDebits(): Generator<OwnDebit> {
    let from: Uint8Array | undefined;
    for (;;) {
      const range = { ...(from ? { from } : {}), limit: LEDGER_PAGE_ROWS };
      const keys = this.claims.read((reader) =>
        [...reader.range('open', range)].map(({ key }) => new Uint8Array(key)),
      );
      for (const key of keys) {
        const value = this.#ledger.read((reader) => reader.get('debits', key));
        if (value) yield { ...readId(key, 0), row: decodeDebitRow(new Uint8Array(value)) };
      }
      const last = keys.at(-1);
      if (!last || keys.length < LEDGER_PAGE_ROWS) return;
      from = Buffer.concat([last, NOTHING_MORE]);
    }
  }

  #claimOf(id: DebitId): Claim | null {
    return this.claims.read((reader) => claimOf(reader, idKey(id)));
  }
}

function isEcash({ row }: OwnDebit): boolean {
  return row.transactionType === ECASH_TRANSACTION && row.amountMinor > 0;
}

interface EcashDebit extends DebitId {
  readonly instantMs: number;
  readonly passedThrough: boolean;
}

/** E-cash of a batch that took money. */
function ecashIn({ gateId, debits }: PostedBatch): EcashDebit[] {
  return debits
    .filter(({ transactionType, amountMinor }) => {
      return transactionType === ECASH_TRANSACTION && amountMinor > 0;
    })
    .map(({ gateSequence, instantMs, passedThrough }) => {
      return { gateId, gateSequence, instantMs, passedThrough };
    });
}

function isWithin({ fromMs, toMs }: ClearingRange, { instantMs }: { instantMs: number }): boolean {
  return instantMs >= fromMs && instantMs < toMs;
}
