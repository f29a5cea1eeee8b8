/**
 * Card protocols as dialogues: generators that ask and are answered, with no I/O inside. The driver
 * (gate controller, simulated card, recorded transcript, PSAM) answers. A dialogue reads top-down
 * like the specification it follows, and can be replayed byte for byte.
 */

import type { KernelOutcome } from './qpboc/kernel.ts';

/** Send a command to the card. Answered with its response, or `null` when the card has gone. */
export interface CardAsk {
  readonly ask: 'card';
  /** The command's name in the scheme's specification, for traces and tables. */
  readonly command: string;
  /** C-APDU, 4 to 261 bytes. Valid until the ask is answered. */
  readonly apdu: Uint8Array;
  /** Work that needs no answer; the driver does it while the command is on the air. */
  readonly meanwhile: (() => void) | null;
}

/** What the key holder needs to find a card's purchase key. */
export interface CardKeyRef {
  readonly keyIndex: number;
  readonly keyVersion: number;
  /** Algorithm byte of the card: 00 is 3DES; others per profile. */
  readonly algorithm: number;
  /** 16 bytes: the diversification factors, 8 bytes each, in order; zeros after the last. */
  readonly factors: Uint8Array;
  /** How many of them: 1 or 2. */
  readonly factorLevels: number;
  /** 8 bytes: issuers' masters may differ under one version. */
  readonly issuer: Uint8Array;
}

/** Compute MAC1 of a purchase. Answered with `Mac1Answer`. */
export interface Mac1Ask {
  readonly ask: 'mac1';
  readonly key: CardKeyRef;
  /** 4 bytes from INITIALIZE. */
  readonly random: Uint8Array;
  /** Offline counter from INITIALIZE, before the increment. */
  readonly offlineCounter: number;
  /** What the terminal would use; a PSAM answers with its own. */
  readonly terminalSequence: number;
  readonly amountMinor: number;
  /** 05 ED, 06 EP, 09 CAPP. */
  readonly transactionType: number;
  /** 6 bytes. */
  readonly terminalId: Uint8Array;
  /** YYYYMMDDhhmmss, 7 BCD bytes. */
  readonly dateTime: Uint8Array;
  /** City code of a city-union card (9 bytes of 80CA000009), else null. */
  readonly cityCode: Uint8Array | null;
}

/** `mac1` of 4 bytes, or the reason why the key holder has none. */
export type Mac1Answer =
  | { readonly mac1: Uint8Array; readonly terminalSequence: number }
  | { readonly refused: 'unknownKey' };

/** Check MAC2 (4 bytes) of the purchase whose MAC1 was computed last. Answered with a boolean. */
export interface Mac2Ask {
  readonly ask: 'mac2';
  readonly mac2: Uint8Array;
}

export type Ask = CardAsk | Mac1Ask | Mac2Ask;
/** Answer to the question whether a card may be debited now (`engine/tap/decision.ts` asks it). */
export type CommitAnswer = 'go' | 'late' | 'failed';

/**
 * Whatever a driver may answer; one type, so that dialogues of every layer and family can be
 * nested. Strings are words that the ask names.
 */
export type Answer = Uint8Array | null | Mac1Answer | KernelOutcome | boolean | number | string;

/** A dialogue that ends in `R`. */
export type Dialogue<R> = Generator<Ask, R, Answer>;

/** Why a dialogue with a card could not go on. A value: a card may do any of this. */
export type CardFault =
  /** The card left the field before it answered. */
  | { readonly fault: 'gone'; readonly command: string }
  /** The card answered with a status word that is not success. */
  | {
      readonly fault: 'status';
      readonly command: string;
      /** Status word, 0 to 65535. */
      readonly sw: number;
      readonly meaning: string;
    }
  /** The card answered success with content that cannot be (wrong length, wrong field). */
  | { readonly fault: 'malformed'; readonly command: string; readonly what: string };

export function isFault(value: object): value is CardFault {
  return 'fault' in value;
}

export function* askMac1(ask: Omit<Mac1Ask, 'ask'>): Generator<Mac1Ask, Mac1Answer, Answer> {
  return (yield { ask: 'mac1', ...ask }) as Mac1Answer;
}

export function* askMac2(mac2: Uint8Array): Generator<Mac2Ask, boolean, Answer> {
  return (yield { ask: 'mac2', mac2 }) as boolean;
}
