/**
 * The part of `ledger check` for what is not settled: pending debits must be presumed what their
 * chain and sightings say, and each sighting be a debit that says the same.
 */
import { toHex } from '../bytes.ts';
import { FaregateError } from '../errors.ts';
import { Blocks } from './blocks.ts';
import { readTotal } from './books.ts';
import { type Findings, nameOf } from './findings.ts';
import type { Heads } from './heads.ts';
import { byCounter } from './posting.ts';
import {
  BANK_PURSE,
  CARD_BYTES,
  chainKey,
  comparePending,
  type DebitRow,
  decodeDebitRow,
  decodeLink,
  decodePending,
  idKey,
  isPending,
  type Link,
  type Pending,
  purseOf,
} from './rows.ts';
import { areTooMany, isPresumedOut, presume, presumeBank } from './rules.ts';
import { balanceFrom, decodeSighting, evidenceFrom, isSighting } from './sightings.ts';
import type { Range, StoreReader } from './store.ts';
import { View } from './view.ts';

export class PendingCheck {
  readonly #reader: StoreReader;
  readonly #findings: Findings;
  readonly #heads: Heads;

  /** @param heads of the purses that are asked for, as the chains say them. */
  constructor(reader: StoreReader, findings: Findings, heads: Heads) {
    this.#reader = reader;
    this.#findings = findings;
    this.#heads = heads;
  }

  /** @returns how many pending debits there are in a range of purses. */
  walkPending(range: Range): number {
    let count = 0;
    const last = readTotal(this.#reader, 'blocks');
    const view = new View(this.#reader, this.#heads, new Blocks(), last);
    for (const { key, value } of this.#reader.range('pending', range)) {
      const all = decodePending(value);
      count += all.length;
      const purse = purseNameOf(key);
      if (all.some((one, i) => i > 0 && comparePending(all[i - 1]!, one) >= 0)) {
        this.#findings.add(`${purse}: pending debits are out of order`);
      }
      for (const rivals of byCounter(all)) this.#checkRivals(view, key, purse, rivals);
    }
    return count;
  }

  #checkRivals(view: View, own: Uint8Array, purse: string, rivals: readonly Pending[]): void {
    const counter = rivals[0]!.offlineCounter;
    const holder = this.#firstFrom(view, own, counter);
    if (holder?.offlineCounter === counter) {
      this.#findings.add(`${purse}, counter ${counter}: pending, but ${nameOf(holder)} holds it`);
    }
    const above = this.#evidenceFrom(view, own, counter + 1);
    const isBank = own[CARD_BYTES] === BANK_PURSE;
    const presumptions = isBank ? presumeBank(rivals, above) : presume(rivals, above);
    const rows = rivals.map((rival) => debitOf(this.#reader, own, rival));
    const isOut = areTooMany(rivals) || isPresumedOut(rows.flatMap((row) => row ?? []));
    for (const [i, rival] of rivals.entries()) {
      const row = rows[i];
      if (!row || !isPending(row.standing)) {
        this.#findings.add(`${purse}, counter ${counter}: ${nameOf(rival)} is not pending`);
      } else if (!isOut) {
        this.#findings.equal(`${nameOf(rival)}, presumed`, row.standing, presumptions[i]);
      }
    }
  }

  /** The purse's lowest link from a counter on. */
  #firstFrom(view: View, own: Uint8Array, counter: number): Link | undefined {
    const card = own.subarray(0, CARD_BYTES);
    const from = chainKey(card, own[CARD_BYTES]!, counter);
    const to = chainKey(card, own[CARD_BYTES]!, 0x10000);
    try {
      const [entry] = [...view.range('chain', { from, to, limit: 1 })];
      return entry && decodeLink(entry.key, entry.value);
    } catch (error) {
      if (!(error instanceof FaregateError)) throw error;
      this.#findings.add(`${purseNameOf(own)}: ${error.message}`);
      return undefined;
    }
  }

  #evidenceFrom(view: View, own: Uint8Array, counter: number): Link[] {
    const purse = own[CARD_BYTES]!;
    const find = purse === BANK_PURSE ? balanceFrom : evidenceFrom;
    try {
      return find(view, own.subarray(0, CARD_BYTES), purse, counter);
    } catch (error) {
      if (!(error instanceof FaregateError)) throw error;
      this.#findings.add(`${purseNameOf(own)}: ${error.message}`);
      return [];
    }
  }

  /** Each sighting is a debit that says the same. @returns how many there are in a range. */
  walkSightings(range: Range): number {
    let count = 0;
    for (const { key, value } of this.#reader.range('seen', range)) {
      count++;
      const sighting = decodeSighting(key, value);
      const row = debitOf(this.#reader, key, sighting);
      if (row && isSighting(row)) continue;
      this.#findings.add(`${purseNameOf(key)}: ${nameOf(sighting)} is no sighting there`);
    }
    return count;
  }
}

/** The debit of a link or pending row, where it says the same. */
export function debitOf(
  reader: StoreReader,
  purseKey: Uint8Array,
  link: Link,
): DebitRow | undefined {
  const bytes = reader.get('debits', idKey(link));
  const row = bytes && decodeDebitRow(bytes);
  const same =
    row &&
    Buffer.compare(row.card, purseKey.subarray(0, CARD_BYTES)) === 0 &&
    purseOf(row.transactionType) === purseKey[CARD_BYTES] &&
    row.offlineCounter === link.offlineCounter &&
    row.balanceBeforeMinor === link.balanceBeforeMinor &&
    row.amountMinor === link.amountMinor &&
    row.currency === link.currency;
  return same ? row : undefined;
}

export function purseNameOf(key: Uint8Array): string {
  const card = toHex(key.subarray(0, CARD_BYTES)).toLowerCase();
  return `card ${card} purse ${key[CARD_BYTES]}`;
}
