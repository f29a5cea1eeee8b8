/** One connection of an uplink, from `hello` until it breaks or the gate stops. */
import assert from 'node:assert/strict';
import { wantsEvidence } from '../../engine/debit/event.ts';
import { DEBIT_BYTES } from '../../engine/debit/record.ts';
import { FaregateError } from '../../engine/errors.ts';
import { BATCH_RECORDS_MAX, UPLINK_WINDOW } from '../../engine/limits.ts';
import {
  decodeEngineMessage,
  type EngineMessage,
  encodeMessage,
  type GateMessage,
  PROTOCOL,
} from '../../engine/wire/envelope.ts';
import type { ParameterAnswer } from '../../engine/wire/parameter-messages.ts';
import type { Asker } from './downloads.ts';
import type { Link } from './transport.ts';
import { freeTurns, type Release } from './turns.ts';
import type { UplinkOptions, UplinkTiming } from './uplink.ts';
import { Wakeup } from './wakeup.ts';

/** Clocks further apart than this are worth a line in the log. */
const SKEW_MS_TOLD = 60_000;
/** How long a stop waits for answers. */
const STOP_MS_MAX = 5000;

const NOTHING = { records: new Uint8Array(0), count: 0 };

interface InFlight {
  readonly last: number;
  readonly count: number;
  readonly sentMs: number;
  readonly release: Release;
}

export class UplinkSession implements Asker {
  readonly gateId: string;
  readonly #options: UplinkOptions;
  readonly #timing: UplinkTiming;
  readonly #onAcknowledged: () => void;
  readonly #isAwaited: () => boolean;
  readonly #wakeup = new Wakeup();
  /** Oldest first; at most UPLINK_WINDOW. */
  readonly #inFlight: InFlight[] = [];
  #link: Link | null = null;
  #turn: Release | null = null;
  #turnAsked = false;
  #emptyUntilMs = 0;
  /** Until then records gather, as long as they fill no batch and nobody waits for them. */
  #gatherUntilMs = 0;
  /** Sequence the next batch begins with. */
  #next = 0;
  #statusDueMs = 0;
  #finishing = false;
  #over = false;
  #late = false;
  #welcomed = false;
  #progressed = false;
  #skewMs: number | null = null;
  /** When the question for parameters that is under way was asked; null: none is. */
  #askedMs: number | null = null;

  /** @param isAwaited whether somebody waits until all is acknowledged: nothing gathers then. */
  constructor(
    options: UplinkOptions,
    timing: UplinkTiming,
    onAcknowledged: () => void,
    isAwaited: () => boolean,
  ) {
    assert(timing.batchRecords >= 2 && timing.batchRecords <= BATCH_RECORDS_MAX);
    this.gateId = options.gateId;
    this.#options = options;
    this.#timing = timing;
    this.#onAcknowledged = onAcknowledged;
    this.#isAwaited = isAwaited;
  }

  get welcomed(): boolean {
    return this.#welcomed && !this.#over;
  }

  /** Whether the engine has acknowledged anything new on this connection. */
  get progressed(): boolean {
    return this.#progressed;
  }

  get skewMs(): number | null {
    return this.#skewMs;
  }

  /** The journal may have something new, which somebody waits for. */
  wake(): void {
    this.#gatherUntilMs = 0;
    this.#wakeup.wake();
  }

