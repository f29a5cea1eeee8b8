/**
 * What a virtual DESFire card keeps without power: applications with AES keys, a value file, a
 * cyclic record file and a transaction MAC file. A state is a value: a commit builds the next one
 * whole, and so puts debit, record and transaction MAC in force together. Layouts are written from
 * the card's side, and on purpose not from the gate's profiles.
 */
import { fromHex } from '../../../../engine/bytes.ts';
import { diversified, join } from './crypto.ts';

export type Mode = 'plain' | 'mac' | 'full';

/** Key numbers, or `FREE` or `NEVER`. */
export interface Rights {
  readonly read: number;
  readonly write: number;
  readonly readWrite: number;
  /** Of the key that may change the rights; none: the application's master key. */
  readonly change?: number;
}

export const FREE = 14;
/** Number of a file that was not created. */
export const NO_FILE = -1;

export interface ValueFile {
  readonly number: number;
  readonly mode: Mode;
  readonly rights: Rights;
  readonly lowerLimit: number;
  readonly upperLimit: number;
  readonly value: number;
  readonly limitedCreditEnabled: boolean;
  /** What LimitedCredit may give back: the sum of the last transaction's debits. */
  readonly limitedCredit: number;
}

export interface RecordFile {
  readonly number: number;
  readonly mode: Mode;
  readonly rights: Rights;
  /** Bytes of a record. */
  readonly length: number;
  /** Records it was created with; it shows one less. */
  readonly size: number;
  /** Oldest first. */
  readonly records: readonly Uint8Array[];
}

export interface TransactionMacFile {
  readonly number: number;
  readonly mode: Mode;
  readonly rights: Rights;
  readonly key: Uint8Array;
  /** Of the key; none: not told. */
  readonly keyVersion?: number;
  readonly tmc: number;
  /** 8 bytes. */
  readonly tmv: Uint8Array;
  /** Transactions it takes; then it refuses to commit. */
  readonly limit: number;
}

export interface Application {
  /** 3 bytes as they are sent. */
  readonly aid: Uint8Array;
  readonly dfName: Uint8Array | null;
  /** By key number. */
  readonly keys: readonly Uint8Array[];
  readonly value: ValueFile;
  readonly record: RecordFile;
  readonly transactionMac: TransactionMacFile | null;
}

export type Generation = 'ev1' | 'ev2' | 'light';

/** What a card has beside its purse, until and after it was issued. */
export interface Issuing {
  readonly cardKey: {
    readonly kind: 'des' | 'aes';
    readonly key: Uint8Array;
    readonly version: number;
  };
  readonly hasApplication: boolean;
  /** KeySett1 of the application. */
  readonly settings: number;
  /** Of the application's keys, by number. */
  readonly keyVersions: readonly number[];
  /** Other applications, 3 bytes each. */
  readonly others: readonly Uint8Array[];
}

export interface DesfireState {
  /** 7 bytes. */
  readonly uid: Uint8Array;
  readonly generation: Generation;
  /** Shows a random identifier of 4 bytes on the air, and no UID in GetVersion. */
  readonly hidesUid: boolean;
  /** The card was disabled: every command is answered 91CD. */
  readonly disabled: boolean;
  readonly application: Application;
  /** What issuing can change; none: the card was issued before, and takes no such command. */
  readonly issuing?: Issuing;
  /** `initialMinor + creditedMinor - debitedMinor` is always the value. */
  readonly initialMinor: number;
  readonly creditedMinor: number;
  readonly debitedMinor: number;
}

/** A card as it leaves the factory: a DES key of zeros, and no application. */
export function blankDesfire(
  generation: Generation,
  uid: Uint8Array,
  others: readonly Uint8Array[] = [],
): DesfireState {
  const rights = { read: 0, write: 0, readWrite: 0 };
  const noFile = { number: NO_FILE, mode: 'plain', rights } as const;
  return {
    uid,
    generation,
    hidesUid: false,
    disabled: false,
    application: {
      aid: new Uint8Array(0),
      dfName: null,
      keys: [],
      value: {
        ...noFile,
        lowerLimit: 0,
        upperLimit: 0,
        value: 0,
        limitedCreditEnabled: false,
        limitedCredit: 0,
      },
      record: { ...noFile, length: 0, size: 0, records: [] },
      transactionMac: null,
    },
    issuing: {
      cardKey: { kind: 'des', key: new Uint8Array(8), version: 0 },
      hasApplication: false,
      settings: 0,
      keyVersions: [],
      others,
    },
    initialMinor: 0,
    creditedMinor: 0,
    debitedMinor: 0,
  };
}

/** Master keys, 16 bytes each. */
export interface DesfireMasters {
  readonly debit: Uint8Array;
  readonly load: Uint8Array;
  readonly transactionMac: Uint8Array;
}

export interface DesfireDetails {
  readonly valueMinor?: number;
  readonly upperLimit?: number;
  /** Below zero where the issuer lets a fare take the card there. */
  readonly lowerLimit?: number;
  readonly hidesUid?: boolean;
  readonly disabled?: boolean;
  /** The first record; zeros where none is given, and none at all where it is null. */
  readonly record?: Uint8Array | null;
  readonly transactionLimit?: number;
  /** Master of the key that is the same in all cards, number 1. */
  readonly identity?: Uint8Array;
}

const AID = fromHex('3042F5');
const SYSTEM = fromHex('4E585020416275');
const LIGHT_NAME = fromHex('A00000039656434103F015400000000B');
const GATE_KEY = 2;
const LOAD_KEY = 3;

/** Issues a purse card: keys of its own from the operator's, and filled files. */
export function issueDesfire(
  generation: Generation,
  uid: Uint8Array,
  masters: DesfireMasters,
  details: DesfireDetails = {},
): DesfireState {
  const own = (master: Uint8Array) => diversified(master, join(uid, AID, SYSTEM));
  const valueMinor = details.valueMinor ?? 0;
  const mode = generation === 'ev1' ? 'mac' : 'full';
  const length = generation === 'light' ? 16 : 48;
  const first = details.record === undefined ? new Uint8Array(length) : details.record;
  const zeros = new Uint8Array(16);
  return {
    uid,
    generation,
    hidesUid: details.hidesUid ?? false,
    disabled: details.disabled ?? false,
    application: {
      aid: AID,
      dfName: generation === 'light' ? LIGHT_NAME : null,
      keys: [zeros, details.identity ?? zeros, own(masters.debit), own(masters.load), zeros],
      value: {
        number: 3,
        mode,
        rights: { read: GATE_KEY, write: LOAD_KEY, readWrite: LOAD_KEY },
        lowerLimit: details.lowerLimit ?? 0,
        upperLimit: details.upperLimit ?? 100_000,
        value: valueMinor,
        limitedCreditEnabled: true,
        limitedCredit: 0,
      },
      record: {
        number: generation === 'light' ? 1 : 4,
        mode,
        rights: { read: LOAD_KEY, write: LOAD_KEY, readWrite: GATE_KEY },
        length,
        size: 5,
        records: first === null ? [] : [first],
      },
      transactionMac:
        generation === 'ev1'
          ? null
          : {
              number: 15,
              mode: 'mac',
              rights: { read: GATE_KEY, write: FREE + 1, readWrite: FREE + 1 },
              key: own(masters.transactionMac),
              tmc: 0,
              tmv: new Uint8Array(8),
              limit: details.transactionLimit ?? 0xffff_ffff,
            },
    },
    initialMinor: valueMinor,
    creditedMinor: 0,
    debitedMinor: 0,
  };
}
