/**
 * The simulated network between gates and engine: a connection carries messages both ways with a
 * delay, in order, until it breaks and loses what was under way. A broken transport that repeats or
 * swaps messages is a fault of its own (`linkGarble`): TLS would not let one through.
 */
import { FaregateError } from '../../engine/errors.ts';
import type { Chance } from '../../gate/demo/chance.ts';
import type { Link, Transport } from '../../gate/uplink/transport.ts';
import type { EngineNode } from './engine-node.ts';
import type { Scenario } from './scenario.ts';
import type { SimProcess, VirtualTime } from './virtual-time.ts';

const STALL_MS_MIN = 10 * 60_000;

export class Network {
  readonly #time: VirtualTime;
  readonly #chance: Chance;
  readonly #engine: EngineNode;
  readonly #links = new Set<SimLink>();
  readonly #cut = new Set<string>();
  /** Certificates that have run out. */
  readonly #expired = new Set<string>();
  #healed = false;
  readonly #loses: boolean;
  readonly #stalls: boolean;
  readonly #stallMsMax: number;
  readonly #garbles: boolean;

  constructor(time: VirtualTime, scenario: Scenario, chance: Chance, engine: EngineNode) {
    this.#time = time;
    this.#chance = chance;
    this.#engine = engine;
    this.#loses = scenario.faults.has('linkLoss');
    this.#stalls = scenario.faults.has('linkStall');
    this.#stallMsMax = Math.max(STALL_MS_MIN, 3 * scenario.pauseMsMax);
    this.#garbles = scenario.faults.has('linkGarble');
  }

