/**
 * Keys and rows of the ledger's tables: fixed layouts, big-endian, so that byte order is the order
 * wanted. A gate id takes 12 bytes, NUL-padded; a debit's id is gate id and sequence (u48), so that
 * a gate's debits lie in order. A card's chain lies together: card, purse, counter.
 *
 *   debits      id -> debit row
 *   postings    id, n -> posting row: one amount from one account to another
 *   chain       card, purse, counter -> link row: the debit that holds this counter
 *   pending     card, purse -> pending rows, by counter and id: debits no record has settled
 *   waiting     id of the unknown debit, id of the settlement -> nothing
 *   exceptions  number -> exception row
 *   conflicts   id, digest -> nothing: identity conflicts already reported
 *   accounts    kind, issuer, currency -> balance
 *   gates       gate id -> gate row
 *   totals      name -> count
 *   blocks      number from 1, without gaps -> block: a batch's ordinary debits (`block.ts`)
 *   blockIndex  id of a block's first row -> number of the block
 *   sealed      number of a block -> all records of its batch, sealed
 *   heads       segment -> its heads as of a block (`checkpoint.ts`)
 *   events      id -> digest, event record (`events.ts`)
 *   seen        card, purse, counter, id -> link row: a sighting (`sightings.ts`)
 *   changes     number -> id, standing: debits posted, or no more (`changes.ts`)
 */
import assert from 'node:assert/strict';
import { copyBytes, readU16, readU32, readU48, writeU16, writeU32, writeU48 } from '../bytes.ts';
import {
  type DebitId,
  type DebitKind,
  type DebitState,
  ECASH_TRANSACTION,
  type Evidence,
  OPEN_LOOP_TRANSACTION,
  type TapKind,
} from '../debit/record.ts';
import { type ExceptionCode, exceptionCodes, exceptionNumbers } from './outcomes.ts';
import { type ReceivedDebit, type TacVerdict, tacCodes } from './received.ts';

export const GATE_ID_BYTES = 12;
export const ID_BYTES = 18;
export const CARD_BYTES = 16;
export const DIGEST_BYTES = 16;
export const ISSUER_BYTES = 8;

/** Zeroed bytes from a shared pool: a fifth of what a small array of its own costs. */
export function newBytes(length: number): Uint8Array {
  return Buffer.allocUnsafe(length).fill(0);
}

/** Where a held record stands; the number is stored. */
export const Standing = {
  /** On the issuer's accounts; holds its counter in the card's chain. */
  posted: 1,
  /** In suspense: the TAC did not verify. */
  suspended: 2,
  /** Outcome unknown; nothing posted. */
  unconfirmed: 3,
  /** Posted on the word of the chain or of a gate, without a TAC; a record may still reverse it. */
  presumedPosted: 4,
  /** A rival is presumed posted; a bank card's balance did not move. */
  presumedVoided: 5,
  voided: 6,
  /** Another debit holds its counter; nothing posted. */
  refused: 7,
  /** A settlement record: speaks of another debit, moves nothing itself. */
  settlement: 8,
} as const;
export type Standing = (typeof Standing)[keyof typeof Standing];
export type StandingName = keyof typeof Standing;

export const standingNames = Object.keys(Standing) as readonly StandingName[];

/** Standings of debits that later records may settle: the rows of `pending`. */
export function isPending(standing: Standing): boolean {
  return (
    standing === Standing.unconfirmed ||
    standing === Standing.presumedPosted ||
    standing === Standing.presumedVoided
  );
}

