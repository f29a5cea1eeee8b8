/**
 * A DESFire profile turned into what a tap uses; compiled once, immutable, shared by all gates.
 */
import assert from 'node:assert/strict';
import { fromHex } from '../../bytes.ts';
import { EVIDENCE_RECORD_BYTES } from '../../card-limits.ts';
import { FaregateError } from '../../errors.ts';
import { take } from '../apdu.ts';
import { type Field, type JourneyLayout, journeyLayout } from '../journey-record.ts';
import type { AesKeyRef, AesKeyUse } from './asks.ts';
import { isoSelectOf, UID_BYTES } from './commands/identity.ts';
import { type RecordFile, recordCommands } from './commands/records.ts';
import type { DesfireProfile } from './profile.ts';
import { checkDesfireProfile } from './profile-check.ts';

/** Where the record's fields lie; a field that it does not have has length 0. */
export interface RecordLayout extends JourneyLayout {
  /** Debits that the card has made. */
  readonly counter: Field;
}

export interface CompiledDesfireProfile {
  readonly settings: DesfireProfile;
  /** What debit records have for an issuer: AID or DF name, filled up to 8 bytes or cut. */
  readonly issuer: Uint8Array;
  /** AID or DF name, 1 to 16 bytes. */
  readonly application: Uint8Array;
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
  const name = fromHex('aid' in application ? application.aid : application.dfName);
  return {
    settings: profile,
    issuer: issuerOf(name),
    application: name,
    aid: 'aid' in application ? fromHex(application.aid) : null,
    selectByName: 'dfName' in application ? isoSelectOf(application.dfName) : null,
    recordFile: {
      number: recordFile.number,
      mode: recordFile.mode,
      length: recordFile.length,
      visible: recordFile.records - 1,
      commands: recordCommands[chaining],
    },
    layout: {
      ...journeyLayout(recordFile),
      counter: recordFile.fields.counter ?? { offset: 0, length: 0 },
    },
    diversifier:
      diversification === null ? null : fromHex(diversification.aid + diversification.systemId),
  };
}

function issuerOf(application: Uint8Array): Uint8Array {
  const issuer = new Uint8Array(8);
  issuer.set(application.subarray(0, 8));
  return issuer;
}

/**
 * What keeps a profile from gates, or null. A gate counts debits on the card, and the back office
 * verifies each by its transaction MAC and the two records that enter it.
 */
function gateProblem({ transactionMac, recordFile }: DesfireProfile): string | null {
  if (transactionMac === null) return 'field /transactionMac is null: nobody could verify a debit';
  if (!recordFile.fields.counter) return 'field /recordFile/fields/counter is missing';
  if (recordFile.length <= EVIDENCE_RECORD_BYTES) return null;
  return `field /recordFile/length must be <= ${EVIDENCE_RECORD_BYTES}: evidence holds no more`;
}

/**
 * A profile as gates and the back office take it.
 * @param what the file's name, for messages
 * @throws FaregateError PROFILE_INVALID naming the field.
 */
export function compileGateProfile(profile: DesfireProfile, what: string): CompiledDesfireProfile {
  const problem = gateProblem(profile);
  if (problem === null) return compileDesfireProfile(profile);
  throw new FaregateError('PROFILE_INVALID', `${what}: not for gates: ${problem}`);
}

function masterVersion(settings: DesfireProfile, use: AesKeyUse): number | undefined {
  const { keys, transactionMac, issuing } = settings;
  switch (use) {
    case 'transactionMac':
      return transactionMac?.keyVersion;
    case 'card':
      return issuing?.cardKeyVersion;
    case 'application':
      return issuing?.applicationKeyVersion;
    default:
      return keys[use]?.version;
  }
}

/**
 * The card's key for a use, by its UID (7 bytes). `identity` is the same in all cards; of
 * `transactionMac` the profile has a file, of `load` a key, of `card` and `application` how cards
 * are issued.
 */
export function cardKeyRef(
  profile: CompiledDesfireProfile,
  use: AesKeyUse,
  uid: Uint8Array,
): AesKeyRef {
  const { diversification } = profile.settings;
  const version = masterVersion(profile.settings, use);
  assert(version !== undefined, `the profile has no ${use} key`);
  const padTo32 = diversification?.padTo32 ?? true;
  const { application } = profile;
  if (use === 'identity' || profile.diversifier === null) {
    return { use, version, application, input: null, padTo32 };
  }
  assert.equal(uid.length, UID_BYTES);
  const input = new Uint8Array(UID_BYTES + profile.diversifier.length);
  input.set(take(uid, 0, UID_BYTES));
  input.set(profile.diversifier, UID_BYTES);
  return { use, version, application, input, padTo32 };
}
