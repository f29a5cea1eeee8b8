/**
 * What differs between virtual cards, as data: the scheme they were issued in (`personalities`) and
 * the deviations that cards in the field show (`Quirks`). Written from the card's side and on
 * purpose not from the gate's profiles: where the two disagree, a tap fails and shows it.
 */
import { fromHex } from '../../../engine/bytes.ts';

export type PersonalityName = 'jrt0025' | 'tunion' | 'city-union';

export interface Personality {
  readonly name: PersonalityName;
  /** DF name of the purse application. */
  readonly aid: Uint8Array;
  /** Levels of key diversification: 1 = card number, 2 = card number, then issuer. */
  readonly keyLevels: 1 | 2;
  /** Short identifier of the journey (CAPP) file. */
  readonly journeySfi: number;
  /** P2 of UPDATE CAPP DATA CACHE for that file. */
  readonly updateP2: number;
  /** Answer to 80CA000009, appended to the input of MAC1; null: the card has none. */
  readonly cityCode: Uint8Array | null;
  /** Issuer and last two bytes of file 15 that a card of the scheme has unless told otherwise. */
  readonly issuer: Uint8Array;
  readonly cardType: Uint8Array;
  /** Card number, 10 bytes, of a card that was given none. */
  readonly cardNumber: Uint8Array;
}

export const personalities: Readonly<Record<PersonalityName, Personality>> = {
  jrt0025: {
    name: 'jrt0025',
    aid: fromHex('A00000000386980701'),
    keyLevels: 1,
    journeySfi: 0x1e,
    updateP2: 0xf0,
    cityCode: null,
    issuer: fromHex('0792800000000145'),
    cardType: fromHex('0000'),
    cardNumber: fromHex('00002016122100001003'),
  },
  tunion: {
    name: 'tunion',
    aid: fromHex('A000000632010105'),
    keyLevels: 2,
    journeySfi: 0x1e,
    updateP2: 0xf0,
    cityCode: null,
    issuer: fromHex('01011000FFFFFFFF'),
    cardType: fromHex('0000'),
    cardNumber: fromHex('03105170010170000001'),
  },
  'city-union': {
    name: 'city-union',
    aid: fromHex('A00000000386980701'),
    keyLevels: 1,
    journeySfi: 0x1e,
    updateP2: 0xf0,
    cityCode: fromHex('8588D32B7688D32B76'),
    issuer: fromHex('0000710000000000'),
    cardType: fromHex('0100'),
    cardNumber: fromHex('00017100000000000001'),
  },
};

/** Deviations of one card; an honest plain card has `plain`. */
export interface Quirks {
  /** SELECT answers 9000 without an FCI. */
  readonly noFci: boolean;
  /** The purchase key's index that INITIALIZE takes; null: the index the card was issued with. */
  readonly keyIndex: number | null;
  /** Answer to a wrong MAC. */
  readonly badMacStatus: 0x9302 | 0x6982;
  /** The offline counter restarts at 1 after 0100. */
  readonly counterRestarts: boolean;
  /** Answer to a CAPP debit without a preceding UPDATE CAPP DATA CACHE. */
  readonly cappWithoutUpdateStatus: 0x6985 | 0x6a80;
  /**
   * Serial in the log and in GET TRANSACTION PROVE: the counter after the one that INITIALIZE
   * answered, or that one. One source each.
   */
  readonly serial: 'next' | 'initialize';
  /** Record 1 of the log is the oldest. */
  readonly logOldestFirst: boolean;
  /** Answer to SELECT of an application that is not there. */
  readonly unknownAidStatus: 0x6a82 | 0x6999;
  /** 9000 with bytes of an earlier answer for a file or record that does not exist. */
  readonly staleBytes: boolean;
  /**
   * An attacker without keys: INITIALIZE and DEBIT answer what an earlier transaction recorded,
   * and no money moves.
   */
  readonly replay: boolean;
}

export const plain: Quirks = {
  noFci: false,
  keyIndex: null,
  badMacStatus: 0x9302,
  counterRestarts: false,
  cappWithoutUpdateStatus: 0x6985,
  serial: 'next',
  logOldestFirst: false,
  unknownAidStatus: 0x6a82,
  staleBytes: false,
  replay: false,
};

/** Quirks by name, for the command line; they combine. */
export const quirksByName = {
  'no-fci': { noFci: true },
  'key-index-06': { keyIndex: 6 },
  'key-index-07': { keyIndex: 7 },
  'bad-mac-6982': { badMacStatus: 0x6982 },
  'counter-restarts': { counterRestarts: true },
  'capp-without-update-6a80': { cappWithoutUpdateStatus: 0x6a80 },
  'serial-of-initialize': { serial: 'initialize' },
  'log-oldest-first': { logOldestFirst: true },
  'unknown-aid-6999': { unknownAidStatus: 0x6999 },
  'stale-bytes': { staleBytes: true },
  replay: { replay: true },
} as const satisfies Record<string, Partial<Quirks>>;

export type QuirkName = keyof typeof quirksByName;
