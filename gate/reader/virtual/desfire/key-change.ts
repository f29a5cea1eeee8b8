/**
 * ChangeKey (C4) at a virtual DESFire card: what the cryptogram of each kind of session says, and
 * whether it may change that key. Checksums are computed here bit by bit.
 */
import { type Level, Status } from './command.ts';
import { join, littleEndian } from './crypto.ts';
import { FactorySide } from './factory.ts';
import { type CardSide, Ev1Side } from './session.ts';
import type { DesfireState } from './state.ts';

const INS = 0xc4;
const TYPE_AES = 0x80;

/** A reflected CRC without a last inversion, least significant byte first. */
function crc(bits: 16 | 32, polynomial: number, initial: number, data: Uint8Array): Uint8Array {
  let register = initial;
  for (const byte of data) {
    for (let bit = 0; bit < 8; bit++) {
      const carry = (register ^ (byte >> bit)) & 1;
      register >>>= 1;
      if (carry === 1) register = (register ^ polynomial) >>> 0;
    }
  }
  return littleEndian(register, bits / 8);
}

const crc32 = (data: Uint8Array) => crc(32, 0xedb88320, 0xffff_ffff, data);
const crc16 = (data: Uint8Array) => crc(16, 0x8408, 0x6363, data);

interface Read {
  /** Key, or its difference from the one before. */
  readonly data: Uint8Array;
  readonly version: number;
  /** Of the new key; null: not sent. */
  readonly ofKey: Uint8Array | null;
}

/** Takes `data ‖ checksum ‖ checksum of the key ‖ zeros` apart; null: it is not so. */
function checked(
  plain: Uint8Array,
  isOwn: boolean,
  check: (data: Uint8Array) => Uint8Array,
): Read | null {
  const expected = check(plain.subarray(0, 17));
  const afterFirst = 17 + expected.length;
  const end = isOwn ? afterFirst : afterFirst + expected.length;
  if (Buffer.compare(plain.subarray(17, afterFirst), expected) !== 0) return null;
  if (plain.subarray(end).some((byte) => byte !== 0)) return null;
  const ofKey = isOwn ? null : plain.slice(afterFirst, end);
  return { data: plain.slice(0, 16), version: plain[16]!, ofKey };
}

function read(side: CardSide | FactorySide, body: Uint8Array, isOwn: boolean): Read | number {
  const command = (data: Uint8Array) => crc32(join(Uint8Array.of(INS, body[0]!), data));
  if (side instanceof FactorySide) {
    if (body.length !== 25) return Status.length;
    const plain = side.open(body.subarray(1));
    return checked(plain, isOwn, side.isLegacy ? crc16 : command) ?? Status.integrity;
  }
  if (side instanceof Ev1Side) {
    if (body.length !== 33) return Status.length;
    return checked(side.openKey(body.subarray(1)), isOwn, command) ?? Status.integrity;
  }
  if (body.length !== 41) return Status.length;
  const data = side.open(INS, body, 1, 'full', true)?.data;
  if (data?.length !== (isOwn ? 17 : 21)) return Status.integrity;
  return { data: data.slice(0, 16), version: data[16]!, ofKey: isOwn ? null : data.slice(17) };
}

export interface KeyChanged {
  readonly state: DesfireState;
  /** The key was that of the session, which is over. */
  readonly isOwn: boolean;
}

/** The card after the command whose key byte and cryptogram are `body`, or a status. */
export function changeKey(
  state: DesfireState,
  level: Level | null,
  side: CardSide | FactorySide | null,
  body: Uint8Array,
): KeyChanged | number {
  const issuing = state.issuing;
  if (!issuing || level === null) return Status.illegalCommand;
  if (body.length < 1) return Status.length;
  const isFactory = side instanceof FactorySide;
  if (side === null || (!isFactory && side.keyNumber !== 0)) return Status.authentication;
  const keyByte = body[0]!;
  if (level === 'card') {
    // Another type's cryptogram has no version in it.
    if (keyByte !== TYPE_AES) return Status.integrity;
    const said = read(side, body, true);
    if (typeof said === 'number') return said;
    const cardKey = { kind: 'aes', key: said.data, version: said.version } as const;
    return { state: { ...state, issuing: { ...issuing, cardKey } }, isOwn: true };
  }
  const before = state.application.keys[keyByte];
  if (!before) return Status.noSuchKey;
  const isOwn = keyByte === 0;
  const said = read(side, body, isOwn);
  if (typeof said === 'number') return said;
  const key = isOwn ? said.data : said.data.map((byte, i) => byte ^ before[i]!);
  if (said.ofKey && Buffer.compare(said.ofKey, crc32(key)) !== 0) return Status.integrity;
  const keys = state.application.keys.map((each, i) => (i === keyByte ? key : each));
  const keyVersions = issuing.keyVersions.map((each, i) => (i === keyByte ? said.version : each));
  return {
    state: {
      ...state,
      application: { ...state.application, keys },
      issuing: { ...issuing, keyVersions },
    },
    isOwn,
  };
}
