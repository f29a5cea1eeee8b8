/**
 * How long a virtual card takes. THIS TABLE IS A MODEL, not a measurement: airtime follows from ISO
 * 14443 arithmetic (Type A); activation and processing times are believable values for the two
 * classes of cards, chosen so that an exit tap of five commands takes 120 to 200 ms at 106 kbit/s.
 * Chaining is not modelled: every APDU is one I-block (FSD and FSC of 256).
 */
import assert from 'node:assert/strict';
import type { CommandName } from './command.ts';

/**
 * Bit rates of ISO 14443-3, kbit/s, with the duration of one bit: 128 to 16 cycles of 13.56 MHz.
 */
const bitUs = { 106: 128 / 13.56, 212: 64 / 13.56, 424: 32 / 13.56, 848: 16 / 13.56 } as const;

export type Kbitps = keyof typeof bitUs;

/** A chip card, or a phone that emulates one. */
export type CardClass = 'plastic' | 'phone';

export const timing = {
  /** Type A: 8 bits and parity. */
  bitsPerByte: 9,
  /** Start and end of a frame. */
  bitsPerFrame: 2,
  /** I-block around an APDU: PCB and CRC. */
  blockBytes: 3,
  /** Frame delay before each frame, both ways: 1172 cycles of 13.56 MHz at least. */
  frameDelayUs: 86.4,
  /** Field on, guard time and one round of polling until the card answers REQA. */
  pollingUs: 5000,
  /** Anticollision of two cascade levels and SELECT, always at 106 kbit/s. */
  anticollisionUs: 2500,
  /** RATS, ATS and bit rate selection; a phone wakes its application processor. */
  activationUs: { plastic: 3500, phone: 9000 },
  /** Until a reader knows that a card has gone: frame waiting time at FWI 7. */
  lossUs: 38_660,
  /** From the command's last bit to the answer's first, in microseconds. */
  processingUs: {
    plastic: {
      SELECT: 12_000,
      'READ BINARY': 6000,
      'READ RECORD': 6000,
      'GET CHALLENGE': 3000,
      'GET BALANCE': 5000,
      INITIALIZE: 25_000,
      UPDATE: 12_000,
      // Two MACs, a TAC, and the commit to EEPROM.
      DEBIT: 45_000,
      CREDIT: 50_000,
      PROVE: 8000,
      'CITY CODE': 5000,
      AUTHENTICATE: 6000,
      // The second half of an authentication, mostly.
      MORE: 8000,
      'GET VALUE': 4000,
      'READ RECORDS': 5000,
      'CHANGE VALUE': 6000,
      'WRITE RECORD': 7000,
      // Value, record and transaction MAC go to EEPROM together.
      COMMIT: 20_000,
      // A cryptogram and, of RSA, the private operation of fDDA.
      OPTIONS: 120_000,
      OTHER: 3000,
    },
    phone: {
      SELECT: 40_000,
      'READ BINARY': 18_000,
      'READ RECORD': 18_000,
      'GET CHALLENGE': 12_000,
      'GET BALANCE': 16_000,
      INITIALIZE: 35_000,
      UPDATE: 18_000,
      DEBIT: 50_000,
      CREDIT: 55_000,
      PROVE: 20_000,
      'CITY CODE': 16_000,
      AUTHENTICATE: 16_000,
      MORE: 18_000,
      'GET VALUE': 14_000,
      'READ RECORDS': 15_000,
      'CHANGE VALUE': 16_000,
      'WRITE RECORD': 17_000,
      COMMIT: 25_000,
      OPTIONS: 90_000,
      OTHER: 12_000,
    },
  },
} as const satisfies {
  readonly activationUs: Record<CardClass, number>;
  readonly processingUs: Record<CardClass, Record<CommandName, number>>;
  readonly [other: string]: unknown;
};

/** One frame of `bytes` (CRC and PCB included) on the air, without its delay. */
export function frameUs(bytes: number, kbitps: Kbitps): number {
  return (bytes * timing.bitsPerByte + timing.bitsPerFrame) * bitUs[kbitps];
}

/** One APDU on the air, either way: its delay, its I-block. */
export function apduUs(bytes: number, kbitps: Kbitps): number {
  return timing.frameDelayUs + frameUs(bytes + timing.blockBytes, kbitps);
}

/** From a card in the field to one that takes commands. */
export function detectionUs(cardClass: CardClass): number {
  return timing.pollingUs + timing.anticollisionUs + timing.activationUs[cardClass];
}

/**
 * Processing time of one command. `chance` from 0 to 1 spreads it: nine tenths to a little over
 * the table's value mostly, up to 1.7 times rarely.
 */
export function processingUs(name: CommandName, cardClass: CardClass, chance: number): number {
  assert(chance >= 0 && chance <= 1);
  const factor = 0.9 + 0.2 * chance + 0.6 * chance ** 16;
  return timing.processingUs[cardClass][name] * factor;
}
