/** The card that each rider carries, made from the rider's habits: schemes, oddities, money. */
import { bcd, fromHex, toHex, writeU16, writeU32, writeU48 } from '../../engine/bytes.ts';
import {
  type CompiledDesfireProfile,
  compileGateProfile,
} from '../../engine/card/desfire/compile.ts';
import { desfireProfile } from '../../engine/card/desfire/profiles.ts';
import type { PurseProfile } from '../../engine/card/purse/profile.ts';
import { builtInProfile } from '../../engine/card/purse/profiles.ts';
import { segmentedFare } from '../../engine/card/qpboc/extended/profiles.ts';
import type { CompiledFares } from '../../engine/fare/fares.ts';
import { type CardState, issueCard } from '../reader/virtual/card-state.ts';
import {
  type DesfireMasters,
  type DesfireState,
  issueDesfire,
} from '../reader/virtual/desfire/state.ts';
import type { PersonalityName } from '../reader/virtual/personality.ts';
import { openBank } from '../service/bank.ts';
import type { PlannedBank } from '../station-bank.ts';
import { BANK_AID, bankCardNumber, newEcash } from './bank-cards.ts';
import { newBankState } from './bank-state.ts';
import type { Masters } from './masters.ts';
import { familyOf, isCityUnion, type RiderHabits } from './population.ts';
import { DESFIRE_COUNTER_AT, type RiderState } from './rider-card.ts';

const CITY_UNION_ISSUER = fromHex('0000710000000000');
const T_UNION_ISSUER = fromHex('01011000FFFFFFFF');
const FOREIGN_ISSUER = fromHex('09099000FFFFFFFF');

/** Where the demo's cards carry their rider class: the first byte after the dates of file 0x15. */
const CLASS_OFFSET = 28;
/** Fares of the cities the demo rides in stay below this. */
const AMOUNT_MAX_MINOR = 20_000;
/** ISO 3166 number, as terminals tell bank cards. */
const COUNTRY = 156;
/** On a citizen card, whose purse pays first. */
const CITIZEN_ECASH_MINOR = 10_000;

/**
 * The schemes that the demo's gates accept: the built-in ones, narrowed to the city's issuers, with
 * the currency and the rider classes of its fares.
 */
export function acceptedProfiles(fares: CompiledFares): PurseProfile[] {
  const classes = Object.fromEntries(
    fares.riders.map((name, i) => [i.toString(16).toUpperCase().padStart(2, '0'), name]),
  );
  const city = {
    riderClass: { offset: CLASS_OFFSET, length: 1, classes, default: null },
    maxAmountMinor: AMOUNT_MAX_MINOR,
    currency: fares.currencyNumber,
  };
  return [
    { ...builtInProfile('tunion'), ...city, acceptedIssuers: ['0101'] },
    { ...builtInProfile('city-union'), ...city, acceptedIssuers: ['000071'] },
  ];
}

function schemeOf(rider: RiderHabits): PersonalityName {
  return isCityUnion(rider.index) ? 'city-union' : 'tunion';
}

/** AES closed-loop cards, as the city's own gates take them. */
export function acceptedDesfire(fares: CompiledFares): CompiledDesfireProfile {
  const city = { maxAmountMinor: AMOUNT_MAX_MINOR, currency: fares.currencyNumber };
  return compileGateProfile({ ...desfireProfile('desfire-ev2'), ...city }, 'the city');
}

/**
 * Bank cards, by their banks' CA keys alone: e-cash where a card has the extended application, else
 * the ride is charged later.
 */
export async function acceptedBank(fares: CompiledFares, caKeys: string): Promise<PlannedBank> {
  return await openBank({
    caKeys,
    applications: [toHex(BANK_AID)],
    country: COUNTRY,
    currency: fares.currencyNumber,
    sm2: true,
    ecash: true,
    openLoop: true,
    maxAmountMinor: AMOUNT_MAX_MINOR,
    extendedProfile: segmentedFare.name,
  });
}

