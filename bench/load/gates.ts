/**
 * The load generator: gates that upload without pause over mutual TLS, each with as many batches
 * under way as the protocol allows. Only acknowledged debits count.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type TLSSocket } from 'node:tls';
import { DEBIT_BYTES } from '../../engine/debit/record.ts';
import { UPLINK_WINDOW } from '../../engine/limits.ts';
import { decodeEngineMessage, encodeMessage, PROTOCOL } from '../../engine/wire/envelope.ts';
import { encodeFrame, FrameDecoder } from '../../engine/wire/frame.ts';
import { type GateBundle, readBundle } from '../../gate/uplink/tls.ts';
import { Debits } from './debits.ts';
import { bundleDirOf, gateIdOf, type LoadPlan } from './plan.ts';

/** What all gates share. */
interface Flow {
  readonly debits: Debits;
  readonly batchRecords: number;
  /** Debits that may be sent. */
  limit: number;
  onAcknowledged(count: number): void;
}

class LoadGate {
  readonly #id: string;
  readonly #flow: Flow;
  readonly #socket: TLSSocket;
  readonly #decoder = new FrameDecoder();
  readonly #inFlight: number[] = [];
  readonly #records: Uint8Array;
  #next = 1;
  #welcome: () => void = () => {};

  private constructor(id: string, flow: Flow, socket: TLSSocket) {
    this.#id = id;
    this.#flow = flow;
    this.#socket = socket;
    this.#records = new Uint8Array(flow.batchRecords * DEBIT_BYTES);
    socket.on('data', (chunk: Uint8Array) => {
      this.#decoder.push(chunk);
      for (let body = this.#decoder.next(); body; body = this.#decoder.next()) this.#hear(body);
    });
  }

  static async open(id: string, bundle: GateBundle, port: number, flow: Flow): Promise<LoadGate> {
    const socket = connect({
      host: '127.0.0.1',
      port,
      key: bundle.key,
      cert: bundle.certificate,
      ca: bundle.authority,
      minVersion: 'TLSv1.3',
    });
    await once(socket, 'secureConnect');
    const gate = new LoadGate(id, flow, socket);
    const welcomed = new Promise<void>((resolve) => {
      gate.#welcome = resolve;
    });
    const hello = { type: 'hello', protocol: PROTOCOL, gateId: id, nextSequence: 2 ** 40 } as const;
    socket.write(encodeFrame(encodeMessage(hello)));
    await welcomed;
    return gate;
  }

  /** Sends as far as window and limit allow. */
  send(): void {
    const { debits, batchRecords } = this.#flow;
    while (this.#inFlight.length < UPLINK_WINDOW) {
      const count = Math.min(batchRecords, this.#flow.limit - debits.taken);
      if (count <= 0) return;
      const records = this.#records.subarray(0, count * DEBIT_BYTES);
      debits.write(debits.take(count), count, this.#id, this.#next, records);
      const batch = { type: 'batch', first: this.#next, count, records, status: null } as const;
      this.#socket.write(encodeFrame(encodeMessage(batch)));
      this.#next += count;
      this.#inFlight.push(count);
    }
  }

  end(): void {
    this.#socket.end();
  }

  #hear(body: Uint8Array): void {
    const message = decodeEngineMessage(body);
    if (message.type === 'welcome') {
      this.#next = message.acknowledgedThrough + 1;
      this.#welcome();
      return;
    }
    assert(message.type === 'ack', `refused: ${JSON.stringify(message)}`);
    const count = this.#inFlight.shift();
    assert.deepEqual(message.outcomes, { posted: count });
    this.#flow.onAcknowledged(count!);
    this.send();
  }
}

export interface Acknowledged {
  readonly debits: number;
  /** Processor time of this process so far. */
  readonly cpuSeconds: number;
}

export class LoadGates {
  readonly #gates: LoadGate[] = [];
  readonly #flow: Flow;
  #acknowledged = 0;
  #wanted = Number.POSITIVE_INFINITY;
  #reached: () => void = () => {};

  private constructor(plan: LoadPlan) {
    this.#flow = {
      debits: new Debits(plan.cards),
      batchRecords: plan.batchRecords,
      limit: 0,
      onAcknowledged: (count) => {
        this.#acknowledged += count;
        if (this.#acknowledged >= this.#wanted) this.#reached();
      },
    };
  }

  static async connect(plan: LoadPlan, port: number): Promise<LoadGates> {
    const gates = new LoadGates(plan);
    for (let i = 0; i < plan.gates; i++) {
      const bundle = await readBundle(bundleDirOf(plan, i));
      gates.#gates.push(await LoadGate.open(gateIdOf(i), bundle, port, gates.#flow));
    }
    return gates;
  }

  /** Sends `count` more debits and no others; resolves when they are acknowledged. */
  async post(count: number): Promise<Acknowledged> {
    this.#flow.limit += count;
    return this.#until(this.#flow.limit);
  }

  /** Sends without end from now on; resolves when `count` more debits are acknowledged. */
  async flow(count: number): Promise<Acknowledged> {
    this.#flow.limit = Number.POSITIVE_INFINITY;
    return this.#until(this.#acknowledged + count);
  }

  /** Stops sending; resolves when all that was sent is acknowledged. */
  async drain(): Promise<Acknowledged> {
    this.#flow.limit = this.#flow.debits.taken;
    return this.#until(this.#flow.limit);
  }

  end(): void {
    for (const gate of this.#gates) gate.end();
  }

  async #until(wanted: number): Promise<Acknowledged> {
    if (this.#acknowledged < wanted) {
      await new Promise<void>((resolve) => {
        this.#wanted = wanted;
        this.#reached = resolve;
        for (const gate of this.#gates) gate.send();
      });
      this.#wanted = Number.POSITIVE_INFINITY;
    }
    const { user, system } = process.cpuUsage();
    return { debits: this.#acknowledged, cpuSeconds: (user + system) / 1e6 };
  }
}
