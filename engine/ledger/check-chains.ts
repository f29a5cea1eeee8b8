/**
 * The cards' part of `ledger check`: the chain index agrees with the debits, pending debits are
 * presumed what their chain says, and what is missing between counters is counted. Each posted
 * debit holds one link and each pending one a pending row: links and rows are checked one by one
 * against their debit, and their number against the number of such debits.
 */
import { toHex } from '../bytes.ts';
import { type Findings, nameOf } from './findings.ts';
import { byCounter } from './posting.ts';
import {
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
  Standing,
} from './rows.ts';
import { breaksBalance, presume } from './rules.ts';
import type { StoreReader } from './store.ts';

export interface ChainReport {
  readonly balanceBreaks: number;
  /** Counters between a purse's debits that no record explains. */
  readonly countersMissing: number;
}

/** @param standing how many debits were met with a standing. */
export function checkChains(
  reader: StoreReader,
  findings: Findings,
  standing: (standing: Standing) => number,
): ChainReport {
  const chains = new ChainChecker(reader, findings);
  chains.walkPending();
  chains.walkLinks();
  findings.equal('places in the chains', chains.links, standing(Standing.posted));
  const pending =
    standing(Standing.unconfirmed) +
    standing(Standing.presumedPosted) +
    standing(Standing.presumedVoided);
  findings.equal('pending debits', chains.pending, pending);
  return { balanceBreaks: chains.balanceBreaks, countersMissing: chains.countersMissing };
}

class ChainChecker {
  readonly #reader: StoreReader;
  readonly #findings: Findings;
  links = 0;
  pending = 0;
  balanceBreaks = 0;
  countersMissing = 0;

  constructor(reader: StoreReader, findings: Findings) {
    this.#reader = reader;
    this.#findings = findings;
  }

  walkPending(): void {
    for (const { key, value } of this.#reader.range('pending', {})) {
      const all = decodePending(value);
      this.pending += all.length;
      const purse = purseNameOf(key);
      if (all.some((one, i) => i > 0 && comparePending(all[i - 1]!, one) >= 0)) {
        this.#findings.add(`${purse}: pending debits are out of order`);
      }
      for (const rivals of byCounter(all)) this.#checkRivals(key, purse, rivals);
    }
  }

  #checkRivals(purseKey: Uint8Array, purse: string, rivals: readonly Pending[]): void {
    const card = purseKey.subarray(0, CARD_BYTES);
    const counter = rivals[0]!.offlineCounter;
    const from = chainKey(card, purseKey[CARD_BYTES]!, counter);
    const to = chainKey(card, purseKey[CARD_BYTES]!, 0x10000);
    const [entry] = [...this.#reader.range('chain', { from, to, limit: 1 })];
    const above = entry && decodeLink(entry.key, entry.value);
    if (above?.offlineCounter === counter) {
      this.#findings.add(`${purse}, counter ${counter}: pending, but ${nameOf(above)} holds it`);
    }
    const presumptions = presume(rivals, above);
    for (const [i, rival] of rivals.entries()) {
      const row = this.#debitOf(purseKey, rival);
      if (!row || !isPending(row.standing)) {
        this.#findings.add(`${purse}, counter ${counter}: ${nameOf(rival)} is not pending`);
      } else {
        this.#findings.equal(`${nameOf(rival)}, presumed`, row.standing, presumptions[i]);
      }
    }
  }

  walkLinks(): void {
    let purse: Uint8Array | undefined;
    let below: Link | undefined;
    let presumed: number[] = [];
    for (const { key, value } of this.#reader.range('chain', {})) {
      this.links++;
      const link = decodeLink(key, value);
      const own = key.subarray(0, CARD_BYTES + 1);
      if (!purse || Buffer.compare(purse, own) !== 0) {
        purse = own;
        below = undefined;
        presumed = this.#presumedAt(own);
      }
      this.#checkLink(own, link);
      const lowest = below?.offlineCounter ?? presumed[0] ?? link.offlineCounter;
      this.countersMissing += missingBetween(lowest, link.offlineCounter, presumed);
      const adjacent = below?.offlineCounter === link.offlineCounter - 1;
      if (below && adjacent && breaksBalance(below, link)) this.balanceBreaks++;
      below = link;
    }
  }

  #checkLink(purseKey: Uint8Array, link: Link): void {
    const row = this.#debitOf(purseKey, link);
    if (row?.standing === Standing.posted) return;
    const where = `${purseNameOf(purseKey)}, counter ${link.offlineCounter}`;
    this.#findings.add(`${where}: ${nameOf(link)} is not posted there`);
  }

  /** The debit of a link or pending row, where it says the same. */
  #debitOf(purseKey: Uint8Array, link: Link): DebitRow | undefined {
    const bytes = this.#reader.get('debits', idKey(link));
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

  /** Counters of the purse that a presumed debit explains, ascending. */
  #presumedAt(purseKey: Uint8Array): number[] {
    const bytes = this.#reader.get('pending', purseKey);
    return (bytes ? decodePending(bytes) : [])
      .filter((one) => this.#debitOf(purseKey, one)?.standing === Standing.presumedPosted)
      .map((one) => one.offlineCounter);
  }
}

function missingBetween(below: number, above: number, presumed: readonly number[]): number {
  const explained = presumed.filter((counter) => counter > below && counter < above).length;
  return Math.max(0, above - below - 1 - explained);
}

function purseNameOf(key: Uint8Array): string {
  const card = toHex(key.subarray(0, CARD_BYTES)).toLowerCase();
  return `card ${card} purse ${key[CARD_BYTES]}`;
}
