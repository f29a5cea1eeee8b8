/**
 * Double entry within one transaction. An issuer has five accounts in each currency: `receivable`
 * (what it owes the operator), `float` (what it holds for its cardholders, paid by settlement),
 * `suspense` (claims it need not meet yet), and of bank cards, which are paid by clearing,
 * `clearing` and `passedThrough` (claims that only it can verify). Each posting row moves
 * one amount from one account to another, so entries sum to zero whatever happens; corrections are
 * reversals, rows are never changed.
 */
import assert from 'node:assert/strict';
import { readU16, readU32, readU48, toHex, writeU16, writeU32 } from '../bytes.ts';
import type { DebitId } from '../debit/record.ts';
import { encodeChange, isPosted } from './changes.ts';
import type { ExceptionCode } from './outcomes.ts';
import {
  BANK_PURSE,
  type DebitRow,
  encodeDebitRow,
  encodeException,
  ID_BYTES,
  ISSUER_BYTES,
  idKey,
  newBytes,
  purseOf,
  Standing,
  standingNames,
  u48,
  writeId,
} from './rows.ts';
import type { StoreReader, StoreWriter } from './store.ts';

export const AccountKind = {
  receivable: 1,
  float: 2,
  suspense: 3,
  passedThrough: 4,
  clearing: 5,
} as const;
export type AccountKind = (typeof AccountKind)[keyof typeof AccountKind];

/** One amount, added to `to` and taken from `from`. */
export interface PostingRow {
  readonly to: AccountKind;
  readonly from: AccountKind;
  readonly issuer: Uint8Array;
  readonly currency: number;
  readonly amountMinor: number;
}

export function encodePosting(row: PostingRow): Uint8Array {
  const out = newBytes(16);
  out[0] = row.to;
  out[1] = row.from;
  out.set(row.issuer, 2);
  writeU16(out, 10, row.currency);
  writeU32(out, 12, row.amountMinor);
  return out;
}

export function decodePosting(bytes: Uint8Array): PostingRow {
  return {
    to: bytes[0] as AccountKind,
    from: bytes[1] as AccountKind,
    issuer: bytes.subarray(2, 2 + ISSUER_BYTES),
    currency: readU16(bytes, 10),
    amountMinor: readU32(bytes, 12),
  };
}

/** `id, n`: the n-th posting of a debit. */
export function postingKey(id: DebitId, n: number): Uint8Array {
  const key = newBytes(ID_BYTES + 1);
  writeId(id, key, 0);
  key[ID_BYTES] = n;
  return key;
}

export function accountKey(kind: AccountKind, issuer: Uint8Array, currency: number): Uint8Array {
  const key = newBytes(3 + ISSUER_BYTES);
  key[0] = kind;
  key.set(issuer, 1);
  writeU16(key, 1 + ISSUER_BYTES, currency);
  return key;
}

const accountNames = Object.keys(AccountKind);

export function accountOf(key: Uint8Array): { name: string; currency: number } {
  const issuer = toHex(key.subarray(1, 1 + ISSUER_BYTES)).toLowerCase();
  return {
    name: `${accountNames[key[0]! - 1] ?? `account${key[0]}`}:${issuer}`,
    currency: readU16(key, 1 + ISSUER_BYTES),
  };
}

/** Signed 64-bit; a balance beyond 2^53 minor units is no money. */
function encodeBalance(balanceMinor: number): Uint8Array {
  assert(Number.isSafeInteger(balanceMinor), 'a balance left the safe integers');
  const out = new Uint8Array(8);
  new DataView(out.buffer).setBigInt64(0, BigInt(balanceMinor));
  return out;
}

export function decodeBalance(bytes: Uint8Array | undefined): number {
  if (!bytes) return 0;
  return Number(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getBigInt64(0));
}

/** Where the amount of a debit stands against `receivable`; undefined where it is nowhere. */
export function counterAccount(
  row: Pick<DebitRow, 'standing' | 'tac' | 'transactionType'>,
): AccountKind | undefined {
  if (row.standing === Standing.posted || row.standing === Standing.presumedPosted) {
    return postedAgainst(row.transactionType, isPassedThrough(row));
  }
  return row.standing === Standing.suspended ? AccountKind.suspense : undefined;
}

/** The same of a debit that is posted: who pays for it decides. */
export function postedAgainst(transactionType: number, passedThrough: boolean): AccountKind {
  if (passedThrough) return AccountKind.passedThrough;
  return purseOf(transactionType) === BANK_PURSE ? AccountKind.clearing : AccountKind.float;
}

/** Whether a debit is posted on evidence that only its bank can verify. */
export function isPassedThrough({ standing, tac }: Pick<DebitRow, 'standing' | 'tac'>): boolean {
  return standing === Standing.posted && tac === 'passedThrough';
}

/**
 * The key of a count in `totals`: `debits`, `events`, `exceptions`, `waiting`, `passedThrough`,
 * `blocks`, `rows` (of blocks), `rowsLate` (of those), `checkpoints` (segments of heads saved),
 * `changes`, `unlogged` and `layout` (`layout.ts`), `standing.NAME` or `exception.CODE`.
 */
export function totalKey(name: string): Uint8Array {
  return new Uint8Array(Buffer.from(name, 'latin1'));
}

export function readTotal(reader: StoreReader, name: string): number {
  const bytes = reader.get('totals', totalKey(name));
  return bytes ? readU48(bytes, 0) : 0;
}

