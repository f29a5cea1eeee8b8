/**
 * A client of pcscd, over its local socket and without a native package: one reader of it, its
 * state, and the card in it.
 */

import { APDU_RESPONSE_BYTES_MAX } from '../../engine/card-limits.ts';
import { READER_ANSWER_MS_MAX } from '../../engine/durations.ts';
import { FaregateError, systemText } from '../../engine/errors.ts';
import type { ByteLinkSource } from './byte-link.ts';
import { FrameLine, type Scanner } from './frame-line.ts';
import {
  CONNECT_BYTES,
  CONTEXT_BYTES,
  connectAnswer,
  connectBody,
  DISCONNECT_BYTES,
  LEAVE_CARD,
  PCSC_MAJOR,
  PCSC_MINOR,
  type PcscCard,
  PcscCommand,
  type PcscReaderState,
  PcscResult,
  pcscRequest,
  READERS_STATE_BYTES,
  RECONNECT_BYTES,
  readersState,
  reconnectAnswer,
  reconnectBody,
  TRANSMIT_BYTES,
  transmitAnswer,
  transmitBody,
  UNPOWER_CARD,
  VERSION_BYTES,
  WAIT_BYTES,
  word,
  words,
} from './pcsc-wire.ts';

/** Cuts the stream where the caller says that an answer ends. */
class AnswerScanner implements Scanner<Uint8Array> {
  /** Bytes of the answer that is awaited. */
  wanted = 0;
  readonly begun: boolean = false;
  #bytes: Uint8Array = new Uint8Array(0);

  push(chunk: Uint8Array): void {
    this.#bytes = Buffer.concat([this.#bytes, chunk]);
  }

