/** The card that each rider carries, made from the rider's habits: schemes, oddities, money. */
import { bcd, fromHex, writeU48 } from '../../engine/bytes.ts';
import type { PurseProfile } from '../../engine/card/purse/profile.ts';
import { builtInProfile } from '../../engine/card/purse/profiles.ts';
import type { CompiledFares } from '../../engine/fare/fares.ts';
import { type CardState, issueCard, type MasterKeys } from '../reader/virtual/card-state.ts';
import type { PersonalityName } from '../reader/virtual/personality.ts';
import type { RiderHabits } from './population.ts';

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

/** The card number, 10 bytes of BCD digits, unique by index. */
export function cardNumberOf(rider: RiderHabits): Uint8Array {
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
export function makeCard(rider: RiderHabits, masters: MasterKeys): CardState {
  const scheme = schemeOf(rider);
  const issuer = scheme === 'city-union' ? CITY_UNION_ISSUER : T_UNION_ISSUER;
  const { oddity } = rider;
  return issueCard(scheme, masters, {
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

/** Terminal id of a gate by its number: 6 bytes. */
export function terminalIdOf(gate: number): Uint8Array {
  const id = new Uint8Array(6);
  writeU48(id, 0, 0x0409_0000_0000 + gate);
  return id;
}
