/**
 * The commands of a purchase with their fixed parts written ahead, one set for each profile a gate
 * accepts: a tap writes only what differs. One gate's own, because a command's bytes stay as they
 * are only until it is answered, and a gate has one tap at a time.
 */
import { type GatePlace, type JourneyForm, journeyForm } from '../journey-form.ts';
import { debit } from './commands/debit.ts';
import type { CompiledProfile } from './compile.ts';
import type { PurchaseKind } from './profile.ts';

export interface CommandBuffers {
  readonly profile: CompiledProfile;
  readonly initialize: Readonly<Record<PurchaseKind, Uint8Array>>;
  /** UPDATE CAPP DATA CACHE; empty where the profile has no journey file. */
  readonly update: Uint8Array;
  readonly debit: Uint8Array;
  /** The journey records of its taps; null where the profile or the gate's place has none. */
  readonly journey: Readonly<Record<'entry' | 'exit' | 'single', JourneyForm>> | null;
}

/** @param place the gate's; null for commands whose journey record the caller writes. */
export function makeBuffers(
  profile: CompiledProfile,
  place: GatePlace | null = null,
): CommandBuffers {
  const { purchase, capp } = profile.initialize;
  const layout = profile.journey?.layout;
  return {
    profile,
    initialize: { purchase: purchase.slice(), capp: capp.slice() },
    update: profile.journey?.update.slice() ?? new Uint8Array(0),
    debit: debit.template(),
    journey:
      layout && place
        ? {
            entry: journeyForm(layout, place, 'entry'),
            exit: journeyForm(layout, place, 'exit'),
            single: journeyForm(layout, place, 'single'),
          }
        : null,
  };
}

/** Finds a gate's buffers for a profile. */
export class GateBuffers {
  readonly #place: GatePlace;
  #last: CommandBuffers | null = null;
  readonly #all = new Map<CompiledProfile, CommandBuffers>();

  constructor(place: GatePlace) {
    this.#place = place;
  }

  of(profile: CompiledProfile): CommandBuffers {
    if (this.#last?.profile === profile) return this.#last;
    let buffers = this.#all.get(profile);
    if (!buffers) {
      buffers = makeBuffers(profile, this.#place);
      this.#all.set(profile, buffers);
    }
    this.#last = buffers;
    return buffers;
  }
}
