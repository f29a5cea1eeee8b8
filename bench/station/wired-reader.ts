/**
 * Readers whose cards are a thread's. Each keeps what its station takes of a tap as the card lives
 * it: from the instant an answer was sent to the instant the next command is, so that waiting for
 * the event loop counts.
 */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { CardSession, Reader } from '../../gate/reader/reader.ts';
import { cardLinkMemory, FrameKind, nowUs, Ring } from './card-link.ts';
import type { CardsOrder } from './cards-thread.ts';
import type { LoadPlan } from './plan.ts';

const NO_UID = new Uint8Array(7);
const RELEASED = Promise.resolve();

class WiredSession implements CardSession {
  readonly uid: Uint8Array = NO_UID;
  readonly modelledUs = 0;
  readonly arrivedUs: number;
  readonly #commands: Ring;
  readonly #gate: number;
  #sentUs: number;
  #hostUs = 0;
  #answered: ((bytes: Uint8Array) => void) | null = null;

  constructor(commands: Ring, gate: number, arrivedUs: number) {
    this.#commands = commands;
    this.#gate = gate;
    this.arrivedUs = arrivedUs;
    this.#sentUs = arrivedUs;
  }

  /** The station's share of the tap, up to now. */
  hostUs(): number {
    return this.#hostUs + nowUs() - this.#sentUs;
  }

  transceive(apdu: Uint8Array): Promise<Uint8Array> {
    const sentUs = nowUs();
    this.#hostUs += sentUs - this.#sentUs;
    this.#commands.send(FrameKind.command, this.#gate, apdu, sentUs);
    return new Promise((resolve) => {
      this.#answered = resolve;
    });
  }

  answer(bytes: Uint8Array, sentUs: number): void {
    this.#sentUs = sentUs;
    this.#answered?.(bytes);
  }

  release(): Promise<void> {
    this.#commands.send(FrameKind.released, this.#gate);
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

/** The cards' thread, and the readers that it brings cards to. */
export class CardsLink {
  /** The system's number of the thread; 0 where it does not say. */
  readonly thread: number;
  readonly #worker: Worker;
  readonly #commands: Ring;
  readonly #answers: Ring;
  readonly #readers: readonly WiredReader[];
  #answered: (answer: object) => void = () => undefined;

  private constructor(
    worker: Worker,
    thread: number,
    [commands, answers]: readonly [Ring, Ring],
    readers: readonly WiredReader[],
  ) {
    this.#worker = worker;
    this.thread = thread;
    this.#commands = commands;
    this.#answers = answers;
    this.#readers = readers;
    worker.on('message', (answer: object | null) => {
      if (answer === null) this.#look();
      else this.#answered(answer);
    });
    worker.on('error', (error) => {
      throw error;
    });
  }

  static async start(plan: LoadPlan, readers: readonly WiredReader[]): Promise<CardsLink> {
    const memory = cardLinkMemory(plan.gates);
    const program = new URL('./cards-thread.js', import.meta.url);
    const worker = new Worker(program, { workerData: { plan, memory }, execArgv: [] });
    const [{ thread }] = (await once(worker, 'message')) as [{ thread: number }];
    const rings = [new Ring(memory.toCards), new Ring(memory.toStation)] as const;
    return new CardsLink(worker, thread, rings, readers);
  }

  /** One order at a time. */
  order<T extends object>(order: CardsOrder['order'], argument: string | number = 0): Promise<T> {
    const answer = new Promise<object>((resolve) => {
      this.#answered = resolve;
    });
    this.#worker.postMessage({ order, argument } satisfies CardsOrder);
    return answer as Promise<T>;
  }

  #look(): void {
    this.#answers.take((kind, gate, sentUs, bytes) => {
      const reader = this.#readers[gate]!;
      if (kind === FrameKind.answer) reader.inField?.answer(bytes, sentUs);
      else reader.arrive(new WiredSession(this.#commands, gate, sentUs));
    }, true);
  }
}
