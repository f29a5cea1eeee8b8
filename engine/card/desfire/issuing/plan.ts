/**
 * What a card of a profile is to have, worked out once: its keys by number, its files as the
 * commands create them and as GetFileSettings tells them back, and its first journey record.
 *
 * Access rights (R, W, RW, change): value file debit, load, load; records load, load, debit;
 * transaction MACs debit, never, never. The application's master key may change them.
 */
import { equalRange } from '../../../bytes.ts';
import { FaregateError } from '../../../errors.ts';
import { invariant } from '../../../invariant.ts';
import type { AesKeyUse, CommMode } from '../asks.ts';
import type { CompiledDesfireProfile } from '../compile.ts';
import type { DesfireProfile } from '../profile.ts';
import type { DesfireCommand } from '../statuses.ts';
import { writeLittle } from '../transaction-input.ts';
import { createRecordFile, createValueFile } from './structure.ts';

/** The application's master key. */
const MASTER = 0;
const NEVER = 15;
const modeBytes: Readonly<Record<CommMode, number>> = { plain: 0, mac: 1, full: 3 };
const MODE_BITS = 0x03;
const TYPE_VALUE = 0x02;
const TYPE_CYCLIC = 0x04;
const TYPE_TRANSACTION_MAC = 0x05;
/** Type of the transaction MAC's key. */
const AES_128 = 0x02;

/**
 * KeySett1: the master key may be changed, files are listed without it and made and deleted with it
 * alone, settings may be changed, and it is the key that changes keys.
 */
export const APPLICATION_SETTINGS = 0x0b;

export interface PlannedKey {
  readonly number: number;
  readonly use: AesKeyUse;
}

export interface PlannedFile {
  readonly number: number;
  /** Null: the transaction MAC file, which carries a key behind the header. */
  readonly command: DesfireCommand | null;
  readonly header: Uint8Array;
  /** Whether what GetFileSettings says is that file. */
  readonly fits: (settings: Uint8Array) => boolean;
}

export interface IssuingPlan {
  readonly profile: CompiledDesfireProfile;
  /** 3 bytes as they are sent. */
  readonly aid: Uint8Array;
  /** Every key of the application, the master key first. */
  readonly keys: readonly PlannedKey[];
  /** In the order in which they are made: without the last one no gate takes the card. */
  readonly files: readonly PlannedFile[];
  readonly recordFile: PlannedFile;
  readonly firstRecord: Uint8Array;
}

/**
 * @param what the profile's name or file, for messages.
 * @throws FaregateError PROFILE_INVALID: such cards cannot be issued here, and why.
 */
export function issuingPlan(profile: CompiledDesfireProfile, what: string): IssuingPlan {
  const problem = issuingProblem(profile.settings);
  if (problem !== null) {
    throw new FaregateError('PROFILE_INVALID', `${what}: not for issuing: ${problem}`);
  }
  const { settings, layout, aid } = profile;
  const { recordFile, transactionMac } = settings;
  const firstRecord = new Uint8Array(recordFile.length);
  firstRecord[layout.type.offset] = Number.parseInt(recordFile.types.none[0]!, 16);
  const records = plannedRecords(settings);
  const proofs = transactionMac === null ? [] : [plannedProofs(settings)];
  return {
    profile,
    aid: aid!,
    keys: plannedKeys(settings),
    files: [records, ...proofs, plannedValue(settings)],
    recordFile: records,
    firstRecord,
  };
}

/** What keeps cards of a profile from being issued, or null. */
function issuingProblem(profile: DesfireProfile): string | null {
  const { application, keys, issuing, transactionMac, authentication } = profile;
  if ('dfName' in application) {
    return 'field /application has a DF name: a DESFire Light has its files from the factory';
  }
  if (!issuing) return 'field /issuing is missing';
  if (application.aid === '000000') return 'field /application/aid is that of the card itself';
  if (keys.load === null) return 'field /keys/load is null: nobody could put money on the card';
  if (transactionMac !== null && authentication === 'ev1') {
    return 'field /transactionMac: its key is sent in a session of "ev2" alone';
  }
  const named = Object.entries(keys).flatMap(([use, key]) =>
    key === null ? [] : [{ use, ...key }],
  );
  for (const { use, number, version } of named) {
    if (number === MASTER) {
      return `field /keys/${use}/number is 0: the application's master key is the issuer's alone`;
    }
    if (version === 0) return `field /keys/${use}/version is 0, as of the factory's keys`;
  }
  if (new Set(named.map(({ number }) => number)).size < named.length) {
    return 'field /keys has one number twice';
  }
  return null;
}

