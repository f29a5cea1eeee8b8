/**
 * A scheme profile: everything in which the PBOC purses of two cities differ, as data. A profile is
 * built in (`profiles.ts`) or a JSON file; `profile-schema.ts` holds its JSON Schema, `compile.ts`
 * turns it into the commands and offsets a tap uses. `docs/profiles.md` says what each setting
 * means and how well it is known.
 *
 * Bytes and identifiers are hexadecimal strings, as card specifications print them; offsets,
 * lengths and amounts are numbers. Amounts in minor units of the currency.
 */
import { FaregateError } from '../../errors.ts';
import { parseJson } from '../../json-fault.ts';
import { PROFILE_FILE_BYTES_MAX } from '../../limits.ts';
import { checkSchema } from '../../schema/check.ts';
import type { Field, JourneySettings } from '../journey-record.ts';
import { checkProfile } from './profile-check.ts';
import { profileSchema } from './profile-schema.ts';
import { builtInProfile, isBuiltInProfile } from './profiles.ts';

/** Ways a purse's money is debited. */
export type PurchaseKind = 'purchase' | 'capp';

/** Ciphers a card's algorithm byte may name. */
export type PurseAlgorithm = '3des' | 'sm4';

/** File 0x15: who issued the card, its number and validity. */
export interface PublicFileSettings {
  readonly sfi: string;
  readonly length: number;
  /** Tag of the FCI that carries the file's content; null where the FCI has none. */
  readonly fciTag: string | null;
  readonly issuer: Field;
  readonly applicationType: Field;
  readonly startFlag: Field;
  readonly cardNumber: Field;
  readonly enableDate: Field;
  readonly expiryDate: Field;
}

export interface KeySettings {
  /** Index INITIALIZE names: 01, in some cities 06 or 07. */
  readonly index: string;
  /**
   * Version and algorithm a card is expected to have; its answer to INITIALIZE has the last word.
   */
  readonly version: string;
  readonly algorithm: string;
  /** Algorithm byte of the card -> cipher. A card with another byte is refused. */
  readonly algorithms: Readonly<Record<string, PurseAlgorithm>>;
  /** Diversification factors, 8 bytes each, as fields of the public file; one or two levels. */
  readonly factors: readonly Field[];
}

export interface JourneyFileSettings extends JourneySettings {
  readonly sfi: string;
  /** Record number of READ RECORD, from 1. */
  readonly record: number;
  /** Header of UPDATE CAPP DATA CACHE. */
  readonly update: { readonly cla: string; readonly p1: string; readonly p2: string };
}

export interface LoadSettings {
  /** Index of the load key that INITIALIZE FOR LOAD names. */
  readonly keyIndex: string;
  /** 02 a load of the purse (EP), 01 of the deposit (ED). */
  readonly transactionType: string;
}

export interface PurseProfile {
  /** Lower-case letters, digits, `.`, `_` and `-`. */
  readonly name: string;
  /** Applications to SELECT, in order. */
  readonly aids: readonly string[];
  readonly publicFile: PublicFileSettings;
  /** Values of the purse flag that are accepted; null accepts any. */
  readonly purseFlag: {
    readonly applicationTypes: readonly string[] | null;
    readonly startFlags: readonly string[] | null;
  };
  /** Prefixes of accepted issuers; empty accepts all. */
  readonly acceptedIssuers: readonly string[];
  readonly key: KeySettings;
  /** P2 of INITIALIZE and GET BALANCE: 02 purse (EP), 01 deposit (ED). */
  readonly purseId: string;
  readonly transactionTypes: Readonly<Record<PurchaseKind, string>>;
  /** How a purse is loaded; null where it is not loaded here. */
  readonly load: LoadSettings | null;
  /** Whether 80CA000009 is fetched and its nine bytes end the input of MAC1. */
  readonly cityCode: boolean;
  readonly counter: {
    /** The offline counter after `last` is `restartAt`. */
    readonly last: number;
    readonly restartAt: number;
  };
  readonly balance: {
    readonly p1: string;
    /** Whether the top bit of the four bytes is no part of the balance. */
    readonly ignoreTopBit: boolean;
  };
  /** Null for a scheme without a journey record: it only has plain purchases. */
  readonly journeyFile: JourneyFileSettings | null;
  readonly proof: {
    /** GET TRANSACTION PROVE takes the counter of INITIALIZE (0) or the one after it (1). */
    readonly counterOffset: number;
    readonly order: 'mac2-tac' | 'tac-mac2';
  };
  readonly logFile: {
    readonly sfi: string;
    readonly records: number;
    readonly order: 'newest-first' | 'oldest-first';
  };
  /** Which byte of the public file names the rider's class; null where none does. */
  readonly riderClass: {
    readonly offset: number;
    readonly length: number;
    /** Byte -> name of a rider class of the fare set. */
    readonly classes: Readonly<Record<string, string>>;
    /** Class of any other byte; null is the fare set's default. */
    readonly default: string | null;
  } | null;
  /** Largest single debit the scheme allows. */
  readonly maxAmountMinor: number;
  /** ISO 4217 number: 156 CNY. */
  readonly currency: number;
  /** Status words of INITIALIZE for a balance that is too low. */
  readonly insufficientStatuses: readonly string[];
}

/**
 * Reads a profile from JSON text. With `"extends": "<built-in name>"` the file holds only what
 * differs: objects are merged member by member, everything else replaces.
 * @throws FaregateError PROFILE_INVALID naming `what` (the file) and the field.
 */
export function parseProfile(jsonText: string, what: string): PurseProfile {
  if (jsonText.length > PROFILE_FILE_BYTES_MAX) {
    throw invalid(what, `larger than ${PROFILE_FILE_BYTES_MAX} bytes`);
  }
  const data = parseJson(jsonText, 'PROFILE_INVALID', what);
  const profile = checkSchema<PurseProfile>(
    profileSchema,
    isObject(data) && 'extends' in data ? extended(data, what) : data,
    'PROFILE_INVALID',
    what,
  );
  const problem = checkProfile(profile);
  if (problem !== null) throw invalid(what, problem);
  return profile;
}

function extended(data: JsonObject, what: string): JsonObject {
  const { extends: basis, ...changes } = data;
  if (typeof basis !== 'string' || !isBuiltInProfile(basis)) {
    throw invalid(what, `field /extends must name a built-in profile: ${JSON.stringify(basis)}`);
  }
  return merged({ ...builtInProfile(basis) }, changes);
}

type JsonObject = Record<string, unknown>;

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Recurses only as deep as the built-in profile, however deep the file's objects are nested. */
function merged(basis: JsonObject, changes: JsonObject): JsonObject {
  const entries = new Map(Object.entries(basis));
  for (const [name, change] of Object.entries(changes)) {
    const old = entries.get(name);
    entries.set(name, isObject(old) && isObject(change) ? merged(old, change) : change);
  }
  return Object.fromEntries(entries);
}

function invalid(what: string, problem: string): FaregateError {
  return new FaregateError('PROFILE_INVALID', `${what}: ${problem}`);
}
