/**
 * The cards' part of `ledger check`: the blocks are gone through in order, a row following the row
 * before it, with the links of `chain` put in between; what is missing between counters is counted,
 * pending debits must be presumed what their chain says, and the heads that come of it must be
 * those a start would work out. Each pass follows the purses of some segments of the heads, so that
 * memory is bounded.
 */
import assert from 'node:assert/strict';
import { readU48, toHex } from '../bytes.ts';
import { FaregateError } from '../errors.ts';
import {
  LEDGER_CHECK_LINKS_MAX,
  LEDGER_CHECK_PURSES_MAX,
  LEDGER_CHECKPOINT_ROWS,
} from '../limits.ts';
import type { Block } from './block.ts';
import { Blocks } from './blocks.ts';
import { readTotal } from './books.ts';
import { readSegment } from './checkpoint.ts';
import { type Findings, nameOf } from './findings.ts';
import { firstOfSegment, type Head, Heads, SEGMENTS, SLOT_BYTES, segmentOf } from './heads.ts';
import { wholeBlock } from './held.ts';
import { type LateLink, LateLinks } from './late-links.ts';
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
  purseKey,
  purseOf,
  Standing,
} from './rows.ts';
import { isPresumedOut, presume, presumeBank } from './rules.ts';
import { balanceFrom, decodeSighting, evidenceFrom, isSighting } from './sightings.ts';
import type { StoreReader } from './store.ts';
import { View } from './view.ts';

export interface ChainReport {
  readonly balanceBreaks: number;
  /** Counters between a purse's debits that no record explains. */
  readonly countersMissing: number;
  readonly sightings: number;
}

/**
 * @param standing how many debits were met with a standing.
 * @param passes as many as bound the memory, unless said otherwise.
 */
export function checkChains(
  reader: StoreReader,
  findings: Findings,
  standing: (standing: Standing) => number,
  passes: number = passesOf(reader),
): ChainReport {
  const tally = { links: 0, pending: 0, sightings: 0, balanceBreaks: 0, countersMissing: 0 };
  const size = Math.ceil(SEGMENTS / passes);
  for (let from = 0; from < SEGMENTS; from += size) {
    const pass = new ChainPass(reader, findings, from, Math.min(from + size, SEGMENTS));
    pass.run();
    tally.links += pass.links;
    tally.pending += pass.pending;
    tally.sightings += pass.sightings;
    tally.balanceBreaks += pass.balanceBreaks;
    tally.countersMissing += pass.countersMissing;
  }
  findings.equal('places in the chains', tally.links, standing(Standing.posted));
  const pending =
    standing(Standing.unconfirmed) +
    standing(Standing.presumedPosted) +
    standing(Standing.presumedVoided);
  findings.equal('pending debits', tally.pending, pending);
  return tally;
}

/**
 * Cards are hashed, so that segments are alike; more purses than were saved may have come since.
 */
function passesOf(reader: StoreReader): number {
  const rows = readTotal(reader, 'rows');
  let purses = Math.min(rows, SEGMENTS * LEDGER_CHECKPOINT_ROWS);
  for (const { value } of reader.range('heads', {})) purses += value.length / SLOT_BYTES;
  const late = readTotal(reader, 'standing.posted') - rows;
  const passes = Math.max(purses / LEDGER_CHECK_PURSES_MAX, late / LEDGER_CHECK_LINKS_MAX, 1);
  return Math.min(Math.ceil(passes), SEGMENTS);
}

class ChainPass {
  readonly #reader: StoreReader;
  readonly #findings: Findings;
  readonly #from: number;
  readonly #to: number;
  /** As met: the row met last, and the debit at the highest counter met. */
  readonly #heads = new Heads();
  /** As saved, with the blocks since. */
  readonly #saved = new Heads();
  readonly #savedThrough = new Float64Array(SEGMENTS);
  readonly #late = new LateLinks();
  links = 0;
  pending = 0;
  sightings = 0;
  balanceBreaks = 0;
  countersMissing = 0;

  /** Follows the purses of segments `from` to `to`, exclusive. */
  constructor(reader: StoreReader, findings: Findings, from: number, to: number) {
    this.#reader = reader;
    this.#findings = findings;
    this.#from = from;
    this.#to = to;
  }

