/**
 * Files of stopped cards, as an operator has them: a line for each card number of 20 hexadecimal
 * digits, or FIRST-LAST for all numbers between. What follows a comma, semicolon or tab is not
 * read, nor are empty lines, lines that begin with #, and a heading: the first other line, where it
 * has no digits. Ten million lines pass in bounded memory, 8 bytes a card. Errors name file and
 * line, never the number. Cards are hashed by the batch, a few of which may be under way while the
 * next is read.
 */
import { open } from 'node:fs/promises';
import { fromHex, isHex, readU32 } from '../bytes.ts';
import { CARD_NUMBER_BYTES } from '../denylist/card-hash.ts';
import { compareNumbers, joinRanges, RANGE_BYTES } from '../denylist/ranges.ts';
import { KeyCollector, sortKeys } from '../denylist/sorted-keys.ts';
import { FaregateError, systemText } from '../errors.ts';
import {
  DENYLIST_BATCHES_MAX,
  DENYLIST_ENTRIES_MAX,
  DENYLIST_LINE_BYTES_MAX,
  DENYLIST_RANGES_MAX,
} from '../limits.ts';

const READ_BYTES = 1024 * 1024;
const DIGITS = 2 * CARD_NUMBER_BYTES;
/** Cards that one piece of a file can hold: a line is a number and a line feed at least. */
const PIECE_CARDS = Math.ceil((READ_BYTES + DENYLIST_LINE_BYTES_MAX) / (DIGITS + 1));
/** From so many on, what was read is handed over; a file may come in small pieces. */
const BATCH_CARDS = 32_768;
const LINE_FEED = 10;
const RANGE = new RegExp(`^([0-9A-Fa-f]{${DIGITS}})-([0-9A-Fa-f]{${DIGITS}})$`);

/** Value of a byte as a hexadecimal digit, or -1. */
const digitOf = Int8Array.from({ length: 256 }, (_, byte) => {
  const digit = '0123456789abcdef'.indexOf(String.fromCharCode(byte).toLowerCase());
  return byte > 32 ? digit : -1;
});

/** What several files stop together. */
export interface StoppedCards {
  /** Keyed hashes, pairs (high, low), ascending, each once. */
  readonly keys: Int32Array;
  /** Sorted and apart. */
  readonly ranges: Uint8Array;
}

/** Hashes of card numbers of 10 bytes each: two words a card, as `hashCardNumber` leaves them. */
export type HashCards = (numbers: Uint8Array) => Promise<Int32Array>;

/**
 * Reads and hashes the cards of all files.
 * @param hashes of cards stopped elsewhere: keyed hashes whose first 8 bytes are those of a list.
 * @param progress told how many lines were read, now and then.
 * @throws FaregateError FILE_UNREADABLE; DENYLIST_CARDS_INVALID naming file and line.
 */
export async function readStoppedCards(
  paths: readonly string[],
  hashCards: HashCards,
  progress: (lines: number) => void,
  hashes: Iterable<Uint8Array> = [],
): Promise<StoppedCards> {
  const reader = new CardLines();
  const batches = new Batches(hashCards);
  for (const hash of hashes) {
    reader.count(1);
    batches.add(Int32Array.of(readU32(hash, 0), readU32(hash, 4)));
  }
  for (const path of paths) await readFileInto(reader, batches, path, progress);
  const ranges = joinRanges(reader.ranges);
  if (ranges.length > DENYLIST_RANGES_MAX * RANGE_BYTES) {
    const message = `more than ${DENYLIST_RANGES_MAX} ranges apart from each other`;
    throw new FaregateError('DENYLIST_CARDS_INVALID', `${paths.join(', ')}: ${message}`);
  }
  return { keys: sortKeys(await batches.keys()), ranges };
}

async function readFileInto(
  reader: CardLines,
  batches: Batches,
  path: string,
  progress: (lines: number) => void,
): Promise<void> {
  reader.begin(path);
  const buffer = new Uint8Array(READ_BYTES + DENYLIST_LINE_BYTES_MAX);
  let kept = 0;
  try {
    const file = await open(path, 'r');
    try {
      for (;;) {
        const { bytesRead } = await file.read(buffer, kept, READ_BYTES);
        if (bytesRead === 0) break;
        const end = kept + bytesRead;
        const from = reader.takeLines(buffer, end);
        buffer.copyWithin(0, from, end);
        kept = end - from;
        if (reader.waiting >= BATCH_CARDS) await batches.send(reader.takeNumbers());
        progress(reader.lines);
      }
      if (kept > 0) reader.takeLine(buffer, 0, kept);
      await batches.send(reader.takeNumbers());
    } finally {
      await file.close();
    }
  } catch (cause) {
    if (cause instanceof FaregateError) throw cause;
    throw new FaregateError('FILE_UNREADABLE', `${path}: ${systemText(cause)}`, { cause });
  }
}

/** Batches with whoever hashes them, and what came back. */
class Batches {
  readonly #hashCards: HashCards;
  readonly #keys = new KeyCollector();
  readonly #underWay: Promise<Int32Array>[] = [];

  constructor(hashCards: HashCards) {
    this.#hashCards = hashCards;
  }

