/**
 * Everything a virtual card keeps without power, and its fixed-size record, so that a population of
 * cards lives in one file. A state is a value: the card builds the next one whole, and one commit
 * puts balance, counter, log, journey file and proof in force together.
 */
import assert from 'node:assert/strict';
import { crc32 } from 'node:zlib';
import {
  readU16,
  readU32,
  readU48,
  toHex,
  writeU16,
  writeU32,
  writeU48,
} from '../../../engine/bytes.ts';
import { FaregateError } from '../../../engine/errors.ts';
import { diversify } from './card-crypto.ts';
import { type PersonalityName, personalities } from './personality.ts';

/** One card's record in a file. */
export const CARD_STATE_BYTES = 512;
/** Log record: serial(2) ‖ overdraft(3) ‖ amount(4) ‖ type ‖ terminal(6) ‖ date(4) ‖ time(3). */
export const LOG_RECORD_BYTES = 23;
export const LOG_RECORDS = 10;
export const JOURNEY_BYTES = 48;

export interface CardKey {
  readonly index: number;
  readonly version: number;
  /** The card's own key, 16 bytes. */
  readonly key: Uint8Array;
}

export type ApplicationState = 'active' | 'locked' | 'permanentlyLocked';

/** What the card computed in its last transaction, kept for GET TRANSACTION PROVE. */
export interface Proof {
  /** 02 load, 06 purchase, 09 CAPP purchase. */
  readonly transactionType: number;
  readonly serial: number;
  /** 4 bytes each. */
  readonly mac2: Uint8Array;
  readonly tac: Uint8Array;
  /** The 15 bytes INITIALIZE answered for it (zeros for a load): what an eavesdropper recorded. */
  readonly initialized: Uint8Array;
}

export interface CardState {
  readonly personality: PersonalityName;
  readonly application: ApplicationState;
  /** 10 bytes as file 15 has them. */
  readonly cardNumber: Uint8Array;
  /** 8 bytes. */
  readonly issuer: Uint8Array;
  /** 02 where the card has a purse only. */
  readonly appType: number;
  /** 01 when the application was started. */
  readonly startFlag: number;
  /** The last two bytes of file 15; schemes keep the card's or rider's type there. */
  readonly cardType: Uint8Array;
  /** YYYYMMDD, 4 BCD bytes each. */
  readonly validFrom: Uint8Array;
  readonly validTo: Uint8Array;
  /** Money on the card; below 0 as far as the overdraft is used. */
  readonly balanceMinor: number;
  readonly overdraftLimitMinor: number;
  /** The counters that the next INITIALIZE answers. */
  readonly offlineCounter: number;
  readonly onlineCounter: number;
  /** `initialMinor + loadedMinor - spentMinor` is always `balanceMinor`. */
  readonly initialMinor: number;
  readonly loadedMinor: number;
  readonly spentMinor: number;
  /** Newest first, at most `LOG_RECORDS` of `LOG_RECORD_BYTES`. */
  readonly log: readonly Uint8Array[];
  /** `JOURNEY_BYTES`. */
  readonly journey: Uint8Array;
  readonly proof: Proof | null;
  readonly purchaseKey: CardKey;
  readonly tacKey: CardKey;
  readonly loadKey: CardKey;
}

/** A master key of a scheme, as the clear key file has it. */
export interface MasterKey {
  readonly index: number;
  readonly version: number;
  /** 16 bytes. */
  readonly master: Uint8Array;
}

export interface MasterKeys {
  readonly purchase: MasterKey;
  readonly tac: MasterKey;
  /** The load key where it is not the purchase key. */
  readonly load?: MasterKey;
}

/** What may be said of a new card; everything has a default. */
export type CardDetails = Partial<
  Pick<
    CardState,
    | 'application'
    | 'cardNumber'
    | 'issuer'
    | 'appType'
    | 'startFlag'
    | 'cardType'
    | 'validFrom'
    | 'validTo'
    | 'overdraftLimitMinor'
    | 'offlineCounter'
    | 'onlineCounter'
    | 'journey'
  >
> & { readonly balanceMinor?: number };

