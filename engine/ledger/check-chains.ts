/**
 * The cards' part of `ledger check`: the blocks are gone through in order, a row following the row
 * before it, with late rows and the links of `chain` put in between; what is missing between
 * counters is counted, pending debits must be presumed what their chain says, and the heads that
 * come of it must be those a start would work out. Each pass follows the purses of some segments of
 * the heads, so that memory is bounded.
 */
import assert from 'node:assert/strict';
import { readU48, toHex } from '../bytes.ts';
import {
  LEDGER_CHECK_LINKS_MAX,
  LEDGER_CHECK_PURSES_MAX,
  LEDGER_CHECKPOINT_ROWS,
} from '../limits.ts';
import type { Block } from './block.ts';
import { readTotal } from './books.ts';
import { debitOf, PendingCheck, purseNameOf } from './check-pending.ts';
import { readSegment } from './checkpoint.ts';
import { type Findings, nameOf } from './findings.ts';
import { firstOfSegment, type Head, Heads, SEGMENTS, SLOT_BYTES, segmentOf } from './heads.ts';
import { wholeBlock } from './held.ts';
import { type LateLink, LateLinks } from './late-links.ts';
import {
  BANK_PURSE,
  CARD_BYTES,
  chainKey,
  decodeLink,
  decodePending,
  type Link,
  purseKey,
  Standing,
} from './rows.ts';
import type { StoreReader } from './store.ts';

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
  const late = readTotal(reader, 'standing.posted') - rows + readTotal(reader, 'rowsLate');
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
    this.#readLinks();
    this.#readLateRows();
    this.#late.sort();
    this.#readPending();
    this.#readSaved();
    this.#walkBlocks();
    this.#meetRest();
    this.#compareHeads();
    const pending = new PendingCheck(this.#reader, this.#findings, this.#heads);
    this.pending = pending.walkPending(this.#cards);
    this.sightings = pending.walkSightings(this.#cards);
  }

  /** Cards of the pass, as a range. */
  get #cards(): { from: Uint8Array; to?: Uint8Array } {
    const from = firstOfSegment(this.#from);
    return this.#to < SEGMENTS ? { from, to: firstOfSegment(this.#to) } : { from };
  }

  #has(segment: number): boolean {
    return segment >= this.#from && segment < this.#to;
  }

  #readLinks(): void {
    for (const { key, value } of this.#reader.range('chain', this.#cards)) {
      const link = decodeLink(key, value);
      this.#late.add(key, link);
      this.links++;
      this.#heads.seekOrAdd(key, 0, key[CARD_BYTES]!);
      this.#heads.mark();
      const row = debitOf(this.#reader, key, link);
      if (row?.standing === Standing.posted) continue;
      const where = `${purseNameOf(key)}, counter ${link.offlineCounter}`;
      this.#findings.add(`${where}: ${nameOf(link)} is not posted there`);
    }
  }

  /**
   * Rows below a counter that their purse had when they came: they say so themselves. No more than
   * there should be, which is what the passes were planned by; more are found when all are counted.
   */
  #readLateRows(): void {
    let left = readTotal(this.#reader, 'rowsLate');
    if (left === 0) return;
    for (const block of this.#blocks(undefined)) {
      for (let i = 0; i < block.rows; i++) {
        const card = block.card(i);
        if (!block.isLate(i) || !this.#has(segmentOf(card))) continue;
        const purse = block.purse(i);
        const link = block.link(i);
        this.#late.add(chainKey(card, purse, link.offlineCounter), link);
        this.#heads.seekOrAdd(card, 0, purse);
        this.#heads.mark();
        if (--left === 0) return;
      }
    }
  }

  /** Blocks that are whole; of the others @param findings is told. */
  *#blocks(findings: Findings | undefined): Generator<Block> {
    let number = 0;
    for (const { key, value } of this.#reader.range('blocks', {})) {
      number++;
      findings?.equal('number of a block', readU48(key, 0), number);
      const block = wholeBlock(readU48(key, 0), value, findings);
      if (block) yield block;
    }
    findings?.equal('count of blocks', readTotal(this.#reader, 'blocks'), number);
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
    let rows = 0;
    let late = 0;
    for (const block of this.#blocks(findings)) {
      rows += block.rows;
      for (let i = 0; i < block.rows; i++) {
        if (block.isLate(i)) late++;
        this.#meetRow(block, i);
      }
      this.#saved.apply(block, (segment) => {
        return this.#has(segment) && block.number > this.#savedThrough[segment]!;
      });
    }
    findings?.equal('rows of blocks', readTotal(this.#reader, 'rows'), rows);
    findings?.equal('late rows of blocks', readTotal(this.#reader, 'rowsLate'), late);
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
    const metLate = heads.marked ? this.#late.highestMet(card, purse) : 0;
    const highest = Math.max(heads.block === 0 ? 0 : heads.offlineCounter, metLate);
    if (block.previousCounter(index) < highest) {
      this.#findings.add(`${nameOf(link)}: its card was at counter ${highest} before`);
    }
    if (!block.isLate(index)) {
      if (heads.marked) this.#meetLateBelow(card, purse, link);
      this.#meet(card, purse, link);
    } else if (heads.marked && link.offlineCounter > highest) {
      this.#late.meet(card, purse, link.offlineCounter);
    }
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

  /** Late links above all rows of their purses. */
  #meetRest(): void {
    let last: Uint8Array | null = null;
    for (let i = 0; i < this.#late.count; i++) {
      const key = this.#late.key(i);
      const link = this.#late.at(i);
      const card = key.subarray(0, CARD_BYTES);
      const purse = key[CARD_BYTES]!;
      assert(this.#heads.seek(card, 0, purse));
      const { linked, offlineCounter } = this.#heads;
      const isRest = !linked || link.offlineCounter > offlineCounter;
      if (!isRest && !(last && Buffer.compare(last, key) === 0)) continue;
      this.#meet(card, purse, link);
      last = key;
    }
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

  /** Counters of the purse that a presumed debit explains, ascending. */
  #presumedAt(card: Uint8Array, purse: number): number[] {
    const key = purseKey(card, purse);
    const bytes = this.#reader.get('pending', key);
    return (bytes ? decodePending(bytes) : [])
      .filter((one) => debitOf(this.#reader, key, one)?.standing === Standing.presumedPosted)
      .map((one) => one.offlineCounter);
  }
}

function missingBetween(below: number, above: number, presumed: readonly number[]): number {
  const explained = presumed.filter((counter) => counter > below && counter < above).length;
  return Math.max(0, above - below - 1 - explained);
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