/** The numbers of a rider's card: one, or of a citizen card its purse's and its e-cash's. */
export function cardNumbersOf(rider: RiderHabits): Uint8Array[] {
  const { index } = rider;
  switch (familyOf(index)) {
    case 'desfire':
      return [uidNumber(index)];
    case 'ecash':
    case 'openLoop':
      return [bankCardNumber(index)];
    case 'citizen':
      return [purseNumber(rider), bankCardNumber(index)];
    default:
      return [purseNumber(rider)];
  }
}

/** Zeros and the UID of an AES card. */
function uidNumber(index: number): Uint8Array {
  const number = new Uint8Array(10);
  number.set([0x04, 0x51, 0x00], 3);
  writeU32(number, 6, index);
  return number;
}

/** BCD digits. */
function purseNumber(rider: RiderHabits): Uint8Array {
  const number = new Uint8Array(10);
  if (schemeOf(rider) === 'city-union') {
    number.set([0x00, 0x01, 0x71, 0x00]);
  } else {
    number.set([0x03, 0x10, 0x51, 0x70]);
  }
  let digits = rider.index;
  for (let at = 9; at >= 6; at--) {
    number[at] = bcd(digits % 100);
    digits = Math.floor(digits / 100);
  }
  return number;
}

/** The offline counter a rider's card starts with: cards have been used before. */
export function firstCounterOf(index: number): number {
  return index % 200;
}

/** The rider's card, new from the issuer. */
export function makeCard(rider: RiderHabits, masters: Masters): RiderState {
  const { index, balanceMinor } = rider;
  switch (familyOf(index)) {
    case 'desfire':
      return makeDesfire(rider, masters.desfire);
    case 'ecash':
    case 'openLoop':
      return { bank: newBankState(newEcash(index, balanceMinor)) };
    case 'citizen':
      return {
        purse: makePurse(rider, masters),
        bank: newBankState(newEcash(index, CITIZEN_ECASH_MINOR)),
      };
    default:
      return makePurse(rider, masters);
  }
}

function makePurse(rider: RiderHabits, masters: Masters): CardState {
  const scheme = schemeOf(rider);
  const issuer = scheme === 'city-union' ? CITY_UNION_ISSUER : T_UNION_ISSUER;
  const { oddity } = rider;
  return issueCard(scheme, masters.purse, {
    cardNumber: purseNumber(rider),
    issuer: oddity === 'issuerUnknown' ? FOREIGN_ISSUER : issuer,
    cardType: Uint8Array.of(rider.rider, 0),
    balanceMinor: rider.balanceMinor,
    offlineCounter: firstCounterOf(rider.index),
    ...(oddity === 'expired' ? { validTo: Uint8Array.of(0x20, 0x20, 0x12, 0x31) } : {}),
    ...(oddity === 'notYetValid' ? { validFrom: Uint8Array.of(0x20, 0x39, 0x01, 0x01) } : {}),
    ...(oddity === 'locked' ? { application: 'locked' } : {}),
    ...(oddity === 'purseFlagWrong' ? { startFlag: 0 } : {}),
  });
}

/** Such a card has no dates, flags or issuer: of the oddities it can be stopped or disabled. */
function makeDesfire(rider: RiderHabits, masters: DesfireMasters): DesfireState {
  const record = new Uint8Array(48);
  writeU16(record, DESFIRE_COUNTER_AT, firstCounterOf(rider.index));
  return issueDesfire('ev2', uidNumber(rider.index).slice(3), masters, {
    valueMinor: rider.balanceMinor,
    record,
    disabled: rider.oddity === 'locked',
  });
}

/** Terminal id of a gate by its number: 6 bytes. */
export function terminalIdOf(gate: number): Uint8Array {
  const id = new Uint8Array(6);
  writeU48(id, 0, 0x0409_0000_0000 + gate);
  return id;
}
