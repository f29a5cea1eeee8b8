/**
 * The built-in profiles. Grades are those of the collected card facts: [R] recomputed against a
 * published number, [2] two independent sources, [1] one source, [U] an unverified convention.
 * What is [1] or [U] is what a city most likely has to change.
 */
import assert from 'node:assert/strict';
import { tripFields } from '../journey-record.ts';
import type { JourneyFileSettings, PurseProfile } from './profile.ts';

/**
 * The plain purse of JR/T 0025: no journey record, so plain purchases only. Layout of 0x15 [2];
 * application type 03 (deposit and purse) [U]; one diversification level over the last eight bytes
 * of the card number [R: the formula, 1: the factor]; the load's type 02 [R], its key index as in a
 * worked example [1]; AID and largest debit [U].
 */
const jrt0025: PurseProfile = {
  name: 'jrt0025',
  aids: ['A00000000386980701'],
  publicFile: {
    sfi: '15',
    length: 30,
    fciTag: '9F0C',
    issuer: { offset: 0, length: 8 },
    applicationType: { offset: 8, length: 1 },
    startFlag: { offset: 9, length: 1 },
    cardNumber: { offset: 10, length: 10 },
    enableDate: { offset: 20, length: 4 },
    expiryDate: { offset: 24, length: 4 },
  },
  purseFlag: { applicationTypes: ['02', '03'], startFlags: ['01'] },
  acceptedIssuers: [],
  key: {
    index: '01',
    version: '01',
    algorithm: '00',
    algorithms: { '00': '3des' },
    factors: [{ offset: 12, length: 8 }],
  },
  purseId: '02',
  transactionTypes: { purchase: '06', capp: '09' },
  load: { keyIndex: '01', transactionType: '02' },
  cityCode: false,
  counter: { last: 65535, restartAt: 0 },
  balance: { p1: '00', ignoreTopBit: true },
  journeyFile: null,
  proof: { counterOffset: 1, order: 'mac2-tac' },
  logFile: { sfi: '18', records: 10, order: 'newest-first' },
  riderClass: null,
  maxAmountMinor: 100_000,
  currency: 156,
  insufficientStatuses: ['9401', '9301'],
};

/**
 * T-Union's trip record 0x1E: fields [2]; of the last six bytes `maxIncompleteAmount` and `maxTime`
 * [1], where the other source has them reserved; types of the purse and of e-cash [1]: a supplement
 * (07, 08) closes a journey, a load (09, 0A) leaves none; industry 01 is metro in one source and
 * bus in the other, hence [U].
 */
const trip: JourneyFileSettings = {
  sfi: '1E',
  record: 1,
  length: 48,
  update: { cla: '80', p1: '00', p2: 'F0' },
  fields: {
    ...tripFields,
    maxIncompleteAmount: { offset: 42, length: 4 },
    maxTime: { offset: 46, length: 2 },
  },
  types: {
    none: ['00', '09', '0A'],
    entry: ['03', '01'],
    exit: ['04', '02', '07', '08'],
    single: ['06', '05'],
  },
  industry: '01',
};

/**
 * T-Union (交通联合, JT/T 978): AIDs, 0x15 and 0x1E [2]; the two factors, 20 yuan as the largest
 * debit, the counter of the proof (INITIALIZE's plus one) and its order [1].
 */
const tunion: PurseProfile = {
  ...jrt0025,
  name: 'tunion',
  aids: ['A000000632010105', 'A000000632101004'],
  purseFlag: { applicationTypes: ['02'], startFlags: ['01'] },
  key: {
    ...jrt0025.key,
    factors: [
      { offset: 12, length: 8 },
      { offset: 0, length: 8 },
    ],
  },
  journeyFile: trip,
  maxAmountMinor: 2000,
};

/**
 * City union (建设部): the nine bytes in MAC1 [R]; 0x15 with the city code in bytes 2 and 3, status
 * at 8, version at 9, union code at 10, logic id at 12 (the factor), card type at 28 [1], which
 * puts issuer, flags and number where JR/T 0025 has them, with other values in the flags. No
 * layout of its journey record was found: it borrows T-Union's [U].
 */
const cityUnion: PurseProfile = {
  ...jrt0025,
  name: 'city-union',
  purseFlag: { applicationTypes: null, startFlags: null },
  cityCode: true,
  journeyFile: trip,
};

const builtIn = { jrt0025, tunion, 'city-union': cityUnion } as const;

export type BuiltInProfileName = keyof typeof builtIn;

export const builtInProfileNames = Object.keys(builtIn) as readonly BuiltInProfileName[];

export function isBuiltInProfile(name: string): name is BuiltInProfileName {
  return Object.hasOwn(builtIn, name);
}

/** A built-in profile by a name that `isBuiltInProfile`. */
export function builtInProfile(name: string): PurseProfile {
  assert(isBuiltInProfile(name), `no built-in profile ${name}`);
  return builtIn[name];
}
