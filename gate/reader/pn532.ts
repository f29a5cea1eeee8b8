/**
 * The commands of a PN532 that a gate needs (UM0701-02, chapter 7): looking for ISO 14443 type A
 * cards, exchanging APDUs with one, and switching the field.
 */
import { copyBytes } from '../../engine/bytes.ts';
import { APDU_RESPONSE_BYTES_MAX } from '../../engine/card-limits.ts';
import { READER_ANSWER_MS_MAX } from '../../engine/durations.ts';
import { FaregateError } from '../../engine/errors.ts';
import type { Pn532Channel } from './pn532-channel.ts';

const Command = {
  rfConfiguration: 0x32,
  inDataExchange: 0x40,
  inListPassiveTarget: 0x4a,
} as const;

/** RFConfiguration items. */
const RF_FIELD = 0x01;
const RF_RETRIES = 0x05;
/** Attempts to activate a card in one look: 0 is one, FF would wait for a card for good. */
const ACTIVATION_RETRIES = 1;
const TYPE_A_106_KBPS = 0x00;
/** The chip keeps two cards apart; more stay unseen behind them. */
const TARGETS_MAX = 2;
/** Bit 6 of Tg: more of the command follows. Of the status: more of the answer is there. */
const MORE = 0x40;
const STATUS_ERROR = 0x3f;
/** SAK: the card speaks ISO 14443-4. */
const SAK_14443_4 = 0x20;

/** A card that the chip has activated. */
export interface Target {
  readonly number: number;
  readonly uid: Uint8Array;
  /** Whether it takes APDUs. */
  readonly speaksApdu: boolean;
}

export class Pn532 {
  readonly #name: string;
  readonly #channel: Pn532Channel;
  readonly #answerMs: number;
  /** The exchange under way; the next begins after it. */
  #exchange: Promise<unknown> = Promise.resolve();

  /** Wakes the chip. @throws FaregateError READER_FAILED where it does not answer as it should. */
  static async start(
    name: string,
    channel: Pn532Channel,
    answerMs: number = READER_ANSWER_MS_MAX,
  ): Promise<Pn532> {
    const chip = new Pn532(name, channel, answerMs);
    try {
      await channel.wake();
      await chip.#must([Command.rfConfiguration, RF_RETRIES, 0xff, 0x01, ACTIVATION_RETRIES]);
      await chip.renewField();
      return chip;
    } catch (error) {
      channel.close();
      throw error;
    }
  }

  private constructor(name: string, channel: Pn532Channel, answerMs: number) {
    this.#name = name;
    this.#answerMs = answerMs;
    this.#channel = channel;
  }

  /**
   * Cards in the field, at most two.
   * @throws FaregateError READER_FAILED where the chip does not answer as it should.
   */
  async targets(): Promise<Target[]> {
    const answer = await this.#must([Command.inListPassiveTarget, TARGETS_MAX, TYPE_A_106_KBPS]);
    const targets = parseTargets(answer);
    if (targets) return targets;
    throw new FaregateError('READER_FAILED', `${this.#name}: the answer lists no cards`);
  }

  /**
   * Sends a C-APDU to a card once; null where the card or the chip gave no whole answer.
   * @throws FaregateError READER_FAILED when the link is over.
   */
  async exchange(target: number, apdu: Uint8Array): Promise<Uint8Array | null> {
    const pieceMax = this.#channel.commandBytesMax - 2;
    let at = 0;
    while (apdu.length - at > pieceMax) {
      const piece = apdu.subarray(at, at + pieceMax);
      const taken = await this.#data(target | MORE, piece);
      if (taken?.length !== 1 || (taken[0]! & STATUS_ERROR) !== 0) return null;
      at += pieceMax;
    }
    const response = new Uint8Array(APDU_RESPONSE_BYTES_MAX);
    let length = 0;
    let answer = await this.#data(target, apdu.subarray(at));
    for (;;) {
      const status = answer?.[0];
      if (!answer || status === undefined || (status & STATUS_ERROR) !== 0) return null;
      const data = answer.length - 1;
      if (length + data > APDU_RESPONSE_BYTES_MAX) return null;
      copyBytes(answer, 1, response, length, data);
      length += data;
      if ((status & MORE) === 0) return length < 2 ? null : response.subarray(0, length);
      // Each round must bring something, so that they end.
      if (data === 0) return null;
      answer = await this.#data(target, new Uint8Array(0));
    }
  }

  /** Takes the power from every card for a moment: what is there afterwards begins anew. */
  async renewField(): Promise<void> {
    await this.fieldOff();
    await this.#must([Command.rfConfiguration, RF_FIELD, 0x01]);
  }

  async fieldOff(): Promise<void> {
    await this.#must([Command.rfConfiguration, RF_FIELD, 0x00]);
  }

  close(): void {
    this.#channel.close();
  }

  #data(target: number, piece: Uint8Array): Promise<Uint8Array | null> {
    const command = new Uint8Array(2 + piece.length);
    command[0] = Command.inDataExchange;
    command[1] = target;
    command.set(piece, 2);
    return this.#send(command, false);
  }

  async #must(command: readonly number[]): Promise<Uint8Array> {
    const answer = await this.#send(Uint8Array.from(command), true);
    if (answer) return answer;
    const code = command[0]!.toString(16).toUpperCase();
    throw new FaregateError('READER_FAILED', `${this.#name}: no answer to command ${code}`);
  }

  #send(command: Uint8Array, repeatable: boolean): Promise<Uint8Array | null> {
    const options = { timeoutMs: this.#answerMs, repeatable };
    const exchange = this.#exchange.then(() => this.#channel.exchange(command, options));
    this.#exchange = exchange.catch(() => {});
    return exchange;
  }
}

/**
 * Count, then for each type A card: number, SENS_RES 2, SEL_RES, length and UID, and with
 * ISO 14443-4 the ATS, whose length counts itself. Null where the bytes are not that.
 */
function parseTargets(answer: Uint8Array): Target[] | null {
  const count = answer[0];
  if (count === undefined || count > TARGETS_MAX) return null;
  const targets: Target[] = [];
  let at = 1;
  for (let i = 0; i < count; i++) {
    const number = answer[at];
    const sak = answer[at + 3];
    const uidLength = answer[at + 4];
    if (number === undefined || sak === undefined || uidLength === undefined) return null;
    const uid = answer.slice(at + 5, at + 5 + uidLength);
    if (uid.length !== uidLength) return null;
    at += 5 + uidLength;
    const speaksApdu = (sak & SAK_14443_4) !== 0;
    if (speaksApdu) {
      const ats = answer[at];
      if (ats === undefined || ats === 0 || at + ats > answer.length) return null;
      at += ats;
    }
    targets.push({ number, uid, speaksApdu });
  }
  return targets;
}