  /** Waits where more than a few are under way. */
  async send(numbers: Uint8Array): Promise<void> {
    if (numbers.length === 0) return;
    const hashes = this.#hashCards(numbers);
    // Told to whoever waits for it, which may be after a line that is refused.
    hashes.catch(() => {});
    this.#underWay.push(hashes);
    while (this.#underWay.length > DENYLIST_BATCHES_MAX) await this.#takeFirst();
  }

  /** Every key there is, once nothing is under way. */
  async keys(): Promise<Int32Array> {
    while (this.#underWay.length > 0) await this.#takeFirst();
    return this.#keys.keys();
  }

  /** Pairs (high, low) as `hashCardNumber` leaves them, save that a low half may be 0. */
  add(hashes: Int32Array): void {
    for (let i = 0; i < hashes.length; i += 2) {
      const low = hashes[i + 1]!;
      this.#keys.add(hashes[i]!, low === 0 ? 1 : low);
    }
  }

  async #takeFirst(): Promise<void> {
    this.add(await this.#underWay.shift()!);
  }
}

class CardLines {
  readonly ranges: Uint8Array[] = [];
  /** Lines of all files so far. */
  lines = 0;
  #cards = 0;
  /** Numbers of a batch that is not whole yet and of a piece, and of the line being looked at. */
  readonly #numbers = new Uint8Array((BATCH_CARDS + PIECE_CARDS + 1) * CARD_NUMBER_BYTES);
  #used = 0;
  #path = '';
  #line = 0;
  /** Whether a line of this file was read that is neither empty nor a remark. */
  #begun = false;

  begin(path: string): void {
    this.#path = path;
    this.#line = 0;
    this.#begun = false;
  }

  /** Takes the whole lines of `bytes[0..end)`; returns where the rest begins. */
  takeLines(bytes: Uint8Array, end: number): number {
    let from = 0;
    for (;;) {
      const feed = bytes.indexOf(LINE_FEED, from);
      if (feed === -1 || feed >= end) break;
      this.takeLine(bytes, from, feed);
      from = feed + 1;
    }
    if (end - from >= DENYLIST_LINE_BYTES_MAX) this.#line += 1;
    this.#bound(end - from);
    return from;
  }

  takeLine(bytes: Uint8Array, from: number, to: number): void {
    this.#line += 1;
    this.lines += 1;
    if (this.#isNumber(bytes, from, to)) {
      this.#begun = true;
      this.count(1);
      this.#used += CARD_NUMBER_BYTES;
      return;
    }
    this.#bound(to - from);
    this.#takeText(new TextDecoder().decode(bytes.subarray(from, to)));
  }

  /** Numbers that were not taken yet. */
  get waiting(): number {
    return this.#used / CARD_NUMBER_BYTES;
  }

  /** The numbers of the lines since the last call, one after another. */
  takeNumbers(): Uint8Array {
    const numbers = this.#numbers.slice(0, this.#used);
    this.#used = 0;
    return numbers;
  }

  /** Counts cards against what a list may hold. */
  count(cards: number): void {
    if (this.#cards + cards > DENYLIST_ENTRIES_MAX) {
      throw this.#wrong(`more than ${DENYLIST_ENTRIES_MAX} cards`);
    }
    this.#cards += cards;
  }

  /** Whether the line is a number and nothing else that is read; leaves it behind the others. */
  #isNumber(bytes: Uint8Array, from: number, to: number): boolean {
    if (to - from < DIGITS) return false;
    for (let i = 0; i < CARD_NUMBER_BYTES; i++) {
      const high = digitOf[bytes[from + 2 * i]!]!;
      const low = digitOf[bytes[from + 2 * i + 1]!]!;
      if ((high | low) < 0) return false;
      this.#numbers[this.#used + i] = (high << 4) | low;
    }
    const next = from + DIGITS === to ? ',' : String.fromCharCode(bytes[from + DIGITS]!);
    return next === ',' || (next === '\r' && from + DIGITS + 1 === to);
  }

  #takeText(text: string): void {
    const cell = text.split(/[,;\t]/, 1)[0]!.trim();
    if (cell === '' || cell.startsWith('#')) return;
    const isFirst = !this.#begun;
    this.#begun = true;
    if (isHex(cell, CARD_NUMBER_BYTES)) {
      this.takeLine(new TextEncoder().encode(cell), 0, DIGITS);
      this.#line -= 1;
      this.lines -= 1;
      return;
    }
    const range = RANGE.exec(cell);
    if (range) {
      this.#takeRange(fromHex(range[1]! + range[2]!));
      return;
    }
    if (isFirst && !/\d/.test(cell)) return;
    const wanted = `a card number of ${DIGITS} hexadecimal digits, or FIRST-LAST`;
    throw this.#wrong(`not ${wanted}; it has ${cell.length} characters`);
  }

  #takeRange(range: Uint8Array): void {
    if (compareNumbers(range, 0, range, CARD_NUMBER_BYTES) > 0) {
      throw this.#wrong('the range ends before it begins');
    }
    // Ranges that overlap are joined at the end; of so many, no sound file has more.
    if (this.ranges.length === 16 * DENYLIST_RANGES_MAX) {
      throw this.#wrong(`more than ${16 * DENYLIST_RANGES_MAX} ranges`);
    }
    this.ranges.push(range);
  }

  #bound(length: number): void {
    if (length >= DENYLIST_LINE_BYTES_MAX) {
      throw this.#wrong(`a line of more than ${DENYLIST_LINE_BYTES_MAX} bytes`);
    }
  }

  #wrong(what: string): FaregateError {
    return new FaregateError('DENYLIST_CARDS_INVALID', `${this.#path}:${this.#line}: ${what}`);
  }
}
