/**
 * A profile turned into what a tap uses: whole commands, offsets and tables by byte, so that
 * nothing is looked up by name and no hexadecimal is parsed while a card waits. Compiled once per
 * profile; immutable, shared by all gates of a process.
 */
import assert from 'node:assert/strict';
import { fromHex } from '../../bytes.ts';
import { type Field, type JourneyLayout, journeyLayout } from '../journey-record.ts';
import { getBalance } from './commands/get-balance.ts';
import { initializeForCappPurchase } from './commands/initialize-for-capp-purchase.ts';
import { initializeForLoad } from './commands/initialize-for-load.ts';
import { initializeForPurchase } from './commands/initialize-for-purchase.ts';
import { readBinary } from './commands/read-binary.ts';
import { readRecord } from './commands/read-record.ts';
import { select } from './commands/select.ts';
import { updateCappCache } from './commands/update-capp-cache.ts';
import type {
  JourneyFileSettings,
  PublicFileSettings,
  PurchaseKind,
  PurseAlgorithm,
  PurseProfile,
} from './profile.ts';
import { checkProfile } from './profile-check.ts';

export interface CompiledJourney {
  readonly layout: JourneyLayout;
  readonly read: Uint8Array;
  /** UPDATE CAPP DATA CACHE with zeros where the record goes. */
  readonly update: Uint8Array;
}

export interface CompiledRiderClass {
  readonly offset: number;
  /** Class name by byte; null is the fare set's default. */
  readonly classOf: readonly (string | null)[];
}

export interface CompiledLoad {
  /** INITIALIZE FOR LOAD with zeros where key index, amount and terminal go. */
  readonly initialize: Uint8Array;
  readonly keyIndex: number;
  readonly transactionType: number;
}

export interface CompiledProfile {
  readonly name: string;
  /** The profile as it was written. */
  readonly settings: PurseProfile;
  /** SELECT of each AID, in order. */
  readonly selects: readonly Uint8Array[];
  readonly publicFile: PublicFileSettings;
  /** Tag of the public file in the FCI, or -1. */
  readonly fciTag: number;
  readonly readPublicFile: Uint8Array;
  /** Accepted bytes of the purse flag; null accepts any. */
  readonly applicationTypes: readonly number[] | null;
  readonly startFlags: readonly number[] | null;
  readonly acceptedIssuers: readonly Uint8Array[];
  readonly keyIndex: number;
  readonly keyVersion: number;
  readonly keyAlgorithm: number;
  readonly keyFactors: readonly Field[];
  /**
   * By the card's algorithm byte, the byte our key holders and records know the cipher by: 00 for
   * 3DES, any other for SM4; -1 where the profile names no cipher.
   */
  readonly algorithmOf: readonly number[];
  readonly purseId: number;
  /** INITIALIZE with zeros where key index, amount and terminal go. */
  readonly initialize: Readonly<Record<PurchaseKind, Uint8Array>>;
  readonly transactionTypes: Readonly<Record<PurchaseKind, number>>;
  /** Null where the purse is not loaded here. */
  readonly load: CompiledLoad | null;
  readonly cityCode: boolean;
  readonly counter: PurseProfile['counter'];
  readonly proof: PurseProfile['proof'];
  readonly readBalance: Uint8Array;
  readonly journey: CompiledJourney | null;
  readonly logSfi: number;
  readonly riderClass: CompiledRiderClass | null;
  readonly maxAmountMinor: number;
  /** ISO 4217 number. */
  readonly currency: number;
  readonly insufficientStatuses: readonly number[];
}

/** Compiles a profile that `parseProfile` accepted or that is built in. */
export function compileProfile(profile: PurseProfile): CompiledProfile {
  assert.equal(checkProfile(profile), null, `profile ${profile.name}`);
  const { publicFile, key, transactionTypes } = profile;
  const purseId = byte(profile.purseId);
  const algorithmOf = compileAlgorithms(key.algorithms);
  return {
    name: profile.name,
    settings: profile,
    selects: profile.aids.map((aid) => select.build(fromHex(aid))),
    publicFile,
    fciTag: publicFile.fciTag === null ? -1 : Number.parseInt(publicFile.fciTag, 16),
    readPublicFile: readBinary.build(byte(publicFile.sfi), publicFile.length),
    applicationTypes: profile.purseFlag.applicationTypes?.map(byte) ?? null,
    startFlags: profile.purseFlag.startFlags?.map(byte) ?? null,
    acceptedIssuers: profile.acceptedIssuers.map(fromHex),
    keyIndex: byte(key.index),
    keyVersion: byte(key.version),
    keyAlgorithm: algorithmOf[byte(key.algorithm)]!,
    keyFactors: key.factors,
    algorithmOf,
    purseId,
    initialize: {
      purchase: initializeForPurchase.template(purseId),
      capp: initializeForCappPurchase.template(purseId),
    },
    transactionTypes: {
      purchase: byte(transactionTypes.purchase),
      capp: byte(transactionTypes.capp),
    },
    load: profile.load && {
      initialize: initializeForLoad.template(purseId),
      keyIndex: byte(profile.load.keyIndex),
      transactionType: byte(profile.load.transactionType),
    },
    cityCode: profile.cityCode,
    counter: profile.counter,
    proof: profile.proof,
    readBalance: getBalance.build(byte(profile.balance.p1), purseId),
    journey: profile.journeyFile && compileJourney(profile.journeyFile),
    logSfi: byte(profile.logFile.sfi),
    riderClass: profile.riderClass && {
      offset: profile.riderClass.offset,
      classOf: byByte<string | null>(profile.riderClass.classes, profile.riderClass.default),
    },
    maxAmountMinor: profile.maxAmountMinor,
    currency: profile.currency,
    insufficientStatuses: profile.insufficientStatuses.map((sw) => Number.parseInt(sw, 16)),
  };
}

function compileAlgorithms(algorithms: Readonly<Record<string, PurseAlgorithm>>): number[] {
  const table = new Array<number>(256).fill(-1);
  for (const [hex, cipher] of Object.entries(algorithms)) {
    table[byte(hex)] = cipher === '3des' ? 0 : byte(hex) || 1;
  }
  return table;
}

function compileJourney(file: JourneyFileSettings): CompiledJourney {
  const { update } = file;
  return {
    layout: journeyLayout(file),
    read: readRecord.build(byte(file.sfi), file.record, file.length),
    update: updateCappCache.template(
      byte(update.cla),
      byte(update.p1),
      byte(update.p2),
      file.length,
    ),
  };
}

function byte(hex: string): number {
  return Number.parseInt(hex, 16);
}

function byByte<T>(names: Readonly<Record<string, T>>, otherwise: T): readonly T[] {
  const table = new Array<T>(256).fill(otherwise);
  for (const [hex, name] of Object.entries(names)) table[byte(hex)] = name;
  return table;
}
