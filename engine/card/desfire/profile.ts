/**
 * A profile of an AES closed-loop purse: everything in which the DESFire applications of two
 * operators differ, as data. `profile-schema.ts` holds its JSON Schema, `profile-check.ts` what a
 * schema cannot say, `compile.ts` turns it into what a tap uses; `docs/desfire.md` says what each
 * setting means. Bytes are hexadecimal strings, offsets, lengths and amounts numbers.
 */
import { FaregateError } from '../../errors.ts';
import { PROFILE_FILE_BYTES_MAX } from '../../limits.ts';
import { parseChecked } from '../../schema/check.ts';
import type { Field, JourneyFields, JourneySettings } from '../journey-record.ts';
import type { CommMode } from './asks.ts';
import { checkDesfireProfile } from './profile-check.ts';
import { desfireProfileSchema } from './profile-schema.ts';

/** A key of the card, and the master that it comes from. */
export interface CardKeySettings {
  /** Key number of the application, 0 to 13. */
  readonly number: number;
  /** Version of the master key, 0 to 255. */
  readonly version: number;
}

export interface FileSettings {
  /** File number, 0 to 31. */
  readonly number: number;
  readonly mode: CommMode;
}

/** Fields of a record: a journey's, and the card's own count. */
export interface RecordFields extends JourneyFields {
  /**
   * Debits that the card has made, 2 bytes, big-endian: each writes one more, a load writes it as
   * it was. Gates need it; a profile without serves load terminals alone.
   */
  readonly counter?: Field | null;
}

export interface RecordFileSettings extends FileSettings, JourneySettings {
  readonly fields: RecordFields;
  /** Records that the file was created with; it shows one less. */
  readonly records: number;
}

export interface IssuingSettings {
  /** Version of the master of the card's own master key, 1 to 255. */
  readonly cardKeyVersion: number;
  /** Of the application's master key, which keys that the profile does not name have too. */
  readonly applicationKeyVersion: number;
  /** Of the value file. */
  readonly lowerLimitMinor: number;
  readonly upperLimitMinor: number;
  /** Whether LimitedCredit may give the last debit back. */
  readonly limitedCredit: boolean;
}

export interface DesfireProfile {
  /** Lower-case letters, digits, `.`, `_` and `-`. */
  readonly name: string;
  /** The application: AID of 3 bytes as it is sent, or a DF name of 1 to 16. */
  readonly application: { readonly aid: string } | { readonly dfName: string };
  /** AuthenticateAES and its chain of MACs, or AuthenticateEV2First. */
  readonly authentication: 'ev1' | 'ev2';
  /** Long data: frames after 91AF, or one APDU in ISO-chained blocks. */
  readonly chaining: 'native' | 'iso';
  /** Data bytes of one frame to the card: 54 where blocks are not chained. */
  readonly frameBytes: number;
  readonly keys: {
    /** May read, debit and write records: what gates have. */
    readonly debit: CardKeySettings;
    /** May credit too: what load terminals have; null: none in this profile. */
    readonly load: CardKeySettings | null;
    /** The same in all cards, for those that show a random UID; null: the UID is open. */
    readonly identity: CardKeySettings | null;
  };
  /** How a card's keys come from a master by its UID (AN10922); null: all cards have the master. */
  readonly diversification: {
    /** After the UID: application and system identifier, as the issuer has them; may be empty. */
    readonly aid: string;
    readonly systemId: string;
    /** AN10922's padding; false is plain CMAC. */
    readonly padTo32: boolean;
  } | null;
  readonly valueFile: FileSettings;
  readonly recordFile: RecordFileSettings;
  /** Null where the card has no transaction MAC file. */
  readonly transactionMac:
    | (FileSettings & {
        /** Version of the master of the application's transaction MAC key. */
        readonly keyVersion: number;
      })
    | null;
  /** What issuing a card needs beyond that; null or none: such cards are issued elsewhere. */
  readonly issuing?: IssuingSettings | null;
  /** Largest single debit. */
  readonly maxAmountMinor: number;
  /** ISO 4217 number. */
  readonly currency: number;
}

/**
 * Reads a profile from JSON text.
 * @throws FaregateError PROFILE_INVALID naming `what` (the file) and the field.
 */
export function parseDesfireProfile(jsonText: string, what: string): DesfireProfile {
  if (jsonText.length > PROFILE_FILE_BYTES_MAX) {
    throw invalid(what, `larger than ${PROFILE_FILE_BYTES_MAX} bytes`);
  }
  const profile = parseChecked<DesfireProfile>(
    desfireProfileSchema,
    jsonText,
    'PROFILE_INVALID',
    what,
  );
  const problem = checkDesfireProfile(profile);
  if (problem !== null) throw invalid(what, problem);
  return profile;
}

function invalid(what: string, problem: string): FaregateError {
  return new FaregateError('PROFILE_INVALID', `${what}: ${problem}`);
}
