/**
 * One gate's conversation with the engine, message by message and without a socket: frame bodies go
 * in, answers come out. An acknowledgement leaves only after the ledger says that the batch is
 * durable; whatever is wrong is answered with a refusal, posts nothing, and ends the session.
 */
import assert from 'node:assert/strict';
import { FaregateError } from '../errors.ts';
import type { Outcome } from '../ledger/outcomes.ts';
import type { ReceivedBatch } from '../ledger/received.ts';
import type { Log } from '../log/log.ts';
import {
  type Batch,
  decodeGateMessage,
  type EngineMessage,
  encodeMessage,
  type GateMessage,
  type Hello,
  PROTOCOL,
  refusal,
} from '../wire/envelope.ts';
import { FRAME_HEADER_BYTES } from '../wire/frame.ts';
import type { GateStatus } from '../wire/gate-status.ts';
import type { ParameterQuestion } from '../wire/parameter-messages.ts';
import type { GateTable, IngestCounters, Replaceable } from './ingest-gates.ts';
import { receiveBatch } from './received.ts';
import type { RecordChecks } from './record-checks.ts';
import type { EnrolledGate } from './registry.ts';

/** What ingest asks of the ledger (`engine/ledger/ledger.ts`). */
export interface LedgerPort {
  acknowledgedThrough(gateId: string): number;
  postBatch(
    batch: ReceivedBatch,
  ): Promise<{ readonly outcomes: readonly Outcome[]; readonly acknowledgedThrough: number }>;
}

/** What gates may ask of the operator's parameter sets (`parameter-shelf.ts`). */
export interface ParameterPort {
  /** Version of the newest set for a gate, 0 for none. */
  newestFor(gateId: string): number;
  /** The next set for a gate that can still come into force, or null. */
  nextFor(
    gateId: string,
    after: number,
  ): Promise<{ readonly version: number; readonly manifest: Uint8Array } | null>;
  /** Bytes of an item; fewer at its end, none where there is no such item. */
  piece(set: number, item: number, offset: number, length: number): Promise<Uint8Array>;
}

/** What all sessions of one engine share. */
export interface IngestContext {
  readonly ledger: LedgerPort;
  readonly checks: RecordChecks;
  readonly registry: { find(gateId: string): EnrolledGate | undefined };
  readonly gates: GateTable;
  readonly counters: IngestCounters;
  readonly log: Log;
  readonly nowMs: () => number;
  /** Absent: this engine gives out no parameters. */
  readonly parameters?: ParameterPort;
  /** Told of every error that is not the gate's doing: the ledger's store above all. */
  readonly onFailure: (error: unknown) => void;
}

/** Whom the TLS handshake has shown to be there. */
export interface Peer {
  /** The common name of its certificate. */
  readonly gateId: string;
  readonly fingerprint: string;
}

export interface Reply {
  /** A frame's body to send back, or null for none. */
  readonly body: Uint8Array | null;
  /** Whether the connection ends after it. */
  readonly end: boolean;
}

const nothing: Reply = { body: null, end: false };
const over: Reply = { body: null, end: true };

export class IngestSession implements Replaceable {
  readonly #context: IngestContext;
  readonly #peer: Peer;
  readonly #onRetired: () => void;
  #welcomed = false;
  #over = false;
  #work: Promise<Reply> | null = null;

  /** `onRetired` is called when a newer connection of the same gate has taken this one's place. */
  constructor(context: IngestContext, peer: Peer, onRetired: () => void) {
    this.#context = context;
    this.#peer = peer;
    this.#onRetired = onRetired;
  }

