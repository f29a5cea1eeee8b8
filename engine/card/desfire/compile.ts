/**
 * A DESFire profile turned into what a tap uses; compiled once, immutable, shared by all gates.
 */
import assert from 'node:assert/strict';
import { fromHex } from '../../bytes.ts';
import { take } from '../apdu.ts';
import type { AesKeyRef, AesKeyUse } from './asks.ts';
import { isoSelectOf, UID_BYTES } from './commands/identity.ts';
import { type RecordFile, recordCommands } from './commands/records.ts';
import type { DesfireProfile, RecordField, RecordFields, RecordFileSettings } from './profile.ts';
import { checkDesfireProfile } from './profile-check.ts';

/** What a record says of its journey. */
export type JourneyType = 'none' | 'entry' | 'exit' | 'single' | 'unknown';

/**
 * Where the record's fields lie; a field that it does not have has length 0. The shape is that of
 * the purse's journey layouts, so that one form writes both.
 */
export interface RecordLayout extends Required<RecordFields> {
  readonly recordLength: number;
  /** Meaning of a type byte, by its value. */
  readonly typeOf: readonly JourneyType[];
  /** The byte written for a type. */
  readonly typeByte: Readonly<Record<Exclude<JourneyType, 'unknown'>, number>>;
  readonly industryByte: number;
}

export interface CompiledDesfireProfile {
  readonly settings: DesfireProfile;
  /** Exactly one of the two. */
  readonly aid: Uint8Array | null;
  readonly selectByName: Uint8Array | null;
  readonly recordFile: RecordFile;
  readonly layout: RecordLayout;
  /** Bytes after the UID in the diversification input; null: keys are not diversified. */
  readonly diversifier: Uint8Array | null;
}

/** Compiles a profile that `parseDesfireProfile` accepted or that is built in. */
export function compileDesfireProfile(profile: DesfireProfile): CompiledDesfireProfile {
  assert.equal(checkDesfireProfile(profile), null, `profile ${profile.name}`);
  const { application, recordFile, diversification, chaining } = profile;
  return {
    settings: profile,
    aid: 'aid' in application ? fromHex(application.aid) : null,
    selectByName: 'dfName' in application ? isoSelectOf(application.dfName) : null,
    recordFile: {
      number: recordFile.number,
      mode: recordFile.mode,
      length: recordFile.length,
      visible: recordFile.records - 1,
      commands: recordCommands[chaining],
    },
    layout: layoutOf(recordFile),
    diversifier:
      diversification === null ? null : fromHex(diversification.aid + diversification.systemId),
  };
}

const ABSENT: RecordField = { offset: 0, length: 0 };

function layoutOf({ fields, types, length, industry }: RecordFileSettings): RecordLayout {
  const typeOf = new Array<JourneyType>(256).fill('unknown');
  for (const type of ['none', 'entry', 'exit', 'single'] as const) {
    for (const value of types[type]) typeOf[byte(value)] = type;
  }
  return {
    recordLength: length,
    type: fields.type,
    terminal: fields.terminal ?? ABSENT,
    industry: fields.industry ?? ABSENT,
    station: fields.station,
    stationRest: fields.stationRest ?? ABSENT,
    amount: fields.amount ?? ABSENT,
    balance: fields.balance ?? ABSENT,
    dateTime: fields.dateTime,
    city: fields.city ?? ABSENT,
    institution: fields.institution ?? ABSENT,
    maxIncompleteAmount: fields.maxIncompleteAmount ?? ABSENT,
    maxTime: fields.maxTime ?? ABSENT,
    counters: fields.counters ?? ABSENT,
    typeOf,
    typeByte: {
      none: byte(types.none[0]!),
      entry: byte(types.entry[0]!),
      exit: byte(types.exit[0]!),
      single: byte(types.single[0]!),
    },
    industryByte: byte(industry),
  };
}

/**
 * The card's key for a use, by its UID (7 bytes). `identity` is the same in all cards; of
 * `transactionMac` the profile has a file, and of `load` a key.
 */
export function cardKeyRef(
  profile: CompiledDesfireProfile,
  use: AesKeyUse,
  uid: Uint8Array,
): AesKeyRef {
  const { keys, transactionMac, diversification } = profile.settings;
  const version = use === 'transactionMac' ? transactionMac?.keyVersion : keys[use]?.version;
  assert(version !== undefined, `the profile has no ${use} key`);
  const padTo32 = diversification?.padTo32 ?? true;
  if (use === 'identity' || profile.diversifier === null) {
    return { use, version, input: null, padTo32 };
  }
  assert.equal(uid.length, UID_BYTES);
  const input = new Uint8Array(UID_BYTES + profile.diversifier.length);
  input.set(take(uid, 0, UID_BYTES));
  input.set(profile.diversifier, UID_BYTES);
  return { use, version, input, padTo32 };
}

function byte(hex: string): number {
  return Number.parseInt(hex, 16);
}
