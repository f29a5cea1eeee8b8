/**
 * SELECT of a purse: the profiles' applications are tried in order until the card has one, and its
 * public file is taken from the FCI, or read where the FCI does not carry it.
 */
import { dataLength, statusWord, take } from '../apdu.ts';
import { type Answer, type CardAsk, type CardFault, type Dialogue, isFault } from '../dialogue.ts';
import { askOf, complete, isWhole } from '../exchange.ts';
import { malformed, refused } from '../status.ts';
import { findTag, parseTlv } from '../tlv.ts';
import { readBinary } from './commands/read-binary.ts';
import { select } from './commands/select.ts';
import type { CompiledProfile } from './compile.ts';
import type { SelectedPurse } from './selected.ts';

/** The first SELECT of a profile, for a dialogue that yields it itself. */
export function selectAsk(profile: CompiledProfile): CardAsk {
  return askOf(select, profile.selects[0]!, null);
}

/** The purse in a plain answer to `selectAsk`; null where `selectPurse` has to go on from it. */
export function purseIn(profile: CompiledProfile, answer: Answer): SelectedPurse | null {
  if (!isWhole(answer) || select.parse(answer) !== 'selected') return null;
  const publicFile = publicFileInFci(profile, answer);
  return publicFile && { profile, publicFile, locked: false };
}

/**
 * Ends in the purse; or, when no application is left to try, in the fault of one that answered but
 * could not be read, else in the first refusal; `gone` ends it at once. A card that
 * refuses an application, with whatever status word, is asked for the next; so is one that answers
 * 9000 but has no readable public file, as some do for applications they do not have.
 * @param first the answer to `selectAsk` of the first profile, where it was asked already.
 */
export function* selectPurse(
  profiles: readonly CompiledProfile[],
  first?: Answer,
): Dialogue<SelectedPurse | CardFault> {
  let refusal: CardFault | null = null;
  let unreadable: CardFault | null = null;
  let lockedPurse: SelectedPurse | null = null;
  // By index: an iterator kept over a yield costs as much as the answer's parsing.
  for (let i = 0; i < profiles.length; i++) {
    const profile = profiles[i]!;
    for (let j = 0; j < profile.selects.length; j++) {
      const apdu = profile.selects[j]!;
      const isFirst = first !== undefined && i === 0 && j === 0;
      const answer = isFirst ? first : yield askOf(select, apdu, null);
      const response = isWhole(answer) ? answer : yield* complete(select, apdu, answer);
      if ('fault' in response) {
        if (response.fault === 'gone') return response;
        unreadable ??= response;
        continue;
      }
      const outcome = select.parse(response);
      if (outcome === 'refused') {
        refusal ??= refused(select, statusWord(response));
        continue;
      }
      const locked = outcome === 'locked';
      const inFci = publicFileInFci(profile, response);
      if (inFci !== null) return { profile, publicFile: inFci, locked };
      if (locked) {
        // Not read further: what READ BINARY finds may belong to another application, which the
        // loop now looks for.
        lockedPurse ??= withoutPublicFile(profile);
        continue;
      }
      const read = yield* readPublicFile(profile);
      if (!isFault(read)) return { profile, publicFile: read, locked };
      if (read.fault === 'gone') return read;
      unreadable ??= read;
    }
  }
  return lockedPurse ?? unreadable ?? refusal ?? malformed(select, 'no application to select');
}

function* readPublicFile(profile: CompiledProfile): Dialogue<Uint8Array | CardFault> {
  const answer = yield askOf(readBinary, profile.readPublicFile, null);
  const response = isWhole(answer)
    ? answer
    : yield* complete(readBinary, profile.readPublicFile, answer);
  if ('fault' in response) return response;
  const file = readBinary.parse(response, profile.publicFile.length);
  if (isFault(file)) return file;
  return isPlausible(profile, file)
    ? file
    : malformed(readBinary, 'the public file is blank or stale');
}

function withoutPublicFile(profile: CompiledProfile): SelectedPurse {
  return { profile, publicFile: new Uint8Array(profile.publicFile.length), locked: true };
}

/** A copy of the public file that the FCI carries, or null where it carries none of its length. */
function publicFileInFci(profile: CompiledProfile, response: Uint8Array): Uint8Array | null {
  const end = dataLength(response);
  if (profile.fciTag < 0 || end === 0) return null;
  const { length } = profile.publicFile;
  let at = scanFci(response, end, profile.fciTag, length);
  if (at < 0) {
    const parsed = parseTlv(response, 0, end);
    const object = 'objects' in parsed ? findTag(parsed.objects, profile.fciTag) : null;
    if (object === null || object.length !== length) return null;
    at = object.at;
  }
  const file = take(response, at, length);
  return isPlausible(profile, file) ? file : null;
}

/**
 * Offset of the value of `wanted` with `length` bytes in 6F{.. A5{.. wanted ..}}, or -1 where the
 * FCI is built otherwise (the full parser then decides). This is every tap's path, and one pass
 * over some six objects needs no list of them.
 */
function scanFci(bytes: Uint8Array, end: number, wanted: number, length: number): number {
  if (end < 2 || bytes[0] !== 0x6f || bytes[1]! > 0x7f || 2 + bytes[1]! > end) return -1;
  let at = 2;
  let stop = 2 + bytes[1]!;
  // The shortest object is a tag and a length byte; a two-byte tag may then touch the status word.
  while (at + 2 <= stop) {
    let tag = bytes[at++]!;
    if ((tag & 0x1f) === 0x1f) {
      if (bytes[at]! > 0x7f) return -1;
      tag = (tag << 8) | bytes[at++]!;
    }
    const valueLength = bytes[at++]!;
    if (valueLength > 0x7f || at + valueLength > stop) return -1;
    if (tag === 0xa5) stop = at + valueLength;
    else if (tag === wanted && valueLength === length) return at;
    else at += valueLength;
  }
  return -1;
}

/**
 * Whether the bytes can be a public file: a card number that is not blank, and dates of decimal
 * digits or all FF. Cards answer 9000 with stale bytes for files they do not have.
 */
function isPlausible(profile: CompiledProfile, file: Uint8Array): boolean {
  const { cardNumber, enableDate, expiryDate } = profile.publicFile;
  return (
    !isBlank(file, cardNumber.offset, cardNumber.length) &&
    isDateLike(file, enableDate.offset) &&
    isDateLike(file, expiryDate.offset)
  );
}

function isBlank(bytes: Uint8Array, at: number, length: number): boolean {
  const first = bytes[at]!;
  if (first !== 0x00 && first !== 0xff) return false;
  for (let i = 1; i < length; i++) if (bytes[at + i] !== first) return false;
  return true;
}

function isDateLike(bytes: Uint8Array, at: number): boolean {
  let digits = true;
  let blank = true;
  for (let i = 0; i < 4; i++) {
    const byte = bytes[at + i]!;
    if ((byte & 0x0f) > 9 || byte > 0x99) digits = false;
    if (byte !== 0xff) blank = false;
  }
  return digits || blank;
}
