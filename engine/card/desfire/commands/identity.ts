/**
 * Which card it is: SelectApplication 5A, or ISO SELECT by DF name (DESFire Light); GetVersion 60,
 * whose third frame has the UID; and GetCardUID 51, of cards that show a random one on the air.
 */
import { fromHex } from '../../../bytes.ts';
import { buildCommand, isResponse, LE_ALL, statusWord, take } from '../../apdu.ts';
import { askOf } from '../../exchange.ts';
import { gone, malformed, notResponse, refused, SW_OK } from '../../status.ts';
import type { DesfireDialogue, DesfireFault } from '../asks.ts';
import { type Channel, exchange } from '../channel.ts';
import { desfireCommand } from '../statuses.ts';

const selectApplication = desfireCommand('SelectApplication', 0x5a);
const isoSelect = desfireCommand('SELECT', 0xa4);
const getVersion = desfireCommand('GetVersion', 0x60);
const getCardUid = desfireCommand('GetCardUID', 0x51);

export const UID_BYTES = 7;
/** Bytes of a card's number in debit records, lists and accounts. */
const CARD_NUMBER_BYTES = 10;
const AID_BYTES = 3;
/** Hardware 7, software 7, production 14. */
const VERSION_BYTES = 28;
const VERSION_UID_AT = 14;
/** The application is there, and its transactions with a MAC are used up. */
const SW_LIMIT_REACHED = 0x6283;

/** The card's number: its UID, right-aligned after zeros. 10 bytes. */
export function cardNumberOf(uid: Uint8Array): Uint8Array {
  const number = new Uint8Array(CARD_NUMBER_BYTES);
  number.set(uid, CARD_NUMBER_BYTES - UID_BYTES);
  return number;
}

/** SELECT of an application by its DF name, 1 to 16 bytes in hexadecimal. */
export function isoSelectOf(dfName: string): Uint8Array {
  return buildCommand(0x00, isoSelect.ins, 0x04, 0x00, fromHex(dfName), LE_ALL);
}

/**
 * Selects; any session ends.
 * @param aid 3 bytes as they are sent, or null: `byName` is sent.
 * @param byName the command of `isoSelectOf`.
 */
export function* select(
  channel: Channel,
  aid: Uint8Array | null,
  byName: Uint8Array | null,
  meanwhile: (() => void) | null = null,
): DesfireDialogue<null | DesfireFault> {
  channel.session = 'none';
  if (byName !== null) return yield* selectByName(byName, meanwhile);
  channel.buffer.set(aid!, 5);
  const data = yield* exchange(channel, selectApplication, AID_BYTES, 0, 'plain', 0, meanwhile);
  return 'fault' in data ? data : null;
}

function* selectByName(
  apdu: Uint8Array,
  meanwhile: (() => void) | null,
): DesfireDialogue<null | DesfireFault> {
  const answer = (yield askOf(isoSelect, apdu, meanwhile)) as Uint8Array | null;
  if (answer === null) return gone(isoSelect);
  if (!isResponse(answer)) return notResponse(isoSelect, answer.length);
  const sw = statusWord(answer);
  // A purse whose transactions are used up can still be read; its commit says 919D.
  return sw === SW_OK || sw === SW_LIMIT_REACHED ? null : refused(isoSelect, sw);
}

/** What GetVersion says of a card. */
export interface CardVersion {
  /** Of the hardware: x1 is a DESFire, 08 a DESFire Light. */
  readonly type: number;
  /** Of the hardware: 01 is EV1, 12 and 22 EV2, 33 EV3. */
  readonly major: number;
  /** 7 bytes; null: the card hides it. */
  readonly uid: Uint8Array | null;
}

export function* readVersion(channel: Channel): DesfireDialogue<CardVersion | DesfireFault> {
  const data = yield* exchange(channel, getVersion, 0, 0, 'mac', -1);
  if ('fault' in data) return data;
  if (data.length < VERSION_BYTES) {
    return malformed(getVersion, `${data.length} data bytes, expected ${VERSION_BYTES}`);
  }
  const uid = take(data, VERSION_UID_AT, UID_BYTES);
  const isHidden = uid.every((byte) => byte === 0);
  return { type: data[1]!, major: data[3]!, uid: isHidden ? null : uid };
}

/** The UID from GetVersion, 7 bytes; a card that hides it says zeros there. */
export function* readVersionUid(channel: Channel): DesfireDialogue<Uint8Array | DesfireFault> {
  const version = yield* readVersion(channel);
  if ('fault' in version) return version;
  return version.uid ?? malformed(getVersion, 'the card hides its UID');
}

/** The UID, encrypted on the air, in an EV2 session. */
export function* readCardUid(channel: Channel): DesfireDialogue<Uint8Array | DesfireFault> {
  return yield* exchange(channel, getCardUid, 0, 0, 'full', UID_BYTES);
}
