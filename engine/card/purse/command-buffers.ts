/**
 * The commands of a purchase with their fixed parts written ahead, one set for each profile a gate
 * accepts: a tap writes only what differs. One gate's own, because a command's bytes stay as they
 * are only until it is answered, and a gate has one tap at a time.
 */
import { debit } from './commands/debit.ts';
import type { CompiledProfile } from './compile.ts';
import type { PurchaseKind } from './profile.ts';

export interface CommandBuffers {
  readonly profile: CompiledProfile;
  readonly initialize: Readonly<Record<PurchaseKind, Uint8Array>>;
  /** UPDATE CAPP DATA CACHE; empty where the profile has no journey file. */
  readonly update: Uint8Array;
  readonly debit: Uint8Array;
}

export function makeBuffers(profile: CompiledProfile): CommandBuffers {
  const { purchase, capp } = profile.initialize;
  return {
    profile,
    initialize: { purchase: purchase.slice(), capp: capp.slice() },
    update: profile.journey?.update.slice() ?? new Uint8Array(0),
    debit: debit.template(),
  };
}

/** Finds a gate's buffers for a profile. */
export class GateBuffers {
  #last: CommandBuffers | null = null;
  readonly #all = new Map<CompiledProfile, CommandBuffers>();

  of(profile: CompiledProfile): CommandBuffers {
    if (this.#last?.profile === profile) return this.#last;
    let buffers = this.#all.get(profile);
    if (!buffers) {
      buffers = makeBuffers(profile);
      this.#all.set(profile, buffers);
    }
    this.#last = buffers;
    return buffers;
  }
}