  /** Takes a station off the network, or all with '*'. */
  partition(station: string): void {
    this.#cut.add(station);
    for (const link of this.#links) if (this.isCut(link.station)) link.break();
  }

  rejoin(station: string): void {
    this.#cut.delete(station);
  }

  /** A certificate runs out: no new connection is made with it. */
  expire(fingerprint: string): void {
    this.#expired.add(fingerprint);
  }

  /** No faults from here on. */
  heal(): void {
    this.#healed = true;
    this.#cut.clear();
    this.#expired.clear();
  }

  isCut(station: string): boolean {
    return this.#cut.has(station) || this.#cut.has('*');
  }

  /** Every connection of the engine that has died. */
  engineDied(): void {
    for (const link of this.#links) link.break();
  }

  /** @param fingerprintNow of the certificate that is shown to the engine */
  transport(
    station: string,
    gateId: string,
    fingerprintNow: () => string,
    process: SimProcess,
  ): Transport {
    return {
      name: 'engine',
      connect: async (signal) => {
        await this.#time.sleep(this.latencyMs());
        if (this.isCut(station) || signal.aborted) {
          await this.#time.sleep(signal.aborted ? 0 : 5000);
          throw new FaregateError('UPLINK_FAILED', 'engine: no answer');
        }
        const fingerprint = fingerprintNow();
        if (this.#expired.has(fingerprint)) {
          throw new FaregateError('UPLINK_FAILED', 'engine: the certificate has expired');
        }
        const link = new SimLink(this.#time, this, station, process);
        const session = this.#engine.admit(gateId, fingerprint, () => link.break());
        if (!session) throw new FaregateError('UPLINK_FAILED', 'engine: connection refused');
        link.attach(session, this.#engine.process);
        this.#links.add(link);
        return link;
      },
    };
  }

  closed(link: SimLink): void {
    this.#links.delete(link);
  }

  latencyMs(): number {
    return 1 + this.#chance.fraction() * 30 + (this.#chance.happens(0.02) ? 4000 : 0);
  }

  /** How long a message to the engine is on its way beyond the usual. */
  stallMs(): number {
    if (this.#healed || !this.#stalls || !this.#chance.happens(0.03)) return 0;
    return this.#chance.fraction() * this.#stallMsMax;
  }

  /** What becomes of one message. */
  fate(): 'arrives' | 'breaks' | 'repeated' | 'held' {
    if (this.#healed) return 'arrives';
    if (this.#loses && this.#chance.happens(0.05)) return 'breaks';
    if (!this.#garbles) return 'arrives';
    if (this.#chance.happens(0.05)) return 'repeated';
    return this.#chance.happens(0.05) ? 'held' : 'arrives';
  }
}

type Session = NonNullable<ReturnType<EngineNode['admit']>>;

class SimLink implements Link {
  readonly station: string;
  readonly #time: VirtualTime;
  readonly #network: Network;
  readonly #gate: SimProcess;
  readonly #arrived: Uint8Array[] = [];
  readonly #toEngine: Uint8Array[] = [];
  #session: Session | null = null;
  #engine: SimProcess | null = null;
  #waiting: ((message: Uint8Array | null) => void) | null = null;
  #open = true;
  /** The engine knows of the end; until then what is stalled still arrives there. */
  #ended = false;
  #stalled = false;
  #busy = false;
  #thereUs = 0;
  #backUs = 0;
  #held: Uint8Array | null = null;

  constructor(time: VirtualTime, network: Network, station: string, gate: SimProcess) {
    this.#time = time;
    this.#network = network;
    this.station = station;
    this.#gate = gate;
    // A process that dies hangs up.
    void gate.death.then(() => this.close());
  }

  attach(session: Session, engine: SimProcess): void {
    this.#session = session;
    this.#engine = engine;
  }

  async send(message: Uint8Array): Promise<void> {
    if (!this.#open) throw new FaregateError('UPLINK_FAILED', 'engine: the connection broke');
    const copy = message.slice();
    const stallMs = this.#network.stallMs();
    if (stallMs > 0) this.#stalled = true;
    for (const one of this.#pass(copy)) {
      const afterUs = Math.max(this.#thereUs, this.#time.nowUs + stallMs * 1000);
      this.#thereUs = this.#inOrder(afterUs, this.#engine, () => {
        if (this.#ended) return;
        this.#toEngine.push(one);
        void this.#serve();
      });
    }
    await this.#time.sleep(0);
  }

  receive(): Promise<Uint8Array | null> {
    const message = this.#arrived.shift();
    if (message) return Promise.resolve(message);
    if (!this.#open) return Promise.resolve(null);
    return new Promise((resolve) => {
      this.#waiting = resolve;
    });
  }

  /** The gate hangs up; what is stalled in the network reaches the engine all the same. */
  close(): void {
    if (!this.#stalled) {
      this.break();
      return;
    }
    this.#hangUp();
    this.#time.within(this.#engine ?? undefined, () => {
      setTimeout(() => this.break(), (this.#thereUs - this.#time.nowUs) / 1000 + 1);
    });
  }

  /** Loses everything under way. */
  break(): void {
    this.#hangUp();
    if (this.#ended) return;
    this.#ended = true;
    this.#network.closed(this);
    this.#session?.end();
  }

  #hangUp(): void {
    this.#open = false;
    this.#waiting?.(null);
    this.#waiting = null;
  }

  /** Delivers after a delay, but never before what was sent before. */
  #inOrder(afterUs: number, to: SimProcess | null, deliver: () => void): number {
    const dueUs = Math.max(afterUs, this.#time.nowUs + this.#network.latencyMs() * 1000);
    this.#time.within(to ?? undefined, () => {
      setTimeout(() => deliver(), (dueUs - this.#time.nowUs) / 1000);
    });
    return dueUs;
  }

  #pass(message: Uint8Array): Uint8Array[] {
    const fate = this.#network.fate();
    if (fate === 'breaks') {
      this.break();
      return [];
    }
    if (fate === 'repeated') return [message, message];
    const held = this.#held;
    this.#held = null;
    if (fate === 'held' && !held) {
      this.#held = message;
      return [];
    }
    return held ? [message, held] : [message];
  }

  /** The engine takes one message after the other, as its connection does. */
  async #serve(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    while (!this.#ended && this.#toEngine.length > 0) {
      const reply = await this.#session!.handle(this.#toEngine.shift()!);
      if (reply.body) {
        const body = reply.body.slice();
        this.#backUs = this.#inOrder(this.#backUs, this.#gate, () => this.#arrive(body));
      }
      if (reply.end) {
        this.#backUs = this.#inOrder(this.#backUs, this.#gate, () => this.break());
        break;
      }
    }
    this.#busy = false;
  }

  #arrive(body: Uint8Array): void {
    if (!this.#open) return;
    const waiting = this.#waiting;
    this.#waiting = null;
    if (waiting) waiting(body);
    else this.#arrived.push(body);
  }
}
