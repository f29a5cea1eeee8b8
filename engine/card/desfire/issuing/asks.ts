/**
 * What issuing a card asks of whoever holds the keys, beyond what a tap does: to authenticate with
 * the key that cards leave the factory with, and to put a key into a command. As in a tap no key is
 * ever here. A SAM AV3 answers the same with SAM_AuthenticatePICC (0A), SAM_ChangeKeyPICC (C4) and
 * SAM_CreateTMFilePICC (C6) [K].
 */
import type { Answer } from '../../dialogue.ts';
import type { AesKeyRef, DesfireAsk } from '../asks.ts';

/** What a new application has in the place of each of its keys. */
export const factoryKey: AesKeyRef = { use: 'factory', version: 0, input: null, padTo32: true };

/** AuthenticateISO, or the first generation's Authenticate. */
export type FactoryScheme = 'iso' | 'legacy';

/** Answer the challenge of a card that has the factory's DES key. Answered with 16 bytes. */
export interface FactoryChallengeAsk {
  readonly ask: 'factoryChallenge';
  readonly scheme: FactoryScheme;
  /** E(RndB), 8 bytes. */
  readonly challenge: Uint8Array;
}

/** Check that card's proof and open a session, in which a key can be changed. A boolean. */
export interface FactoryProofAsk {
  readonly ask: 'factoryProof';
  readonly proof: Uint8Array;
}

/**
 * Write what ChangeKey carries behind its key byte, enciphered as the open session does. Answered
 * with how many bytes key byte and data then are, or `unknownKey`.
 */
export interface KeyChangeAsk {
  readonly ask: 'keyChange';
  /** Key number; 80 is added for the card's own master key, which becomes an AES key. */
  readonly keyByte: number;
  readonly next: AesKeyRef;
  /** What the card has there now; null: the key of the session, which ends. */
  readonly current: AesKeyRef | null;
  /** The key byte stands at `at`, with room for 40 bytes behind it. */
  readonly bytes: Uint8Array;
  readonly at: number;
}

/**
 * Write a key and its version behind a header, and protect the command as `full`. Answered with how
 * many bytes header, data and MAC then are, or `unknownKey`.
 */
export interface KeyDataAsk {
  readonly ask: 'keyData';
  readonly ins: number;
  readonly key: AesKeyRef;
  /** The header stands at `at`, with room for 40 bytes behind it. */
  readonly bytes: Uint8Array;
  readonly at: number;
  readonly headerLength: number;
}

export type IssuingAsk = FactoryChallengeAsk | FactoryProofAsk | KeyChangeAsk | KeyDataAsk;

/** A dialogue that ends in `R`. */
export type IssuingDialogue<R> = Generator<DesfireAsk | IssuingAsk, R, Answer>;
