/**
 * Blocks: the ordinary debits of one batch, packed and kept in order of arrival. What never changes
 * again needs no row of its own: a debit here is posted, a link of its card's chain, and has one
 * posting (none for an amount of 0), all of which its 64 bytes say. Big-endian.
 *
 * Block: checksum 4 (CRC-32 of all after it) ‖ number 4 ‖ gate id 12 ‖ first sequence of the batch
 * 6 ‖ records of the batch 2 ‖ rows 2 ‖ images 2 ‖ issuers 1 ‖ 0 ‖ length of the sealed batch 4 ‖
 * its last bytes 4 (of an AEAD's tag, which finds any damage of the others) ‖ zeros 4; then rows,
 * head images (`heads.ts`), issuers of 8 bytes each.
 *
 * Row: card 16 ‖ digest 16 ‖ instant 6 ‖ sequence less the batch's first 2 ‖ offline counter 2 ‖
 * currency 2 ‖ balance before 4 ‖ amount 4 ‖ block and index of the purse's row before this one 4,
 * 2 (block 0: none) ‖ transaction type ‖ tap kind ‖ evidence, with 80 where it was passed through ‖
 * issuer's place ‖ highest counter of the purse before this row 2.
 */
import { crc32 } from 'node:zlib';
import { equalRange, readU16, readU32, readU48, writeU16, writeU32, writeU48 } from '../bytes.ts';
import { at } from '../debit/codec.ts';
import {
  DEBIT_BYTES,
  type DebitId,
  DebitKind,
  DebitState,
  type Evidence,
  type TapKind,
} from '../debit/record.ts';
import { FaregateError } from '../errors.ts';
import { type ReceivedBatch, TAC_PASSED_THROUGH } from './received.ts';
import {
  CARD_BYTES,
  type DebitRow,
  DIGEST_BYTES,
  ISSUER_BYTES,
  type Link,
  purseOf,
  readGateId,
  Standing,
} from './rows.ts';

const HEADER_BYTES = 46;
export const BLOCK_ROW_BYTES = 64;
export const IMAGE_BYTES = 32;
/** Issuers in one block: what a byte counts. */
const ISSUERS_MAX = 255;

/** Byte offset of every field of a row. */
const rowAt = {
  card: 0,
  digest: 16,
  instantMs: 32,
  sequence: 38,
  offlineCounter: 40,
  currency: 42,
  balanceBeforeMinor: 44,
  amountMinor: 48,
  previousBlock: 52,
  previousIndex: 56,
  transactionType: 58,
  tapKind: 59,
  evidence: 60,
  issuer: 61,
  previousCounter: 62,
} as const;

/** In `evidence`: only the card's bank can verify it. */
const PASSED_THROUGH = 0x80;
const NOTHING = new Uint8Array(0);

/** The rows of a block, whether it is complete or still being filled. */
abstract class Rows {
  abstract readonly number: number;
  abstract readonly gateId: string;
  abstract readonly firstSequence: number;
  abstract readonly rows: number;
  protected abstract readonly bytes: Uint8Array;
  protected abstract issuer(place: number): Uint8Array;

