/** The uplinks of one station's gates, which take turns to upload over its one line. */
import { StationTurns } from './turns.ts';
import { Uplink, type UplinkOptions } from './uplink.ts';

export class StationUplink {
  readonly #turns: StationTurns;
  readonly #uplinks = new Map<string, Uplink>();

  /** `atOnce` gates may have batches under way at a time. */
  constructor(atOnce?: number) {
    this.#turns = new StationTurns(atOnce);
  }

  /** Adds a gate's uplink and starts it. */
  add(options: Omit<UplinkOptions, 'turns'>): Uplink {
    const uplink = new Uplink({ ...options, turns: this.#turns });
    this.#uplinks.set(options.gateId, uplink);
    uplink.start();
    return uplink;
  }

  get(gateId: string): Uplink | undefined {
    return this.#uplinks.get(gateId);
  }

  /** Gates with a standing connection. */
  get connected(): number {
    let count = 0;
    for (const uplink of this.#uplinks.values()) if (uplink.connected) count += 1;
    return count;
  }

  /** Resolves when no journal has anything left to acknowledge. */
  async drained(): Promise<void> {
    await Promise.all([...this.#uplinks.values()].map((uplink) => uplink.drained()));
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#uplinks.values()].map((uplink) => uplink.stop()));
  }
}
