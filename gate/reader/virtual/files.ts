/**
 * Files of a virtual card: SELECT with FCI, READ BINARY of files 15, 16 and 17, READ RECORD of the
 * log (18) and the journey file.
 */
import { equalBytes } from '../../../engine/bytes.ts';
import type { CardState } from './card-state.ts';
import { answer, type Command, type Outcome, status } from './command.ts';
import { personalities, type Quirks } from './personality.ts';

const SFI_PUBLIC = 0x15;
const SFI_HOLDER = 0x16;
const SFI_SCHEME = 0x17;
const SFI_LOG = 0x18;
const HOLDER_BYTES = 55;
const SCHEME_BYTES = 60;
/** ISO 7816-4: a DF name may be asked for by its first 5 bytes or more. */
const AID_BYTES_MIN = 5;

/**
 * 00 A4 04 00: the application by name. Answers 6F{84 name, A5{9F08 version, 9F0C file 15}}, 6283
 * with the same while the application is locked. `selected`: whether the application is open now.
 */
export function select(
  state: CardState,
  quirks: Quirks,
  command: Command,
): Outcome & { readonly selected: boolean } {
  const { aid } = personalities[state.personality];
  const { data } = command;
  if (command.p1 !== 0x04 || command.p2 !== 0x00) {
    return { ...status(0x6a86), selected: false };
  }
  const known = data.length >= AID_BYTES_MIN && equalBytes(data, aid.subarray(0, data.length));
  if (!known || data.length > aid.length) {
    return { ...status(quirks.unknownAidStatus), selected: false };
  }
  const sw = state.application === 'locked' ? 0x6283 : 0x9000;
  const fci = quirks.noFci ? new Uint8Array(0) : fciOf(state, aid);
  return { response: answer(fci, sw), selected: true };
}

function fciOf(state: CardState, aid: Uint8Array): Uint8Array {
  const proprietary = [
    ...tlv([0x9f, 0x08], Uint8Array.of(0x02)),
    ...tlv([0x9f, 0x0c], publicFile(state)),
  ];
  const body = [...tlv([0x84], aid), ...tlv([0xa5], Uint8Array.from(proprietary))];
  return Uint8Array.from(tlv([0x6f], Uint8Array.from(body)));
}

function tlv(tag: readonly number[], value: Uint8Array): number[] {
  return [...tag, value.length, ...value];
}

/**
 * File 15, 30 bytes: issuer(8) ‖ application type ‖ start flag ‖ card number(10) ‖ valid from(4) ‖
 * valid to(4) ‖ two bytes. City-union cards put other names on the same places: city code at 2,
 * status and version at 8, union code at 10, logical id at 12, card types at 28.
 */
export function publicFile(state: CardState): Uint8Array {
  const bytes = new Uint8Array(30);
  bytes.set(state.issuer, 0);
  bytes[8] = state.appType;
  bytes[9] = state.startFlag;
  bytes.set(state.cardNumber, 10);
  bytes.set(state.validFrom, 20);
  bytes.set(state.validTo, 24);
  bytes.set(state.cardType, 28);
  return bytes;
}

/** 00 B0 80|SFI offset. */
export function readBinary(
  state: CardState,
  quirks: Quirks,
  command: Command,
  earlier: Uint8Array,
): Outcome {
  if (command.data.length > 0) return status(0x6700);
  if ((command.p1 & 0x80) === 0) return status(0x6986);
  if ((command.p1 & 0x60) !== 0) return status(0x6a86);
  const sfi = command.p1 & 0x1f;
  if (sfi === SFI_LOG || sfi === personalities[state.personality].journeySfi) return status(0x6981);
  const file = binaryFile(state, sfi);
  if (!file) return missing(quirks, command, earlier, 0x6a82);
  if (command.p2 >= file.length) return status(0x6b00);
  return part(file.subarray(command.p2), command);
}

function binaryFile(state: CardState, sfi: number): Uint8Array | null {
  if (sfi === SFI_PUBLIC) return publicFile(state);
  if (sfi === SFI_HOLDER) return new Uint8Array(HOLDER_BYTES);
  if (sfi !== SFI_SCHEME) return null;
  const file = new Uint8Array(SCHEME_BYTES);
  // Country 0156, interoperable (0001 at byte 6).
  file.set([0x01, 0x56], 0);
  file[7] = 0x01;
  return file;
}

/** 00 B2 record SFI<<3|4. */
export function readRecord(
  state: CardState,
  quirks: Quirks,
  command: Command,
  earlier: Uint8Array,
): Outcome {
  if (command.data.length > 0) return status(0x6700);
  if ((command.p2 & 7) !== 4) return status(0x6a86);
  const sfi = command.p2 >> 3;
  const { journeySfi } = personalities[state.personality];
  if (sfi >= SFI_PUBLIC && sfi <= SFI_SCHEME) return status(0x6981);
  if (sfi !== journeySfi && sfi !== SFI_LOG) return missing(quirks, command, earlier, 0x6a82);
  const records = sfi === journeySfi ? [state.journey] : state.log;
  const oldestFirst = sfi === SFI_LOG && quirks.logOldestFirst;
  const record = records[oldestFirst ? records.length - command.p1 : command.p1 - 1];
  return record ? part(record, command) : missing(quirks, command, earlier, 0x6a83);
}

/** As many bytes as were asked for; 6Cxx tells how many there are where that is fewer. */
function part(bytes: Uint8Array, command: Command): Outcome {
  if (command.le > bytes.length) return status(0x6c00 | bytes.length);
  const length = command.le === 0 ? bytes.length : command.le;
  return { response: answer(bytes.subarray(0, length)) };
}

function missing(quirks: Quirks, command: Command, earlier: Uint8Array, sw: number): Outcome {
  if (!quirks.staleBytes) return status(sw);
  const length = command.le === 0 ? earlier.length : command.le;
  const stale = new Uint8Array(length);
  stale.set(earlier.subarray(0, length));
  return { response: answer(stale) };
}
