/**
 * A selected purse and what its public file (0x15) says. The functions read the file's bytes where
 * the profile puts them; nothing is decoded that a tap does not ask for.
 */
import { copyBytes, fromBcd } from '../../bytes.ts';
import { take } from '../apdu.ts';
import type { CardKeyRef } from '../dialogue.ts';
import type { Field } from '../journey-record.ts';
import type { PurseInit } from './commands/initialize-for-purchase.ts';
import type { CompiledProfile } from './compile.ts';

export interface SelectedPurse {
  /** The first of the profiles offered that the card has. */
  readonly profile: CompiledProfile;
  /** File 0x15, 30 bytes (the profile's length). Zeros where a locked card does not show it. */
  readonly publicFile: Uint8Array;
  /** The card says that its application is locked, for now or for good. */
  readonly locked: boolean;
}

/** A copy of the issuer, 8 bytes. */
export function issuer(purse: SelectedPurse): Uint8Array {
  return fieldOf(purse, purse.profile.publicFile.issuer);
}

/** A copy of the card number, 10 bytes as the card has it. */
export function cardNumber(purse: SelectedPurse): Uint8Array {
  return fieldOf(purse, purse.profile.publicFile.cardNumber);
}

/** First day of validity as YYYYMMDD, or NaN where the four bytes are no date. */
export function enableDate(purse: SelectedPurse): number {
  return readDate(purse.publicFile, purse.profile.publicFile.enableDate.offset);
}

/** Last day of validity as YYYYMMDD, or NaN where the four bytes are no date. */
export function expiryDate(purse: SelectedPurse): number {
  return readDate(purse.publicFile, purse.profile.publicFile.expiryDate.offset);
}

/** Whether application type and start flag are among those the profile accepts. */
export function purseFlagOk(purse: SelectedPurse): boolean {
  const { publicFile, applicationTypes, startFlags } = purse.profile;
  return (
    accepts(applicationTypes, purse.publicFile[publicFile.applicationType.offset]!) &&
    accepts(startFlags, purse.publicFile[publicFile.startFlag.offset]!)
  );
}

function accepts(values: readonly number[] | null, value: number): boolean {
  return values === null || values.includes(value);
}

/** Whether the issuer begins with a prefix that the profile accepts; all do where it has none. */
export function issuerAccepted(purse: SelectedPurse): boolean {
  const { acceptedIssuers, publicFile } = purse.profile;
  if (acceptedIssuers.length === 0) return true;
  for (const prefix of acceptedIssuers) {
    if (startsWith(purse.publicFile, publicFile.issuer.offset, prefix)) return true;
  }
  return false;
}

function startsWith(bytes: Uint8Array, at: number, prefix: Uint8Array): boolean {
  for (let i = 0; i < prefix.length; i++) if (bytes[at + i] !== prefix[i]) return false;
  return true;
}

/**
 * The card's purchase key with the version and algorithm that the profile expects, so that it can
 * be derived before INITIALIZE says them.
 */
export function keyRef(purse: SelectedPurse): CardKeyRef {
  const { profile, publicFile } = purse;
  const { keyFactors } = profile;
  const factors = new Uint8Array(16);
  for (let level = 0; level < keyFactors.length; level++) {
    copyBytes(publicFile, keyFactors[level]!.offset, factors, 8 * level, 8);
  }
  return {
    keyIndex: profile.keyIndex,
    keyVersion: profile.keyVersion,
    algorithm: profile.keyAlgorithm,
    factors,
    factorLevels: keyFactors.length,
    issuer: issuer(purse),
  };
}

/** The key with the version and algorithm that the card itself names. */
export function keyAsCardSays(
  expected: CardKeyRef,
  { keyVersion, algorithm }: Pick<PurseInit, 'keyVersion' | 'algorithm'>,
): CardKeyRef {
  if (expected.keyVersion === keyVersion && expected.algorithm === algorithm) return expected;
  return { ...expected, keyVersion, algorithm };
}

/** Name of the rider's class, or null for the fare set's default. */
export function riderClass(purse: SelectedPurse): string | null {
  const { riderClass } = purse.profile;
  return riderClass === null ? null : riderClass.classOf[purse.publicFile[riderClass.offset]!]!;
}

/** The offline counter a card has after a debit that INITIALIZE announced with `offlineCounter`. */
export function nextOfflineCounter(profile: CompiledProfile, offlineCounter: number): number {
  const { last, restartAt } = profile.counter;
  return offlineCounter === last ? restartAt : (offlineCounter + 1) & 0xffff;
}

function fieldOf(purse: SelectedPurse, field: Field): Uint8Array {
  return take(purse.publicFile, field.offset, field.length);
}

/** YYYYMMDD of four BCD bytes, or NaN where they are no date. */
export function readDate(bytes: Uint8Array, at: number): number {
  const century = fromBcd(bytes[at]!);
  const year = fromBcd(bytes[at + 1]!);
  const month = fromBcd(bytes[at + 2]!);
  const day = fromBcd(bytes[at + 3]!);
  if (century < 0 || year < 0 || month < 1 || month > 12 || day < 1 || day > 31) return Number.NaN;
  return century * 1_000_000 + year * 10_000 + month * 100 + day;
}
