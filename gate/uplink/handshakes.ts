/**
 * Handshakes of a station one after another: after an outage all its gates come back at once, and
 * each handshake is some milliseconds of computing, here and at the engine.
 */
import type { Link, Transport } from './transport.ts';
import type { Release, Turns } from './turns.ts';

export class TransportInTurns implements Transport {
  readonly name: string;
  readonly #transport: Transport;
  readonly #turns: Turns;

  constructor(transport: Transport, turns: Turns) {
    this.name = transport.name;
    this.#transport = transport;
    this.#turns = turns;
  }

  /** Connects when it is its turn; one that was given up meanwhile fails in its turn. */
  async connect(signal: AbortSignal): Promise<Link> {
    const release = await this.#turn();
    try {
      return await this.#transport.connect(signal);
    } finally {
      release();
    }
  }

  /** At once where too many wait: later would not be better. */
  #turn(): Promise<Release> {
    return new Promise((resolve) => {
      if (!this.#turns.ask(resolve)) resolve(() => undefined);
    });
  }
}
