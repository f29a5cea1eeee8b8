/**
 * A virtual card: the command interpreter of a PBOC e-purse with one application. It holds what the
 * card keeps (`CardState`) and what it loses with its power (selection, open transaction), and
 * hands each new state to `commit` before it answers.
 */
import { copyBytes } from '../../../engine/bytes.ts';
import { type CardState, spendableMinor } from './card-state.ts';
import {
  answer,
  type Command,
  type Outcome,
  parseCommand,
  status,
  type Transaction,
} from './command.ts';
import { readBinary, readRecord, select } from './files.ts';
import type { HeldCard } from './held-card.ts';
import { creditLoad, initializeLoad } from './load.ts';
import { personalities, plain, type Quirks } from './personality.ts';
import { debit, initializePurchase, prove, type RandomBytes, updateCache } from './purchase.ts';
import { type Recording, recordingOf, replayDebit, replayInitialize } from './replay.ts';

export interface VirtualCardOptions {
  readonly state: CardState;
  /** The card's random source: `randomBytes` of node:crypto, or a seeded one. */
  readonly randomBytes: RandomBytes;
  /** Makes a state durable; the card answers when it returns. An error from it is the caller's. */
  readonly commit?: (state: CardState) => void;
  readonly quirks?: Partial<Quirks>;
}

/** The earlier answer of which a stale card shows the bytes. */
const NOTHING_YET = new Uint8Array(16);

export class VirtualCard implements HeldCard {
  /** 7 bytes, made from the card number. */
  readonly uid: Uint8Array;
  readonly #randomBytes: RandomBytes;
  readonly #commit: (state: CardState) => void;
  readonly #quirks: Quirks;
  readonly #recording: Recording | null;
  #state: CardState;
  #selected = false;
  #transaction: Transaction | null = null;
  #earlier: Uint8Array = NOTHING_YET;

  constructor(options: VirtualCardOptions) {
    this.#state = options.state;
    this.#randomBytes = options.randomBytes;
    this.#commit = options.commit ?? (() => {});
    this.#quirks = { ...plain, ...options.quirks };
    this.#recording = this.#quirks.replay ? recordingOf(options.state) : null;
    this.uid = new Uint8Array(7);
    this.uid[0] = 0x04;
    copyBytes(options.state.cardNumber, 4, this.uid, 1, 6);
  }

  /** What the card keeps without power. */
  get state(): CardState {
    return this.#state;
  }

  /** Power was lost or came back: everything volatile is forgotten. */
  power(): void {
    this.#selected = false;
    this.#transaction = null;
    this.#earlier = NOTHING_YET;
  }

  /** Answers a C-APDU with data ‖ SW1 ‖ SW2; any bytes get an answer of at least 2. */
  transmit(apdu: Uint8Array): Uint8Array {
    const outcome = this.#perform(apdu);
    if (outcome.state) {
      this.#commit(outcome.state);
      this.#state = outcome.state;
    }
    const { response } = outcome;
    const asksAgain = response[response.length - 2] === 0x6c;
    if (!asksAgain) this.#transaction = outcome.transaction ?? null;
    if (response.length > 2) this.#earlier = response.subarray(0, response.length - 2);
    return response;
  }

  /** Power is lost while the card works on `apdu`: all is computed and nothing committed. */
  loseDuring(apdu: Uint8Array): void {
    this.#perform(apdu);
    this.power();
  }

  #perform(apdu: Uint8Array): Outcome {
    // A copy: what the card keeps of a command must not change with the sender's buffer.
    const command = parseCommand(new Uint8Array(apdu));
    if (!command) return status(0x6700);
    if (this.#state.application === 'permanentlyLocked') return status(0x9303);
    if (command.cla === 0x00) return this.#performIso(command);
    if (command.cla === 0x80) return this.#performPurse(command);
    return status(0x6e00);
  }

