/**
 * Which cards a station knows, on its disk, so that their keys are derived before the riders of the
 * next morning come. One file beside a gate's journal:
 *
 *     head 16: magic 4 ‖ version 1 ‖ 0 0 0 ‖ count 4 ‖ 0 0 0 0
 *     salt 16, drawn for each write
 *     sealed pieces: up to 63 identities of 28 bytes (`card-keys.ts`) and a tag of 16
 *
 * Identities hold card numbers, so every piece is sealed (XChaCha20-Poly1305 under the gate's key,
 * the salt and the piece's number as nonce, the head as associated data). Keys are never written.
 * It is a hint and is not synced: a power cut costs at most the list, and a piece that does not
 * open is passed over.
 */
import assert from 'node:assert/strict';
import { readU32, writeU32 } from '../../engine/bytes.ts';
import {
  AEAD_PREFIX_BYTES,
  AEAD_TAG_BYTES,
  type Aead,
  createAead,
} from '../../engine/crypto/aead.ts';
import { loadWord, storeWord } from '../../engine/crypto/words.ts';
import { CARD_KEYS_STATION_MAX } from '../../engine/limits.ts';
import type { Disk, DiskFile } from '../journal/disk.ts';
import { IDENTITY_WORDS } from './card-keys.ts';

const FILE = 'cards';
const MAGIC = 0x4647_434c;
const VERSION = 2;
const HEAD_BYTES = 16;
const PIECES_AT = HEAD_BYTES + AEAD_PREFIX_BYTES;
const IDENTITY_BYTES = 4 * IDENTITY_WORDS;
/** Identities in one piece: sealed in some 15 us, so that no tap waits for long. */
const PIECE_CARDS = 63;
const PIECE_BYTES = PIECE_CARDS * IDENTITY_BYTES;
const SEALED_BYTES = PIECE_BYTES + AEAD_TAG_BYTES;

export interface CardListOptions {
  readonly disk: Disk;
  /** 32 bytes, the journal's. */
  readonly key: Uint8Array;
  readonly random: (bytes: number) => Uint8Array;
  /** Cards it is to hold. */
  readonly capacity: number;
}

export class CardList {
  /** Identities that an earlier process kept, as `CardKeys.identities` gives them. */
  readonly found: Int32Array;
  readonly #options: CardListOptions;
  readonly #file: DiskFile;
  #writing: Promise<void> = Promise.resolve();

  private constructor(options: CardListOptions, file: DiskFile, found: Int32Array) {
    this.#options = options;
    this.#file = file;
    this.found = found;
  }

  /**
   * Opens or makes the list. One that is damaged, or another gate's, is empty; what is found may be
   * more than `capacity`, where that was larger.
   * @throws FaregateError DISK_FULL, DISK_FAILED.
   */
  static async open(options: CardListOptions): Promise<CardList> {
    const { disk, capacity } = options;
    const bytes = PIECES_AT + Math.ceil(capacity / PIECE_CARDS) * SEALED_BYTES;
    let found: Int32Array = new Int32Array(0);
    if ((await disk.list()).includes(FILE)) {
      const file = await disk.open(FILE);
      found = await readCards(file, options);
      if ((await file.read(bytes - 1, 1)).length === 1) return new CardList(options, file, found);
      await file.close();
      await disk.remove(FILE);
    }
    return new CardList(options, await disk.preallocate(FILE, bytes), found);
  }

  /**
   * Writes these identities, at most `capacity`, in the place of those before, piece by piece with
   * the thread free in between; calls queue.
   * @throws FaregateError DISK_FULL, DISK_FAILED; the list is then lost.
   */
  keep(identities: Int32Array): Promise<void> {
    const written = this.#writing.then(() => this.#write(identities));
    this.#writing = written.catch(() => {});
    return written;
  }

  /** Waits for the write under way. */
  async end(): Promise<void> {
    await this.#writing;
    await this.#file.close();
  }

  async #write(identities: Int32Array): Promise<void> {
    const { key, random, capacity } = this.#options;
    const count = identities.length / IDENTITY_WORDS;
    assert(count <= capacity);
    const head = new Uint8Array(PIECES_AT);
    writeU32(head, 0, MAGIC);
    head[4] = VERSION;
    writeU32(head, 8, count);
    const salt = random(AEAD_PREFIX_BYTES);
    head.set(salt, HEAD_BYTES);
    await this.#file.write(head, 0);
    const aead = createAead(key, salt, PIECE_BYTES);
    for (let piece = 0; piece * PIECE_CARDS < count; piece++) {
      const from = piece * PIECE_CARDS * IDENTITY_WORDS;
      const words = identities.subarray(from, from + PIECE_CARDS * IDENTITY_WORDS);
      const plain = new Uint8Array(4 * words.length);
      for (let i = 0; i < words.length; i++) storeWord(words[i]!, plain, 4 * i);
      const sealed = new Uint8Array(plain.length + AEAD_TAG_BYTES);
      aead.seal(0, piece, head.subarray(0, HEAD_BYTES), plain, sealed, 0);
      await this.#file.write(sealed, PIECES_AT + piece * SEALED_BYTES);
    }
  }
}

async function readCards(file: DiskFile, { key }: CardListOptions): Promise<Int32Array> {
  const nothing = new Int32Array(0);
  const start = await file.read(0, PIECES_AT);
  if (start.length < PIECES_AT || readU32(start, 0) !== MAGIC || start[4] !== VERSION) {
    return nothing;
  }
  const count = readU32(start, 8);
  if (count > CARD_KEYS_STATION_MAX) return nothing;
  const head = start.slice(0, HEAD_BYTES);
  const aead = createAead(key, start.slice(HEAD_BYTES), PIECE_BYTES);
  const found = new Int32Array(count * IDENTITY_WORDS);
  let length = 0;
  for (let piece = 0; piece * PIECE_CARDS < count; piece++) {
    const words = await readPiece(file, aead, head, piece, count - piece * PIECE_CARDS);
    found.set(words, length);
    length += words.length;
  }
  return found.slice(0, length);
}

/** The words of a piece, or none where it does not open. */
async function readPiece(
  file: DiskFile,
  aead: Aead,
  head: Uint8Array,
  piece: number,
  cardsLeft: number,
): Promise<Int32Array> {
  const length = Math.min(PIECE_CARDS, cardsLeft) * IDENTITY_BYTES;
  const at = PIECES_AT + piece * SEALED_BYTES;
  const sealed = await file.read(at, length + AEAD_TAG_BYTES);
  const plain = aead.open(0, piece, head, sealed);
  if (plain?.length !== length) return new Int32Array(0);
  return Int32Array.from({ length: length / 4 }, (_, i) => loadWord(plain, 4 * i));
}
