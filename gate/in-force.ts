/**
 * What is in force at a gate, read as each record is made: modes, denylist, the clock's quality,
 * parameters. One object for each gate, so that a tap allocates nothing for it.
 */
import type { InForce } from '../engine/debit/record.ts';
import type { Denylist } from '../engine/denylist/denylist.ts';
import type { StationModes } from '../engine/tap/setting.ts';

/** Where it is read from. */
export interface InForceSources {
  readonly denylist: Denylist;
  readonly modes: StationModes;
  /** One byte of `engine/clock-quality.ts`. */
  readonly clockQuality: () => number;
  /** 0 where the gate has no set of parameters. */
  readonly parametersVersion: () => number;
}

export class GateInForce implements InForce {
  readonly #sources: InForceSources;

  constructor(sources: InForceSources) {
    this.#sources = sources;
  }

  get mode(): number {
    return this.#sources.modes.mode;
  }

  get denylistVersion(): number {
    return this.#sources.denylist.version;
  }

  get clockQuality(): number {
    return this.#sources.clockQuality();
  }

  get parametersVersion(): number {
    return this.#sources.parametersVersion();
  }
}
