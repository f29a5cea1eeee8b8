/**
 * A reader over a connection that may be lost and found again. How cards are found differs from
 * link to link and is a `CardFinder`; sessions, hot-plug and closing are the same for all.
 */
import { Connection, type ReaderOptions } from './connection.ts';
import type { CardSession, Reader } from './reader.ts';

/** A card that is there and powered. */
export interface FoundCard {
  readonly uid: Uint8Array;
  /** As `transceive` of a session. @throws FaregateError READER_FAILED */
  exchange(apdu: Uint8Array): Promise<Uint8Array | null>;
  /**
   * Takes the card's power.
   * @param released whether the gate was done with it; else it gave no answer
   * @throws FaregateError READER_FAILED
   */
  done(released: boolean): Promise<void>;
}

export interface CardFinder<T> {
  /**
   * Looks once for a card that is to be taken, and waits a while or for a change where there is
   * none.
   * @throws FaregateError READER_FAILED where the connection is of no use any more.
   */
  look(connection: T, pause: (ms: number) => Promise<void>): Promise<FoundCard | null>;
  /** The connection was lost. */
  forget(): void;
  /** Leaves the reader at rest before it is closed. @throws FaregateError READER_FAILED */
  end(connection: T): Promise<void>;
}

export class LinkReader<T extends { close(): void }> implements Reader {
  readonly name: string;
  readonly #connections: Connection<T>;
  readonly #finder: CardFinder<T>;
  #session: LinkSession | null = null;

  /**
   * @param connect opens the connection; called again when it was lost
   * @throws FaregateError READER_FAILED where there is nothing to connect to now.
   */
  static async open<T extends { close(): void }>(
    name: string,
    connect: () => Promise<T>,
    finder: CardFinder<T>,
    options: ReaderOptions,
  ): Promise<LinkReader<T>> {
    const connections = new Connection(connect, options);
    await connections.start();
    return new LinkReader(name, connections, finder);
  }

  private constructor(name: string, connections: Connection<T>, finder: CardFinder<T>) {
    this.name = name;
    this.#connections = connections;
    this.#finder = finder;
  }

  async *cards(): AsyncGenerator<CardSession, void, undefined> {
    for (;;) {
      const connection = await this.#connections.get();
      if (!connection) return;
      const card = await this.#look(connection);
      if (!card || this.#connections.closed) continue;
      const session = new LinkSession(card, (end) => this.#end(connection, card, end));
      this.#session = session;
      try {
        yield session;
      } finally {
        await session.release();
        this.#session = null;
      }
    }
  }

  async close(): Promise<void> {
    const connection = this.#connections.close();
    await this.#session?.release();
    if (!connection) return;
    try {
      await this.#finder.end(connection);
    } catch (error) {
      this.#lost(connection, error);
    }
    connection.close();
  }

  async #look(connection: T): Promise<FoundCard | null> {
    try {
      const card = await this.#finder.look(connection, (ms) => this.#connections.pause(ms));
      this.#connections.worked();
      return card;
    } catch (error) {
      this.#lost(connection, error);
      return null;
    }
  }

  async #end(connection: T, card: FoundCard, end: SessionEnd): Promise<void> {
    try {
      if (typeof end === 'object') throw end.failure;
      await card.done(end === 'released');
    } catch (error) {
      this.#lost(connection, error);
    }
  }

  #lost(connection: T, error: unknown): void {
    this.#connections.lost(connection, error);
    this.#finder.forget();
  }
}

/** How a session ended: the gate was done, no answer came, or the reader failed. */
type SessionEnd = 'released' | 'gone' | { readonly failure: unknown };

class LinkSession implements CardSession {
  readonly uid: Uint8Array;
  readonly modelledUs: number = 0;
  readonly #card: FoundCard;
  readonly #onRelease: (end: SessionEnd) => Promise<void>;
  #end: SessionEnd | null = null;
  #released: Promise<void> | null = null;

  constructor(card: FoundCard, onRelease: (end: SessionEnd) => Promise<void>) {
    this.#card = card;
    this.uid = card.uid;
    this.#onRelease = onRelease;
  }

  async transceive(apdu: Uint8Array): Promise<Uint8Array | null> {
    if (this.#end) return null;
    try {
      const answer = await this.#card.exchange(apdu);
      if (answer && !this.#end) return answer;
      this.#end ??= 'gone';
    } catch (failure) {
      this.#end ??= { failure };
    }
    return null;
  }

  release(): Promise<void> {
    this.#end ??= 'released';
    this.#released ??= this.#onRelease(this.#end);
    return this.#released;
  }
}
