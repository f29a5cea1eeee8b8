/**
 * A profile of the extended application of e-cash: everything that only one source says, or none,
 * as data. `profile-schema.ts` holds its JSON Schema, `profile-check.ts` what a schema cannot say;
 * `docs/ecash.md` says what each setting means. Bytes are hexadecimal strings.
 */
import assert from 'node:assert/strict';
import { fromHex } from '../../../bytes.ts';
import { FaregateError } from '../../../errors.ts';
import { PROFILE_FILE_BYTES_MAX } from '../../../limits.ts';
import { parseChecked } from '../../../schema/check.ts';
import { type JourneyLayout, type JourneySettings, journeyLayout } from '../../journey-record.ts';
import { checkExtendedProfile } from './profile-check.ts';
import { extendedProfileSchema } from './profile-schema.ts';

export interface ExtendedProfile {
  /** Lower-case letters, digits, `.`, `_` and `-`. */
  readonly name: string;
  /** File of the records, 1 to 30. */
  readonly sfi: number;
  /** Lowest bit of P2 of READ CAPP DATA. */
  readonly selector: 0 | 1;
  /** Which record is ours: 2 bytes, with which it begins. */
  readonly recordId: string;
  /** Whether the card makes a MAC over what it reads out. */
  readonly read: 'plain' | 'mac';
  /** DF61, which says what the card has. */
  readonly services: {
    /** `none`: the list of terminal data (DF60) alone says it. */
    readonly from: 'fci' | 'getData' | 'none';
    /** Bits of its first byte, of which any says so. */
    readonly segmented: string;
    readonly preAuthorised: string;
  };
  /** The master of the records' keys, by use `capp` in a key file. */
  readonly key: { readonly index: number; readonly version: number };
  /** The whole record, with its id. */
  readonly record: JourneySettings;
}

/** A profile as a tap uses it; compiled once, immutable, shared by all gates. */
export interface CompiledExtendedProfile {
  readonly settings: ExtendedProfile;
  /** 2 bytes. */
  readonly recordId: Uint8Array;
  readonly layout: JourneyLayout;
  /** Bits of the first byte of DF61. */
  readonly segmented: number;
  readonly preAuthorised: number;
}

/**
 * Reads a profile from JSON text.
 * @throws FaregateError PROFILE_INVALID naming `what` (the file) and the field.
 */
export function parseExtendedProfile(jsonText: string, what: string): ExtendedProfile {
  if (jsonText.length > PROFILE_FILE_BYTES_MAX) {
    throw invalid(what, `larger than ${PROFILE_FILE_BYTES_MAX} bytes`);
  }
  const profile = parseChecked<ExtendedProfile>(
    extendedProfileSchema,
    jsonText,
    'PROFILE_INVALID',
    what,
  );
  const problem = checkExtendedProfile(profile);
  if (problem !== null) throw invalid(what, problem);
  return profile;
}

function invalid(what: string, problem: string): FaregateError {
  return new FaregateError('PROFILE_INVALID', `${what}: ${problem}`);
}

/** Compiles a profile that `parseExtendedProfile` accepted or that is built in. */
export function compileExtendedProfile(profile: ExtendedProfile): CompiledExtendedProfile {
  assert.equal(checkExtendedProfile(profile), null, `profile ${profile.name}`);
  const { recordId, record, services } = profile;
  return {
    settings: profile,
    recordId: fromHex(recordId),
    layout: journeyLayout(record),
    segmented: Number.parseInt(services.segmented, 16),
    preAuthorised: Number.parseInt(services.preAuthorised, 16),
  };
}