  sequence(index: number): number {
    return this.firstSequence + readU16(this.bytes, this.#at(index) + rowAt.sequence);
  }

  idOf(index: number): DebitId {
    return { gateId: this.gateId, gateSequence: this.sequence(index) };
  }

  /** Not a copy. */
  card(index: number): Uint8Array {
    const from = this.#at(index) + rowAt.card;
    return this.bytes.subarray(from, from + CARD_BYTES);
  }

  purse(index: number): number {
    return purseOf(this.bytes[this.#at(index) + rowAt.transactionType]!);
  }

  offlineCounter(index: number): number {
    return readU16(this.bytes, this.#at(index) + rowAt.offlineCounter);
  }

  currency(index: number): number {
    return readU16(this.bytes, this.#at(index) + rowAt.currency);
  }

  balanceBeforeMinor(index: number): number {
    return readU32(this.bytes, this.#at(index) + rowAt.balanceBeforeMinor);
  }

  passedThrough(index: number): boolean {
    return (this.bytes[this.#at(index) + rowAt.evidence]! & PASSED_THROUGH) !== 0;
  }

  amountMinor(index: number): number {
    return readU32(this.bytes, this.#at(index) + rowAt.amountMinor);
  }

  /** Whether it is a row of this purse; a card is 16 bytes. */
  isOf(index: number, card: Uint8Array, purse: number): boolean {
    const from = this.#at(index) + rowAt.card;
    return this.purse(index) === purse && equalRange(this.bytes, from, card, 0, CARD_BYTES);
  }

  previousBlock(index: number): number {
    return readU32(this.bytes, this.#at(index) + rowAt.previousBlock);
  }

  previousIndex(index: number): number {
    return readU16(this.bytes, this.#at(index) + rowAt.previousIndex);
  }

  previousCounter(index: number): number {
    return readU16(this.bytes, this.#at(index) + rowAt.previousCounter);
  }

  /** Whether its purse had a higher counter when it came. */
  isLate(index: number): boolean {
    return this.previousCounter(index) > this.offlineCounter(index);
  }

  link(index: number): Link {
    return {
      gateId: this.gateId,
      gateSequence: this.sequence(index),
      offlineCounter: this.offlineCounter(index),
      balanceBeforeMinor: this.balanceBeforeMinor(index),
      amountMinor: this.amountMinor(index),
      currency: this.currency(index),
    };
  }

  /** The row as `debits` would have it. */
  debit(index: number): DebitRow {
    const at = this.#at(index);
    const amountMinor = this.amountMinor(index);
    return {
      standing: Standing.posted,
      kind: DebitKind.debit,
      state: DebitState.confirmed,
      evidence: (this.bytes[at + rowAt.evidence]! & ~PASSED_THROUGH) as Evidence,
      tapKind: this.bytes[at + rowAt.tapKind] as TapKind,
      tac: this.passedThrough(index) ? 'passedThrough' : 'valid',
      transactionType: this.bytes[at + rowAt.transactionType]!,
      postings: amountMinor > 0 ? 1 : 0,
      offlineCounter: this.offlineCounter(index),
      currency: this.currency(index),
      balanceBeforeMinor: this.balanceBeforeMinor(index),
      amountMinor,
      instantMs: readU48(this.bytes, at + rowAt.instantMs),
      card: this.card(index),
      issuer: this.issuer(this.bytes[at + rowAt.issuer]!),
      digest: this.bytes.subarray(at + rowAt.digest, at + rowAt.digest + DIGEST_BYTES),
      refersTo: null,
      sealed: NOTHING,
    };
  }

  /** Index of the row with this sequence, or -1. */
  indexOf(gateSequence: number): number {
    let low = 0;
    let high = this.rows;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.sequence(middle) < gateSequence) low = middle + 1;
      else high = middle;
    }
    return low < this.rows && this.sequence(low) === gateSequence ? low : -1;
  }

  #at(index: number): number {
    return HEADER_BYTES + index * BLOCK_ROW_BYTES;
  }
}

/** Rows of either kind of block. */
export type BlockRows = Rows;

/** A complete block. */
export class Block extends Rows {
  readonly number: number;
  readonly gateId: string;
  readonly firstSequence: number;
  /** Records of the batch, ordinary or not: what is sealed. */
  readonly records: number;
  readonly rows: number;
  readonly images: number;
  readonly sealedBytes: number;
  readonly sealedTail: number;
  readonly bytes: Uint8Array;
  readonly #issuers: number;

  /**
   * Reads what `BlockBuilder.finish` wrote.
   * @throws FaregateError LEDGER_BROKEN naming the block where it is damaged.
   */
  constructor(number: number, bytes: Uint8Array) {
    super();
    if (bytes.length < HEADER_BYTES || crc32(bytes.subarray(4)) !== readU32(bytes, 0)) {
      throw new FaregateError('LEDGER_BROKEN', `block ${number} is damaged`);
    }
    if (readU32(bytes, 4) !== number) {
      throw new FaregateError('LEDGER_BROKEN', `block ${number} is block ${readU32(bytes, 4)}`);
    }
    this.bytes = bytes;
    this.number = number;
    this.gateId = readGateId(bytes, 8);
    this.firstSequence = readU48(bytes, 20);
    this.records = readU16(bytes, 26);
    this.rows = readU16(bytes, 28);
    this.images = readU16(bytes, 30);
    this.#issuers = bytes[32]!;
    this.sealedBytes = readU32(bytes, 34);
    this.sealedTail = readU32(bytes, 38);
  }

  /** Place of a head image in `bytes`. */
  imageAt(index: number): number {
    return HEADER_BYTES + this.rows * BLOCK_ROW_BYTES + index * IMAGE_BYTES;
  }

  protected issuer(place: number): Uint8Array {
    const from = this.imageAt(this.images) + place * ISSUER_BYTES;
    return place < this.#issuers ? this.bytes.subarray(from, from + ISSUER_BYTES) : NOTHING;
  }
}

/** A block being filled from one batch. */
export class BlockBuilder extends Rows {
  readonly number: number;
  readonly gateId: string;
  readonly firstSequence: number;
  rows = 0;
  protected readonly bytes: Uint8Array;
  readonly #batch: ReceivedBatch;
  /** The same bytes by words: a row byte by byte takes nearly twice as long. */
  readonly #words: DataView;
  readonly #recordWords: DataView;
  readonly #cardWords: DataView;
  readonly #digestWords: DataView;
  readonly #issuers: Uint8Array[] = [];
  /** Place of the issuer met last: gates of one city meet one issuer nearly always. */
  #last = 0;

  /** @param room for its rows, of any content and size; the next block may be built there. */
  constructor(number: number, batch: ReceivedBatch, room: Uint8Array) {
    super();
    this.number = number;
    this.gateId = batch.gateId;
    this.firstSequence = batch.firstSequence;
    this.#batch = batch;
    const length = HEADER_BYTES + batch.count * BLOCK_ROW_BYTES;
    this.bytes = room.length < length ? Buffer.allocUnsafeSlow(length) : room;
    this.#words = viewOf(this.bytes);
    this.#recordWords = viewOf(batch.records);
    this.#cardWords = viewOf(batch.cards);
    this.#digestWords = viewOf(batch.digests);
  }

  /** What it was built in. */
  get room(): Uint8Array {
    return this.bytes;
  }

  /** Place of the issuer of the batch's record `i`, or -1 where the block takes no more issuers. */
  issuerPlace(i: number): number {
    const from = i * DEBIT_BYTES + at.issuer;
    const { records } = this.#batch;
    const last = this.#issuers[this.#last];
    if (last && sameIssuer(last, records, from)) return this.#last;
    return this.#changeIssuer(records, from);
  }

  #changeIssuer(records: Uint8Array, from: number): number {
    let place = this.#issuers.findIndex((one) => sameIssuer(one, records, from));
    if (place < 0) {
      if (this.#issuers.length === ISSUERS_MAX) return -1;
      place = this.#issuers.push(records.slice(from, from + ISSUER_BYTES)) - 1;
    }
    this.#last = place;
    return place;
  }

  issuer(place: number): Uint8Array {
    return this.#issuers[place] ?? NOTHING;
  }

  /**
   * Packs the batch's record `i`; the row before it is given bare, for speed. @returns its index.
   */
  add(
    i: number,
    issuerPlace: number,
    previousBlock: number,
    previousIndex: number,
    previousCounter: number,
  ): number {
    const { records, tacs } = this.#batch;
    const out = this.bytes;
    const row = this.#words;
    const record = this.#recordWords;
    const from = i * DEBIT_BYTES;
    const to = HEADER_BYTES + this.rows * BLOCK_ROW_BYTES;
    copyWords(this.#cardWords, i * CARD_BYTES, row, to + rowAt.card, CARD_BYTES);
    copyWords(this.#digestWords, i * DIGEST_BYTES, row, to + rowAt.digest, DIGEST_BYTES);
    row.setUint32(to + rowAt.instantMs, record.getUint32(from + at.instantMs));
    row.setUint16(to + rowAt.instantMs + 4, record.getUint16(from + at.instantMs + 4));
    row.setUint16(to + rowAt.sequence, i);
    row.setUint16(to + rowAt.offlineCounter, record.getUint16(from + at.offlineCounter));
    row.setUint16(to + rowAt.currency, record.getUint16(from + at.currency));
    // Balance before and amount lie together in both.
    copyWords(record, from + at.balanceBeforeMinor, row, to + rowAt.balanceBeforeMinor, 8);
    row.setUint32(to + rowAt.previousBlock, previousBlock);
    row.setUint16(to + rowAt.previousIndex, previousIndex);
    out[to + rowAt.transactionType] = records[from + at.transactionType]!;
    out[to + rowAt.tapKind] = records[from + at.tapKind]!;
    const passed = tacs[i] === TAC_PASSED_THROUGH ? PASSED_THROUGH : 0;
    out[to + rowAt.evidence] = records[from + at.evidence]! | passed;
    out[to + rowAt.issuer] = issuerPlace;
    row.setUint16(to + rowAt.previousCounter, previousCounter);
    return this.rows++;
  }

  /** The block as stored. @param images head images, each IMAGE_BYTES. */
  finish(images: readonly Uint8Array[]): Uint8Array {
    const { count, sealed } = this.#batch;
    const imagesAt = HEADER_BYTES + this.rows * BLOCK_ROW_BYTES;
    const issuersAt = imagesAt + images.length * IMAGE_BYTES;
    const out = Buffer.allocUnsafeSlow(issuersAt + this.#issuers.length * ISSUER_BYTES);
    out.set(this.bytes.subarray(0, imagesAt));
    out.fill(0, 0, HEADER_BYTES);
    writeU32(out, 4, this.number);
    for (let i = 0; i < this.gateId.length; i++) out[8 + i] = this.gateId.charCodeAt(i);
    writeU48(out, 20, this.firstSequence);
    writeU16(out, 26, count);
    writeU16(out, 28, this.rows);
    writeU16(out, 30, images.length);
    out[32] = this.#issuers.length;
    writeU32(out, 34, this.rows > 0 ? sealed.length : 0);
    writeU32(out, 38, this.rows > 0 ? sealedTail(sealed) : 0);
    for (const [i, image] of images.entries()) out.set(image, imagesAt + i * IMAGE_BYTES);
    for (const [i, one] of this.#issuers.entries()) out.set(one, issuersAt + i * ISSUER_BYTES);
    writeU32(out, 0, crc32(out.subarray(4)));
    return out;
  }
}

/** The last four bytes of a sealed batch. */
export function sealedTail(sealed: Uint8Array): number {
  return sealed.length < 4 ? 0 : readU32(sealed, sealed.length - 4);
}

function sameIssuer(issuer: Uint8Array, records: Uint8Array, from: number): boolean {
  for (let i = 0; i < ISSUER_BYTES; i++) if (issuer[i] !== records[from + i]) return false;
  return true;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Copies `length` bytes, a multiple of four. */
function copyWords(
  from: DataView,
  fromAt: number,
  to: DataView,
  toAt: number,
  length: number,
): void {
  for (let i = 0; i < length; i += 4) to.setInt32(toAt + i, from.getInt32(fromAt + i));
}
