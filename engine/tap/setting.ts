/**
 * What one gate knows before a card comes: everything a tap needs that does not depend on the card.
 */
import type { CompiledDesfireProfile } from '../card/desfire/compile.ts';
import type { DesfireForms } from '../card/desfire/journey-forms.ts';
import type { PurseGate } from '../card/desfire/purse.ts';
import type { CardKeyRef } from '../card/dialogue.ts';
import type { GatePlace, JourneyForm } from '../card/journey-form.ts';
import type { GateBuffers } from '../card/purse/command-buffers.ts';
import type { CompiledProfile } from '../card/purse/compile.ts';
import type { CompiledExtendedProfile } from '../card/qpboc/extended/profile.ts';
import type { AuthenticationPolicy } from '../card/qpboc/oda/authenticate.ts';
import type { Issuers } from '../card/qpboc/oda/issuers.ts';
import type { OptionsForms } from '../card/qpboc/terminal.ts';
import type { Debit, InForce } from '../debit/record.ts';
import type { Denylist } from '../denylist/denylist.ts';
import type { FareBook } from '../fare/fares.ts';
import type { Zone } from '../time.ts';
import type { ModeHistory } from './mode-history.ts';
import type { RecentTaps } from './recent-taps.ts';

/** A debit whose card left before it answered. */
export interface PendingDebit {
  readonly debit: Debit;
  /** Since its tap, by a clock that does not jump. */
  readonly ageMs: number;
}

/** Modes as a tap sees them; both change between two taps. */
export interface StationModes {
  /** Mask in force here. */
  readonly mode: number;
  /** Of every station this gate was told of. */
  readonly history: ModeHistory;
}

/**
 * What a tap at a gate does: begins a ride, ends one, or is all of one, as on a bus whose riders
 * tap once.
 */
export type Side = 'entry' | 'exit' | 'single';

/** Families of cards: PBOC purses, AES closed-loop cards, bank cards. */
export type CardFamily = 'purse' | 'desfire' | 'bank';

/** In which order a card is asked for them, where the setting does not say. */
export const cardFamilies: readonly CardFamily[] = ['purse', 'desfire', 'bank'];

/** What a gate does with DESFire cards. */
export interface DesfireSetting {
  /** Accepted schemes, in the order of selection; each with a transaction MAC and a counter. */
  readonly profiles: readonly CompiledDesfireProfile[];
  /** This gate's own. */
  readonly gate: PurseGate;
  /** Of the gate's `place`. */
  readonly forms: DesfireForms;
}

/** What an entry holds on a card: the most that a ride from there may cost, or this amount. */
export type HoldRule = 'maxFare' | number;

/** Rides in and out by the records of e-cash's extended application. */
export interface ExtendedSetting {
  readonly profile: CompiledExtendedProfile;
  /** Of the gate's `place`. */
  readonly forms: Readonly<Record<'entry' | 'exit', JourneyForm>>;
  /** 8 random bytes. */
  readonly random: () => Uint8Array;
  /** Absent: entries hold nothing; what others held is completed all the same. */
  readonly hold?: HoldRule;
}

/** What a gate does with bank cards (docs/ecash.md). */
export interface BankSetting {
  /** Names of applications, or what they begin with, 5 to 16 bytes each, best first. */
  readonly accepted: readonly Uint8Array[];
  /** This gate's own. */
  readonly forms: OptionsForms;
  readonly issuers: Issuers;
  readonly policy: AuthenticationPolicy;
  /** 4 random bytes, made ahead; each is given out once. */
  readonly unpredictableNumber: () => Uint8Array;
  /** Value on the card, approved offline by it. */
  readonly ecash: boolean;
  /** Cards are only known again: the engine charges the fare later. */
  readonly openLoop: boolean;
  /** The most that one tap takes. */
  readonly maxAmountMinor: number;
  /** Shared by the gates of a station. */
  readonly recent: RecentTaps;
  /** Absent: e-cash pays single rides alone. */
  readonly extended?: ExtendedSetting;
}

export interface TapSetting {
  readonly gateId: string;
  readonly side: Side;
  readonly place: GatePlace;
  /** 6 bytes, as INITIALIZE takes it. */
  readonly terminalId: Uint8Array;
  /** Accepted PBOC schemes, in the order of selection; may be none. */
  readonly profiles: readonly CompiledProfile[];
  /** AES closed-loop cards; absent: not accepted. */
  readonly desfire?: DesfireSetting;
  /** Bank cards; absent: not accepted. */
  readonly bank?: BankSetting;
  /**
   * The order in which a card is asked for its family, without those that are not accepted here:
   * what stands first saves its riders exchanges, and is what a card of two families pays with.
   * Absent: `cardFamilies`.
   */
  readonly families?: readonly CardFamily[];
  readonly fares: FareBook;
  readonly denylist: Denylist;
  readonly zone: Zone;
  /** The network this gate is on, as the fares' rules name it; absent: none. */
  readonly network?: string;
  /** Where this gate's commands are written; of `place`. */
  readonly buffers: GateBuffers;
  /** The unconfirmed debit of a card (10-byte number) that this station knows of. */
  readonly findUnconfirmed: (cardNumber: Uint8Array) => PendingDebit | null;
  /** Derives a card's key ahead of its use; called while a command is on the air. */
  readonly prepareKey: (key: CardKeyRef) => void;
  /** Written into every record; absent: nothing is known of it. */
  readonly inForce?: InForce;
  /** Absent: always normal, and nothing is known of other days. */
  readonly modes?: StationModes;
}
