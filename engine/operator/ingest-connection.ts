/**
 * A gate's TLS connection: cuts the stream into frames, hands them to the session one at a time in
 * order, writes the answers. When FRAMES_WAITING_PER_GATE_MAX frames wait here, or INGEST_BYTES_MAX
 * bytes in all connections together, the socket is not read: TCP then holds the gate back.
 */
import type { Duplex } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { BytePool } from '../byte-pool.ts';
import type { FaregateError } from '../errors.ts';
import { FRAMES_WAITING_PER_GATE_MAX, INGEST_BYTES_MAX } from '../limits.ts';
import { encodeFrame, FrameDecoder } from '../wire/frame.ts';
import type { IngestSession, Reply } from './ingest-session.ts';

const CLOSE_MS_MAX = 1000;

/** Bytes of whole frames waiting in all connections, and the connections waiting for room. */
export class IngestBudget {
  readonly #bytesMax: number;
  readonly #waiting = new Set<() => void>();
  #bytes = 0;

  constructor(bytesMax: number = INGEST_BYTES_MAX) {
    this.#bytesMax = bytesMax;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get full(): boolean {
    return this.#bytes >= this.#bytesMax;
  }

  take(bytes: number): void {
    this.#bytes += bytes;
  }

  give(bytes: number): void {
    this.#bytes -= bytes;
    if (this.full || this.#waiting.size === 0) return;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const resume of waiting) resume();
  }

  /** Calls `resume` once, when there is room again. */
  whenRoom(resume: () => void): void {
    this.#waiting.add(resume);
  }

  forget(resume: () => void): void {
    this.#waiting.delete(resume);
  }
}

export class IngestConnection {
  readonly #socket: Duplex;
  readonly #session: IngestSession;
  readonly #budget: IngestBudget;
  readonly #idleMs: number;
  readonly #pool: BytePool;
  readonly #decoder: FrameDecoder;
  readonly #waiting: Uint8Array[] = [];
  readonly #resume = (): void => this.#fill();
  #idle: NodeJS.Timeout | null = null;
  #working = false;
  /** No further frame is taken: refused, replaced, or the engine closes. */
  #ending = false;
  readonly closed: Promise<void>;

  constructor(
    socket: Duplex,
    session: IngestSession,
    budget: IngestBudget,
    pool: BytePool,
    idleMs: number,
  ) {
    this.#pool = pool;
    this.#decoder = new FrameDecoder(pool);
    this.#socket = socket;
    this.#session = session;
    this.#budget = budget;
    this.#idleMs = idleMs;
    this.closed = new Promise((resolve) => {
      socket.once('close', () => {
        this.#onClose();
        resolve();
      });
    });
    socket.on('error', () => socket.destroy());
    socket.on('end', () => this.#finish());
    socket.on('data', (chunk: Uint8Array) => {
      if (this.#ending) return;
      this.#decoder.push(chunk);
      this.#fill();
    });
    this.#fill();
  }

  /** Finishes the message under way, answers it, and closes. */
  finish(): void {
    this.#finish();
  }

  /** Takes frames from the decoder as far as there is room, and reads on only if there is more. */
  #fill(): void {
    if (this.#ending || this.#socket.destroyed) return;
    try {
      while (this.#waiting.length < FRAMES_WAITING_PER_GATE_MAX && !this.#budget.full) {
        const body = this.#decoder.next();
        if (body === null) break;
        this.#waiting.push(body);
        this.#budget.take(body.length);
      }
    } catch (error) {
      this.#dropWaiting();
      this.#reply(this.#session.refuse(error as FaregateError));
      return;
    }
    if (this.#budget.full) {
      this.#socket.pause();
      this.#budget.whenRoom(this.#resume);
    } else if (this.#waiting.length >= FRAMES_WAITING_PER_GATE_MAX) this.#socket.pause();
    else this.#socket.resume();
    this.#watch();
    if (!this.#working && this.#waiting.length > 0) void this.#work();
  }

  async #work(): Promise<void> {
    this.#working = true;
    while (this.#waiting.length > 0 && !this.#ending) {
      const body = this.#waiting[0]!;
      const reply = await this.#session.handle(body);
      if (this.#waiting[0] === body) {
        this.#waiting.shift();
        this.#budget.give(body.length);
      }
      this.#pool.give(body);
      this.#reply(reply);
      if (this.#socket.writableNeedDrain) await this.#answersTaken();
      this.#fill();
      // The gates of one commit are all answered before anything of theirs is checked: an answer
      // that finds its reader asleep costs the sender as much as fifty debits.
      if (this.#waiting.length > 0) await nextTurn();
    }
    this.#working = false;
    if (this.#ending) this.#end();
    else this.#watch();
  }

  /** A gate that does not read its answers is not served further, and dropped in the end. */
  #answersTaken(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#socket.destroy(), this.#idleMs);
      const done = (): void => {
        clearTimeout(timer);
        this.#socket.off('drain', done);
        this.#socket.off('close', done);
        resolve();
      };
      this.#socket.on('drain', done);
      this.#socket.on('close', done);
    });
  }

  /** Silence counts only while the engine is the one that waits. */
  #watch(): void {
    if (this.#idle) clearTimeout(this.#idle);
    this.#idle = null;
    if (this.#waiting.length > 0 || this.#budget.full || this.#socket.destroyed) return;
    const timer = setTimeout(() => {
      // After a pause of this process, what came meanwhile must be seen first.
      setImmediate(() => {
        if (this.#idle === timer) this.#socket.destroy();
      });
    }, this.#idleMs);
    this.#idle = timer.unref();
  }

  #reply(reply: Reply): void {
    if (this.#socket.destroyed || this.#socket.writableEnded) return;
    if (reply.body) this.#socket.write(encodeFrame(reply.body));
    if (reply.end) this.#finish();
  }

  #finish(): void {
    if (this.#ending) return;
    this.#ending = true;
    if (this.#idle) clearTimeout(this.#idle);
    if (!this.#working) this.#end();
  }

  /** A peer that does not close its side is not waited for long. */
  #end(): void {
    this.#socket.end();
    this.#socket.resume();
    setTimeout(() => this.#socket.destroy(), Math.min(this.#idleMs, CLOSE_MS_MAX)).unref();
  }

  #dropWaiting(): void {
    for (const body of this.#waiting.splice(0)) this.#budget.give(body.length);
  }

  #onClose(): void {
    this.#ending = true;
    if (this.#idle) clearTimeout(this.#idle);
    this.#budget.forget(this.#resume);
    this.#dropWaiting();
    this.#session.end();
  }
}
