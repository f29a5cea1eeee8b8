/**
 * Drives one tap's dialogue: sends its commands to the card, its jobs to the key holder, its
 * intents to the journal, and keeps the time. Where the card is a model that does not really wait
 * (`modelledUs`), the modelled time counts as if it had passed, and a disk write that it would have
 * hidden is counted as hidden.
 */
import { readU16 } from '../engine/bytes.ts';
import type { Answer, CardAsk, CommitAnswer } from '../engine/card/dialogue.ts';
import { getProcessingOptions } from '../engine/card/qpboc/commands/get-processing-options.ts';
import type { KernelOutcome } from '../engine/card/qpboc/kernel.ts';
import { SW_OK } from '../engine/card/status.ts';
import { encodeDebit } from '../engine/debit/codec.ts';
import {
  type EvidenceEvent,
  EvidenceFamily,
  encodeEvent,
  evidenceFamilyOf,
} from '../engine/debit/event.ts';
import { DEBIT_BYTES, type Debit } from '../engine/debit/record.ts';
import { BANK_DEBIT_RESERVE_MS, TAP_DEBIT_RESERVE_MS } from '../engine/durations.ts';
import { FaregateError } from '../engine/errors.ts';
import { invariant } from '../engine/invariant.ts';
import type { Decision, TapRun } from '../engine/tap/decision.ts';
import type { Clock } from './clock.ts';
import type { Journal } from './journal/port.ts';
import type { CardSession } from './reader/reader.ts';
import type { AesKeyHolder } from './sam/aes-holder.ts';
import type { KeyHolder } from './sam/key-holder.ts';

/** One command of a tap, as the trace keeps it. */
export interface Stage {
  readonly command: string;
  /** Host time from the answer before (or the card's detection) to handing this command over. */
  readonly hostUs: number;
  /** From handing over to the answer: link, air and card. */
  readonly cardUs: number;
  /** Status word, or -1 when the card had gone. */
  readonly sw: number;
  /** Copies, kept only where the driver was told to. */
  readonly apdu: Uint8Array | null;
  readonly answer: Uint8Array | null;
}

/** The same for all taps of a gate. */
export interface DriverParts {
  readonly keys: KeyHolder;
  /** Where the gate takes AES cards. */
  readonly aesKeys: AesKeyHolder | null;
  readonly journal: Journal;
  readonly clock: Clock;
  /** Told of a debit before its card is: what comes of it is not known until the tap is over. */
  readonly begin: (debit: Debit) => void;
  readonly deadlineMs: number;
  /** Of bank cards. */
  readonly bankDeadlineMs: number;
  /** Keep copies of commands and answers in the stages. */
  readonly keepBytes: boolean;
}

const NONE_REFUSED: ReadonlySet<number> = new Set<number>();
/** An intent being laid out; the journal copies it. */
const record = new Uint8Array(DEBIT_BYTES);

export class TapDriver {
  readonly stages: Stage[] = [];
  /** Intents that the journal did not take, by sequence, with its error. */
  readonly #refused = new Map<number, unknown>();
  readonly #parts: DriverParts;
  readonly #card: CardSession;
  readonly #startUs: number;
  #markUs: number;
  /** When the command under way was handed over, by both clocks, and its copy. */
  #sentUs = 0;
  #sentModelledUs = 0;
  #sentBytes: Uint8Array | null = null;
  #hostUs = 0;
  #isBank = false;
  #outcome: KernelOutcome | null = null;
  #begun: Debit | null = null;
  /** Real waiting that a modelled card would have hidden. */
  #hiddenUs = 0;
  readonly #unwritten: (Debit | EvidenceEvent)[] = [];
  readonly #intents: Promise<void>[] = [];
  #intentUs = 0;
  #intentModelledUs = 0;
  #intentsOpen = 0;

  constructor(parts: DriverParts, card: CardSession) {
    this.#parts = parts;
    this.#card = card;
    this.#startUs = parts.clock.monotonicUs();
    this.#markUs = this.#startUs;
  }

