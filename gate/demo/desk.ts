/**
 * The service desk of the simulated city: loads a rider's card as its issuer would (PBOC load:
 * INITIALIZE FOR LOAD, CREDIT FOR LOAD), with the card's own key. It is on the cards' side of the
 * demo, so it computes with node:crypto like them.
 */
import assert from 'node:assert/strict';
import { fromHex, readU16, writeU32 } from '../../engine/bytes.ts';
import type { VirtualCard } from '../reader/virtual/card.ts';
import { loadMac2, loadSessionKey } from '../reader/virtual/card-crypto.ts';
import { personalities } from '../reader/virtual/personality.ts';

const TERMINAL = fromHex('040900990001');
const LOAD_TYPE = 2;

/**
 * Credits `amountMinor`; asserts that the card took it. `dateTime` is YYYYMMDDhhmmss, 7 BCD bytes.
 */
export function topUp(card: VirtualCard, amountMinor: number, dateTime: Uint8Array): void {
  const { personality, loadKey } = card.state;
  const { aid } = personalities[personality];
  card.power();
  send(card, [0x00, 0xa4, 0x04, 0x00, aid.length, ...aid]);
  const amount = new Uint8Array(4);
  writeU32(amount, 0, amountMinor);
  const init = send(card, [
    0x80,
    0x50,
    0x00,
    0x02,
    0x0b,
    loadKey.index,
    ...amount,
    ...TERMINAL,
    0x10,
  ]);
  const random = init.slice(8, 12);
  const sessionKey = loadSessionKey(loadKey.key, random, readU16(init, 4));
  const mac2 = loadMac2(sessionKey, {
    amountMinor,
    transactionType: LOAD_TYPE,
    terminalId: TERMINAL,
    dateTime,
  });
  send(card, [0x80, 0x52, 0x00, 0x00, 0x0b, ...dateTime, ...mac2, 0x04]);
  card.power();
}

function send(card: VirtualCard, apdu: readonly number[]): Uint8Array {
  const response = card.transmit(Uint8Array.from(apdu));
  const sw = readU16(response, response.length - 2);
  assert.equal(sw, 0x9000, `the desk's command ${apdu[1]?.toString(16)} was refused`);
  return response.subarray(0, response.length - 2);
}