  next(): Uint8Array | null {
    if (this.#bytes.length < this.wanted) return null;
    const answer = new Uint8Array(this.#bytes.subarray(0, this.wanted));
    this.#bytes = this.#bytes.subarray(this.wanted);
    return answer;
  }

  clear(): void {
    this.#bytes = new Uint8Array(0);
  }
}

async function openLine(
  name: string,
  source: ByteLinkSource,
  scanner: AnswerScanner,
): Promise<FrameLine<Uint8Array>> {
  try {
    return await FrameLine.open(name, source, scanner);
  } catch (cause) {
    const why = `${name}: ${systemText(cause)}: is pcscd running?`;
    throw new FaregateError('READER_FAILED', why, { cause });
  }
}

/** Why a card that is there cannot be used. */
export type PcscRefusal = 'gone' | 'unreadable';

export class PcscService {
  readonly #name: string;
  readonly #line: FrameLine<Uint8Array>;
  readonly #scanner: AnswerScanner;
  readonly #answerMs: number;
  #context = 0;
  #reader = '';
  /** The request under way; the next begins after it. */
  #request: Promise<unknown> = Promise.resolve();

  /**
   * Connects to the service and finds the reader.
   * @param wanted the reader's name or a part of it; '' for the only one there is
   * @throws FaregateError READER_FAILED where service or reader are not there, or the reader is not
   * the only one of that name.
   */
  static async open(
    name: string,
    source: ByteLinkSource,
    wanted: string,
    answerMs: number = READER_ANSWER_MS_MAX,
  ): Promise<PcscService> {
    const scanner = new AnswerScanner();
    const line = await openLine(name, source, scanner);
    const service = new PcscService(name, line, scanner, answerMs);
    try {
      await service.#greet();
      service.#reader = service.#choose(await service.#readers(), wanted);
      return service;
    } catch (error) {
      line.close();
      throw error;
    }
  }

  private constructor(
    name: string,
    line: FrameLine<Uint8Array>,
    scanner: AnswerScanner,
    answerMs: number,
  ) {
    this.#name = name;
    this.#line = line;
    this.#scanner = scanner;
    this.#answerMs = answerMs;
  }

  /** @throws FaregateError READER_FAILED where the reader is there no more, or the service. */
  async state(): Promise<PcscReaderState> {
    return this.#own(await this.#readers());
  }

  /**
   * Waits until the reader's state is another than `seen`, at most `ms`; false when it is not.
   * @throws as `state`
   */
  change(seen: PcscReaderState, ms: number): Promise<boolean> {
    return this.#one(async () => {
      this.#line.send(pcscRequest(PcscCommand.waitChange, words()));
      const state = this.#own(readersState(await this.#take(READERS_STATE_BYTES)));
      const same = state.events === seen.events && state.present === seen.present;
      if (same && (await this.#takeWithin(WAIT_BYTES, ms))) return true;
      // One answer comes either way: to this, or the change that came before it.
      this.#line.send(pcscRequest(PcscCommand.stopWaiting, words()));
      await this.#take(WAIT_BYTES);
      return !same;
    });
  }

  /** Powers the card. @throws FaregateError READER_FAILED where another program has the reader. */
  async connect(): Promise<PcscCard | PcscRefusal> {
    const { card, result } = await this.#connect(false);
    return result === PcscResult.success ? card : this.#refusal(result);
  }

  /**
   * Powers a card that the service has not noticed. One that left in the middle of a command and
   * came back before pcscd looked again (every 400 ms) would else stay unseen.
   * @throws as `connect`
   */
  async revive(): Promise<PcscCard | null> {
    const { card, result } = await this.#connect(true);
    if (result !== PcscResult.success) {
      this.#refusal(result);
      return null;
    }
    const { handle } = card;
    const bytes = await this.#ask(PcscCommand.reconnect, reconnectBody(handle), RECONNECT_BYTES);
    const answer = reconnectAnswer(bytes);
    if (answer.result === PcscResult.success) return { handle, protocol: answer.protocol };
    await this.#disconnect(card, LEAVE_CARD);
    return null;
  }

  /**
   * Sends a C-APDU once; null where the card gave no answer.
   * @throws FaregateError READER_FAILED where the service gave none.
   */
  transmit(card: PcscCard, apdu: Uint8Array): Promise<Uint8Array | null> {
    return this.#one(async () => {
      this.#line.send(pcscRequest(PcscCommand.transmit, transmitBody(card, apdu.length), apdu));
      const { length, result } = transmitAnswer(await this.#take(TRANSMIT_BYTES));
      if (result !== PcscResult.success) return null;
      if (length > APDU_RESPONSE_BYTES_MAX) throw this.#failure(`an answer of ${length} bytes`);
      const response = await this.#take(length);
      return length < 2 ? null : response;
    });
  }

  /** Takes the card's power; what the service says of a card that has left does not matter. */
  disconnect(card: PcscCard): Promise<void> {
    return this.#disconnect(card, UNPOWER_CARD);
  }

  close(): void {
    this.#line.close();
  }

  async #greet(): Promise<void> {
    const version = words(PCSC_MAJOR, PCSC_MINOR, 0);
    const theirs = await this.#ask(PcscCommand.version, version, VERSION_BYTES);
    if (word(theirs, 2) !== PcscResult.success) {
      const [major, minor] = [word(theirs, 0), word(theirs, 1)];
      throw this.#failure(
        `pcscd speaks protocol ${major}:${minor}, not ${PCSC_MAJOR}:${PCSC_MINOR}`,
      );
    }
    const answer = await this.#ask(PcscCommand.establishContext, words(0, 0, 0), CONTEXT_BYTES);
    if (word(answer, 2) !== PcscResult.success) throw this.#failure('pcscd gives no context');
    this.#context = word(answer, 1);
  }

  async #connect(direct: boolean): Promise<{ readonly card: PcscCard; result: number }> {
    const body = connectBody(this.#context, this.#reader, direct);
    return connectAnswer(await this.#ask(PcscCommand.connect, body, CONNECT_BYTES));
  }

  async #disconnect(card: PcscCard, disposition: number): Promise<void> {
    const body = words(card.handle, disposition, 0);
    await this.#ask(PcscCommand.disconnect, body, DISCONNECT_BYTES);
  }

  #refusal(result: number): PcscRefusal {
    switch (result) {
      case PcscResult.noCard:
      case PcscResult.removedCard:
        return 'gone';
      case PcscResult.sharingViolation:
        throw this.#failure(`another program uses ${this.#reader}`);
      case PcscResult.unknownReader:
      case PcscResult.readerUnavailable:
        throw this.#failure(`${this.#reader} is not there`);
      default:
        return 'unreadable';
    }
  }

  async #readers(): Promise<PcscReaderState[]> {
    return readersState(await this.#ask(PcscCommand.readersState, words(), READERS_STATE_BYTES));
  }

  #choose(readers: readonly PcscReaderState[], wanted: string): string {
    const names = readers.map((reader) => reader.name);
    if (names.includes(wanted)) return wanted;
    const found = names.filter((name) => name.includes(wanted));
    const [only] = found;
    if (only !== undefined && found.length === 1) return only;
    const asked = wanted === '' ? 'one reader' : `one reader named ${wanted}`;
    const there = names.length === 0 ? 'none' : names.join(', ');
    throw this.#failure(`pcscd has not ${asked}; it has ${there}`);
  }

  #own(readers: readonly PcscReaderState[]): PcscReaderState {
    const own = readers.find((reader) => reader.name === this.#reader);
    if (own) return own;
    throw this.#failure(`${this.#reader} is not there`);
  }

  #ask(command: number, body: Uint8Array, answerBytes: number): Promise<Uint8Array> {
    return this.#one(() => {
      this.#line.send(pcscRequest(command, body));
      return this.#take(answerBytes);
    });
  }

  /** Does one request after the other. */
  #one<T>(request: () => Promise<T>): Promise<T> {
    const done = this.#request.then(request);
    this.#request = done.catch(() => {});
    return done;
  }

  async #take(bytes: number): Promise<Uint8Array> {
    const answer = await this.#takeWithin(bytes, this.#answerMs);
    if (answer) return answer;
    throw this.#failure(`pcscd did not answer in ${this.#answerMs} ms`);
  }

  async #takeWithin(bytes: number, ms: number): Promise<Uint8Array | null> {
    this.#scanner.wanted = bytes;
    const answer = await this.#line.receive(performance.now() + ms);
    return answer instanceof Uint8Array ? answer : null;
  }

  #failure(why: string): FaregateError {
    return new FaregateError('READER_FAILED', `${this.#name}: ${why}`);
  }
}
