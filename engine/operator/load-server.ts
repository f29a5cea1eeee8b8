/**
 * The engine's side for load machines: TLS 1.3 with the certificate that enrolment gave, for those
 * machines only that may load (RFC 8446). Frames of JSON (`engine/cards/messages.ts`), answered one
 * after the other; an answer leaves once what it says is on disk.
 */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import type { LoadHost } from '../cards/host-port.ts';
import { decodeRequest, encodeMessage, type LoadAnswer, perform } from '../cards/messages.ts';
import { UPLOAD_IDLE_MS_MAX } from '../durations.ts';
import { FaregateError, systemCode, systemText } from '../errors.ts';
import { LOAD_MACHINES_MAX } from '../limits.ts';
import type { Log } from '../log/log.ts';
import { fingerprintOf } from '../pki/certificates.ts';
import { encodeFrame, FrameDecoder } from '../wire/frame.ts';
import type { ServerPki } from './enrolment.ts';
import { gateTls } from './gate-tls.ts';
import type { GateRegistry } from './registry.ts';

export interface LoadServerOptions {
  readonly host: string;
  /** 0 for any free one. */
  readonly port: number;
  readonly pki: ServerPki;
  readonly registry: Pick<GateRegistry, 'find'>;
  /** Ids of the enrolled machines that may load. */
  readonly machines: ReadonlySet<string>;
  readonly loads: LoadHost;
  readonly log: Log;
  /** Told of a store that failed: nothing may be answered from then on. */
  readonly onFailure: (error: unknown) => void;
}

export class LoadServer {
  readonly #options: LoadServerOptions;
  readonly #server: Server;
  readonly #sockets = new Set<TLSSocket>();
  readonly #answering = new Set<Promise<void>>();

  constructor(options: LoadServerOptions) {
    this.#options = options;
    this.#server = createServer(gateTls(options.pki));
    this.#server.maxConnections = LOAD_MACHINES_MAX;
    this.#server.on('secureConnection', (socket) => this.#admit(socket));
    this.#server.on('tlsClientError', (error, socket) => {
      this.#options.log.warn({ code: 'GATE_REFUSED' }, `refused: ${error.message.trim()}`);
      socket.destroy();
    });
  }

  /** Starts to listen; answers the port. @throws FaregateError PORT_IN_USE, CONFIG_INVALID. */
  async listen(): Promise<number> {
    const { host, port } = this.#options;
    try {
      this.#server.listen({ host, port });
      await once(this.#server, 'listening');
    } catch (cause) {
      const inUse = systemCode(cause) === 'EADDRINUSE';
      const why = inUse
        ? `port ${port} of ${host} is in use; --port names another`
        : `cannot listen on ${host}:${port}: ${systemText(cause)}`;
      throw new FaregateError(inUse ? 'PORT_IN_USE' : 'CONFIG_INVALID', why, { cause });
    }
    return (this.#server.address() as AddressInfo).port;
  }

  /** Answers what is under way and closes. */
  async close(): Promise<void> {
    this.#server.close();
    await Promise.all(this.#answering);
    for (const socket of this.#sockets) socket.destroy();
  }

  #admit(socket: TLSSocket): void {
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket)).on('error', () => socket.destroy());
    socket.setTimeout(UPLOAD_IDLE_MS_MAX, () => socket.destroy());
    const decoder = new FrameDecoder();
    let busy = false;
    socket.on('data', (chunk: Uint8Array) => {
      decoder.push(chunk);
      if (busy) return;
      busy = true;
      // Nothing more is read before what came is answered: a machine asks one thing at a time.
      socket.pause();
      const answered = this.#answerAll(socket, decoder).finally(() => {
        busy = false;
        this.#answering.delete(answered);
        socket.resume();
      });
      this.#answering.add(answered);
    });
  }

  async #answerAll(socket: TLSSocket, decoder: FrameDecoder): Promise<void> {
    try {
      for (let body = decoder.next(); body !== null; body = decoder.next()) {
        const answer = await this.#answer(socket, body);
        if (socket.writable) socket.write(encodeFrame(encodeMessage(answer)));
      }
    } catch (error) {
      socket.destroy();
      if (error instanceof FaregateError && error.code !== 'STORE_FAILED') return;
      this.#options.onFailure(error);
    }
  }

  /** @throws what is the engine's own failing; then nothing is answered. */
  async #answer(socket: TLSSocket, body: Uint8Array): Promise<LoadAnswer> {
    try {
      this.#check(socket);
      return { answer: await perform(this.#options.loads, decodeRequest(body)) };
    } catch (error) {
      if (!(error instanceof FaregateError) || error.code === 'STORE_FAILED') throw error;
      this.#options.log.warn({ code: error.code }, error.message);
      return { error: { code: error.code, message: error.message } };
    }
  }

  /** At each request, so that a machine that is revoked is refused at once. */
  #check(socket: TLSSocket): void {
    const certificate = socket.getPeerCertificate();
    const id = String(certificate.subject?.CN ?? '');
    const entry = this.#options.registry.find(id);
    const known = entry && !entry.revoked && certificate.raw;
    if (!known || entry.fingerprint !== fingerprintOf(certificate.raw)) {
      throw new FaregateError('GATE_REFUSED', `machine ${id} is not enrolled, or was revoked`);
    }
    if (!this.#options.machines.has(id)) {
      throw new FaregateError(
        'GATE_REFUSED',
        `${id} is no load machine: see cards serve --machine`,
      );
    }
  }
}