  /** The tap so far, in microseconds, as the rider lives it. */
  elapsedUs(): number {
    const nowUs = this.#parts.clock.monotonicUs();
    return nowUs - this.#startUs + this.#card.modelledUs - this.#hiddenUs;
  }

  /** The host's share of it, up to the last time the dialogue waited or ended. */
  get hostUs(): number {
    return this.#hostUs;
  }

  /** Whether the card pays as a bank card, or was asked to: then it has `bankDeadlineMs`. */
  get isBank(): boolean {
    return this.#isBank;
  }

  /** Of the reader's kernel, where the tap asked for it. */
  get outcome(): KernelOutcome | null {
    return this.#outcome;
  }

  /** The debit that its card was sent, or its kernel says that it was; null: none. */
  get begun(): Debit | null {
    return this.#begun;
  }

  async run(dialogue: TapRun): Promise<Decision> {
    let step = dialogue.next(null);
    while (step.done !== true) {
      const ask = step.value;
      let answer: Answer;
      if (ask.ask === 'card') {
        // Not a function of its own that awaits: that would cost each command a promise more.
        answer = this.#heard(ask.command, await this.#send(ask));
      } else if (ask.ask === 'mac1') {
        const made = this.#parts.keys.mac1(ask);
        answer = made instanceof Promise ? await made : made;
      } else if (ask.ask === 'mac2') {
        const checked = this.#parts.keys.mac2(ask.mac2);
        answer = typeof checked === 'boolean' ? checked : await checked;
      } else if (ask.ask === 'intent') {
        // Written once the next command is on the air: sealing and handing over cost the rider
        // nothing.
        this.#unwritten.push(ask.debit);
        answer = null;
      } else if (ask.ask === 'commit') {
        answer = await this.#commit(ask.debit);
      } else if (ask.ask === 'evidence') {
        this.#unwritten.push(ask.event);
        answer = null;
      } else if (ask.ask === 'recordMac') {
        const made = this.#parts.keys.recordMac(ask);
        answer = made instanceof Promise ? await made : made;
      } else if (ask.ask === 'kernel') {
        answer = await this.#askKernel();
      } else if (ask.ask === 'time') {
        answer = this.#hasLeft(ask.ms);
      } else {
        const { aesKeys } = this.#parts;
        invariant(aesKeys !== null, 'a gate of AES cards has their keys');
        const said = aesKeys.answer(ask);
        answer = said instanceof Promise ? await said : said;
      }
      step = dialogue.next(answer);
    }
    this.#hostUs += this.#parts.clock.monotonicUs() - this.#markUs;
    return step.value;
  }

  /**
   * Waits for every intent; gives the sequences of those that the journal refused for want of room.
   * @throws what the journal failed with, unless `isFull` says that it was only that.
   */
  async refusedBy(isFull: (error: unknown) => boolean): Promise<ReadonlySet<number>> {
    this.#writeIntents(this.#card.modelledUs);
    if (this.#intentsOpen > 0) await this.#written();
    if (this.#refused.size === 0) return NONE_REFUSED;
    for (const error of this.#refused.values()) if (!isFull(error)) throw error;
    return new Set(this.#refused.keys());
  }

  /** Waits until every intent is durable; false when one was not taken. */
  async #durable(): Promise<boolean> {
    this.#writeIntents(this.#card.modelledUs);
    if (this.#intentsOpen > 0) {
      const { clock } = this.#parts;
      const waitUs = clock.monotonicUs();
      await this.#written();
      const nowUs = clock.monotonicUs();
      const modelledUs = this.#card.modelledUs - this.#intentModelledUs;
      const sinceIntentUs = nowUs - this.#intentUs;
      const uncoveredUs = Math.max(0, Math.min(nowUs - waitUs, sinceIntentUs - modelledUs));
      this.#hiddenUs += nowUs - waitUs - uncoveredUs;
      this.#hostUs += uncoveredUs;
    }
    return this.#refused.size === 0;
  }

  async #askKernel(): Promise<KernelOutcome | null> {
    const { kernel } = this.#card;
    invariant(kernel !== undefined, 'a tap at a reader with a kernel');
    this.#isBank = true;
    this.#sentUs = this.#parts.clock.monotonicUs();
    const hostUs = this.#sentUs - this.#markUs;
    this.#outcome = await kernel.outcome();
    this.#markUs = this.#parts.clock.monotonicUs();
    this.#hostUs += hostUs;
    const cardUs = this.#markUs - this.#sentUs;
    const sw = this.#outcome ? SW_OK : -1;
    this.stages.push({ command: 'KERNEL', hostUs, cardUs, sw, apdu: null, answer: null });
    return this.#outcome;
  }

  /** Resolves when no intent is under way: nearly always there is one. */
  #written(): Promise<unknown> {
    return this.#intents.length === 1 ? this.#intents[0]! : Promise.all(this.#intents);
  }

  #send(ask: CardAsk): Promise<Uint8Array | null> {
    const card = this.#card;
    this.#sentUs = this.#parts.clock.monotonicUs();
    this.#sentModelledUs = card.modelledUs;
    this.#sentBytes = this.#parts.keepBytes ? ask.apdu.slice() : null;
    const answering = card.transceive(ask.apdu);
    ask.meanwhile?.();
    this.#writeIntents(this.#sentModelledUs);
    return answering;
  }