/** A held record. */
export interface DebitRow {
  readonly standing: Standing;
  readonly kind: DebitKind;
  readonly state: DebitState;
  readonly evidence: Evidence;
  readonly tapKind: TapKind;
  readonly tac: TacVerdict;
  readonly transactionType: number;
  /** Rows under this id in `postings`. */
  readonly postings: number;
  readonly offlineCounter: number;
  readonly currency: number;
  readonly balanceBeforeMinor: number;
  readonly amountMinor: number;
  readonly instantMs: number;
  readonly card: Uint8Array;
  readonly issuer: Uint8Array;
  readonly digest: Uint8Array;
  /** A settlement's debit; an unconfirmed debit's settlement or the debit that took its counter. */
  readonly refersTo: DebitId | null;
  /** The sealed record; empty where a block's batch has it, or an earlier version kept no other. */
  readonly sealed: Uint8Array;
}

export const DEBIT_ROW_BYTES = 84;

export function encodeDebitRow(row: DebitRow): Uint8Array {
  const out = newBytes(DEBIT_ROW_BYTES + row.sealed.length);
  out[0] = row.standing;
  out[1] = row.kind;
  out[2] = row.state;
  out[3] = row.evidence;
  out[4] = row.tapKind;
  out[5] = tacCodes.indexOf(row.tac);
  out[6] = row.transactionType;
  out[7] = row.postings;
  writeU16(out, 8, row.offlineCounter);
  writeU16(out, 10, row.currency);
  writeU32(out, 12, row.balanceBeforeMinor);
  writeU32(out, 16, row.amountMinor);
  writeU48(out, 20, row.instantMs);
  copyBytes(row.card, 0, out, 26, CARD_BYTES);
  copyBytes(row.issuer, 0, out, 42, ISSUER_BYTES);
  copyBytes(row.digest, 0, out, 50, DIGEST_BYTES);
  if (row.refersTo) writeId(row.refersTo, out, 66);
  out.set(row.sealed, DEBIT_ROW_BYTES);
  return out;
}

export function decodeDebitRow(bytes: Uint8Array): DebitRow {
  assert(bytes.length >= DEBIT_ROW_BYTES, 'a debit row is cut short');
  return {
    standing: bytes[0] as Standing,
    kind: bytes[1] as DebitKind,
    state: bytes[2] as DebitState,
    evidence: bytes[3] as Evidence,
    tapKind: bytes[4] as TapKind,
    tac: tacCodes[bytes[5]!]!,
    transactionType: bytes[6]!,
    postings: bytes[7]!,
    offlineCounter: readU16(bytes, 8),
    currency: readU16(bytes, 10),
    balanceBeforeMinor: readU32(bytes, 12),
    amountMinor: readU32(bytes, 16),
    instantMs: readU48(bytes, 20),
    card: bytes.subarray(26, 42),
    issuer: bytes.subarray(42, 50),
    digest: bytes.subarray(50, 66),
    refersTo: readOptionalId(bytes, 66),
    sealed: bytes.subarray(DEBIT_ROW_BYTES),
  };
}

/** The row of a record that arrives, before anything is decided about it. */
export function rowOf(debit: ReceivedDebit, issuer: Uint8Array, standing: Standing): DebitRow {
  return {
    standing,
    kind: debit.kind,
    state: debit.state,
    evidence: debit.evidence,
    tapKind: debit.tapKind,
    tac: debit.tac,
    transactionType: debit.transactionType,
    postings: 0,
    offlineCounter: debit.offlineCounter,
    currency: debit.currency,
    balanceBeforeMinor: debit.balanceBeforeMinor,
    amountMinor: debit.amountMinor,
    instantMs: debit.instantMs,
    card: debit.card,
    issuer,
    digest: debit.digest,
    refersTo: debit.refersTo,
    sealed: debit.sealed,
  };
}

/** A debit at its place in a card's chain. */
export interface Link extends DebitId {
  readonly offlineCounter: number;
  readonly balanceBeforeMinor: number;
  readonly amountMinor: number;
  readonly currency: number;
}

export function encodeLink(link: Link): Uint8Array {
  const out = newBytes(10 + ID_BYTES);
  writeU32(out, 0, link.balanceBeforeMinor);
  writeU32(out, 4, link.amountMinor);
  writeU16(out, 8, link.currency);
  writeId(link, out, 10);
  return out;
}

