/**
 * A small station for tests: gates of the sample city over memory journals, virtual cards of one
 * issuer, and a clock that the test moves. Everything random comes from node:crypto.
 */

import { randomBytes } from 'node:crypto';
import { compileGateProfile } from '../../engine/card/desfire/compile.ts';
import { type DesfireProfileName, desfireProfile } from '../../engine/card/desfire/profiles.ts';
import type { GatePlace } from '../../engine/card/journey-form.ts';
import { GateBuffers } from '../../engine/card/purse/command-buffers.ts';
import { compileProfile } from '../../engine/card/purse/compile.ts';
import { builtInProfile } from '../../engine/card/purse/profiles.ts';
import { AesKeyring } from '../../engine/crypto/aes-keyring.ts';
import { Keyring } from '../../engine/crypto/keyring.ts';
import { cmacKey } from '../../engine/crypto/mac.ts';
import { TacVerifier } from '../../engine/crypto/tac.ts';
import { encodeDebit } from '../../engine/debit/codec.ts';
import { DEBIT_BYTES, type Debit, type InForce } from '../../engine/debit/record.ts';
import { Denylist } from '../../engine/denylist/denylist.ts';
import { fareBook } from '../../engine/fare/book.ts';
import type { CardRules } from '../../engine/fare/card/rules.ts';
import { compileFares } from '../../engine/fare/compile.ts';
import type { CompiledFares, FareRules } from '../../engine/fare/fares.ts';
import { sampleFareSet } from '../../engine/fare/sample-city.ts';
import type { DesfireScheme } from '../../engine/operator/desfire-evidence.ts';
import type { TapRun } from '../../engine/tap/decision.ts';
import type { ProductSale } from '../../engine/tap/product-sale.ts';
import { purchase } from '../../engine/tap/purchase.ts';
import { RecentTaps } from '../../engine/tap/recent-taps.ts';
import type {
  BankSetting,
  CardFamily,
  Side,
  StationModes,
  TapSetting,
} from '../../engine/tap/setting.ts';
import { Zone } from '../../engine/time.ts';
import { CountingBarrier } from '../../gate/barrier/barrier.ts';
import type { Clock } from '../../gate/clock.ts';
import { Gate, type TapReport } from '../../gate/controller.ts';
import { topUpDesfire } from '../../gate/demo/desfire-desk.ts';
import { MemoryJournal } from '../../gate/journal/memory.ts';
import type { Journal } from '../../gate/journal/port.ts';
import type { CardSession, Reader } from '../../gate/reader/reader.ts';
import { VirtualCard } from '../../gate/reader/virtual/card.ts';
import {
  type CardDetails,
  issueCard,
  type MasterKeys,
} from '../../gate/reader/virtual/card-state.ts';
import { VirtualDesfireCard } from '../../gate/reader/virtual/desfire/card.ts';
import {
  type DesfireDetails,
  type DesfireMasters,
  type Generation,
  issueDesfire,
} from '../../gate/reader/virtual/desfire/state.ts';
import type { HeldCard } from '../../gate/reader/virtual/held-card.ts';
import type { PersonalityName, Quirks } from '../../gate/reader/virtual/personality.ts';
import { type Tear, VirtualReader } from '../../gate/reader/virtual/reader.ts';
import { AesCardKeys } from '../../gate/sam/aes-card-keys.ts';
import { type AesKeyHolder, AesKeyringHolder } from '../../gate/sam/aes-holder.ts';
import type { KeyHolder } from '../../gate/sam/key-holder.ts';
import { KeyringHolder } from '../../gate/sam/keyring-holder.ts';
import { StationKeys } from '../../gate/sam/station-keys.ts';
import { completeBank, type PlannedBank, UnpredictableNumbers } from '../../gate/station-bank.ts';
import { completeDesfire } from '../../gate/station-desfire.ts';
import { UnconfirmedDebits } from '../../gate/unconfirmed.ts';
import { accepted, terminal, testIssuers } from './ecash-cards.ts';
import { cappMaster } from './extended-cards.ts';

export const START_MS: number = Date.UTC(2026, 2, 2, 0, 0);

/** Only what a card model says passes: a busy machine must not decide a test. */
class TestClock implements Clock {
  #nowMs = START_MS;
  #jumpedMs = 0;

  nowMs(): number {
    return this.#nowMs;
  }

