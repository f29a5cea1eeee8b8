/**
 * A reader that waits for card programs over TCP and speaks the vpcd protocol to them; the link is
 * written `tcp-listen:PORT`. One card at a time: a second connection is closed at once without a
 * word. A card is gone when its connection ends, and a card that breaks the protocol (an answer
 * that is too long, too short, unasked for or never comes) is treated as gone and disconnected.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { FaregateError, systemCode, systemText } from '../../engine/errors.ts';
import { CARD_FRAME_BYTES_MAX } from '../../engine/limits.ts';
import type { CardSession, Reader } from './reader.ts';
import { FrameBuffer, frame, PowerControl } from './vpcd.ts';

export interface TcpListenOptions {
  /** 0 lets the system choose; see `port` of the reader. */
  readonly port: number;
  readonly host?: string;
  /** How long a card may take for one answer. */
  readonly answerTimeoutMs?: number;
}

const ANSWER_TIMEOUT_MS = 2000;
/** ISO 7816-3: initial character, format byte and at most 31 more. */
const ATR_BYTES_MIN = 2;
const ATR_BYTES_MAX = 33;
const noUid = new Uint8Array(0);

export class TcpListenReader implements Reader {
  readonly name: string;
  readonly port: number;
  readonly #server: Server;
  readonly #answerTimeoutMs: number;
  #card: TcpSession | null = null;
  #failure: Error | null = null;
  #closed = false;
  #wake: (() => void) | null = null;

  /**
   * @throws FaregateError PORT_IN_USE naming the port; READER_FAILED where the system refuses it
   * otherwise.
   */
  static async listen(options: TcpListenOptions): Promise<TcpListenReader> {
    const { host = '127.0.0.1', port } = options;
    const server = createServer({ noDelay: true });
    server.listen(port, host);
    try {
      await once(server, 'listening');
    } catch (cause) {
      const link = `tcp-listen:${port}`;
      const inUse = systemCode(cause) === 'EADDRINUSE';
      throw inUse
        ? new FaregateError('PORT_IN_USE', `${link}: port ${port} on ${host} is in use`, { cause })
        : new FaregateError('READER_FAILED', `${link}: ${systemText(cause)}`, { cause });
    }
    return new TcpListenReader(server, options.answerTimeoutMs ?? ANSWER_TIMEOUT_MS);
  }

  private constructor(server: Server, answerTimeoutMs: number) {
    this.#server = server;
    this.#answerTimeoutMs = answerTimeoutMs;
    this.port = (server.address() as AddressInfo).port;
    this.name = `tcp-listen:${this.port}`;
    server.on('connection', (socket) => this.#accept(socket));
    server.on('error', (error) => {
      this.#failure = error;
      this.#wake?.();
    });
  }

  /** @throws FaregateError READER_FAILED when the listening socket broke. */
  async *cards(): AsyncGenerator<CardSession, void, undefined> {
    for (;;) {
      const card = await this.#arrival();
      if (!card) return;
      if (await card.powerOn()) {
        try {
          yield card;
        } finally {
          await card.release();
        }
      }
    }
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    const serverClosed = once(this.#server, 'close');
    this.#server.close();
    await this.#card?.disconnect();
    this.#wake?.();
    await serverClosed;
  }

  /** The next card that has not been yielded yet, or null when the reader was closed. */
  async #arrival(): Promise<TcpSession | null> {
    for (;;) {
      if (this.#closed) return null;
      if (this.#failure) {
        const text = `${this.name}: ${this.#failure.message}`;
        throw new FaregateError('READER_FAILED', text, { cause: this.#failure });
      }
      if (this.#card?.fresh) return this.#card;
      await new Promise<void>((wake) => {
        this.#wake = wake;
      });
      this.#wake = null;
    }
  }

  #accept(socket: Socket): void {
    if (this.#card || this.#closed) {
      socket.on('error', () => {});
      socket.destroySoon();
      return;
    }
    const card = new TcpSession(socket, this.#answerTimeoutMs, () => {
      if (this.#card === card) this.#card = null;
    });
    this.#card = card;
    this.#wake?.();
  }
}

/** One connected card program. */
class TcpSession implements CardSession {
  readonly uid: Uint8Array = noUid;
  readonly modelledUs: number = 0;
  readonly #socket: Socket;
  readonly #answerTimeoutMs: number;
  readonly #left: () => void;
  readonly #frames: FrameBuffer = new FrameBuffer(CARD_FRAME_BYTES_MAX);
  #answered: ((body: Uint8Array | null) => void) | null = null;
  #timer: NodeJS.Timeout | null = null;
  #state: 'fresh' | 'powered' | 'released' | 'gone' = 'fresh';

  constructor(socket: Socket, answerTimeoutMs: number, left: () => void) {
    this.#socket = socket;
    this.#answerTimeoutMs = answerTimeoutMs;
    this.#left = left;
    socket.on('data', (chunk) => this.#receive(chunk));
    // What ends the connection does not matter: the card has left.
    socket.on('error', () => this.#leave());
    socket.on('end', () => this.#leave());
    socket.on('close', () => this.#leave());
  }

  /** Whether the card came and was not powered yet. */
  get fresh(): boolean {
    return this.#state === 'fresh';
  }

  /** Power on and ATR; false where the card is none. */
  async powerOn(): Promise<boolean> {
    assert(this.#state === 'fresh');
    this.#state = 'powered';
    this.#socket.write(frame(Uint8Array.of(PowerControl.on)));
    const atr = await this.#exchange(Uint8Array.of(PowerControl.atr), ATR_BYTES_MIN);
    if (atr && atr.length <= ATR_BYTES_MAX) return true;
    this.#drop();
    return false;
  }

  transceive(apdu: Uint8Array): Promise<Uint8Array | null> {
    return this.#exchange(apdu, 2);
  }

  async release(): Promise<void> {
    if (this.#state !== 'powered') return;
    this.#state = 'released';
    this.#answer(null);
    this.#socket.write(frame(Uint8Array.of(PowerControl.off)));
  }

  /** Ends the session and the connection. */
  async disconnect(): Promise<void> {
    await this.release();
    const closed = this.#socket.closed ? null : once(this.#socket, 'close');
    this.#socket.destroySoon();
    await closed;
  }

  #exchange(body: Uint8Array, answerBytesMin: number): Promise<Uint8Array | null> {
    assert(this.#answered === null, 'one command at a time');
    if (this.#state !== 'powered') return Promise.resolve(null);
    return new Promise((resolve) => {
      this.#answered = (answer) => {
        const whole = answer !== null && answer.length >= answerBytesMin;
        resolve(whole ? answer : null);
        if (!whole) this.#drop();
      };
      this.#timer = setTimeout(() => this.#drop(), this.#answerTimeoutMs);
      this.#socket.write(frame(body));
    });
  }

  #receive(chunk: Uint8Array): void {
    this.#frames.push(chunk);
    const body = this.#answered ? this.#frames.next() : null;
    if (body === 'oversized') this.#drop();
    else if (body) this.#answer(body);
    // Bytes that nothing was asked for: the card does not follow the protocol.
    if (!this.#answered && this.#frames.pending) this.#drop();
  }

  #answer(body: Uint8Array | null): void {
    const answered = this.#answered;
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
    this.#answered = null;
    answered?.(body);
  }

  #drop(): void {
    this.#leave();
    this.#socket.destroy();
  }

  #leave(): void {
    if (this.#state === 'gone') return;
    this.#state = 'gone';
    this.#answer(null);
    this.#left();
  }
}
