/**
 * The riders' pockets: every virtual card of the simulated city and how far its rider has come, in
 * one file that outlives any process. A card's commit is one write of its record, so killing the
 * station tears cards exactly as a power cut at the gate would, and the cards remember.
 *
 * Header (64 bytes): magic, seed, riders, taps done, the city's clock. Then one record per rider:
 * the state of a purse or an AES card, that of a bank card (zeros where the card has none), the
 * rider's step and instant.
 */
import assert from 'node:assert/strict';
import { closeSync, existsSync, openSync, readFileSync, writeSync } from 'node:fs';
import { readU32, readU48, writeU32, writeU48 } from '../../engine/bytes.ts';
import { FaregateError } from '../../engine/errors.ts';
import {
  CARD_STATE_BYTES,
  decodeCardState,
  encodeCardState,
} from '../reader/virtual/card-state.ts';
import {
  DESFIRE_STATE_BYTES,
  decodeDesfireState,
  encodeDesfireState,
  isDesfireState,
} from '../reader/virtual/desfire/state-record.ts';
import { isEcashState } from '../reader/virtual/ecash-state-record.ts';
import { BANK_STATE_BYTES, decodeBankState, encodeBankState } from './bank-state.ts';
import type { Masters } from './masters.ts';
import { isDesfire, type RiderState } from './rider-card.ts';

const MAGIC = 0x46474347;
const HEADER_BYTES = 64;
const PROGRESS_BYTES = 16;
const STATE_BYTES = CARD_STATE_BYTES + BANK_STATE_BYTES;
const RECORD_BYTES = STATE_BYTES + PROGRESS_BYTES;
assert.equal(DESFIRE_STATE_BYTES, CARD_STATE_BYTES);
const at = { magic: 0, seed: 4, riders: 8, taps: 12, clockMs: 18 };

/** Where a rider is in the day's two journeys. */
export interface Progress {
  /** 0 at home, 1 riding to work, 2 at work, 3 riding home. */
  readonly step: number;
  /** Taps in a row that did not end this step. */
  readonly tries: number;
  /** When the rider comes to the gate next. */
  readonly nextMs: number;
}

export class CardFile {
  readonly #bytes: Uint8Array;
  readonly #fd: number;
  readonly #masters: Masters;
  readonly riders: number;

  private constructor(bytes: Uint8Array, fd: number, masters: Masters) {
    this.#bytes = bytes;
    this.#fd = fd;
    this.#masters = masters;
    this.riders = readU32(bytes, at.riders);
  }

  /** Makes the file with `make(index)` for each card, or opens the one that is there. */
  static open(
    path: string,
    seed: number,
    riders: number,
    masters: Masters,
    make: (index: number) => { state: RiderState; progress: Progress },
  ): CardFile {
    if (existsSync(path)) return CardFile.read(path, seed, masters);
    const bytes = new Uint8Array(HEADER_BYTES + riders * RECORD_BYTES);
    writeU32(bytes, at.magic, MAGIC);
    writeU32(bytes, at.seed, seed);
    writeU32(bytes, at.riders, riders);
    const fd = openSync(path, 'wx+');
    const file = new CardFile(bytes, fd, masters);
    for (let i = 0; i < riders; i++) {
      const { state, progress } = make(i);
      file.#encode(i, state);
      file.#encodeProgress(i, progress);
    }
    writeSync(fd, bytes, 0, bytes.length, 0);
    return file;
  }

  /** @throws FaregateError CONFIG_INVALID when the file is of another run. */
  static read(path: string, seed: number, masters: Masters): CardFile {
    const bytes = new Uint8Array(readFileSync(path));
    const riders = bytes.length >= HEADER_BYTES ? readU32(bytes, at.riders) : 0;
    if (
      bytes.length !== HEADER_BYTES + riders * RECORD_BYTES ||
      readU32(bytes, at.magic) !== MAGIC ||
      readU32(bytes, at.seed) !== seed
    ) {
      throw new FaregateError(
        'CONFIG_INVALID',
        `${path}: not the cards of a run with seed ${seed}`,
      );
    }
    return new CardFile(bytes, openSync(path, 'r+'), masters);
  }

  get taps(): number {
    return readU48(this.#bytes, at.taps);
  }

  get clockMs(): number {
    return readU48(this.#bytes, at.clockMs);
  }

  /** Counts a finished tap. */
  addTap(clockMs: number): void {
    writeU48(this.#bytes, at.taps, this.taps + 1);
    writeU48(this.#bytes, at.clockMs, Math.max(this.clockMs, Math.floor(clockMs)));
    this.#write(at.taps, 12);
  }

  card(index: number): RiderState {
    const from = recordAt(index);
    const bankFrom = from + CARD_STATE_BYTES;
    if (isDesfireState(this.#bytes, from)) {
      return decodeDesfireState(this.#bytes, from, this.#masters.desfire);
    }
    if (!isEcashState(this.#bytes, bankFrom)) return decodeCardState(this.#bytes, from);
    const bank = decodeBankState(this.#bytes, bankFrom);
    const hasPurse = readU32(this.#bytes, from) !== 0;
    return hasPurse ? { purse: decodeCardState(this.#bytes, from), bank } : { bank };
  }

  /** The card's commit: durable against the death of this process when it returns. */
  commit(index: number, state: RiderState): void {
    this.#encode(index, state);
    this.#write(recordAt(index), STATE_BYTES);
  }

  progress(index: number): Progress {
    const from = recordAt(index) + STATE_BYTES;
    return {
      step: this.#bytes[from]!,
      tries: this.#bytes[from + 1]!,
      nextMs: readU48(this.#bytes, from + 2),
    };
  }

  keep(index: number, progress: Progress): void {
    this.#encodeProgress(index, progress);
    this.#write(recordAt(index) + STATE_BYTES, PROGRESS_BYTES);
  }

  close(): void {
    closeSync(this.#fd);
  }

  #encode(index: number, state: RiderState): void {
    const from = recordAt(index);
    if ('bank' in state) {
      if ('purse' in state) encodeCardState(state.purse, this.#bytes, from);
      encodeBankState(state.bank, this.#bytes, from + CARD_STATE_BYTES);
    } else if (isDesfire(state)) encodeDesfireState(state, this.#bytes, from);
    else encodeCardState(state, this.#bytes, from);
  }

  #encodeProgress(index: number, progress: Progress): void {
    const from = recordAt(index) + STATE_BYTES;
    this.#bytes[from] = progress.step;
    this.#bytes[from + 1] = Math.min(progress.tries, 255);
    writeU48(this.#bytes, from + 2, Math.floor(progress.nextMs));
  }

  #write(from: number, length: number): void {
    const written = writeSync(this.#fd, this.#bytes, from, length, from);
    assert.equal(written, length);
  }
}

function recordAt(index: number): number {
  return HEADER_BYTES + index * RECORD_BYTES;
}
