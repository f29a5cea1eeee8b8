/**
 * What a client and the PC/SC service of pcsc-lite say to each other over its local socket,
 * protocol 4:4 (pcscd 1.8.24 and newer; 2.x takes it too). A request is its length and command,
 * then the body; an answer is a body alone, whose length the command tells. All numbers are
 * little-endian and of four bytes.
 */
import { APDU_RESPONSE_BYTES_MAX } from '../../engine/card-limits.ts';

export const PCSC_MAJOR = 4;
export const PCSC_MINOR = 4;

export const PcscCommand = {
  establishContext: 0x01,
  connect: 0x04,
  reconnect: 0x05,
  disconnect: 0x06,
  transmit: 0x09,
  version: 0x11,
  readersState: 0x12,
  waitChange: 0x13,
  stopWaiting: 0x14,
} as const;

/** Results of PC/SC that a gate tells apart. */
export const PcscResult = {
  success: 0,
  unknownReader: 0x80100009,
  sharingViolation: 0x8010000b,
  noCard: 0x8010000c,
  readerUnavailable: 0x80100017,
  removedCard: 0x80100069,
} as const;

/** Use of a card by this client alone; of the reader, with a card in it or without. */
const SHARE_EXCLUSIVE = 1;
const SHARE_DIRECT = 3;
const PROTOCOL_T0_OR_T1 = 3;
/** What becomes of the card on disconnection or before a reconnection: nothing, or a power cut. */
export const LEAVE_CARD = 0;
export const UNPOWER_CARD = 2;

export const VERSION_BYTES = 12;
export const CONTEXT_BYTES = 12;
export const CONNECT_BYTES = 152;
export const RECONNECT_BYTES = 24;
export const DISCONNECT_BYTES = 12;
export const TRANSMIT_BYTES = 32;
export const WAIT_BYTES = 8;

const NAME_BYTES = 128;
const READERS = 16;
/** Name, event counter, state, sharing, ATR of 33 and 3 to align, its length, protocol. */
const READER_STATE_BYTES = NAME_BYTES + 12 + 36 + 8;
export const READERS_STATE_BYTES: number = READERS * READER_STATE_BYTES;
const STATE_PRESENT = 0x04;
/** The client's structure for protocol control information, on 64-bit systems. */
const PCI_BYTES = 16;

export interface PcscReaderState {
  readonly name: string;
  /** Rises when a card comes and when one goes. */
  readonly events: number;
  readonly present: boolean;
}

export function pcscRequest(command: number, body: Uint8Array, after?: Uint8Array): Uint8Array {
  const header = words(body.length, command);
  return Buffer.concat([header, body, after ?? new Uint8Array(0)]);
}

/** Numbers one after the other. */
export function words(...values: readonly number[]): Uint8Array {
  const bytes = new DataView(new ArrayBuffer(values.length * 4));
  values.forEach((value, i) => {
    bytes.setUint32(i * 4, value, true);
  });
  return new Uint8Array(bytes.buffer);
}

/** The number at a place counted in numbers. */
export function word(bytes: Uint8Array, index: number): number {
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(index * 4, true);
}

/** Context, reader, share mode, protocols, and room for the answer: card, protocol, result. */
export function connectBody(context: number, name: string, direct: boolean): Uint8Array {
  const reader = new Uint8Array(NAME_BYTES);
  new TextEncoder().encodeInto(name, reader.subarray(0, NAME_BYTES - 1));
  const rest = direct
    ? words(SHARE_DIRECT, 0, 0, 0, 0)
    : words(SHARE_EXCLUSIVE, PROTOCOL_T0_OR_T1, 0, 0, 0);
  return Buffer.concat([words(context), reader, rest]);
}

export interface PcscCard {
  readonly handle: number;
  readonly protocol: number;
}

export function connectAnswer(bytes: Uint8Array): { readonly card: PcscCard; result: number } {
  const at = (CONNECT_BYTES - 12) / 4;
  return {
    card: { handle: word(bytes, at), protocol: word(bytes, at + 1) },
    result: word(bytes, at + 2),
  };
}

/** A handle that was got `direct` becomes one of the card, whose power is cut and given anew. */
export function reconnectBody(handle: number): Uint8Array {
  return words(handle, SHARE_EXCLUSIVE, PROTOCOL_T0_OR_T1, UNPOWER_CARD, 0, 0);
}

export function reconnectAnswer(bytes: Uint8Array): { readonly protocol: number; result: number } {
  return { protocol: word(bytes, 4), result: word(bytes, 5) };
}

/** Card, protocol and lengths; the APDU follows behind the body. */
export function transmitBody(card: PcscCard, apduBytes: number): Uint8Array {
  const { handle, protocol } = card;
  const room = APDU_RESPONSE_BYTES_MAX;
  return words(handle, protocol, PCI_BYTES, apduBytes, protocol, PCI_BYTES, room, 0);
}

/** Length of the response that follows where the result is success. */
export function transmitAnswer(bytes: Uint8Array): { readonly length: number; result: number } {
  return { length: word(bytes, 6), result: word(bytes, 7) };
}

/** The readers there are, from the service's table of sixteen. */
export function readersState(bytes: Uint8Array): PcscReaderState[] {
  const readers: PcscReaderState[] = [];
  for (let i = 0; i < READERS; i++) {
    const entry = bytes.subarray(i * READER_STATE_BYTES, (i + 1) * READER_STATE_BYTES);
    const end = entry.subarray(0, NAME_BYTES).indexOf(0);
    const name = new TextDecoder().decode(entry.subarray(0, end < 0 ? NAME_BYTES : end));
    if (name === '') continue;
    const events = word(entry, NAME_BYTES / 4);
    const state = word(entry, NAME_BYTES / 4 + 1);
    readers.push({ name, events, present: (state & STATE_PRESENT) !== 0 });
  }
  return readers;
}