  /** Takes one frame's body, after the answer to the one before. Never rejects. */
  async handle(body: Uint8Array): Promise<Reply> {
    assert(this.#work === null, 'one message at a time');
    if (this.#over) return over;
    this.#work = this.#handle(body);
    const reply = await this.#work;
    this.#work = null;
    return reply;
  }

  async retire(): Promise<void> {
    this.#over = true;
    this.#onRetired();
    await this.#work;
  }

  get live(): boolean {
    return !this.#over;
  }

  /** The connection is gone. A newer one still waits for the work under way. */
  end(): void {
    this.#over = true;
    const forget = (): void => this.#context.gates.disconnect(this.#peer.gateId, this);
    if (this.#work) void this.#work.then(forget);
    else forget();
  }

  /** The answer to an error of the peer's, such as a frame that cannot be; ends the session. */
  refuse(error: FaregateError): Reply {
    this.#over = true;
    this.#context.counters.refused += 1;
    this.#context.log.warn(
      { gate: this.#peer.gateId, code: error.code },
      `refused: ${error.message}`,
    );
    return { body: encodeMessage(refusal(error)), end: true };
  }

  async #handle(body: Uint8Array): Promise<Reply> {
    const { counters, onFailure } = this.#context;
    counters.frames += 1;
    counters.bytes += FRAME_HEADER_BYTES + body.length;
    try {
      this.#checkEnrolled();
      const answer = await this.#answer(decodeGateMessage(body));
      if (this.#over) return over;
      return answer === null ? nothing : { body: encodeMessage(answer), end: false };
    } catch (error) {
      const known = error instanceof FaregateError ? error : null;
      if (known && /^(UPLOAD|GATE)_/.test(known.code)) return this.refuse(known);
      onFailure(error);
      return this.refuse(known ?? new FaregateError('STORE_FAILED', 'the engine failed'));
    }
  }

  /** With every message, so that a revocation is heeded while the gate stays connected. */
  #checkEnrolled(): void {
    const { gateId, fingerprint } = this.#peer;
    const entry = this.#context.registry.find(gateId);
    const why = !entry
      ? 'is not enrolled'
      : entry.revoked
        ? `was revoked at ${entry.revoked}`
        : entry.fingerprint !== fingerprint
          ? 'has a newer certificate than the one shown'
          : null;
    if (why) throw new FaregateError('GATE_REFUSED', `gate ${gateId} ${why}`);
  }

  async #answer(message: GateMessage): Promise<EngineMessage | null> {
    if (message.type === 'hello') return this.#welcome(message);
    if (!this.#welcomed) {
      throw new FaregateError('UPLOAD_MALFORMED', `a ${message.type} before hello`);
    }
    if (message.type === 'ask' || message.type === 'fetch') return this.#tell(message);
    this.#heard(message.status);
    return message.type === 'batch' ? this.#post(message) : null;
  }

  async #welcome(hello: Hello): Promise<EngineMessage> {
    const { gateId } = this.#peer;
    const { gates, ledger, nowMs } = this.#context;
    const refused = (why: string): FaregateError => new FaregateError('GATE_REFUSED', why);
    if (this.#welcomed) throw new FaregateError('UPLOAD_MALFORMED', 'a second hello');
    if (hello.protocol !== PROTOCOL) {
      throw refused(`gate ${gateId} speaks protocol ${hello.protocol}, this engine ${PROTOCOL}`);
    }
    if (hello.gateId !== gateId) {
      throw refused(`the certificate of gate ${gateId} cannot upload for gate ${hello.gateId}`);
    }
    await gates.connect(gateId, this);
    const acknowledgedThrough = ledger.acknowledgedThrough(gateId);
    if (hello.nextSequence <= acknowledgedThrough) {
      // Its next debits would look like repeats of those held, and be lost.
      throw refused(
        `gate ${gateId} would number its next debit ${hello.nextSequence}, but the ledger holds ` +
          `them through ${acknowledgedThrough}: its journal was lost; enrol it under a new id`,
      );
    }
    this.#welcomed = true;
    this.#heard(null);
    gates.acknowledged(gateId, acknowledgedThrough);
    return { type: 'welcome', acknowledgedThrough, nowMs: nowMs(), ...this.#newest() };
  }

  async #post(batch: Batch): Promise<EngineMessage> {
    const { gateId } = this.#peer;
    const { checks, counters, gates, ledger, nowMs } = this.#context;
    const held = ledger.acknowledgedThrough(gateId);
    if (batch.first > held + 1) {
      throw new FaregateError(
        'UPLOAD_MALFORMED',
        `the batch begins at sequence ${batch.first}, but ${held + 1} is next`,
      );
    }
    const received = receiveBatch(gateId, batch, checks);
    const result = await ledger.postBatch(received);
    checks.giveBack(received.sealed);
    assert(result.outcomes.length === batch.count);
    assert(result.acknowledgedThrough >= batch.first + batch.count - 1);
    const outcomes: Partial<Record<Outcome, number>> = {};
    for (const outcome of result.outcomes) outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
    const repeats = outcomes.exists ?? 0;
    counters.records += batch.count;
    counters.duplicates += repeats;
    counters.posted += batch.count - repeats;
    gates.acknowledged(gateId, result.acknowledgedThrough);
    const through = result.acknowledgedThrough;
    return { type: 'ack', through, outcomes, nowMs: nowMs(), ...this.#newest() };
  }

  #newest(): { parameters?: number } {
    const { parameters } = this.#context;
    return parameters ? { parameters: parameters.newestFor(this.#peer.gateId) } : {};
  }

  async #tell(question: ParameterQuestion): Promise<EngineMessage> {
    const { gateId } = this.#peer;
    const { parameters } = this.#context;
    this.#heard(null);
    if (question.type === 'ask') {
      const next = await parameters?.nextFor(gateId, question.after);
      return { type: 'set', version: 0, manifest: new Uint8Array(0), ...next };
    }
    const { set, item, offset, length } = question;
    const bytes = await parameters?.piece(set, item, offset, length);
    return { type: 'piece', set, item, offset, bytes: bytes ?? new Uint8Array(0) };
  }

  #heard(status: GateStatus | null): void {
    const { gateId } = this.#peer;
    if (status && status.gateId !== gateId) {
      throw new FaregateError('UPLOAD_MALFORMED', `status of gate ${status.gateId}, not ${gateId}`);
    }
    this.#context.gates.heard(gateId, this.#context.nowMs(), status);
  }
}
