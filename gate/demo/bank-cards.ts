/**
 * Riders' bank cards as their banks made them: number, keys, dates and certificates by the rider's
 * index, certificates made at its first purchase and kept. The city's bank has given the operator
 * its cryptogram key; what the other bank's cards say only that bank can verify.
 */
import { fromHex } from '../../engine/bytes.ts';
import { cardNumberOf } from '../../engine/card/qpboc/card-data.ts';
import { segmentedFare } from '../../engine/card/qpboc/extended/profiles.ts';
import type { EcashState } from '../reader/virtual/ecash-card.ts';
import { bankCardKey } from '../reader/virtual/ecash-crypto.ts';
import {
  type ChainDetails,
  type EcashChain,
  issueRsaChain,
  issueSm2Chain,
} from '../reader/virtual/ecash-issuing.ts';
import type { EcashPersonality } from '../reader/virtual/ecash-personality.ts';
import { type BankKeys, CA_INDEX } from './bank-keys.ts';
import { familyOf, type RiderHabits } from './population.ts';

/** UnionPay debit. */
export const BANK_AID: Uint8Array = fromHex('A000000333010101');
/** First digits of the city bank's cards, whose cryptogram key the operator holds; and the rest's. */
export const CITY_BANK = '62280100';
const OTHER_BANK = '62299900';
const PAN_DIGITS = 16;
const PAN_SEQUENCE = 1;
/** One e-cash card of so many is another bank's; one bank card of so many signs by SM2. */
const OTHER_BANK_EVERY = 5;
const SM2_EVERY = 16;
/** One e-cash card of so many may end a ride beyond its balance, by so much. */
const CREDIT_EVERY = 4;
const CREDIT_MINOR = 1_000;
/** A CA that no gate has heard of. */
const FOREIGN_CA = 0x7f;
const CACHE_BYTES = 256;
const SEGMENTED_FARES = '01';

const pdols = {
  plain: '9F66049F02069F03069F1A0295055F2A029A039C019F3704DF6901',
  extended: '9F66049F02069F03069F1A0295055F2A029A039C019F3704DF6001DF6901',
};

/** Masters that banks' and transport's card keys come from, 16 bytes each. */
export interface BankMasters {
  readonly capp: Uint8Array;
  readonly cryptogram: Uint8Array;
  readonly keys: BankKeys;
}

export class BankCards {
  readonly #masters: BankMasters;
  readonly #riders: readonly RiderHabits[];
  readonly #made = new Map<number, EcashPersonality>();

  constructor(masters: BankMasters, riders: readonly RiderHabits[]) {
    this.#masters = masters;
    this.#riders = riders;
  }

  /** The bank card of a rider who has one. */
  personality(index: number): EcashPersonality {
    const made = this.#made.get(index) ?? this.#make(this.#riders[index]!);
    this.#made.set(index, made);
    return made;
  }

  #make(rider: RiderHabits): EcashPersonality {
    const { index, oddity } = rider;
    const { capp, cryptogram, keys } = this.#masters;
    const pan = panOf(index);
    const hasSm2 = index % SM2_EVERY === 0;
    const validTo = oddity === 'expired' ? '201231' : '351231';
    const validFrom = oddity === 'notYetValid' ? '350101' : '200101';
    const holderRecord = fromHex(`5A08${pan}5F2403${validTo}5F2503${validFrom}9F08020030`);
    const aip = fromHex('7000');
    const staticData = Buffer.concat([holderRecord, aip]);
    let chain: EcashChain | null = null;
    const issue = () => issueChain(keys, hasSm2 ? 'sm2' : 'rsa', rider, pan, staticData);
    const isExtended = familyOf(index) === 'ecash';
    return {
      aid: BANK_AID,
      label: Buffer.from('PBOC DEBIT', 'latin1'),
      pan,
      panSequence: PAN_SEQUENCE,
      track2: fromHex(`${pan}D${validTo.slice(0, 4)}2010123456789`),
      holderRecord,
      aip,
      pdol: fromHex(isExtended ? pdols.extended : pdols.plain),
      qualifiers: fromHex('3000'),
      fdda: 'v01',
      signatureFormat: 0x05,
      cryptogramVersion: 0x01,
      algorithm: '3des',
      cryptogramKey: bankCardKey(cryptogram, pan, PAN_SEQUENCE),
      macKey: bankCardKey(cryptogram, pan, PAN_SEQUENCE),
      chainFor: () => {
        chain ??= issue();
        return chain;
      },
      ...(isExtended
        ? {
            extended: {
              services: fromHex(SEGMENTED_FARES),
              segmentLimitMinor: hasCredit(index) ? CREDIT_MINOR : 0,
              recordKey: bankCardKey(capp, pan, PAN_SEQUENCE),
              cacheBytes: CACHE_BYTES,
            },
          }
        : {}),
    };
  }
}

function hasCredit(index: number): boolean {
  return index % CREDIT_EVERY === 0;
}

function panOf(index: number): string {
  const isOther = familyOf(index) === 'openLoop' || index % OTHER_BANK_EVERY === 0;
  const bank = isOther ? OTHER_BANK : CITY_BANK;
  return `${bank}${String(index).padStart(PAN_DIGITS - bank.length, '0')}`;
}

/** 10 bytes, as debit records and the denylist have it. */
export function bankCardNumber(index: number): Uint8Array {
  return cardNumberOf({ pan: panOf(index), panSequence: PAN_SEQUENCE });
}

function issueChain(
  { rsa, sm2 }: BankKeys,
  kind: 'rsa' | 'sm2',
  { index, oddity }: RiderHabits,
  pan: string,
  staticData: Uint8Array,
): EcashChain {
  const details: ChainDetails = {
    caIndex: oddity === 'issuerUnknown' ? FOREIGN_CA : CA_INDEX[kind],
    issuerIdentifier: fromHex(`${pan.slice(0, 6)}FF`),
    issuerExpiry: fromHex('1239'),
    cardExpiry: fromHex('1235'),
    issuerSerial: Uint8Array.of(0, 0, 1),
    cardSerial: Uint8Array.of(index >>> 16, index >>> 8, index),
    pan: fromHex(`${pan}FFFF`),
    staticData,
    coversRecord: true,
    coversAip: true,
  };
  if (kind === 'sm2') {
    const card = sm2.cards[index % sm2.cards.length]!;
    return issueSm2Chain(sm2.ca, sm2.issuer, card, details);
  }
  return issueRsaChain(rsa.ca, rsa.issuer, rsa.cards[index % rsa.cards.length]!, details);
}

/** A card new from its bank; with the record of rides where it has the extended application. */
export function newEcash(index: number, balanceMinor: number): EcashState {
  const plain = { balanceMinor, atc: index % 200 };
  if (familyOf(index) !== 'ecash') return plain;
  const { recordId, record, sfi } = segmentedFare;
  const bytes = new Uint8Array(record.length);
  bytes.set(fromHex(recordId));
  bytes[2] = record.length - 3;
  const records = [{ sfi, bytes, heldMinor: 0 }];
  return { ...plain, extended: { records, deductedMinor: 0, proof: null } };
}