  run(): void {
    this.#readLate();
    this.#readPending();
    this.#readSaved();
    this.#walkBlocks();
    for (let i = 0; i < this.#late.count; i++) this.#meetLate(this.#late.key(i), this.#late.at(i));
    this.#compareHeads();
    this.#walkPending();
    this.#walkSightings();
  }

  /** Cards of the pass, as a range. */
  get #cards(): { from: Uint8Array; to?: Uint8Array } {
    const from = firstOfSegment(this.#from);
    return this.#to < SEGMENTS ? { from, to: firstOfSegment(this.#to) } : { from };
  }

  #has(segment: number): boolean {
    return segment >= this.#from && segment < this.#to;
  }

  #readLate(): void {
    for (const { key, value } of this.#reader.range('chain', this.#cards)) {
      const link = decodeLink(key, value);
      this.#late.add(key, link);
      this.links++;
      this.#heads.seekOrAdd(key, 0, key[CARD_BYTES]!);
      this.#heads.mark();
      const row = this.#debitOf(key, link);
      if (row?.standing === Standing.posted) continue;
      const where = `${purseNameOf(key)}, counter ${link.offlineCounter}`;
      this.#findings.add(`${where}: ${nameOf(link)} is not posted there`);
    }
  }

  #readPending(): void {
    for (const { key } of this.#reader.range('pending', this.#cards)) {
      this.#heads.seekOrAdd(key, 0, key[CARD_BYTES]!);
      this.#heads.setPending(true);
    }
  }

  #readSaved(): void {
    const checkpoints = readTotal(this.#reader, 'checkpoints');
    const blocks = readTotal(this.#reader, 'blocks');
    for (let segment = this.#from; segment < this.#to; segment++) {
      const saved = readSegment(this.#reader, segment);
      this.#findings.equal(`heads ${segment}, saved`, saved !== undefined, segment < checkpoints);
      if (!saved) continue;
      if (saved.through > blocks) this.#findings.add(`heads ${segment}: of block ${saved.through}`);
      this.#saved.setSegment(segment, saved.slots);
      this.#savedThrough[segment] = saved.through;
    }
  }

  #walkBlocks(): void {
    // What is wrong with a block itself is said once.
    const findings = this.#from === 0 ? this.#findings : undefined;
    let number = 0;
    let rows = 0;
    for (const { key, value } of this.#reader.range('blocks', {})) {
      number++;
      findings?.equal('number of a block', readU48(key, 0), number);
      const block = wholeBlock(readU48(key, 0), value, findings);
      if (!block) continue;
      rows += block.rows;
      for (let i = 0; i < block.rows; i++) this.#meetRow(block, i);
      this.#saved.apply(block, (segment) => {
        return this.#has(segment) && block.number > this.#savedThrough[segment]!;
      });
    }
    findings?.equal('count of blocks', readTotal(this.#reader, 'blocks'), number);
    findings?.equal('rows of blocks', rows, readTotal(this.#reader, 'rows'));
  }

  #meetRow(block: Block, index: number): void {
    const card = block.card(index);
    if (!this.#has(segmentOf(card))) return;
    this.links++;
    const purse = block.purse(index);
    const heads = this.#heads;
    const link = block.link(index);
    heads.seekOrAdd(card, 0, purse);
    const previousBlock = block.previousBlock(index);
    const previousIndex = block.previousIndex(index);
    if (previousBlock !== heads.block || previousIndex !== heads.index) {
      const is = `block ${previousBlock}, row ${previousIndex}`;
      const should = `block ${heads.block}, row ${heads.index}`;
      this.#findings.add(`${nameOf(link)}: follows ${is}, but its card was at ${should}`);
    }
    if (heads.marked) this.#meetLateBelow(card, purse, link);
    this.#meet(card, purse, link);
    heads.setLocation(block.number, index);
  }

  /** The purse's links of their own up to the row's counter. */
  #meetLateBelow(card: Uint8Array, purse: number, row: Link): void {
    const { linked, offlineCounter } = this.#heads;
    for (const link of this.#late.from(card, purse, linked ? offlineCounter + 1 : 0)) {
      if (link.offlineCounter > row.offlineCounter) return;
      if (link.offlineCounter < row.offlineCounter) this.#meet(card, purse, link);
      else this.#heldTwice(card, purse, link);
    }
  }

  #meetLate(key: Uint8Array, link: LateLink): void {
    const card = key.subarray(0, CARD_BYTES);
    const purse = key[CARD_BYTES]!;
    assert(this.#heads.seek(card, 0, purse));
    const { linked, offlineCounter } = this.#heads;
    if (!linked || link.offlineCounter > offlineCounter) this.#meet(card, purse, link);
  }

  /** The next link of the purse under the cursor. */
  #meet(card: Uint8Array, purse: number, link: LateLink): void {
    const heads = this.#heads;
    const { offlineCounter: counter, balanceBeforeMinor, amountMinor, currency } = link;
    const below = heads.linked ? heads.offlineCounter : undefined;
    if (below !== undefined && counter <= below) {
      this.#heldTwice(card, purse, link);
      return;
    }
    if (purse !== BANK_PURSE) {
      const presumed = heads.pending ? this.#presumedAt(card, purse) : [];
      this.countersMissing += missingBetween(below ?? presumed[0] ?? counter, counter, presumed);
      const breaks = currency !== heads.currency || balanceBeforeMinor < heads.leftMinor;
      if (below === counter - 1 && breaks) this.balanceBreaks++;
    }
    heads.setLink(counter, balanceBeforeMinor - amountMinor, currency);
  }

  #heldTwice(card: Uint8Array, purse: number, { offlineCounter }: LateLink): void {
    const name = purseNameOf(purseKey(card, purse));
    this.#findings.add(`${name}, counter ${offlineCounter}: held twice, or below the row before`);
  }

  #compareHeads(): void {
    for (let segment = this.#from; segment < this.#to; segment++) {
      const stored = new Map(saying(this.#saved, segment));
      for (const [name, computed] of saying(this.#heads, segment)) {
        this.#findings.equal(`head of ${name}`, stored.get(name) ?? 'none', computed);
        stored.delete(name);
      }
      for (const [name, head] of stored) this.#findings.equal(`head of ${name}`, head, 'none');
    }
  }

  #walkPending(): void {
    const last = readTotal(this.#reader, 'blocks');
    const view = new View(this.#reader, this.#heads, new Blocks(), last);
    for (const { key, value } of this.#reader.range('pending', this.#cards)) {
      const all = decodePending(value);
      this.pending += all.length;
      const purse = purseNameOf(key);
      if (all.some((one, i) => i > 0 && comparePending(all[i - 1]!, one) >= 0)) {
        this.#findings.add(`${purse}: pending debits are out of order`);
      }
      for (const rivals of byCounter(all)) this.#checkRivals(view, key, purse, rivals);
    }
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
    const rows = rivals.map((rival) => this.#debitOf(own, rival));
    const isOut = isPresumedOut(rows.flatMap((row) => row ?? []));
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

  /** Each sighting is a debit that says the same. */
  #walkSightings(): void {
    for (const { key, value } of this.#reader.range('seen', this.#cards)) {
      this.sightings++;
      const sighting = decodeSighting(key, value);
      const row = this.#debitOf(key, sighting);
      if (row && isSighting(row)) continue;
      this.#findings.add(`${purseNameOf(key)}: ${nameOf(sighting)} is no sighting there`);
    }
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
  #presumedAt(card: Uint8Array, purse: number): number[] {
    const key = purseKey(card, purse);
    const bytes = this.#reader.get('pending', key);
    return (bytes ? decodePending(bytes) : [])
      .filter((one) => this.#debitOf(key, one)?.standing === Standing.presumedPosted)
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

/** Each purse's name and what its head says; a head that says nothing is none. */
function* saying(heads: Heads, segment: number): Generator<[string, string]> {
  for (const { tag, head } of heads.entries(segment)) {
    if (!head.linked && !head.pending) continue;
    yield [`card ${toHex(tag).toLowerCase()}.. purse ${head.purse}`, textOf(head)];
  }
}

function textOf(head: Head): string {
  const { offlineCounter, leftMinor, currency, block, index } = head;
  const link = head.linked
    ? `counter ${offlineCounter} left ${leftMinor} of currency ${currency}`
    : 'no debit';
  return `${link}, row ${block}/${index}${head.pending ? ', pending' : ''}`;
}