function plannedKeys({ keys }: DesfireProfile): PlannedKey[] {
  const uses = new Map<number, AesKeyUse>();
  for (const use of ['debit', 'load', 'identity'] as const) {
    const key = keys[use];
    if (key) uses.set(key.number, use);
  }
  const count = Math.max(...uses.keys()) + 1;
  return Array.from({ length: count }, (_, number) => ({
    number,
    use: uses.get(number) ?? 'application',
  }));
}

function rights(read: number, write: number, readWrite: number): Uint8Array {
  return Uint8Array.of((readWrite << 4) | MASTER, (read << 4) | write);
}

/** Type, mode and rights, as all files' settings begin. */
function begins(settings: Uint8Array, type: number, header: Uint8Array): boolean {
  return (
    settings.length >= 4 &&
    settings[0] === type &&
    (settings[1]! & MODE_BITS) === header[1] &&
    equalRange(settings, 2, header, 2, 2)
  );
}

function plannedRecords({ recordFile, keys }: DesfireProfile): PlannedFile {
  const { number, mode, length, records } = recordFile;
  const load = keys.load!.number;
  const sizes = new Uint8Array(6);
  writeLittle(sizes, 0, 3, length);
  writeLittle(sizes, 3, 3, records);
  const header = Uint8Array.of(
    number,
    modeBytes[mode],
    ...rights(load, load, keys.debit.number),
    ...sizes,
  );
  return {
    number,
    command: createRecordFile,
    header,
    fits: (settings) =>
      begins(settings, TYPE_CYCLIC, header) &&
      settings.length === 13 &&
      equalRange(settings, 4, header, 4, 6),
  };
}

function plannedProofs({ transactionMac, keys }: DesfireProfile): PlannedFile {
  invariant(transactionMac !== null, 'a profile with transaction MACs');
  const { number, mode, keyVersion } = transactionMac;
  const header = Uint8Array.of(
    number,
    modeBytes[mode],
    ...rights(keys.debit.number, NEVER, NEVER),
    AES_128,
  );
  return {
    number,
    command: null,
    header,
    fits: (settings) =>
      begins(settings, TYPE_TRANSACTION_MAC, header) &&
      settings[4] === AES_128 &&
      settings[5] === keyVersion,
  };
}

function plannedValue({ valueFile, keys, issuing }: DesfireProfile): PlannedFile {
  const { number, mode } = valueFile;
  const { lowerLimitMinor, upperLimitMinor, limitedCredit } = issuing!;
  const load = keys.load!.number;
  const values = new Uint8Array(13);
  writeLittle(values, 0, 4, lowerLimitMinor);
  writeLittle(values, 4, 4, upperLimitMinor);
  values[12] = limitedCredit ? 1 : 0;
  const header = Uint8Array.of(
    number,
    modeBytes[mode],
    ...rights(keys.debit.number, load, load),
    ...values,
  );
  return {
    number,
    command: createValueFile,
    header,
    // Behind the limits stands what LimitedCredit may still give back.
    fits: (settings) =>
      begins(settings, TYPE_VALUE, header) &&
      settings.length === 17 &&
      equalRange(settings, 4, header, 4, 8) &&
      settings[16] === header[16],
  };
}

/** How many records a cyclic file holds, as its settings say. */
export function recordsIn(settings: Uint8Array): number {
  return settings[10]! | (settings[11]! << 8) | (settings[12]! << 16);
}

/** AID of the card itself. */
export const CARD_AID: Uint8Array = new Uint8Array(3);
