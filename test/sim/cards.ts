/**
 * The riders' cards of the simulation, of every family: PBOC purses, AES closed-loop cards, bank
 * cards with and without the extended application, and citizen cards, which have two applications
 * that pay and one of another service.
 */
import { fromHex } from '../../engine/bytes.ts';
import type { CardFamily } from '../../engine/tap/setting.ts';
import type { Chance } from '../../gate/demo/chance.ts';
import type { MasterKeys } from '../../gate/reader/virtual/card-state.ts';
import {
  type CitizenApplication,
  CitizenCard,
  serviceApplication,
} from '../../gate/reader/virtual/citizen-card.ts';
import { testServices } from '../../gate/reader/virtual/citizen-test-card.ts';
import type { CommandName } from '../../gate/reader/virtual/command.ts';
import type { DesfireMasters } from '../../gate/reader/virtual/desfire/state.ts';
import { testCard } from '../../gate/reader/virtual/ecash-test-card.ts';
import type { HeldCard } from '../../gate/reader/virtual/held-card.ts';
import { personalities } from '../../gate/reader/virtual/personality.ts';
import {
  BankApplication,
  type Committed,
  DesfireApplication,
  PurseApplication,
  type SimApplication,
} from './applications.ts';
import type { VirtualTime } from './virtual-time.ts';

export interface SimMasters {
  readonly purse: MasterKeys;
  readonly desfire: DesfireMasters;
}

/** What riders have, in turns; a seed begins anywhere in them. */
const turns = [
  'purse',
  'extended bank',
  'desfire',
  'plain bank',
  'citizen',
  'purse',
  'extended bank',
  'union purse',
] as const;
export const TURNS: number = turns.length;
export type CardKind = (typeof turns)[number];
export const cardKinds: readonly CardKind[] = [...new Set(turns)];

/** The command that commits, by name or by its place in a tap, where that is known. */
const commits: Readonly<Record<CardFamily, CommandName | null>> = {
  purse: 'DEBIT',
  desfire: 'COMMIT',
  // The last READ RECORD of several.
  bank: null,
};
const TAP_COMMANDS = 12;

export interface CardParts {
  readonly time: VirtualTime;
  readonly chance: Chance;
  readonly masters: SimMasters;
  /** The operator's order of families: what a card of several pays with. */
  readonly families: readonly CardFamily[];
}

export class SimCard {
  readonly index: number;
  readonly kind: CardKind;
  /** What it pays with comes first; the others never pay. */
  readonly applications: readonly SimApplication[];
  readonly virtual: HeldCard;
  /** Called before each command. */
  onCommand: () => void = () => {};
  readonly #chance: Chance;
  /** Commands since it came into the field. */
  #commands = 0;
  /** The one with which it committed last. */
  #commitAt: number | null = null;

  /** @param turn which kind it is of, from 0 */
  constructor(index: number, turn: number, { time, chance, masters, families }: CardParts) {
    this.index = index;
    this.kind = turns[turn % TURNS]!;
    this.#chance = chance;
    const onCommit = (): void => {
      this.#commitAt = this.#commands;
    };
    const made = applicationsOf(this.kind, { index, time, chance, onCommit }, masters);
    const rank = ({ family }: SimApplication): number => families.indexOf(family);
    this.applications = made.sort((a, b) => rank(a) - rank(b));
    this.virtual = this.#watched();
  }

  get paying(): SimApplication {
    return this.applications[0]!;
  }

  /** Of all its applications. */
  get committed(): readonly Committed[] {
    return this.applications.flatMap(({ committed }) => committed);
  }

  /** Where a tear hurts most. */
  get pointOfNoReturn(): CommandName | number {
    const name = commits[this.paying.family];
    return name ?? this.#commitAt ?? 1 + this.#chance.below(TAP_COMMANDS);
  }

  /** The card as it is now, which a top-up replaces. */
  #held(): HeldCard {
    return this.kind === 'citizen' ? citizenCard(this.applications) : this.paying.virtual;
  }

  #watched(): HeldCard {
    let held = this.#held();
    const began = (): void => {
      held.power();
      // Made anew: a top-up may have replaced what was on it.
      held = this.#held();
      held.power();
      this.#commands = 0;
    };
    return {
      uid: held.uid,
      power: began,
      transmit: (apdu) => {
        this.onCommand();
        this.#commands += 1;
        return held.transmit(apdu);
      },
      loseDuring: (apdu) => held.loseDuring(apdu),
    };
  }
}

function applicationsOf(
  kind: CardKind,
  parts: ConstructorParameters<typeof BankApplication>[0],
  { purse, desfire }: SimMasters,
): SimApplication[] {
  switch (kind) {
    case 'desfire':
      return [new DesfireApplication(parts, desfire)];
    case 'plain bank':
      return [new BankApplication(parts, false)];
    case 'extended bank':
      return [new BankApplication(parts, true)];
    case 'citizen': {
      const bank = new BankApplication(parts, parts.chance.happens(0.5));
      return [new PurseApplication(parts, purse, false), bank];
    }
    default:
      return [new PurseApplication(parts, purse, kind === 'union purse')];
  }
}

/** Its bank application is in the directory, the purse is found by its name. */
function citizenCard(applications: readonly SimApplication[]): CitizenCard {
  const parts = applications.map((application): CitizenApplication => {
    const card = application.virtual;
    if (application instanceof PurseApplication) {
      return { aid: personalities[application.virtual.state.personality].aid, card, listed: null };
    }
    return { aid: testCard.aid, card, listed: { label: 'PBOC DEBIT', priority: 1 } };
  });
  const [{ aid, label }] = testServices;
  return new CitizenCard([...parts, serviceApplication({ aid: fromHex(aid), label })]);
}
