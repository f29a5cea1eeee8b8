/**
 * Commands that make the structure of a virtual DESFire card, and tell it: applications, files, key
 * versions and settings. Only cards that are not issued yet take them. One application of AES keys
 * is modelled.
 */
import { type CardCommand, type Done, type Scene, Status } from './command.ts';
import { join, littleEndian } from './crypto.ts';
import {
  type Application,
  type DesfireState,
  FREE,
  type Mode,
  NO_FILE,
  type Rights,
} from './state.ts';

const NOTHING = new Uint8Array(0);
const KEYS_MAX = 14;
const FILE_NUMBER_MAX = 31;
/** Bits of KeySett1: files are listed, and made, without the master key. */
const FREE_LISTS = 0x02;
const FREE_FILES = 0x04;
/** In KeySett2, beside the number of keys. */
const AES_KEYS = 0x80;
const AES_128 = 0x02;
const modes: ReadonlyMap<number, Mode> = new Map([
  [0x00, 'plain'],
  [0x01, 'mac'],
  [0x03, 'full'],
]);
const modeBytes: Readonly<Record<Mode, number>> = { plain: 0, mac: 1, full: 3 };

function number24(bytes: Uint8Array, at: number): number {
  return bytes[at]! + bytes[at + 1]! * 256 + bytes[at + 2]! * 65536;
}

function number32(bytes: Uint8Array, at: number): number {
  return new DataView(bytes.buffer, bytes.byteOffset).getInt32(at, true);
}

/** A command of these, all of which are MACed in EV2 sessions and in EV1 sessions are not. */
function command(
  level: NonNullable<CardCommand['level']>,
  headerLength: number,
  run: CardCommand['run'],
): CardCommand {
  return { level, headerLength, writes: false, mode: () => 'mac', dataLength: () => 0, run };
}

/** Rights as two bytes: RW and change, read and write. */
function rightsOf(bytes: Uint8Array, at: number): Rights {
  const [low, high] = [bytes[at]!, bytes[at + 1]!];
  return { read: high >> 4, write: high & 15, readWrite: low >> 4, change: low & 15 };
}

function rightsBytes({ read, write, readWrite, change = 0 }: Rights): Uint8Array {
  return Uint8Array.of((readWrite << 4) | change, (read << 4) | write);
}

function changed(state: DesfireState, next: Partial<Application>): Done {
  return { data: NOTHING, state: { ...state, application: { ...state.application, ...next } } };
}

const createApplication = command('card', 5, ({ state }, header) => {
  const issuing = state.issuing!;
  const aid = header.slice(0, 3);
  const settings = header[3]!;
  const keys = header[4]! & 0x0f;
  // The factory's settings let anyone make applications.
  const isAes = (header[4]! & 0xf0) === AES_KEYS;
  if (!isAes || keys < 1 || keys > KEYS_MAX || aid.every((byte) => byte === 0)) {
    return Status.parameter;
  }
  if (applicationsOf(state).some((each) => Buffer.compare(each, aid) === 0)) {
    return Status.duplicate;
  }
  if (issuing.hasApplication) return Status.noMore;
  const zeros = Array.from({ length: keys }, () => new Uint8Array(16));
  return {
    data: NOTHING,
    state: {
      ...state,
      application: { ...state.application, aid, keys: zeros },
      issuing: { ...issuing, hasApplication: true, settings, keyVersions: zeros.map(() => 0) },
    },
  };
});

function applicationsOf({ issuing, application }: DesfireState): Uint8Array[] {
  return issuing!.hasApplication ? [...issuing!.others, application.aid] : [...issuing!.others];
}

const getApplicationIds = command('card', 0, ({ state }) => ({
  data: join(...applicationsOf(state)),
}));

const getKeyVersion = command('both', 1, ({ state, level }, header) => {
  const { cardKey, keyVersions } = state.issuing!;
  const version = (level === 'card' ? [cardKey.version] : keyVersions)[header[0]!];
  return version === undefined ? Status.noSuchKey : { data: Uint8Array.of(version) };
});

const getKeySettings = command('application', 0, (scene) => {
  if (!may(scene, FREE_LISTS)) return Status.authentication;
  const { issuing, application } = scene.state;
  return { data: Uint8Array.of(issuing!.settings, AES_KEYS | application.keys.length) };
});

/** Whether a listing, or a new file, is allowed: with the master key, or by the settings. */
function may({ state, side }: Scene, freely: number): boolean {
  return side?.keyNumber === 0 || (state.issuing!.settings & freely) !== 0;
}

function fileNumbers({ value, record, transactionMac }: Application): number[] {
  const numbers = [value.number, record.number, transactionMac?.number ?? NO_FILE];
  return numbers.filter((number) => number !== NO_FILE).sort((a, b) => a - b);
}

