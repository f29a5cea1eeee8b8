/**
 * Built-in DESFire profiles: one for each way such a purse is made. No operator publishes the
 * layout of its cards, so numbers of files and keys, the application and the record are ours [U];
 * an operator's own profile replaces them. Commands and modes are those of `docs/desfire.md`.
 */
import { tripFields } from '../journey-record.ts';
import type { DesfireProfile, RecordFileSettings } from './profile.ts';

const types: RecordFileSettings['types'] = {
  none: ['00'],
  entry: ['03'],
  exit: ['04'],
  single: ['06'],
};

/** The 48 bytes that PBOC gates write too, with the card's count in the place of limits. */
const journey48: RecordFileSettings = {
  number: 4,
  mode: 'mac',
  length: 48,
  records: 5,
  fields: {
    ...tripFields,
    counter: { offset: 42, length: 2 },
  },
  types,
  industry: '01',
};

/** The 16 bytes of DESFire Light's cyclic file. */
const journey16: RecordFileSettings = {
  number: 1,
  mode: 'full',
  length: 16,
  records: 5,
  fields: {
    type: { offset: 0, length: 1 },
    dateTime: { offset: 1, length: 7 },
    station: { offset: 8, length: 4 },
    amount: { offset: 12, length: 2 },
    counter: { offset: 14, length: 2 },
  },
  types,
  industry: '01',
};

/** EV1: MACs, frames of its own, no transaction MAC. */
const ev1: DesfireProfile = {
  name: 'desfire-ev1',
  application: { aid: '3042F5' },
  authentication: 'ev1',
  chaining: 'native',
  frameBytes: 54,
  keys: {
    debit: { number: 2, version: 1 },
    load: { number: 3, version: 1 },
    identity: null,
  },
  diversification: { aid: '3042F5', systemId: '4E585020416275', padTo32: true },
  valueFile: { number: 3, mode: 'mac' },
  recordFile: journey48,
  transactionMac: null,
  issuing: {
    cardKeyVersion: 1,
    applicationKeyVersion: 1,
    lowerLimitMinor: 0,
    upperLimitMinor: 100_000,
    limitedCredit: true,
  },
  maxAmountMinor: 10_000,
  currency: 156,
};

/** EV2 and EV3: encrypted, blocks chained, with a transaction MAC. */
const ev2: DesfireProfile = {
  ...ev1,
  name: 'desfire-ev2',
  authentication: 'ev2',
  chaining: 'iso',
  frameBytes: 255,
  valueFile: { number: 3, mode: 'full' },
  recordFile: { ...journey48, mode: 'full' },
  transactionMac: { number: 15, mode: 'mac', keyVersion: 1 },
};

/** Light: one application with a DF name and a fixed set of files. */
const light: DesfireProfile = {
  ...ev2,
  name: 'desfire-light',
  application: { dfName: 'A00000039656434103F015400000000B' },
  valueFile: { number: 3, mode: 'full' },
  recordFile: journey16,
  issuing: null,
};

const builtIn = { 'desfire-ev1': ev1, 'desfire-ev2': ev2, 'desfire-light': light } as const;

export type DesfireProfileName = keyof typeof builtIn;

export function desfireProfile(name: DesfireProfileName): DesfireProfile {
  return builtIn[name];
}

export const desfireProfileNames = Object.keys(builtIn) as readonly DesfireProfileName[];