  #heard(command: string, answer: Uint8Array | null): Uint8Array | null {
    const { clock, keepBytes } = this.#parts;
    const hostUs = this.#sentUs - this.#markUs;
    this.#markUs = clock.monotonicUs();
    this.#hostUs += hostUs;
    if (command === getProcessingOptions.name) this.#isBank = true;
    this.stages.push({
      command,
      hostUs,
      cardUs: this.#markUs - this.#sentUs + this.#card.modelledUs - this.#sentModelledUs,
      sw: answer ? readU16(answer, answer.length - 2) : -1,
      apdu: this.#sentBytes,
      answer: keepBytes && answer ? answer.slice() : null,
    });
    return answer;
  }

  /** @param modelledUs the card's modelled time at which the writing begins. */
  #writeIntents(modelledUs: number): void {
    for (const intent of this.#unwritten) this.#write(intent, modelledUs);
    this.#unwritten.length = 0;
  }

  #write(intent: Debit | EvidenceEvent, modelledUs: number): void {
    const { gateSequence } = intent;
    const { nextSequence } = this.#parts.journal;
    invariant(nextSequence <= gateSequence, 'a sequence that no record has');
    if (nextSequence < gateSequence) {
      // The intent before it was refused.
      this.#refused.set(gateSequence, new FaregateError('JOURNAL_FULL', 'no room for two records'));
      return;
    }
    if ('event' in intent) encodeEvent(intent, record, 0);
    else encodeDebit(intent, record, 0);
    this.#intentUs = this.#parts.clock.monotonicUs();
    this.#intentModelledUs = modelledUs;
    this.#intentsOpen += 1;
    const written = this.#parts.journal.intent(record).then(
      () => {
        this.#intentsOpen -= 1;
      },
      (error: unknown) => {
        this.#refused.set(gateSequence, error);
        this.#intentsOpen -= 1;
      },
    );
    this.#intents.push(written);
  }

  async #commit(debit: Debit): Promise<CommitAnswer> {
    const { clock } = this.#parts;
    this.#hostUs += clock.monotonicUs() - this.#markUs;
    const durable = await this.#durable();
    this.#markUs = clock.monotonicUs();
    if (!durable) return 'failed';
    this.#isBank = evidenceFamilyOf(debit.transactionType) === EvidenceFamily.bank;
    const isLate = !this.#hasLeft(this.#isBank ? BANK_DEBIT_RESERVE_MS : TAP_DEBIT_RESERVE_MS);
    if (isLate) return 'late';
    this.#begun = debit;
    this.#parts.begin(debit);
    return 'go';
  }

  /** Whether as much of the deadline is left. */
  #hasLeft(ms: number): boolean {
    const { deadlineMs, bankDeadlineMs } = this.#parts;
    const ownMs = this.#isBank ? bankDeadlineMs : deadlineMs;
    return this.elapsedUs() <= (ownMs - ms) * 1000;
  }
}