/** @param key the link's key, which ends with the counter. */
export function decodeLink(key: Uint8Array, bytes: Uint8Array): Link {
  return {
    offlineCounter: readU16(key, CARD_BYTES + 1),
    balanceBeforeMinor: readU32(bytes, 0),
    amountMinor: readU32(bytes, 4),
    currency: readU16(bytes, 8),
    ...readId(bytes, 10),
  };
}

/** A debit whose fate no record has fixed yet. */
export interface Pending extends Link {
  readonly instantMs: number;
  /** A gate read from the card's state that the card committed, but no TAC says so. */
  readonly vouched: boolean;
}

const PENDING_BYTES = 19 + ID_BYTES;

/** The pending debits of one purse, in the order of `comparePending`. */
export function encodePending(all: readonly Pending[]): Uint8Array {
  const out = newBytes(PENDING_BYTES * all.length);
  for (const [i, pending] of all.entries()) {
    const at = i * PENDING_BYTES;
    writeU16(out, at, pending.offlineCounter);
    writeU32(out, at + 2, pending.balanceBeforeMinor);
    writeU32(out, at + 6, pending.amountMinor);
    writeU16(out, at + 10, pending.currency);
    writeU48(out, at + 12, pending.instantMs);
    out[at + 18] = pending.vouched ? 1 : 0;
    writeId(pending, out, at + 19);
  }
  return out;
}

export function decodePending(bytes: Uint8Array): Pending[] {
  const all: Pending[] = [];
  for (let at = 0; at + PENDING_BYTES <= bytes.length; at += PENDING_BYTES) {
    all.push({
      offlineCounter: readU16(bytes, at),
      balanceBeforeMinor: readU32(bytes, at + 2),
      amountMinor: readU32(bytes, at + 6),
      currency: readU16(bytes, at + 10),
      instantMs: readU48(bytes, at + 12),
      vouched: bytes[at + 18] === 1,
      ...readId(bytes, at + 19),
    });
  }
  return all;
}

type PendingPlace = Pick<Pending, 'offlineCounter' | 'gateId' | 'gateSequence'>;

export function comparePending(a: PendingPlace, b: PendingPlace): number {
  if (a.offlineCounter !== b.offlineCounter) return a.offlineCounter - b.offlineCounter;
  if (a.gateId !== b.gateId) return a.gateId < b.gateId ? -1 : 1;
  return a.gateSequence - b.gateSequence;
}

/** A bank card, e-cash and open loop alike: its counter (ATC) also moves elsewhere. */
export const BANK_PURSE = 3;

/** Which purse of a card a transaction type debits: 1 ED (05), 3 a bank's (EC, E0), else 2, EP. */
export function purseOf(type: number): number {
  if (type === ECASH_TRANSACTION || type === OPEN_LOOP_TRANSACTION) return BANK_PURSE;
  return type === 0x05 ? 1 : 2;
}

/** `card, purse, counter`; with a counter of 65536 the end of the purse's range. */
export function chainKey(card: Uint8Array, purse: number, counter: number): Uint8Array {
  const key = newBytes(CARD_BYTES + 3);
  copyBytes(card, 0, key, 0, CARD_BYTES);
  key[CARD_BYTES] = counter > 0xffff ? purse + 1 : purse;
  writeU16(key, CARD_BYTES + 1, counter & 0xffff);
  return key;
}

export function purseKey(card: Uint8Array, purse: number): Uint8Array {
  const key = newBytes(CARD_BYTES + 1);
  copyBytes(card, 0, key, 0, CARD_BYTES);
  key[CARD_BYTES] = purse;
  return key;
}

export function idKey(id: DebitId): Uint8Array {
  const key = newBytes(ID_BYTES);
  writeId(id, key, 0);
  return key;
}

export function gateKey(gateId: string): Uint8Array {
  const key = newBytes(GATE_ID_BYTES);
  for (let i = 0; i < gateId.length; i++) key[i] = gateId.charCodeAt(i);
  return key;
}

