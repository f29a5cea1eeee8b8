/**
 * Readers whose cards are another process's. Each keeps what its station takes of a tap as the card
 * lives it: from the instant an answer was sent to the instant the next command is, so that waiting
 * for sockets and for the event loop counts.
 */
import { createServer, type Server } from 'node:net';
import type { CardSession, Reader } from '../../gate/reader/reader.ts';
import { CardWire, FrameKind, type Hear, nowUs } from './card-wire.ts';

const NO_UID = new Uint8Array(7);
const RELEASED = Promise.resolve();

export class WiredSession implements CardSession {
  readonly uid: Uint8Array = NO_UID;
  readonly modelledUs = 0;
  readonly arrivedUs: number;
  readonly #wire: CardWire;
  readonly #gate: number;
  #sentUs: number;
  #hostUs = 0;
  #answered: ((bytes: Uint8Array) => void) | null = null;

  constructor(wire: CardWire, gate: number, arrivedUs: number) {
    this.#wire = wire;
    this.#gate = gate;
    this.arrivedUs = arrivedUs;
    this.#sentUs = arrivedUs;
  }

  /** The station's share of the tap, up to now. */
  hostUs(): number {
    return this.#hostUs + nowUs() - this.#sentUs;
  }

  transceive(apdu: Uint8Array): Promise<Uint8Array> {
    this.#hostUs += nowUs() - this.#sentUs;
    this.#wire.send(FrameKind.command, this.#gate, apdu);
    return new Promise((resolve) => {
      this.#answered = resolve;
    });
  }

  answer(bytes: Uint8Array, sentUs: number): void {
    this.#sentUs = sentUs;
    this.#answered?.(bytes);
  }

  release(): Promise<void> {
    this.#wire.send(FrameKind.released, this.#gate);
    return RELEASED;
  }
}

export class WiredReader implements Reader {
  readonly name: string;
  #waiting: ((session: WiredSession | null) => void) | null = null;
  #next: WiredSession | null = null;
  #inField: WiredSession | null = null;
  #isClosed = false;

  constructor(name: string) {
    this.name = name;
  }

  get inField(): WiredSession | null {
    return this.#inField;
  }

  arrive(session: WiredSession): void {
    const waiting = this.#waiting;
    this.#waiting = null;
    if (waiting) waiting(session);
    else this.#next = session;
  }

  async *cards(): AsyncGenerator<CardSession, void, undefined> {
    while (!this.#isClosed) {
      const session = this.#next ?? (await this.#arrival());
      if (!session) return;
      this.#next = null;
      this.#inField = session;
      yield session;
    }
  }

  close(): Promise<void> {
    this.#isClosed = true;
    this.#waiting?.(null);
    return Promise.resolve();
  }

  #arrival(): Promise<WiredSession | null> {
    return new Promise((resolve) => {
      this.#waiting = resolve;
    });
  }
}

/** Listens for the cards' process; a gate is answered on the connection its card came by. */
export function listenForCards(
  path: string,
  gathers: boolean,
  readers: readonly WiredReader[],
): Promise<Server> {
  const server = createServer((socket) => new CardWire(socket, gathers, hearFor(readers)));
  return new Promise((resolve) => {
    server.listen(path, () => resolve(server));
  });
}

function hearFor(readers: readonly WiredReader[]): (wire: CardWire) => Hear {
  return (wire) => (kind, gate, sentUs, bytes) => {
    const reader = readers[gate]!;
    if (kind === FrameKind.answer) reader.inField?.answer(bytes, sentUs);
    else if (kind === FrameKind.arrived) reader.arrive(new WiredSession(wire, gate, sentUs));
  };
}