const getFileIds = command('application', 0, (scene) =>
  may(scene, FREE_LISTS)
    ? { data: Uint8Array.from(fileNumbers(scene.state.application)) }
    : Status.authentication,
);

const getFileSettings = command('application', 1, (scene, header) => {
  if (!may(scene, FREE_LISTS)) return Status.authentication;
  const { value, record, transactionMac } = scene.state.application;
  const head = (type: number, { mode, rights }: { mode: Mode; rights: Rights }) =>
    join(Uint8Array.of(type, modeBytes[mode]), rightsBytes(rights));
  const word = (one: number) => littleEndian(one >>> 0, 4);
  switch (header[0]!) {
    case value.number: {
      const { lowerLimit, upperLimit, limitedCredit, limitedCreditEnabled } = value;
      const limits = join(word(lowerLimit), word(upperLimit), word(limitedCredit));
      const option = Uint8Array.of(limitedCreditEnabled ? 1 : 0);
      return { data: join(head(0x02, value), limits, option) };
    }
    case record.number: {
      const sizes = [record.length, record.size, record.records.length];
      return { data: join(head(0x04, record), ...sizes.map((one) => littleEndian(one, 3))) };
    }
    case transactionMac?.number: {
      const version = transactionMac!.keyVersion ?? 0;
      return { data: join(head(0x05, transactionMac!), Uint8Array.of(AES_128, version)) };
    }
    default:
      return Status.noSuchFile;
  }
});

/** What all files begin with, or the status that refuses it. */
function newFile(
  scene: Scene,
  header: Uint8Array,
): { readonly number: number; readonly mode: Mode; readonly rights: Rights } | number {
  if (!may(scene, FREE_FILES)) return Status.authentication;
  const { application } = scene.state;
  const number = header[0]!;
  const mode = modes.get(header[1]!);
  const rights = rightsOf(header, 2);
  const { read, write, readWrite, change } = rights;
  const named = [read, write, readWrite, change!].filter((right) => right < FREE);
  if (number > FILE_NUMBER_MAX || mode === undefined) return Status.parameter;
  if (named.some((right) => right >= application.keys.length)) return Status.noSuchKey;
  return fileNumbers(application).includes(number) ? Status.duplicate : { number, mode, rights };
}

const createValueFile = command('application', 17, (scene, header) => {
  const file = newFile(scene, header);
  if (typeof file === 'number') return file;
  const { state } = scene;
  // One of each kind is modelled.
  if (state.application.value.number !== NO_FILE) return Status.noMore;
  const lowerLimit = number32(header, 4);
  const upperLimit = number32(header, 8);
  const value = number32(header, 12);
  if (header[16]! > 3) return Status.parameter;
  if (value < lowerLimit || value > upperLimit) return Status.boundary;
  const limitedCreditEnabled = (header[16]! & 1) === 1;
  const limits = { lowerLimit, upperLimit, limitedCreditEnabled, limitedCredit: 0 };
  const next = { ...state, initialMinor: value };
  return changed(next, { value: { ...file, ...limits, value } });
});

const createCyclicRecordFile = command('application', 10, (scene, header) => {
  const file = newFile(scene, header);
  if (typeof file === 'number') return file;
  const { state } = scene;
  if (state.application.record.number !== NO_FILE) return Status.noMore;
  const length = number24(header, 4);
  const size = number24(header, 7);
  // One record of a cyclic file is always the one that waits.
  if (length < 1 || size < 2) return Status.parameter;
  return changed(state, { record: { ...file, length, size, records: [] } });
});

const createTransactionMacFile: CardCommand = {
  headerLength: 5,
  writes: true,
  mode: () => 'full',
  dataLength: () => 17,
  run(scene, header, data) {
    const { side, state } = scene;
    // Its key would be on the air in clear.
    if (side?.kind !== 'ev2') return Status.authentication;
    const file = newFile(scene, header);
    if (typeof file === 'number') return file;
    if (file.rights.write !== FREE + 1 || header[4] !== AES_128) return Status.parameter;
    if (state.application.transactionMac !== null) return Status.noMore;
    return changed(state, {
      transactionMac: {
        ...file,
        key: data.slice(0, 16),
        keyVersion: data[16]!,
        tmc: 0,
        tmv: new Uint8Array(8),
        limit: 0xffff_ffff,
      },
    });
  },
};

export const managementCommands: ReadonlyMap<number, CardCommand> = new Map([
  [0xca, createApplication],
  [0x6a, getApplicationIds],
  [0x64, getKeyVersion],
  [0x45, getKeySettings],
  [0x6f, getFileIds],
  [0xf5, getFileSettings],
  [0xcc, createValueFile],
  [0xc0, createCyclicRecordFile],
  [0xce, createTransactionMacFile],
]);