export function writeId(id: DebitId, out: Uint8Array, at: number): void {
  for (let i = 0; i < id.gateId.length; i++) out[at + i] = id.gateId.charCodeAt(i);
  writeU48(out, at + GATE_ID_BYTES, id.gateSequence);
}

export function readGateId(bytes: Uint8Array, at: number): string {
  let text = '';
  for (let i = at; i < at + GATE_ID_BYTES && bytes[i] !== 0; i++) {
    text += String.fromCharCode(bytes[i]!);
  }
  return text;
}

export function readId(bytes: Uint8Array, at: number): DebitId {
  return { gateId: readGateId(bytes, at), gateSequence: readU48(bytes, at + GATE_ID_BYTES) };
}

function readOptionalId(bytes: Uint8Array, at: number): DebitId | null {
  return bytes[at] === 0 ? null : readId(bytes, at);
}

export function sameId(a: DebitId, b: DebitId): boolean {
  return a.gateSequence === b.gateSequence && a.gateId === b.gateId;
}

/** What is held of a gate. */
export interface GateRow {
  /** Everything up to here is held. */
  readonly through: number;
  readonly highest: number;
  /** Records held. */
  readonly count: number;
}

export function encodeGateRow(row: GateRow): Uint8Array {
  const out = newBytes(18);
  writeU48(out, 0, row.through);
  writeU48(out, 6, row.highest);
  writeU48(out, 12, row.count);
  return out;
}

export function decodeGateRow(bytes: Uint8Array | undefined): GateRow {
  if (!bytes) return { through: 0, highest: 0, count: 0 };
  return { through: readU48(bytes, 0), highest: readU48(bytes, 6), count: readU48(bytes, 12) };
}

/** An exception as stored, with its evidence. */
export interface ExceptionRow extends DebitId {
  readonly code: ExceptionCode;
  readonly other: DebitId | null;
  readonly card: Uint8Array;
  readonly issuer: Uint8Array;
  readonly offlineCounter: number;
  readonly amountMinor: number;
  readonly currency: number;
  readonly instantMs: number;
  readonly sealed: Uint8Array;
}

const EXCEPTION_ROW_BYTES = 75;

export function encodeException(row: ExceptionRow): Uint8Array {
  const out = newBytes(EXCEPTION_ROW_BYTES + row.sealed.length);
  out[0] = exceptionNumbers[row.code];
  writeId(row, out, 1);
  if (row.other) writeId(row.other, out, 19);
  copyBytes(row.card, 0, out, 37, CARD_BYTES);
  copyBytes(row.issuer, 0, out, 53, ISSUER_BYTES);
  writeU16(out, 61, row.offlineCounter);
  writeU32(out, 63, row.amountMinor);
  writeU16(out, 67, row.currency);
  writeU48(out, 69, row.instantMs);
  out.set(row.sealed, EXCEPTION_ROW_BYTES);
  return out;
}

export function exceptionCodeOf(bytes: Uint8Array): ExceptionCode | undefined {
  return exceptionCodes.find((name) => exceptionNumbers[name] === bytes[0]);
}

export function decodeException(bytes: Uint8Array): ExceptionRow {
  const code = exceptionCodeOf(bytes);
  assert(code, `no exception is numbered ${bytes[0]}`);
  return {
    code,
    ...readId(bytes, 1),
    other: readOptionalId(bytes, 19),
    card: bytes.subarray(37, 53),
    issuer: bytes.subarray(53, 61),
    offlineCounter: readU16(bytes, 61),
    amountMinor: readU32(bytes, 63),
    currency: readU16(bytes, 67),
    instantMs: readU48(bytes, 69),
    sealed: bytes.subarray(EXCEPTION_ROW_BYTES),
  };
}

/** Key of exceptions and value of totals: an unsigned 48-bit number. */
export function u48(value: number): Uint8Array {
  const out = newBytes(6);
  writeU48(out, 0, value);
  return out;
}