  monotonicUs(): number {
    return (this.#nowMs - this.#jumpedMs - START_MS) * 1000;
  }

  /** The wall clock is set, and no time passes. */
  jump(minutes: number): void {
    this.#nowMs += minutes * 60_000;
    this.#jumpedMs += minutes * 60_000;
  }

  advance(toMs: number): void {
    this.#nowMs = Math.max(this.#nowMs, toMs);
  }
}

function master(): MasterKeys['purchase'] {
  return { index: 1, version: 1, master: new Uint8Array(randomBytes(16)) };
}

const desfireFirst: readonly CardFamily[] = ['desfire', 'purse'];

/** E-cash of the published test card. */
function plannedBank(): PlannedBank {
  return {
    accepted,
    terminal,
    issuers: testIssuers(),
    policy: { fddaV00: false, staticData: false },
    ecash: true,
    openLoop: false,
    maxAmountMinor: 100_000,
  };
}

type MakeTap = (setting: TapSetting, instantMs: number, sequence: number) => TapRun;

export interface GateKit {
  readonly gate: Gate;
  readonly journal: Journal;
  readonly barrier: CountingBarrier;
  tap(card: HeldCard, tear?: Tear): Promise<TapReport>;
  /** A tap by any dialogue. */
  run(card: HeldCard, dialogue: MakeTap): Promise<TapReport>;
  /** A plain purchase, as at a counter. */
  buy(card: VirtualCard, amountMinor: number, sold?: ProductSale): Promise<TapReport>;
}

export interface GateOptions {
  journal?: Journal;
  deadlineMs?: number;
  profiles?: TapSetting['profiles'];
  keys?: KeyHolder;
  modes?: StationModes;
  network?: string;
  inForce?: InForce;
  /** DESFire cards are taken: asked for first, or after the purses. */
  desfire?: 'first' | 'last';
  aesKeys?: AesKeyHolder;
  /** Bank cards are taken: the published test card's chain, e-cash alone where nothing is said. */
  bank?: Partial<PlannedBank>;
  families?: readonly CardFamily[];
  /** Served by the gate itself, in place of cards that are tapped one by one. */
  reader?: Reader;
  onTap?: (report: TapReport) => void;
  /** Of another process than the kit's own. */
  recent?: RecentTaps;
  /** Of another station than the kit's own. */
  unconfirmed?: UnconfirmedDebits;
}

export class StationKit {
  readonly masters: MasterKeys = { purchase: master(), tac: master() };
  readonly keyring = new Keyring([
    { use: 'purchase', algorithm: '3des', ...this.masters.purchase },
    { use: 'tac', algorithm: '3des', ...this.masters.tac },
    { use: 'capp', algorithm: '3des', index: 1, version: 1, master: cappMaster },
  ]);
  readonly keys = new StationKeys(this.keyring, 64);
  readonly verifier = new TacVerifier(this.keyring);
  readonly desfireMasters: DesfireMasters = {
    debit: new Uint8Array(randomBytes(16)),
    load: new Uint8Array(randomBytes(16)),
    transactionMac: new Uint8Array(randomBytes(16)),
  };
  /** What the operator has to verify debits of DESFire cards with. */
  readonly desfireScheme: DesfireScheme = {
    keyring: new AesKeyring([
      { use: 'transactionMac', version: 1, master: this.desfireMasters.transactionMac },
    ]),
    profiles: ['desfire-ev2', 'desfire-light'].map((name) =>
      compileGateProfile(desfireProfile(name as DesfireProfileName), name),
    ),
  };
  readonly aesCards = new AesCardKeys(
    new AesKeyring([{ use: 'debit', version: 1, master: this.desfireMasters.debit }]),
    64,
  );
  readonly clock = new TestClock();
  readonly unconfirmed = new UnconfirmedDebits(this.clock);
  readonly recent = new RecentTaps();
  readonly #numbers = new UnpredictableNumbers();
  readonly zone: Zone;
  /** In force at all gates; may be replaced between two taps. */
  fares: CompiledFares;
  readonly #profiles = ['tunion', 'city-union'].map((name) =>
    compileProfile(builtInProfile(name as 'tunion')),
  );
  readonly #hashKey = cmacKey(new Uint8Array(randomBytes(16)));
  #denylist = Denylist.build(this.#hashKey, []);
  #cards = 0;
  #gates = 0;

  constructor(rules: Partial<FareRules> = {}, zone = 'Asia/Shanghai', card?: CardRules) {
    this.zone = new Zone(zone);
    const city = sampleFareSet();
    this.fares = compileFares({
      ...city,
      effectiveMs: 0,
      rules: { ...city.rules, ...rules },
      ...(card ? { card } : {}),
    });
  }