/** Issues a card: derives its keys from the scheme's and fills its files. */
export function issueCard(
  name: PersonalityName,
  masters: MasterKeys,
  details: CardDetails = {},
): CardState {
  const personality = personalities[name];
  const { balanceMinor = 0, ...rest } = details;
  const cardNumber = rest.cardNumber ?? personality.cardNumber;
  const issuer = rest.issuer ?? personality.issuer;
  assert(cardNumber.length === 10 && issuer.length === 8);
  const factors = [cardNumber.subarray(2), issuer].slice(0, personality.keyLevels);
  const keyOf = ({ index, version, master }: MasterKey): CardKey => {
    return { index, version, key: diversify(master, factors) };
  };
  return {
    personality: name,
    application: 'active',
    cardNumber,
    issuer,
    appType: 2,
    startFlag: 1,
    cardType: personality.cardType,
    validFrom: Uint8Array.of(0x20, 0x20, 0x01, 0x01),
    validTo: Uint8Array.of(0x20, 0x40, 0x12, 0x31),
    overdraftLimitMinor: 0,
    offlineCounter: 0,
    onlineCounter: 0,
    journey: new Uint8Array(JOURNEY_BYTES),
    ...rest,
    balanceMinor,
    initialMinor: balanceMinor,
    loadedMinor: 0,
    spentMinor: 0,
    log: [],
    proof: null,
    purchaseKey: keyOf(masters.purchase),
    tacKey: keyOf(masters.tac),
    loadKey: keyOf(masters.load ?? masters.purchase),
  };
}

/** What the card can still spend: its money and the unused overdraft. */
export function spendableMinor(state: CardState): number {
  return state.balanceMinor + state.overdraftLimitMinor;
}

const MAGIC = 0x46475643;
const LAYOUT_VERSION = 1;
const personalityCodes: readonly PersonalityName[] = ['jrt0025', 'tunion', 'city-union'];
const applicationCodes: readonly ApplicationState[] = ['active', 'locked', 'permanentlyLocked'];

/** Where each field starts; big-endian, the last four bytes are a CRC-32 of those before. */
const at = {
  magic: 0,
  layoutVersion: 4,
  personality: 5,
  application: 6,
  appType: 7,
  startFlag: 8,
  logRecords: 9,
  offlineCounter: 10,
  onlineCounter: 12,
  balanceMinor: 14,
  overdraftLimitMinor: 18,
  initialMinor: 22,
  loadedMinor: 28,
  spentMinor: 34,
  issuer: 40,
  cardNumber: 48,
  validFrom: 58,
  validTo: 62,
  purchaseKey: 66,
  tacKey: 84,
  loadKey: 102,
  journey: 120,
  proof: 168,
  log: 194,
  cardType: 424,
  crc: CARD_STATE_BYTES - 4,
} as const;

/** `CARD_STATE_BYTES`, written to `into` at `offset` where given. */
export function encodeCardState(
  state: CardState,
  into: Uint8Array = new Uint8Array(CARD_STATE_BYTES),
  offset = 0,
): Uint8Array {
  const bytes = into.subarray(offset, offset + CARD_STATE_BYTES).fill(0);
  assert(bytes.length === CARD_STATE_BYTES && state.log.length <= LOG_RECORDS);
  writeU32(bytes, at.magic, MAGIC);
  bytes[at.layoutVersion] = LAYOUT_VERSION;
  bytes[at.personality] = personalityCodes.indexOf(state.personality);
  bytes[at.application] = applicationCodes.indexOf(state.application);
  bytes[at.appType] = state.appType;
  bytes[at.startFlag] = state.startFlag;
  bytes[at.logRecords] = state.log.length;
  writeU16(bytes, at.offlineCounter, state.offlineCounter);
  writeU16(bytes, at.onlineCounter, state.onlineCounter);
  writeU32(bytes, at.balanceMinor, state.balanceMinor);
  writeU32(bytes, at.overdraftLimitMinor, state.overdraftLimitMinor);
  writeU48(bytes, at.initialMinor, state.initialMinor);
  writeU48(bytes, at.loadedMinor, state.loadedMinor);
  writeU48(bytes, at.spentMinor, state.spentMinor);
  bytes.set(state.issuer, at.issuer);
  bytes.set(state.cardNumber, at.cardNumber);
  bytes.set(state.cardType, at.cardType);
  bytes.set(state.validFrom, at.validFrom);
  bytes.set(state.validTo, at.validTo);
  writeKey(bytes, at.purchaseKey, state.purchaseKey);
  writeKey(bytes, at.tacKey, state.tacKey);
  writeKey(bytes, at.loadKey, state.loadKey);
  bytes.set(state.journey, at.journey);
  if (state.proof) writeProof(bytes, at.proof, state.proof);
  state.log.forEach((record, i) => {
    bytes.set(record, at.log + i * LOG_RECORD_BYTES);
  });
  writeU32(bytes, at.crc, crc32(bytes.subarray(0, at.crc)));
  return bytes;
}

