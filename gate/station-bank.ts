/**
 * What a station adds to its gates' plans for bank cards: for each gate its commands made ahead and
 * its unpredictable numbers, and for all of them together which cards tapped here last.
 */
import { randomBytes } from 'node:crypto';
import { type GatePlace, journeyForm } from '../engine/card/journey-form.ts';
import type { CompiledExtendedProfile } from '../engine/card/qpboc/extended/profile.ts';
import { type EcashTerminal, OptionsForms } from '../engine/card/qpboc/terminal.ts';
import { UNPREDICTABLE_AHEAD } from '../engine/card-limits.ts';
import type { RecentTaps } from '../engine/tap/recent-taps.ts';
import type { BankSetting, ExtendedSetting, HoldRule } from '../engine/tap/setting.ts';

type StationsOwn = 'forms' | 'unpredictableNumber' | 'recent' | 'extended';

/** The part of a gate's plan; the rest is the station's. */
export type PlannedBank = Omit<BankSetting, StationsOwn> & {
  readonly terminal: EcashTerminal;
  /** Absent: no use is made of cards' extended application. */
  readonly extendedProfile?: CompiledExtendedProfile;
  /** What entries hold; with a profile that has room for it. */
  readonly hold?: HoldRule;
};

const NUMBER_BYTES = 4;

/** Random numbers of 4 bytes (9F37), many drawn at a time; each is given out once. */
export class UnpredictableNumbers {
  readonly #random: (length: number) => Uint8Array;
  #drawn: Uint8Array = new Uint8Array(0);
  #at = 0;

  constructor(random: (length: number) => Uint8Array = randomBytes) {
    this.#random = random;
  }

  next(): Uint8Array {
    if (this.#at === this.#drawn.length) {
      this.#drawn = this.#random(UNPREDICTABLE_AHEAD * NUMBER_BYTES);
      this.#at = 0;
    }
    const number = new Uint8Array(NUMBER_BYTES);
    number.set(this.#drawn.subarray(this.#at, this.#at + NUMBER_BYTES));
    this.#at += NUMBER_BYTES;
    return number;
  }
}

/** The whole setting of a gate. */
export function completeBank(
  { terminal, extendedProfile, hold, ...planned }: PlannedBank,
  place: GatePlace,
  numbers: UnpredictableNumbers,
  recent: RecentTaps,
): BankSetting {
  const forms = new OptionsForms(terminal);
  const unpredictableNumber = () => numbers.next();
  const bank = { ...planned, forms, unpredictableNumber, recent };
  if (!extendedProfile) return bank;
  const { layout } = extendedProfile;
  const extended: ExtendedSetting = {
    profile: extendedProfile,
    forms: {
      entry: journeyForm(layout, place, 'entry'),
      exit: journeyForm(layout, place, 'exit'),
    },
    random: () => Uint8Array.of(...numbers.next(), ...numbers.next()),
    ...(hold === undefined ? {} : { hold }),
  };
  return { ...bank, extended };
}
