/** E-cash cards with the extended application for tests, and a gate that takes them. */
import assert from 'node:assert/strict';
import { fromHex } from '../../engine/bytes.ts';
import { journeyForm } from '../../engine/card/journey-form.ts';
import type { ExtendedDialogue } from '../../engine/card/qpboc/extended/asks.ts';
import {
  type CompiledExtendedProfile,
  compileExtendedProfile,
} from '../../engine/card/qpboc/extended/profile.ts';
import { heldFare, segmentedFare } from '../../engine/card/qpboc/extended/profiles.ts';
import { openExtended, updateExtended } from '../../engine/card/qpboc/extended/segmented.ts';
import type { EcashPurchase, EcashService } from '../../engine/card/qpboc/terminal.ts';
import {
  askOptions,
  completePurchase,
  type EcashResult,
  refusal,
} from '../../engine/card/qpboc/transaction.ts';
import { Keyring } from '../../engine/crypto/keyring.ts';
import type { EcashCard } from '../../gate/reader/virtual/ecash-card.ts';
import { bankCardKey } from '../../gate/reader/virtual/ecash-crypto.ts';
import type { CappRecord, ExtendedState } from '../../gate/reader/virtual/ecash-extended.ts';
import { testCard } from '../../gate/reader/virtual/ecash-test-card.ts';
import { KeyringHolder } from '../../gate/sam/keyring-holder.ts';
import { StationKeys } from '../../gate/sam/station-keys.ts';
import { accepted, type EcashSetUp, ecashCard, formsOf, purchaseOf } from './ecash-cards.ts';

export const cappMaster: Uint8Array = fromHex('404142434445464748494A4B4C4D4E4F');
export const extendedProfile: CompiledExtendedProfile = compileExtendedProfile(segmentedFare);
export const heldProfile: CompiledExtendedProfile = compileExtendedProfile(heldFare);

/** A record of the built-in profile that says no journey: id, length, zeros. */
export function blankRecord(id = '2701', bytes = 48, sfi = 21): CappRecord {
  const record = new Uint8Array(bytes);
  record.set(fromHex(id));
  record[2] = bytes - 3;
  return { sfi, bytes: record, heldMinor: 0 };
}

export interface ExtendedSetUp extends Omit<EcashSetUp, 'state'> {
  readonly balanceMinor?: number;
  readonly atc?: number;
  readonly segmentLimitMinor?: number;
  readonly cacheBytes?: number;
  readonly services?: string;
  readonly extended?: Partial<ExtendedState>;
}

/** The published test card with the extended application and 100.00 on it. */
export function extendedCard(setUp: ExtendedSetUp = {}): EcashCard {
  const { balanceMinor = 10_000, segmentLimitMinor = 0, cacheBytes = 256 } = setUp;
  const { services = '02', atc, extended, personality, ...rest } = setUp;
  return ecashCard({
    ...rest,
    personality: {
      pdol: fromHex('9F66049F02069F03069F1A0295055F2A029A039C019F3704DF6001DF6901'),
      extended: {
        services: fromHex(services),
        segmentLimitMinor,
        recordKey: bankCardKey(cappMaster, testCard.pan, testCard.panSequence),
        cacheBytes,
      },
      ...personality,
    },
    state: {
      balanceMinor,
      ...(atc === undefined ? {} : { atc }),
      extended: { records: [blankRecord()], deductedMinor: 0, proof: null, ...extended },
    },
  });
}

/** The same with a record that has room for what is held. */
export function holdingCard(setUp: ExtendedSetUp = {}): EcashCard {
  const records = [blankRecord('2701', heldFare.record.length)];
  return extendedCard({ ...setUp, extended: { records, ...setUp.extended } });
}

/** What is held on a card's first record. */
export function heldOf({ state }: EcashCard): number {
  return state.extended!.records[0]!.heldMinor;
}

export function recordHolder(master: Uint8Array = cappMaster): KeyringHolder {
  const ring = new Keyring([{ use: 'capp', index: 1, version: 1, algorithm: '3des', master }]);
  return new KeyringHolder(new StationKeys(ring, 8));
}

/** Drives a dialogue; `transmit` is the card, null one that has gone. */
export function driveExtended<R>(
  dialogue: ExtendedDialogue<R>,
  transmit: (apdu: Uint8Array) => Uint8Array | null,
  holder: KeyringHolder = recordHolder(),
): R {
  let step = dialogue.next();
  while (!step.done) {
    const ask = step.value;
    assert(ask.ask === 'card' || ask.ask === 'recordMac');
    step = dialogue.next(ask.ask === 'card' ? transmit(ask.apdu) : holder.recordMac(ask));
  }
  return step.value;
}

/** The place that the gates of these tests write. */
export const place = {
  station: fromHex('01020304'),
  stationRest: fromHex('000001'),
  terminal: fromHex('0000112233445566'),
  city: fromHex('3150'),
  institution: fromHex('0000000000000001'),
};

export interface ExtendedRun {
  readonly service?: Exclude<EcashService, 0>;
  readonly profile?: CompiledExtendedProfile;
  readonly purchase?: Partial<EcashPurchase>;
  /** Writes the record instead of the journey's form. */
  readonly write?: (out: Uint8Array, at: number) => void;
}

/** The record that a gate of these tests writes. */
function writtenBy(
  profile: CompiledExtendedProfile,
  record: Uint8Array,
  out: Uint8Array,
  at: number,
): void {
  out.set(record, at);
  const form = journeyForm(profile.layout, place, 'entry');
  out[at + profile.layout.type.offset] = form.fixed[profile.layout.type.offset]!;
  out.set(place.station, at + profile.layout.station.offset);
}

/** A whole purchase of the extended application. */
export function* purchaseExtended(
  amountMinor: number,
  { service = 1, profile = extendedProfile, purchase = {}, write }: ExtendedRun = {},
): ExtendedDialogue<EcashResult | { readonly result: 'plain'; readonly lacks: string }> {
  const random = fromHex('0102030405060708');
  const opened = yield* openExtended(accepted, profile, service, random);
  if (opened.result !== 'opened') return opened;
  const { record } = opened;
  const means = { forms: formsOf(), readsOnline: false };
  const asked = { ...purchaseOf(amountMinor), ...purchase, service };
  const decided = yield* askOptions(opened.application, means, asked);
  if (decided === 'next') return refusal('applicationMissing');
  if ('result' in decided) return decided;
  const begun = yield* updateExtended(opened, profile, decided, (_balanceMinor, out, at) =>
    write ? write(out, at) : writtenBy(profile, record, out, at),
  );
  return begun.result === 'pending' ? yield* completePurchase(begun) : begun;
}

export function ride(
  card: EcashCard,
  amountMinor: number,
  run: ExtendedRun = {},
): ReturnType<typeof purchaseExtended> extends Generator<unknown, infer R, never> ? R : never {
  card.power();
  return driveExtended(purchaseExtended(amountMinor, run), (apdu) => card.transmit(apdu));
}