  #performIso(command: Command): Outcome {
    switch (command.ins) {
      case 0xa4: {
        const { selected, ...outcome } = select(this.#state, this.#quirks, command);
        this.#selected ||= selected;
        return outcome;
      }
      case 0xb0:
        if (!this.#selected) return status(0x6a82);
        return readBinary(this.#state, this.#quirks, command, this.#earlier);
      case 0xb2:
        if (!this.#selected) return status(0x6a82);
        return readRecord(this.#state, this.#quirks, command, this.#earlier);
      case 0x84:
        return this.#challenge(command);
      default:
        return status(0x6d00);
    }
  }

  /** 00 84 00 00 04|08. */
  #challenge({ p1, p2, data, le }: Command): Outcome {
    if (p1 !== 0 || p2 !== 0) return status(0x6a86);
    if (data.length > 0 || (le !== 0 && le !== 4 && le !== 8)) return status(0x6700);
    return { response: answer(this.#randomBytes(le === 0 ? 8 : le)) };
  }

  #performPurse(command: Command): Outcome {
    const transaction = this.#transaction;
    switch (command.ins) {
      case 0x5c:
        return this.#selected ? balance(this.#state, command) : status(0x6985);
      case 0x50:
        return this.#selected ? this.#initialize(command) : status(0x6985);
      case 0xdc:
        if (this.#recording && transaction)
          return { response: answer(new Uint8Array(0)), transaction };
        return updateCache(this.#state, transaction, command);
      case 0x54:
        if (this.#recording && transaction) return replayDebit(this.#recording);
        return debit(this.#state, this.#quirks, transaction, command);
      case 0x52:
        return creditLoad(this.#state, this.#quirks, transaction, command);
      case 0x5a:
        return this.#selected ? prove(this.#state, command) : status(0x6985);
      case 0xca:
        return this.#selected ? cityCode(this.#state, command) : status(0x6985);
      case 0x58:
        return status(0x6a81);
      default:
        return status(0x6d00);
    }
  }

  /** 80 50: what for is in P1; the card has a purse (P2 = 02) and no deposit (01). */
  #initialize(command: Command): Outcome {
    const { p1, p2 } = command;
    if (p1 > 5 || p1 === 2 || p2 === 0 || p2 > 2) return status(0x6a86);
    if (p2 === 1 || p1 > 3) return status(0x6a81);
    if (p1 === 0) return initializeLoad(this.#state, command, this.#randomBytes);
    if (this.#recording) return replayInitialize(this.#recording, command.data);
    return initializePurchase(this.#state, this.#quirks, command, this.#randomBytes);
  }
}

/**
 * 80 5C P1 02 04: 00 balance, and on T-Union 01 overdraft limit, 02 overdraft used, 03 what can be
 * spent. Elsewhere the balance is what can be spent.
 */
function balance(state: CardState, command: Command): Outcome {
  const { p1, p2, data, le } = command;
  const tUnion = state.personality === 'tunion';
  if (p2 === 1) return status(0x6a81);
  if (p2 !== 2 || p1 > (tUnion ? 3 : 0)) return status(0x6a86);
  if (data.length > 0) return status(0x6700);
  if (le !== 0 && le !== 4) return status(0x6c04);
  const values = [
    tUnion ? Math.max(0, state.balanceMinor) : spendableMinor(state),
    state.overdraftLimitMinor,
    Math.max(0, -state.balanceMinor),
    spendableMinor(state),
  ];
  const value = values[p1]!;
  return { response: answer(Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value)) };
}

/** 80 CA 00 00 09: the nine bytes that enter MAC1 of a city-union card. */
function cityCode(state: CardState, command: Command): Outcome {
  const code = personalities[state.personality].cityCode;
  if (!code) return status(0x6d00);
  if (command.p1 !== 0 || command.p2 !== 0) return status(0x6a88);
  if (command.data.length > 0) return status(0x6700);
  if (command.le !== 0 && command.le !== code.length) return status(0x6c00 | code.length);
  return { response: answer(code) };
}