  stop(...cards: readonly (VirtualCard | VirtualDesfireCard | Uint8Array)[]): void {
    this.#denylist = Denylist.build(
      this.#hashKey,
      cards.map((card) => {
        if (card instanceof Uint8Array) return card;
        const { state } = card;
        return 'uid' in state ? Uint8Array.of(0, 0, 0, ...state.uid) : state.cardNumber;
      }),
    );
  }

  /** Stops cards by their numbers alone. */
  stopNumbers(...numbers: readonly Uint8Array[]): void {
    this.#denylist = Denylist.build(this.#hashKey, [...numbers]);
  }

  card(
    details: CardDetails = {},
    personality: PersonalityName = 'tunion',
    quirks: Partial<Quirks> = {},
  ): VirtualCard {
    this.#cards += 1;
    const cardNumber = Uint8Array.of(
      3,
      0x10,
      0x51,
      0x70,
      0,
      0,
      0,
      0,
      this.#cards >> 8,
      this.#cards,
    );
    const state = issueCard(personality, this.masters, {
      cardNumber,
      balanceMinor: 10_000,
      ...details,
    });
    return new VirtualCard({ state, quirks, randomBytes: (n) => new Uint8Array(randomBytes(n)) });
  }

  desfireCard(details: DesfireDetails = {}, generation: Generation = 'ev2'): VirtualDesfireCard {
    this.#cards += 1;
    const uid = Uint8Array.of(0x04, 0x51, 0, 0, 0, this.#cards >> 8, this.#cards);
    const more = { valueMinor: 10_000, ...details };
    const state = issueDesfire(generation, uid, this.desfireMasters, more);
    return new VirtualDesfireCard({ state, randomBytes: (n) => new Uint8Array(randomBytes(n)) });
  }

  /** At the operator's desk. */
  topUp(card: VirtualDesfireCard, amountMinor: number): void {
    topUpDesfire(card, this.desfireMasters.load, amountMinor);
  }

  gate(side: Side, station: number, options: GateOptions = {}): GateKit {
    this.#gates += 1;
    const gateId = `T${this.#gates}`;
    const unconfirmed = options.unconfirmed ?? this.unconfirmed;
    const keys = options.keys ?? new KeyringHolder(this.keys);
    const random = (length: number) => new Uint8Array(randomBytes(length));
    const aesKeys = options.aesKeys ?? new AesKeyringHolder(this.aesCards, random);
    const { profiles } = this.desfireScheme;
    const journal = options.journal ?? new MemoryJournal();
    const barrier = new CountingBarrier();
    const reader = new VirtualReader({ name: gateId });
    const terminalId = Uint8Array.of(4, 9, 0, 0, 0, this.#gates);
    const place = {
      station: this.fares.stations[station]!.code,
      stationRest: new Uint8Array(3),
      terminal: terminalId,
      city: new Uint8Array(2),
      institution: new Uint8Array(8),
    };
    const buffers = new GateBuffers(place);
    const desfire = options.desfire && completeDesfire({ profiles }, place, aesKeys);
    const families = options.desfire === 'first' ? desfireFirst : options.families;
    const bank = this.#bankOf(options, place);
    const setting = (): TapSetting => ({
      gateId,
      side,
      place,
      terminalId,
      profiles: options.profiles ?? this.#profiles,
      fares: fareBook([this.fares]),
      denylist: this.#denylist,
      zone: this.zone,
      buffers,
      findUnconfirmed: (cardNumber) => unconfirmed.find(cardNumber),
      prepareKey: (key) => keys.prepare(key),
      ...(desfire ? { desfire } : {}),
      ...(bank ? { bank } : {}),
      ...(families ? { families } : {}),
      ...(options.modes ? { modes: options.modes } : {}),
      ...(options.network === undefined ? {} : { network: options.network }),
      ...(options.inForce ? { inForce: options.inForce } : {}),
    });
    const gate = new Gate({
      gateId,
      station: `station ${station}`,
      setting,
      reader: options.reader ?? reader,
      keys,
      aesKeys,
      journal,
      barrier,
      unconfirmed,
      clock: this.clock,
      ...(options.deadlineMs === undefined ? {} : { deadlineMs: options.deadlineMs }),
      keepBytes: true,
      ...(options.onTap ? { onTap: options.onTap } : {}),
    });
    const hold = holder(reader);
    const tap = (card: HeldCard, tear?: Tear) => hold(card, tear, (one) => gate.tap(one));
    const run = (card: HeldCard, dialogue: MakeTap) =>
      hold(card, undefined, (session) => {
        const instantMs = this.clock.nowMs();
        return gate.drive(session, instantMs, dialogue(setting(), instantMs, journal.nextSequence));
      });
    const buy = (card: VirtualCard, amountMinor: number, sold: ProductSale | null = null) =>
      run(card, (own, at, sequence) => purchase(own, at, sequence, amountMinor, sold));
    return { gate, journal, barrier, tap, run, buy };
  }

  #bankOf({ bank, recent = this.recent }: GateOptions, place: GatePlace): BankSetting | undefined {
    return bank && completeBank({ ...plannedBank(), ...bank }, place, this.#numbers, recent);
  }

  /** Moves the clock on. */
  pass(minutes: number): void {
    this.clock.advance(this.clock.nowMs() + minutes * 60_000);
  }

  /** What the issuer's TAC key says of a record. */
  verify(debit: Debit): string {
    const record = new Uint8Array(DEBIT_BYTES);
    encodeDebit(debit, record, 0);
    return this.verifier.verify(record, 0);
  }
}

/** Holds a card to the reader while a tap is driven. */
function holder(reader: VirtualReader) {
  const cards = reader.cards();
  return async (
    card: HeldCard,
    tear: Tear | undefined,
    drive: (session: CardSession) => Promise<TapReport>,
  ): Promise<TapReport> => {
    const gone = reader.present(card, { kbitps: 106, ...(tear ? { tear } : {}) });
    const session = (await cards.next()).value as CardSession;
    const report = await drive(session);
    await session.release();
    await gone;
    return report;
  };
}
