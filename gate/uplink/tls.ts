/** The uplink's transport: TLS 1.3 with the certificate the gate was enrolled with (RFC 8446). */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { connect, type TLSSocket } from 'node:tls';
import { HANDSHAKE_MS_MAX } from '../../engine/durations.ts';
import { FaregateError, systemCode, systemText } from '../../engine/errors.ts';
import { UPLINK_ANSWERS_WAITING_MAX } from '../../engine/limits.ts';
import { encodeFrame, FrameDecoder } from '../../engine/wire/frame.ts';
import type { Link, Transport } from './transport.ts';

/** What enrolment gave the gate, all PEM. */
export interface GateBundle {
  readonly key: string;
  readonly certificate: string;
  readonly authority: string;
}

export interface TlsOptions {
  readonly host: string;
  readonly port: number;
  readonly bundle: GateBundle;
}

/** Reads `gate.key`, `gate.crt` and `ca.crt`. @throws FaregateError FILE_UNREADABLE. */
export async function readBundle(dir: string): Promise<GateBundle> {
  const read = async (name: string): Promise<string> => {
    const path = join(dir, name);
    try {
      return await readFile(path, 'utf8');
    } catch (cause) {
      throw new FaregateError('FILE_UNREADABLE', `${path}: ${systemText(cause)}`, { cause });
    }
  };
  return {
    key: await read('gate.key'),
    certificate: await read('gate.crt'),
    authority: await read('ca.crt'),
  };
}

export class TlsTransport implements Transport {
  readonly name: string;
  readonly #options: TlsOptions;

  constructor(options: TlsOptions) {
    this.#options = options;
    this.name = `${options.host}:${options.port}`;
  }

  connect(signal: AbortSignal): Promise<Link> {
    const { host, port, bundle } = this.#options;
    return new Promise((resolve, reject) => {
      let socket: TLSSocket;
      try {
        socket = connect({
          host,
          port,
          key: bundle.key,
          cert: bundle.certificate,
          ca: bundle.authority,
          minVersion: 'TLSv1.3',
          ...(isIP(host) ? {} : { servername: host }),
        });
      } catch (cause) {
        reject(this.#failed('UPLINK_FAILED', cause));
        return;
      }
      const fail = (cause: unknown): void => {
        settle();
        socket.destroy();
        reject(this.#failed('UPLINK_FAILED', cause));
      };
      const aborted = (): void => fail(new Error('given up'));
      const closed = (): void => fail(new Error('closed in the handshake'));
      const late = (): void => fail(new Error(`no answer within ${HANDSHAKE_MS_MAX} ms`));
      const timer = setTimeout(late, HANDSHAKE_MS_MAX);
      const settle = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', aborted);
        socket
          .off('close', closed)
          .off('error', fail)
          .on('error', () => undefined);
      };
      signal.addEventListener('abort', aborted);
      socket.on('error', fail).on('close', closed);
      socket.once('secureConnect', () => {
        settle();
        socket.setNoDelay(true).setKeepAlive(true, HANDSHAKE_MS_MAX);
        resolve(new TlsLink(socket, (cause, heard) => this.#broken(cause, heard)));
      });
      if (signal.aborted) aborted();
    });
  }

  /**
   * In TLS 1.3 a client learns only after its own handshake that its certificate was turned down:
   * by an alert where there is none, by a closed connection where a foreign authority signed it.
   */
  #broken(cause: unknown, heard: boolean): FaregateError {
    if (/^ERR_SSL_.*ALERT/.test(systemCode(cause))) return this.#failed('GATE_REFUSED', cause);
    if (heard) return this.#failed('UPLINK_FAILED', cause);
    const why = 'it hung up before a word; does it know the authority of this certificate?';
    return this.#failed('UPLINK_FAILED', new Error(why, { cause }));
  }

  #failed(code: 'UPLINK_FAILED' | 'GATE_REFUSED', cause: unknown): FaregateError {
    const why = systemText(cause).trim();
    return new FaregateError(code, `engine ${this.name}: ${why}`, { cause });
  }
}

class TlsLink implements Link {
  readonly #socket: TLSSocket;
  readonly #decoder = new FrameDecoder();
  readonly #messages: Uint8Array[] = [];
  #closed = false;
  #heard = false;
  #error: FaregateError | null = null;
  #receiver: (() => void) | null = null;

  constructor(socket: TLSSocket, broken: (cause: unknown, heard: boolean) => FaregateError) {
    this.#socket = socket;
    socket.on('error', (cause) => {
      if (!this.#closed) this.#error ??= broken(cause, this.#heard);
    });
    socket.on('close', () => {
      if (!this.#closed && !this.#heard) this.#error ??= broken(new Error('closed'), false);
      this.#wake(true);
    });
    socket.on('end', () => socket.destroy());
    socket.on('data', (chunk: Uint8Array) => {
      this.#heard = true;
      this.#decoder.push(chunk);
      this.#cut();
    });
  }

  async send(message: Uint8Array): Promise<void> {
    if (this.#closed || !this.#socket.writable) throw this.#gone();
    if (this.#socket.write(encodeFrame(message))) return;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        this.#socket.off('drain', done).off('close', done);
        resolve();
      };
      this.#socket.on('drain', done).on('close', done);
    });
    if (this.#closed) throw this.#gone();
  }

  async receive(): Promise<Uint8Array | null> {
    assert(this.#receiver === null, 'one receive at a time');
    while (this.#messages.length === 0) {
      if (this.#error) throw this.#error;
      if (this.#closed) return null;
      await new Promise<void>((resolve) => {
        this.#receiver = resolve;
      });
      this.#receiver = null;
    }
    const message = this.#messages.shift()!;
    this.#cut();
    return message;
  }

  close(): void {
    this.#wake(true);
    this.#socket.destroy();
  }

  /** Cuts what came into messages, up to the bound; beyond it the socket is not read. */
  #cut(): void {
    try {
      while (this.#messages.length < UPLINK_ANSWERS_WAITING_MAX) {
        const message = this.#decoder.next();
        if (message === null) break;
        this.#messages.push(message);
      }
    } catch (error) {
      this.#error ??= error as FaregateError;
      this.#socket.destroy();
    }
    if (this.#messages.length >= UPLINK_ANSWERS_WAITING_MAX) this.#socket.pause();
    else this.#socket.resume();
    this.#wake(false);
  }

  #wake(closed: boolean): void {
    this.#closed ||= closed;
    this.#receiver?.();
  }

  #gone(): FaregateError {
    return this.#error ?? new FaregateError('UPLINK_FAILED', 'the connection is closed');
  }
}
