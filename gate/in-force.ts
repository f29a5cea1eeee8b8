/**
 * What is in force at a gate, read as each record is made: modes, denylist, the clock's quality,
 * parameters. One object for each gate, so that a tap allocates nothing for it.
 */
import type { InForce } from '../engine/debit/record.ts';
import type { Denylist } from '../engine/denylist/denylist.ts';

export class GateInForce implements InForce {
  readonly #denylist: Denylist;
  readonly #rest: () => Omit<InForce, 'denylistVersion'>;

  /** @param rest asked for each record; it should not allocate. */
  constructor(denylist: Denylist, rest: () => Omit<InForce, 'denylistVersion'>) {
    this.#denylist = denylist;
    this.#rest = rest;
  }

  get mode(): number {
    return this.#rest().mode;
  }

  get denylistVersion(): number {
    return this.#denylist.version;
  }

  get clockQuality(): number {
    return this.#rest().clockQuality;
  }

  get parametersVersion(): number {
    return this.#rest().parametersVersion;
  }
}
