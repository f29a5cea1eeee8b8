/** The engines the uplink suite runs against: in this process without a socket, and over TLS. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FaregateError } from '../../../engine/errors.ts';
import { silentLog } from '../../../engine/log/log.ts';
import { enrolGate, ensurePki } from '../../../engine/operator/enrolment.ts';
import { type IngestOptions, IngestServer } from '../../../engine/operator/ingest.ts';
import { GateTable, newCounters } from '../../../engine/operator/ingest-gates.ts';
import { type IngestContext, IngestSession } from '../../../engine/operator/ingest-session.ts';
import { GateRegistry } from '../../../engine/operator/registry.ts';
import type { UplinkThread } from '../../../gate/uplink/thread/uplink-thread.ts';
import { readBundle, TlsTransport } from '../../../gate/uplink/tls.ts';
import type { Link, Transport } from '../../../gate/uplink/transport.ts';
import type { World } from '../../suites/uplink.ts';
import { fakeChecks, MemoryLedger } from './fakes.ts';

/** An engine's sessions, called directly. */
export class InProcessWorld implements World {
  readonly ledger = new MemoryLedger();
  readonly #links = new Set<Link>();
  #context = this.#newContext();

  async transport(gateId: string): Promise<Transport> {
    return { name: 'in process', connect: async () => this.#connect(gateId) };
  }

  async restart(): Promise<void> {
    for (const link of this.#links) link.close();
    this.#context = this.#newContext();
  }

  async close(): Promise<void> {
    for (const link of this.#links) link.close();
  }

  #newContext(): IngestContext {
    return {
      ledger: this.ledger,
      checks: fakeChecks,
      registry: {
        find: (id) => ({
          id,
          station: '',
          serial: '01',
          fingerprint: 'F'.repeat(64),
          enrolledAt: '',
          revoked: null,
        }),
      },
      gates: new GateTable(),
      counters: newCounters(),
      log: silentLog,
      nowMs: Date.now,
      onFailure: () => undefined,
    };
  }

  #connect(gateId: string): Link {
    const answers: Uint8Array[] = [];
    let closed = false;
    let wake: () => void = () => undefined;
    const session = new IngestSession(this.#context, { gateId, fingerprint: 'F'.repeat(64) }, () =>
      link.close(),
    );
    let inLine: Promise<void> = Promise.resolve();
    const link: Link = {
      send: async (message) => {
        if (closed) throw new FaregateError('UPLINK_FAILED', 'closed');
        inLine = inLine.then(async () => {
          if (closed) return;
          const reply = await session.handle(message);
          if (reply.body && !closed) answers.push(reply.body);
          if (reply.end) closed = true;
          wake();
        });
      },
      receive: async () => {
        while (answers.length === 0 && !closed) {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
        return answers.shift() ?? null;
      },
      close: () => {
        if (!closed) session.end();
        closed = true;
        answers.length = 0;
        this.#links.delete(link);
        wake();
      },
    };
    this.#links.add(link);
    return link;
  }
}

/** An engine's ingest on loopback, with its own certificate authority in a scratch directory. */
export class TlsWorld implements World {
  readonly ledger = new MemoryLedger();
  readonly dir: string;
  readonly failures: unknown[] = [];
  readonly #options: Partial<IngestOptions>;
  readonly #thread: UplinkThread | null;
  server: IngestServer | null = null;
  port = 0;

  private constructor(dir: string, options: Partial<IngestOptions>, thread: UplinkThread | null) {
    this.dir = dir;
    this.#options = options;
    this.#thread = thread;
  }

  /** @param thread what the gates connect with; each by itself where absent. */
  static async open(
    options: Partial<IngestOptions> = {},
    thread: UplinkThread | null = null,
  ): Promise<TlsWorld> {
    const dir = await mkdtemp(join(tmpdir(), 'faregate-uplink-'));
    const world = new TlsWorld(dir, options, thread);
    await world.#start();
    return world;
  }

  /** Enrols the gate and answers the directory of its files. */
  async enrol(gateId: string): Promise<string> {
    const outDir = join(this.dir, `gate-${gateId}`);
    await enrolGate(this.dir, { gateId, station: 'Xidan', outDir });
    return outDir;
  }

  async transport(gateId: string): Promise<Transport> {
    const bundle = await readBundle(await this.enrol(gateId));
    const options = { host: '127.0.0.1', port: this.port, bundle };
    return this.#thread?.transport(options) ?? new TlsTransport(options);
  }

  async restart(): Promise<void> {
    await this.server?.close();
    await this.#start();
  }

  async close(): Promise<void> {
    await this.#thread?.end();
    await this.server?.close();
    await rm(this.dir, { recursive: true });
  }

  async #start(): Promise<void> {
    this.server = new IngestServer({
      host: '127.0.0.1',
      port: this.port,
      pki: await ensurePki(this.dir),
      registry: new GateRegistry(
        this.dir,
        (error) => this.failures.push(error),
        () => true,
      ),
      ledger: this.ledger,
      checks: fakeChecks,
      log: silentLog,
      onFailure: (error) => this.failures.push(error),
      ...this.#options,
    });
    this.port = await this.server.listen();
  }
}
