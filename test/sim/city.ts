/** What all of a run share and nobody changes: fares, keys, profiles, zone, stopped cards. */
import { fromHex } from '../../engine/bytes.ts';
import { compileGateProfile } from '../../engine/card/desfire/compile.ts';
import { desfireProfile } from '../../engine/card/desfire/profiles.ts';
import type { GatePlace } from '../../engine/card/journey-form.ts';
import { compileProfile } from '../../engine/card/purse/compile.ts';
import { builtInProfile } from '../../engine/card/purse/profiles.ts';
import { compileExtendedProfile } from '../../engine/card/qpboc/extended/profile.ts';
import { heldFare } from '../../engine/card/qpboc/extended/profiles.ts';
import { AesKeyring } from '../../engine/crypto/aes-keyring.ts';
import { Keyring } from '../../engine/crypto/keyring.ts';
import type { CmacKey } from '../../engine/crypto/mac.ts';
import { Denylist } from '../../engine/denylist/denylist.ts';
import { fareBook } from '../../engine/fare/book.ts';
import { compileFares } from '../../engine/fare/compile.ts';
import type { CompiledFares, FareBook } from '../../engine/fare/fares.ts';
import { sampleFareSet } from '../../engine/fare/sample-city.ts';
import { FARE_VERSIONS_MAX } from '../../engine/limits.ts';
import type { DesfireScheme } from '../../engine/operator/desfire-evidence.ts';
import type { RecentTaps } from '../../engine/tap/recent-taps.ts';
import type { CardFamily, Side, TapSetting } from '../../engine/tap/setting.ts';
import { Zone } from '../../engine/time.ts';
import type { Chance } from '../../gate/demo/chance.ts';
import type { AesCardKeys } from '../../gate/sam/aes-card-keys.ts';
import { AesKeyringHolder } from '../../gate/sam/aes-holder.ts';
import { completeBank, type PlannedBank, UnpredictableNumbers } from '../../gate/station-bank.ts';
import { completeDesfire } from '../../gate/station-desfire.ts';
import { bankIssuers, cappMaster } from './banks.ts';
import type { SimMasters } from './cards.ts';
import type { Scenario } from './scenario.ts';
import type { GateIdentity } from './station-node.ts';

/** The first gate that is enrolled; the number is in its terminal id. */
const FIRST_TERMINAL = 0x0409_0000;
const INSTITUTION = Uint8Array.of(0x01, 0x01, 0x10, 0x00, 0xff, 0xff, 0xff, 0xff);
/** The second fare version comes into force this long after the start. */
const SWITCH_MS = 40 * 60_000;
/** E-cash of UnionPay debit cards, without online authorisation. */
const ACCEPTED: readonly Uint8Array[] = [fromHex('A000000333010101')];
const TERMINAL = {
  qualifiers: fromHex('28000080'),
  country: 156,
  currency: 156,
  transactionType: 0,
  sm2: true,
};
const BANK_AMOUNT_MINOR_MAX = 100_000;
const extendedProfile = compileExtendedProfile(heldFare);

/** What a gate has of its station. */
interface GateOwn {
  readonly aesCards: AesCardKeys;
  readonly recent: RecentTaps;
  readonly random: (length: number) => Uint8Array;
}

export class SimCity {
  readonly zone: Zone;
  readonly masters: SimMasters;
  readonly keyring: Keyring;
  /** What the operator verifies debits of AES cards with. */
  readonly desfireScheme: DesfireScheme;
  /** Masters that gates hold. */
  readonly aesKeyring: AesKeyring;
  readonly profiles: TapSetting['profiles'] = ['tunion', 'city-union'].map((name) =>
    compileProfile(builtInProfile(name as 'tunion')),
  );
  readonly stationNames: readonly string[];
  /** What a citizen card pays with where it has both: the operator's choice. */
  readonly #bankFirst: boolean;
  /** Whether a ride that is tapped once is charged later where the card's e-cash does not pay. */
  readonly #lendsRides: boolean;
  /** Whether entries hold the fare on e-cash cards. */
  readonly #holds: boolean;
  #denylist: Denylist;
  #versions: readonly CompiledFares[];
  #fares: FareBook;
  readonly #stations: readonly Uint8Array[];

