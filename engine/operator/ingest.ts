/**
 * Ingest: the TLS server that gates upload to. TLS 1.3 with a client certificate of the operator's
 * authority (RFC 8446); what follows is `docs/wire.md`. This file listens and admits;
 * `ingest-connection.ts` reads the stream, `ingest-session.ts` speaks the protocol.
 */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import { BytePool } from '../byte-pool.ts';
import { UPLOAD_IDLE_MS_MAX } from '../durations.ts';
import { FaregateError, systemCode, systemText } from '../errors.ts';
import { GATES_MAX } from '../limits.ts';
import type { Log } from '../log/log.ts';
import { fingerprintOf } from '../pki/certificates.ts';
import type { ServerPki } from './enrolment.ts';
import { gateTls } from './gate-tls.ts';
import { IngestBudget, IngestConnection } from './ingest-connection.ts';
import { GateTable, type GateView, type IngestCounters, newCounters } from './ingest-gates.ts';
import {
  type IngestContext,
  IngestSession,
  type LedgerPort,
  type ParameterPort,
  type Peer,
} from './ingest-session.ts';
import type { RecordChecks } from './record-checks.ts';
import type { GateRegistry } from './registry.ts';

export interface IngestOptions {
  readonly host: string;
  /** 0 for any free one. */
  readonly port: number;
  readonly pki: ServerPki;
  readonly registry: Pick<GateRegistry, 'find'>;
  readonly ledger: LedgerPort;
  readonly checks: RecordChecks;
  readonly log: Log;
  readonly nowMs?: () => number;
  readonly parameters?: ParameterPort;
  /** Told of errors that are not a gate's doing; a program stops on them. Default: logged only. */
  readonly onFailure?: (error: unknown) => void;
  /** UPLOAD_IDLE_MS_MAX unless a test is in a hurry; so with the bound on bytes. */
  readonly idleMs?: number;
  readonly bytesMax?: number;
}

export class IngestServer {
  readonly counters: IngestCounters = newCounters();
  readonly #options: IngestOptions;
  readonly #context: IngestContext;
  readonly #table = new GateTable();
  readonly #budget: IngestBudget;
  readonly #bodies = new BytePool();
  readonly #connections = new Set<IngestConnection>();
  readonly #server: Server;
  #closing = false;

  constructor(options: IngestOptions) {
    this.#options = options;
    this.#budget = new IngestBudget(options.bytesMax);
    this.#context = {
      ledger: options.ledger,
      checks: options.checks,
      registry: options.registry,
      gates: this.#table,
      counters: this.counters,
      log: options.log,
      nowMs: options.nowMs ?? Date.now,
      ...(options.parameters ? { parameters: options.parameters } : {}),
      onFailure: (error) => this.#onFailure(error),
    };
    this.#server = createServer({ ...gateTls(options.pki), keepAlive: true });
    this.#server.maxConnections = GATES_MAX;
    this.#server.on('secureConnection', (socket) => this.#admit(socket));
    this.#server.on('tlsClientError', (error, socket) => this.#onHandshakeError(error, socket));
  }

  /**
   * Starts to listen; answers the port.
   * @throws FaregateError PORT_IN_USE, CONFIG_INVALID (an address that is not this machine's).
   */
  async listen(): Promise<number> {
    const { host, port } = this.#options;
    try {
      this.#server.listen({ host, port });
      await once(this.#server, 'listening');
    } catch (cause) {
      if (systemCode(cause) === 'EADDRINUSE') {
        const message = `port ${port} of ${host} is in use; --port names another`;
        throw new FaregateError('PORT_IN_USE', message, { cause });
      }
      const why = systemText(cause);
      throw new FaregateError('CONFIG_INVALID', `cannot listen on ${host}:${port}: ${why}`, {
        cause,
      });
    }
    this.#server.on('error', (error) => this.#onFailure(error));
    return this.port;
  }

  /** The port listened on. */
  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Bytes of whole frames that wait to be posted. */
  get bytesWaiting(): number {
    return this.#budget.bytes;
  }

  get connections(): number {
    return this.#connections.size;
  }

  /** Every gate heard of since the start. */
  gates(): GateView[] {
    return this.#table.views();
  }

  /** Takes no more connections, lets each finish and answer its batch under way, and closes. */
  async close(): Promise<void> {
    this.#closing = true;
    const closed = this.#server.listening ? once(this.#server, 'close') : Promise.resolve();
    if (this.#server.listening) this.#server.close();
    const connections = [...this.#connections];
    for (const connection of connections) connection.finish();
    await Promise.all(connections.map((connection) => connection.closed));
    await closed;
  }

  #admit(socket: TLSSocket): void {
    if (this.#closing) {
      // Its handshake was under way as the server closed.
      socket.destroy();
      return;
    }
    const peer = peerOf(socket);
    let connection: IngestConnection | null = null;
    const session = new IngestSession(this.#context, peer, () => connection?.finish());
    connection = new IngestConnection(
      socket,
      session,
      this.#budget,
      this.#bodies,
      this.#options.idleMs ?? UPLOAD_IDLE_MS_MAX,
    );
    const admitted = connection;
    this.#connections.add(admitted);
    void admitted.closed.then(() => this.#connections.delete(admitted));
  }

  /** No certificate, a foreign one, another TLS version, or no TLS at all. */
  #onHandshakeError(error: Error, socket: TLSSocket): void {
    this.counters.refused += 1;
    this.#options.log.warn(
      { code: 'GATE_REFUSED', from: socket.remoteAddress ?? '' },
      `refused in the handshake: ${error.message.trim()}`,
    );
    socket.destroy();
  }

  #onFailure(error: unknown): void {
    const code = error instanceof FaregateError ? error.code : 'none';
    this.#options.log.error({ code }, `ingest failed: ${String(error)}`);
    this.#options.onFailure?.(error);
  }
}

/** The handshake has checked the chain; who may upload is for the registry to say. */
function peerOf(socket: TLSSocket): Peer {
  const certificate = socket.getPeerCertificate();
  const name: unknown = certificate.subject?.CN;
  return {
    gateId: typeof name === 'string' ? name : '',
    fingerprint: certificate.raw ? fingerprintOf(certificate.raw) : '',
  };
}