  /** Sends nothing new; `run` resolves when everything sent is answered, or after a while. */
  finish(): void {
    this.#finishing = true;
    if (!this.#welcomed) this.#link?.close();
    setTimeout(() => this.#link?.close(), STOP_MS_MAX).unref();
    this.wake();
  }

  /**
   * Connects and uploads; resolves after `finish`.
   * @throws FaregateError UPLINK_FAILED, GATE_REFUSED, UPLOAD_MALFORMED, UPLOAD_TOO_LARGE: try
   *   again; anything else is the journal's.
   */
  async run(signal: AbortSignal): Promise<void> {
    const link = await this.#options.transport.connect(signal);
    this.#link = link;
    try {
      if (this.#finishing) return;
      await this.#greet(link);
      const halves = [this.#receive(link), this.#send(link)];
      try {
        await Promise.race(halves);
      } finally {
        this.#over = true;
        link.close();
        this.#wakeup.wake();
        await Promise.allSettled(halves);
      }
    } finally {
      this.#over = true;
      link.close();
      this.#turn?.();
      this.#options.downloads?.gone(this);
      for (const batch of this.#inFlight.splice(0)) batch.release();
    }
  }

  async #greet(link: Link): Promise<void> {
    const { gateId, journal, log } = this.#options;
    const timer = setTimeout(() => {
      this.#late = true;
      link.close();
    }, this.#timing.answerMs);
    const nextSequence = journal.nextSequence;
    const sentMs = performance.now();
    try {
      await this.#tell(link, { type: 'hello', protocol: PROTOCOL, gateId, nextSequence });
      const welcome = await this.#hear(link);
      if (welcome.type !== 'welcome') throw misplaced(welcome);
      this.#agree(welcome.acknowledgedThrough, nextSequence);
      this.#hearNewest(welcome.parameters);
      this.#skewMs = this.#compare(welcome.nowMs, sentMs);
      if (Math.abs(this.#skewMs) > SKEW_MS_TOLD) {
        log.warn({ gate: gateId, skewMs: this.#skewMs }, 'the clocks of gate and engine disagree');
      }
    } finally {
      clearTimeout(timer);
    }
    this.#welcomed = true;
  }

  /** The engine's clock less the gate's, if it was read half way through the round trip. */
  #compare(engineMs: number, sentMs: number): number {
    const { nowMs = Date.now, onCompared } = this.#options;
    const roundTripMs = performance.now() - sentMs;
    const skewMs = Math.round(engineMs - nowMs() + roundTripMs / 2);
    onCompared?.(skewMs, roundTripMs);
    return skewMs;
  }

  /** Journal and ledger must tell one story before anything is sent or let go. */
  #agree(held: number, nextSequence: number): void {
    const { gateId, journal } = this.#options;
    if (held >= nextSequence) {
      throw new FaregateError(
        'GATE_REFUSED',
        `the engine holds debits of gate ${gateId} through ${held}, but this journal's next is ` +
          `${nextSequence}: the journal was lost; enrol the gate under a new id`,
      );
    }
    if (held < journal.acknowledged) {
      throw new FaregateError(
        'UPLINK_FAILED',
        `the engine holds debits of gate ${gateId} through ${held} only, but acknowledged ` +
          `${journal.acknowledged}: restore its ledger`,
      );
    }
    this.#next = held + 1;
    if (held > journal.acknowledged) this.#acknowledge(held);
  }

  async #receive(link: Link): Promise<never> {
    for (;;) {
      const message = await this.#hear(link);
      if (message.type === 'set' || message.type === 'piece') {
        void this.#takeAnswer(message);
        continue;
      }
      if (message.type !== 'ack') throw misplaced(message);
      this.#hearNewest(message.parameters);
      const through = message.through;
      if (through >= this.#next) {
        throw new FaregateError(
          'UPLOAD_MALFORMED',
          `the engine acknowledged through ${through}, but only ${this.#next - 1} were sent`,
        );
      }
      const answered = this.#inFlight.findLast(({ last }) => last <= through);
      if (answered && message.nowMs !== null) this.#compare(message.nowMs, answered.sentMs);
      if (through > this.#options.journal.acknowledged) this.#acknowledge(through);
    }
  }

  #acknowledge(through: number): void {
    this.#options.journal.acknowledge(through);
    this.#progressed = true;
    while (this.#inFlight.length > 0 && this.#inFlight[0]!.last <= through) {
      this.#inFlight.shift()!.release();
    }
    this.#onAcknowledged();
    this.#wakeup.wake();
  }

  /** An engine that gives out no parameters does not speak of them, and is not asked. */
  #hearNewest(newest: number | undefined): void {
    if (newest !== undefined) this.#options.downloads?.told(this, newest);
  }

  async #takeAnswer(answer: ParameterAnswer): Promise<void> {
    this.#askedMs = null;
    await this.#options.downloads?.answer(this, answer);
    this.wake();
  }

  /** Uploads go first: a question is asked when no batch could be sent, or a pause has passed. */
  async #ask(link: Link): Promise<void> {
    const { downloads, journal } = this.#options;
    if (!downloads || this.#finishing || this.#askedMs !== null) return;
    const question = downloads.question(this, journal.backlog > 0);
    if (!question) return;
    this.#askedMs = performance.now();
    await this.#tell(link, question);
  }

  async #send(link: Link): Promise<void> {
    while (!this.#over) {
      if (this.#finishing && this.#inFlight.length === 0) return;
      this.#checkAnswered();
      this.#askTurn();
      if (this.#turn && (await this.#sendBatch(link, this.#turn))) continue;
      if (performance.now() >= this.#statusDueMs) {
        await this.#tell(link, { type: 'status', status: this.#status() });
      }
      await this.#ask(link);
      await this.#wakeup.wait(this.#timing.pollMs);
    }
  }

  #checkAnswered(): void {
    const { answerMs } = this.#timing;
    if (this.#askedMs !== null && performance.now() - this.#askedMs >= answerMs) {
      throw new FaregateError('UPLINK_FAILED', `no parameters within ${answerMs} ms`);
    }
    const oldest = this.#inFlight[0];
    if (!oldest || performance.now() - oldest.sentMs < this.#timing.answerMs) return;
    throw new FaregateError(
      'UPLINK_FAILED',
      `no acknowledgement within ${this.#timing.answerMs} ms for the batch through ${oldest.last}`,
    );
  }

  /** Asks for a turn where there is something to send and the window has room. */
  #askTurn(): void {
    if (this.#turnAsked || this.#finishing || this.#inFlight.length >= UPLINK_WINDOW) return;
    const nowMs = performance.now();
    if (nowMs < this.#emptyUntilMs) return;
    const sent = this.#inFlight.reduce((sum, batch) => sum + batch.count, 0);
    const unsent = this.#options.journal.backlog - sent;
    if (unsent <= 0) return;
    const mayGather = unsent < this.#timing.batchRecords && !this.#isAwaited();
    if (mayGather && nowMs < this.#gatherUntilMs) return;
    this.#turnAsked = (this.#options.turns ?? freeTurns).ask((release) => {
      if (this.#over || this.#finishing) {
        release();
        return;
      }
      this.#turn = release;
      this.#wakeup.wake();
    });
  }

  /** Uses the turn; false when the journal had nothing to give after all. */
  async #sendBatch(link: Link, release: Release): Promise<boolean> {
    const first = this.#next;
    const { records, count } = await this.#read(first);
    assert(records.length === count * DEBIT_BYTES && count <= this.#timing.batchRecords);
    this.#turn = null;
    this.#turnAsked = false;
    if (count === 0 || this.#over || this.#finishing) {
      // What is closed is not durable yet, or a tap in hand stands before it: asking again at once
      // would spin.
      this.#emptyUntilMs = performance.now() + this.#timing.pollMs;
      release();
      return false;
    }
    this.#next += count;
    const sentMs = performance.now();
    this.#gatherUntilMs = sentMs + this.#timing.gatherMs;
    this.#inFlight.push({ last: this.#next - 1, count, sentMs, release });
    const status = sentMs >= this.#statusDueMs ? this.#status() : null;
    await this.#tell(link, { type: 'batch', first, count, records, status });
    return true;
  }

  /** Reads a batch when it is this gate's turn; nothing where the session is over by then. */
  #read(first: number): Promise<{ records: Uint8Array; count: number }> {
    const { journal, reads = freeTurns } = this.#options;
    return new Promise((resolve, reject) => {
      const isAsked = reads.ask((release) => {
        const reading = this.#over
          ? Promise.resolve(NOTHING)
          : journal.read(first, this.#timing.batchRecords).then((read) => this.#whole(read));
        reading.then(resolve, reject).finally(release);
      });
      if (!isAsked) resolve(NOTHING);
    });
  }

  /** A full batch without a last debit whose evidence is the first record of the next. */
  #whole(read: { records: Uint8Array; count: number }): { records: Uint8Array; count: number } {
    const count = read.count - 1;
    if (read.count < this.#timing.batchRecords) return read;
    if (!wantsEvidence(read.records, count * DEBIT_BYTES)) return read;
    return { records: read.records.slice(0, count * DEBIT_BYTES), count };
  }

  #status(): ReturnType<UplinkOptions['status']> {
    this.#statusDueMs = performance.now() + this.#timing.heartbeatMs;
    return this.#options.status();
  }

  #tell(link: Link, message: GateMessage): Promise<void> {
    return link.send(encodeMessage(message));
  }

  /** The engine's next message; a refusal is thrown. */
  async #hear(link: Link): Promise<Exclude<EngineMessage, { type: 'refuse' }>> {
    const body = await link.receive();
    if (body === null) {
      const why = this.#late ? `no welcome within ${this.#timing.answerMs} ms` : 'it hung up';
      throw new FaregateError('UPLINK_FAILED', `engine ${this.#options.transport.name}: ${why}`);
    }
    const message = decodeEngineMessage(body);
    if (message.type !== 'refuse') return message;
    // Codes of the engine's own troubles would read like this gate's.
    const own = /^(GATE|UPLOAD)_/.test(message.code) ? message.code : 'UPLINK_FAILED';
    throw new FaregateError(own, `the engine refused: ${message.code}: ${message.message}`);
  }
}

function misplaced(message: EngineMessage): FaregateError {
  return new FaregateError('UPLOAD_MALFORMED', `the engine sent ${message.type} out of place`);
}
