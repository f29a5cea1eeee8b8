/** The card that each rider carries, made from the rider's habits: schemes, oddities, money. */
import { bcd, fromHex, writeU16, writeU32, writeU48 } from '../../engine/bytes.ts';
import {
  type CompiledDesfireProfile,
  compileGateProfile,
} from '../../engine/card/desfire/compile.ts';
import { desfireProfile } from '../../engine/card/desfire/profiles.ts';
import type { PurseProfile } from '../../engine/card/purse/profile.ts';
import { builtInProfile } from '../../engine/card/purse/profiles.ts';
import type { CompiledFares } from '../../engine/fare/fares.ts';
import { issueCard } from '../reader/virtual/card-state.ts';
import {
  type DesfireMasters,
  type DesfireState,
  issueDesfire,
} from '../reader/virtual/desfire/state.ts';
import type { PersonalityName } from '../reader/virtual/personality.ts';
import type { Masters } from './masters.ts';
import { hasDesfire, type RiderHabits } from './population.ts';
import { DESFIRE_COUNTER_AT, type RiderState } from './rider-card.ts';

/** Every tenth rider has a card of the city union, the others T-Union. */
const CITY_UNION_EVERY = 10;

const CITY_UNION_ISSUER = fromHex('0000710000000000');
const T_UNION_ISSUER = fromHex('01011000FFFFFFFF');
const FOREIGN_ISSUER = fromHex('09099000FFFFFFFF');

/** Where the demo's cards carry their rider class: the first byte after the dates of file 0x15. */
const CLASS_OFFSET = 28;
/** Fares of the cities the demo rides in stay below this. */
const AMOUNT_MAX_MINOR = 20_000;

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
  return rider.index % CITY_UNION_EVERY === 3 ? 'city-union' : 'tunion';
}

/** AES closed-loop cards, as the city's own gates take them. */
export function acceptedDesfire(fares: CompiledFares): CompiledDesfireProfile {
  const city = { maxAmountMinor: AMOUNT_MAX_MINOR, currency: fares.currencyNumber };
  return compileGateProfile({ ...desfireProfile('desfire-ev2'), ...city }, 'the city');
}

/** 10 bytes, unique by index: BCD digits, or zeros and the UID of an AES card. */
export function cardNumberOf(rider: RiderHabits): Uint8Array {
  const number = new Uint8Array(10);
  if (hasDesfire(rider.index)) {
    number.set([0x04, 0x51, 0x00], 3);
    writeU32(number, 6, rider.index);
    return number;
  }
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
  if (hasDesfire(rider.index)) return makeDesfire(rider, masters.desfire);
  const scheme = schemeOf(rider);
  const issuer = scheme === 'city-union' ? CITY_UNION_ISSUER : T_UNION_ISSUER;
  const { oddity } = rider;
  return issueCard(scheme, masters.purse, {
    cardNumber: cardNumberOf(rider),
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
  return issueDesfire('ev2', cardNumberOf(rider).slice(3), masters, {
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