export function standingTotal(standing: Standing): string {
  return `standing.${standingNames[standing - 1]}`;
}

/** What ordinary debits of one batch come to. */
export interface Sum {
  /** Its place in the block. */
  readonly issuer: number;
  readonly currency: number;
  readonly against: AccountKind;
  debits: number;
  amountMinor: number;
}

interface OpenAccount {
  readonly key: Uint8Array;
  readonly openingMinor: number;
  balanceMinor: number;
}

/** The books during one transaction: balances and counts are written once, by `finish`. */
export class Books {
  readonly #writer: StoreWriter;
  readonly #accounts = new Map<string, OpenAccount>();
  readonly #totals = new Map<string, number>();

  constructor(writer: StoreWriter) {
    this.#writer = writer;
  }

  /**
   * Writes a debit's row and moves its amount as the change of standing asks.
   * @param before the row as held, or undefined for a new one.
   */
  change(id: DebitId, before: DebitRow | undefined, after: DebitRow): DebitRow {
    const left = before && counterAccount(before);
    const reached = counterAccount(after);
    let postings = before?.postings ?? 0;
    if (left !== reached && after.amountMinor > 0) {
      if (left) this.#move(id, postings++, after, left, AccountKind.receivable);
      if (reached) this.#move(id, postings++, after, AccountKind.receivable, reached);
      assert(postings < 256, 'a debit changed its standing too often');
    }
    if (before) this.count(standingTotal(before.standing), -1);
    else this.count('debits', 1);
    this.count(standingTotal(after.standing), 1);
    if (isPassedThrough(after)) this.count('passedThrough', 1);
    assert(!before || !isPassedThrough(before), 'what is passed through stays posted');
    if (before?.standing !== after.standing && (isPosted(after) || (before && isPosted(before)))) {
      this.count('changes', 1);
      this.#writer.put('changes', u48(this.total('changes')), encodeChange(id, after.standing));
    }
    const row = postings === after.postings ? after : { ...after, postings };
    this.#writer.put('debits', idKey(id), encodeDebitRow(row));
    return row;
  }

  /**
   * Posts ordinary debits of one issuer, whose rows and postings are in a block; debits and amount
   * of all of them together.
   */
  post(issuer: Uint8Array, sum: Omit<Sum, 'issuer'>): void {
    const { currency, against, debits, amountMinor } = sum;
    this.count('debits', debits);
    this.count(standingTotal(Standing.posted), debits);
    if (against === AccountKind.passedThrough) this.count('passedThrough', debits);
    if (amountMinor === 0) return;
    this.#account(AccountKind.receivable, issuer, currency).balanceMinor += amountMinor;
    this.#account(against, issuer, currency).balanceMinor -= amountMinor;
  }

  #move(id: DebitId, n: number, row: DebitRow, to: AccountKind, from: AccountKind): void {
    const { issuer, currency, amountMinor } = row;
    const posting = encodePosting({ to, from, issuer, currency, amountMinor });
    this.#writer.put('postings', postingKey(id, n), posting);
    this.#account(to, issuer, currency).balanceMinor += amountMinor;
    this.#account(from, issuer, currency).balanceMinor -= amountMinor;
  }

  #account(kind: AccountKind, issuer: Uint8Array, currency: number): OpenAccount {
    const key = accountKey(kind, issuer, currency);
    const name = Buffer.from(key.buffer, key.byteOffset, key.length).toString('latin1');
    let account = this.#accounts.get(name);
    if (!account) {
      const openingMinor = decodeBalance(this.#writer.get('accounts', key));
      account = { key, openingMinor, balanceMinor: openingMinor };
      this.#accounts.set(name, account);
    }
    return account;
  }

  total(name: string): number {
    let value = this.#totals.get(name);
    if (value === undefined) {
      value = readTotal(this.#writer, name);
      this.#totals.set(name, value);
    }
    return value;
  }

  count(name: string, by: number): void {
    this.#totals.set(name, this.total(name) + by);
  }

  /**
   * Appends an exception.
   * @param row the debit it speaks of.
   * @param sealed the sealed record whose arrival showed it.
   */
  report(
    code: ExceptionCode,
    id: DebitId,
    other: DebitId | null,
    row: DebitRow,
    sealed: Uint8Array,
  ): void {
    this.count('exceptions', 1);
    this.count(`exception.${code}`, 1);
    const value = encodeException({
      code,
      gateId: id.gateId,
      gateSequence: id.gateSequence,
      other,
      card: row.card,
      issuer: row.issuer,
      offlineCounter: row.offlineCounter,
      amountMinor: row.amountMinor,
      currency: row.currency,
      instantMs: row.instantMs,
      sealed,
    });
    this.#writer.put('exceptions', u48(this.total('exceptions')), value);
  }

  /** Writes balances and counts; what was moved sums to zero in each currency. */
  finish(): void {
    const movedMinor = new Map<number, number>();
    for (const { key, openingMinor, balanceMinor } of this.#accounts.values()) {
      const currency = readU16(key, 1 + ISSUER_BYTES);
      const change = balanceMinor - openingMinor;
      movedMinor.set(currency, (movedMinor.get(currency) ?? 0) + change);
      this.#writer.put('accounts', key, encodeBalance(balanceMinor));
    }
    for (const sum of movedMinor.values()) assert.equal(sum, 0, 'entries do not sum to zero');
    for (const [name, value] of this.#totals) {
      this.#writer.put('totals', totalKey(name), u48(value));
    }
  }
}
