/**
 * What a DESFire dialogue asks: commands of the card, and all that needs a key of whoever holds the
 * keys, so that neither card keys nor session keys are ever here. The asks are those a SAM answers
 * (authenticate in two halves, apply and remove secure messaging); one session is open at a time,
 * for the card in the field. Transaction MACs are the back office's: a gate holds no key of them.
 */
import type { Answer, CardAsk, CardFault } from '../dialogue.ts';

/** What a key is for: `card` and `application` are the master keys of the card and its purse. */
export type AesKeyUse = 'debit' | 'load' | 'identity' | 'transactionMac' | 'card' | 'application';

/** What the key holder needs to find a card's key. */
export interface AesKeyRef {
  /** `factory`: what a new application has in the place of each key, all zeros. */
  readonly use: AesKeyUse | 'factory';
  /** Of the master key, 0 to 255. */
  readonly version: number;
  /** AID or DF name, 1 to 16 bytes: schemes' masters may differ under one version. */
  readonly application: Uint8Array;
  /**
   * Input of AN10922, 1 to 31 bytes (UID ‖ application ‖ system); null: the card has the master
   * key itself.
   */
  readonly input: Uint8Array | null;
  /** AN10922's padding to 32 bytes; false: plain CMAC, as some issuers have it. */
  readonly padTo32: boolean;
}

export type AuthenticationKind = 'ev1' | 'ev2First' | 'ev2NonFirst';

/** How a command or an answer is protected. */
export type CommMode = 'plain' | 'mac' | 'full';

/** Answer the card's challenge. Answered with 32 bytes, or with why there is no answer. */
export interface ChallengeAsk {
  readonly ask: 'aesChallenge';
  readonly kind: AuthenticationKind;
  readonly key: AesKeyRef;
  /** E(RndB), 16 bytes. */
  readonly challenge: Uint8Array;
}

/** Check the card's own proof and open the session. Answered with a boolean. */
export interface ProofAsk {
  readonly ask: 'aesProof';
  /** What the card sent; of another length than 16 or 32 bytes it is no proof. */
  readonly proof: Uint8Array;
}

/** Protect a command in place. Answered with how many bytes header, data and MAC then are. */
export interface ProtectAsk {
  readonly ask: 'aesProtect';
  readonly ins: number;
  /** Header and data begin at `at`, with room for 24 bytes more behind them. */
  readonly bytes: Uint8Array;
  readonly at: number;
  readonly headerLength: number;
  readonly dataLength: number;
  readonly mode: CommMode;
}

/** Check an answer and take its protection off. Answered with the plain data, or why not. */
export interface UnprotectAsk {
  readonly ask: 'aesUnprotect';
  /** Data ‖ MAC ‖ 9100, of all frames. */
  readonly response: Uint8Array;
  readonly mode: CommMode;
  /** Bytes of plain data, or -1 where the command's answer has no one length. */
  readonly expected: number;
}

export type AesAsk = ChallengeAsk | ProofAsk | ProtectAsk | UnprotectAsk;
export type DesfireAsk = CardAsk | AesAsk;

/** Why an answer of the card is not accepted. */
export type ForgedReason = 'truncated' | 'overlong' | 'replayed' | 'macInvalid' | 'paddingInvalid';

/** What a key holder answers an `AesAsk` with. */
export type AesAnswer = Uint8Array | number | boolean | ForgedReason | 'unknownKey';

/** A dialogue that ends in `R`. */
export type DesfireDialogue<R> = Generator<DesfireAsk, R, Answer>;

/** Why a dialogue could not go on: what any card may do, and what only these can. */
export type DesfireFault =
  | CardFault
  /** An answer did not verify; nothing in it is used. `notAuthentic`: the card lacks the key. */
  | {
      readonly fault: 'forged';
      readonly command: string;
      readonly why: ForgedReason | 'notAuthentic';
    }
  /** The key holder has no such key. */
  | { readonly fault: 'keyUnknown'; readonly command: string };