/**
 * The state of `CARD_STATE_BYTES` at `offset`; copies what it keeps.
 * @throws FaregateError CARD_STATE_INVALID saying what is wrong.
 */
export function decodeCardState(from: Uint8Array, offset = 0): CardState {
  const bytes = new Uint8Array(from.subarray(offset, offset + CARD_STATE_BYTES));
  const refuse = (what: string): never => {
    throw new FaregateError('CARD_STATE_INVALID', `card state at byte ${offset}: ${what}`);
  };
  if (bytes.length !== CARD_STATE_BYTES) refuse(`${bytes.length} of ${CARD_STATE_BYTES} bytes`);
  if (readU32(bytes, at.magic) !== MAGIC) refuse('does not begin with FGVC');
  if (bytes[at.layoutVersion] !== LAYOUT_VERSION) refuse(`layout ${bytes[at.layoutVersion]}`);
  if (readU32(bytes, at.crc) !== crc32(bytes.subarray(0, at.crc))) refuse('checksum differs');
  const personality = personalityCodes[bytes[at.personality]!] ?? refuse('unknown personality');
  const application = applicationCodes[bytes[at.application]!] ?? refuse('unknown state');
  const logRecords = bytes[at.logRecords]!;
  if (logRecords > LOG_RECORDS) refuse(`${logRecords} log records`);
  return {
    personality,
    application,
    appType: bytes[at.appType]!,
    startFlag: bytes[at.startFlag]!,
    offlineCounter: readU16(bytes, at.offlineCounter),
    onlineCounter: readU16(bytes, at.onlineCounter),
    balanceMinor: readU32(bytes, at.balanceMinor) | 0,
    overdraftLimitMinor: readU32(bytes, at.overdraftLimitMinor),
    initialMinor: readU48(bytes, at.initialMinor),
    loadedMinor: readU48(bytes, at.loadedMinor),
    spentMinor: readU48(bytes, at.spentMinor),
    issuer: bytes.subarray(at.issuer, at.issuer + 8),
    cardNumber: bytes.subarray(at.cardNumber, at.cardNumber + 10),
    cardType: bytes.subarray(at.cardType, at.cardType + 2),
    validFrom: bytes.subarray(at.validFrom, at.validFrom + 4),
    validTo: bytes.subarray(at.validTo, at.validTo + 4),
    purchaseKey: readKey(bytes, at.purchaseKey),
    tacKey: readKey(bytes, at.tacKey),
    loadKey: readKey(bytes, at.loadKey),
    journey: bytes.subarray(at.journey, at.journey + JOURNEY_BYTES),
    proof: bytes[at.proof] === 0 ? null : readProof(bytes, at.proof),
    log: Array.from({ length: logRecords }, (_, i) =>
      bytes.subarray(at.log + i * LOG_RECORD_BYTES, at.log + (i + 1) * LOG_RECORD_BYTES),
    ),
  };
}

/** For messages: a card is named by its last four digits only. */
export function cardLabel(state: CardState): string {
  return `${state.personality} card ..${toHex(state.cardNumber.subarray(8))}`;
}

function writeKey(bytes: Uint8Array, start: number, key: CardKey): void {
  bytes[start] = key.index;
  bytes[start + 1] = key.version;
  bytes.set(key.key, start + 2);
}

function readKey(bytes: Uint8Array, start: number): CardKey {
  const key = bytes.subarray(start + 2, start + 18);
  return { index: bytes[start]!, version: bytes[start + 1]!, key };
}

function writeProof(bytes: Uint8Array, start: number, proof: Proof): void {
  bytes[start] = proof.transactionType;
  writeU16(bytes, start + 1, proof.serial);
  bytes.set(proof.mac2, start + 3);
  bytes.set(proof.tac, start + 7);
  bytes.set(proof.initialized, start + 11);
}

function readProof(bytes: Uint8Array, start: number): Proof {
  return {
    transactionType: bytes[start]!,
    serial: readU16(bytes, start + 1),
    mac2: bytes.subarray(start + 3, start + 7),
    tac: bytes.subarray(start + 7, start + 11),
    initialized: bytes.subarray(start + 11, start + 26),
  };
}
