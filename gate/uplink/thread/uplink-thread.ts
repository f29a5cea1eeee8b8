/**
 * Uplinks whose TLS is done on a thread of its own (`worker.ts`): one thread for a station, a
 * transport for each gate. Its links behave as those of `TlsTransport`.
 */
import { Worker } from 'node:worker_threads';
import { FaregateError } from '../../../engine/errors.ts';
import type { TlsOptions } from '../tls.ts';
import type { Link, Transport } from '../transport.ts';
import { type Call, ownBytes, type Reply } from './messages.ts';

interface Waiter {
  readonly resolve: (message: Uint8Array | null) => void;
  readonly reject: (error: unknown) => void;
}

type Asked<T> = T extends { call: number } ? Omit<T, 'call'> : never;

export class UplinkThread {
  #worker: Worker | null = null;
  readonly #waiting = new Map<number, Waiter>();
  #calls = 0;
  #links = 0;
  #ended = false;

  /** A gate's way to its engine. */
  transport(options: TlsOptions): Transport {
    const name = `${options.host}:${options.port}`;
    return { name, connect: (signal) => this.#connect(options, name, signal) };
  }

  /** Drops every connection and ends the thread. */
  async end(): Promise<void> {
    this.#ended = true;
    const worker = this.#worker;
    this.#worker = null;
    await worker?.terminate();
    this.#fail(new FaregateError('UPLINK_FAILED', 'the uplinks have ended'));
  }

  async #connect(options: TlsOptions, name: string, signal: AbortSignal): Promise<Link> {
    const link = ++this.#links;
    const abort = (): void => this.#tell({ do: 'abort', link });
    const connected = this.#ask({ do: 'connect', link, options });
    signal.addEventListener('abort', abort);
    try {
      // Where it was given up before, the thread must hear of it after the call.
      if (signal.aborted) abort();
      await connected;
    } finally {
      signal.removeEventListener('abort', abort);
    }
    return this.#link(link, name);
  }

  #link(link: number, name: string): Link {
    let isOpen = true;
    /** Ends the call of `receive` that waits; one at a time, so that nothing of it is kept. */
    let closed: () => void = () => undefined;
    return {
      send: async (message) => {
        if (!isOpen) {
          throw new FaregateError('UPLINK_FAILED', `engine ${name}: the connection is closed`);
        }
        await this.#ask({ do: 'send', link, message: ownBytes(message) });
      },
      receive: () => {
        if (!isOpen) return Promise.resolve(null);
        return new Promise((resolve, reject) => {
          closed = () => resolve(null);
          this.#ask({ do: 'receive', link }).then(resolve, reject);
        });
      },
      close: () => {
        if (!isOpen) return;
        isOpen = false;
        closed();
        this.#tell({ do: 'close', link });
      },
    };
  }

  #ask(asked: Asked<Call>): Promise<Uint8Array | null> {
    if (this.#ended) {
      return Promise.reject(new FaregateError('UPLINK_FAILED', 'the uplinks have ended'));
    }
    const call = ++this.#calls;
    return new Promise((resolve, reject) => {
      this.#waiting.set(call, { resolve, reject });
      const transfer = asked.do === 'send' ? [asked.message.buffer as ArrayBuffer] : [];
      this.#running().postMessage({ ...asked, call }, transfer);
    });
  }

  #tell(call: Call): void {
    this.#worker?.postMessage(call);
  }

  #running(): Worker {
    if (this.#worker) return this.#worker;
    const worker = new Worker(new URL('./worker.js', import.meta.url), { stdin: false });
    worker.on('message', (reply: Reply) => this.#hear(reply));
    worker.on('error', (error) => this.#lost(worker, error));
    worker.on('exit', (code) => {
      this.#lost(worker, new Error(`the uplinks' thread ended with ${code}`));
    });
    this.#worker = worker;
    return worker;
  }

  #hear({ call, message, error }: Reply): void {
    const waiter = this.#waiting.get(call);
    this.#waiting.delete(call);
    if (error) waiter?.reject(new FaregateError(error.code, error.message));
    else waiter?.resolve(message);
  }

  /** A thread that died of a mistake ends the process that relied on it, like other mistakes. */
  #lost(worker: Worker, error: unknown): void {
    if (this.#worker !== worker) return;
    this.#worker = null;
    this.#fail(error);
  }

  #fail(error: unknown): void {
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { reject } of waiting) reject(error);
  }
}