  constructor(scenario: Scenario, chance: Chance, hashKey: CmacKey) {
    this.zone = new Zone(scenario.zone);
    const key = () => ({ index: 1, version: 1, master: chance.bytes(16) });
    const purse = { purchase: key(), tac: key() };
    this.keyring = new Keyring([
      { use: 'purchase', algorithm: '3des', ...purse.purchase },
      { use: 'tac', algorithm: '3des', ...purse.tac },
      { use: 'capp', algorithm: '3des', index: 1, version: 1, master: cappMaster() },
    ]);
    this.#bankFirst = chance.happens(0.5);
    this.#lendsRides = chance.happens(0.5);
    this.#holds = scenario.seed % 2 === 0;
    const aes = () => chance.bytes(16);
    const desfire = { debit: aes(), load: aes(), transactionMac: aes() };
    this.masters = { purse, desfire };
    this.aesKeyring = new AesKeyring([{ use: 'debit', version: 1, master: desfire.debit }]);
    const { transactionMac } = desfire;
    this.desfireScheme = {
      keyring: new AesKeyring([{ use: 'transactionMac', version: 1, master: transactionMac }]),
      profiles: [compileGateProfile(desfireProfile('desfire-ev2'), 'desfire-ev2')],
    };
    const first = compileFares({ ...sampleFareSet(), effectiveMs: 0 });
    this.#versions = [first];
    this.#fares = fareBook(this.#versions);
    if (scenario.faults.has('fareSwitch')) this.raiseFares(scenario.startMs + SWITCH_MS);
    const indexes = Array.from({ length: scenario.stations }, (_, i) => 3 + 9 * i);
    this.#stations = indexes.map((i) => first.stations[i]!.code);
    this.stationNames = indexes.map((i) => first.stations[i]!.name);
    this.#denylist = Denylist.build(hashKey, []);
  }

  get denylist(): Denylist {
    return this.#denylist;
  }

  /** Puts another list in force at every gate. */
  stop(hashKey: CmacKey, cardNumbers: readonly Uint8Array[]): void {
    this.#denylist = Denylist.build(hashKey, cardNumbers);
  }

  get fares(): FareBook {
    return this.#fares;
  }

  /** What a gate does with cards of other families than purses. */
  accepted(
    { number, side }: Pick<GateIdentity, 'number' | 'side'>,
    place: GatePlace,
    own: GateOwn,
  ) {
    const { aesCards, recent, random } = own;
    const aesKeys = new AesKeyringHolder(aesCards, random);
    const numbers = new UnpredictableNumbers(random);
    const { profiles } = this.desfireScheme;
    return {
      aesKeys,
      desfire: completeDesfire({ profiles }, place, aesKeys),
      bank: completeBank(this.#bank(side), place, numbers, recent),
      families: this.#familiesOf(number),
    };
  }

  /**
   * What a gate does with bank cards. A ride of two taps is charged later where the card has no
   * record of it; of rides that are tapped once the operator says.
   */
  #bank(side: Side): PlannedBank {
    return {
      accepted: ACCEPTED,
      terminal: TERMINAL,
      issuers: bankIssuers(),
      policy: { fddaV00: false, staticData: false },
      ecash: true,
      openLoop: side !== 'single' || this.#lendsRides,
      maxAmountMinor: BANK_AMOUNT_MINOR_MAX,
      extendedProfile,
      ...(this.#holds ? { hold: 'maxFare' } : {}),
    };
  }

  /** The operator's order of families. */
  get families(): readonly CardFamily[] {
    return this.#bankFirst ? ['bank', 'purse', 'desfire'] : ['purse', 'bank', 'desfire'];
  }

  /** Every other gate asks for AES cards first, which have no other family. */
  #familiesOf(number: number): readonly CardFamily[] {
    const [first, second, desfire] = this.families;
    return number % 2 === 0 ? [desfire!, first!, second!] : [first!, desfire!, second!];
  }

  /** Brings a dearer version to every gate, in force from an instant on. */
  raiseFares(effectiveMs: number): void {
    const set = sampleFareSet();
    const raised = this.#versions.length;
    const version = this.#versions.at(-1)!.version + 1;
    const matrix = set.matrix.map((fare) => fare + 100 * raised);
    const dearer = compileFares({ ...set, version, effectiveMs, matrix });
    this.#versions = [...this.#versions.slice(-(FARE_VERSIONS_MAX - 1)), dearer];
    this.#fares = fareBook(this.#versions);
  }

  /** What a gate knows before a card comes, without what its station adds. */
  setting(
    gateId: string,
    number: number,
    station: number,
    side: Side,
  ): Omit<
    TapSetting,
    'findUnconfirmed' | 'prepareKey' | 'denylist' | 'buffers' | 'desfire' | 'bank'
  > {
    const terminalId = new Uint8Array(6);
    new DataView(terminalId.buffer).setUint32(2, FIRST_TERMINAL + number);
    return {
      gateId,
      side,
      place: {
        station: this.#stations[station]!,
        stationRest: Uint8Array.of(0, number, 0),
        terminal: terminalId,
        city: Uint8Array.of(0x10, 0x00),
        institution: INSTITUTION,
      },
      terminalId,
      profiles: this.profiles,
      fares: this.fares,
      zone: this.zone,
    };
  }
}
