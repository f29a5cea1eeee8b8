/** The journey records that one gate writes on DESFire cards, one set for each profile. */
import { type GatePlace, type JourneyForm, journeyForm } from '../journey-form.ts';
import type { CompiledDesfireProfile } from './compile.ts';

type Forms = Readonly<Record<'entry' | 'exit' | 'single', JourneyForm>>;

export class DesfireForms {
  readonly #place: GatePlace;
  readonly #all = new Map<CompiledDesfireProfile, Forms>();

  constructor(place: GatePlace) {
    this.#place = place;
  }

  of(profile: CompiledDesfireProfile): Forms {
    const found = this.#all.get(profile);
    if (found) return found;
    const { layout } = profile;
    const forms = {
      entry: journeyForm(layout, this.#place, 'entry'),
      exit: journeyForm(layout, this.#place, 'exit'),
      single: journeyForm(layout, this.#place, 'single'),
    };
    this.#all.set(profile, forms);
    return forms;
  }
}
