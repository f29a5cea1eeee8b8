/**
 * Who holds the keys of AES cards: the port, and the holder in process. Card keys are derived and
 * expanded while the card answers SELECT, or were kept from an earlier tap; RndA is drawn ahead; a
 * session's keys never leave. One for each gate, since one session is open at a time.
 */
import type { AesAnswer, AesAsk, AesKeyRef } from '../../engine/card/desfire/asks.ts';
import { AES_RANDOMS_AHEAD } from '../../engine/card-limits.ts';
import {
  type AesCardKey,
  Authentication,
  type AuthenticationKind,
  RANDOM_BYTES,
} from '../../engine/crypto/desfire/authentication.ts';
import { Ev1Session } from '../../engine/crypto/desfire/ev1-session.ts';
import { Ev2Session } from '../../engine/crypto/desfire/ev2-session.ts';
import type { SecureSession } from '../../engine/crypto/desfire/session.ts';
import { invariant } from '../../engine/invariant.ts';
import type { AesCardKeys } from './aes-card-keys.ts';

export interface AesKeyHolder {
  /** Makes a card's key ready ahead. A hint: `answer` works without it. */
  prepare(key: AesKeyRef): void;
  /** What the ask says; bytes of the answer stay as they are until the next ask. */
  answer(ask: AesAsk): AesAnswer | Promise<AesAnswer>;
}

export class AesKeyringHolder implements AesKeyHolder {
  readonly #cards: Pick<AesCardKeys, 'find'>;
  readonly #randomBytes: (length: number) => Uint8Array;
  #randoms = new Uint8Array(0);
  #randomsAt = 0;
  readonly #authentication = new Authentication();
  #kind: AuthenticationKind = 'ev2First';
  #key: AesCardKey | null = null;
  readonly #ev1 = new Ev1Session();
  readonly #ev2 = new Ev2Session();
  /** Null: no session is open. */
  #session: Ev1Session | Ev2Session | null = null;

  /** @param cards the station's, shared by its gates; `randomBytes` of node:crypto. */
  constructor(cards: Pick<AesCardKeys, 'find'>, randomBytes: (length: number) => Uint8Array) {
    this.#cards = cards;
    this.#randomBytes = randomBytes;
  }

  prepare(key: AesKeyRef): void {
    this.#cards.find(key);
    this.#drawAhead();
  }

  /** As the port says, at once. */
  answer(ask: AesAsk): AesAnswer {
    switch (ask.ask) {
      case 'aesProtect': {
        const { ins, bytes, at, headerLength, dataLength, mode } = ask;
        return this.#open().protect(ins, bytes, at, headerLength, dataLength, mode);
      }
      case 'aesUnprotect': {
        const plain = this.#open().unprotect(ask.response, ask.mode, ask.expected);
        if (typeof plain === 'string') this.#session = null;
        return plain;
      }
      case 'aesChallenge':
        return this.#challenge(ask.kind, ask.key, ask.challenge);
      case 'aesProof':
        return this.#prove(ask.proof);
    }
  }

  /** The session that is open, for a holder that also changes keys. */
  get session(): Ev1Session | Ev2Session | null {
    return this.#session;
  }

  endSession(): void {
    this.#session = null;
  }

  #open(): SecureSession {
    invariant(this.#session !== null, 'no session is open');
    return this.#session;
  }

  #challenge(kind: AuthenticationKind, ref: AesKeyRef, challenge: Uint8Array): AesAnswer {
    // EV2NonFirst goes on with what a session before it has.
    const goesOn = kind === 'ev2NonFirst' && this.#session === this.#ev2;
    this.#session = null;
    this.#key = this.#cards.find(ref);
    if (this.#key === null) return 'unknownKey';
    invariant(kind !== 'ev2NonFirst' || goesOn, 'EV2NonFirst without a session');
    this.#kind = kind;
    this.#drawAhead();
    const at = this.#randomsAt;
    this.#randomsAt += RANDOM_BYTES;
    const rndA = this.#randoms.subarray(at, at + RANDOM_BYTES);
    const token = this.#authentication.answer(kind, this.#key, challenge, rndA);
    rndA.fill(0);
    return token;
  }

  #prove(proof: Uint8Array): boolean {
    if (!this.#authentication.proves(proof)) return false;
    const kind = this.#kind;
    if (kind === 'ev1') {
      this.#ev1.open(this.#authentication);
      this.#session = this.#ev1;
    } else {
      this.#ev2.open(this.#key!.cmac, this.#authentication, kind === 'ev2First');
      this.#session = this.#ev2;
    }
    return true;
  }

  #drawAhead(): void {
    if (this.#randomsAt < this.#randoms.length) return;
    this.#randoms = new Uint8Array(this.#randomBytes(AES_RANDOMS_AHEAD * RANDOM_BYTES));
    this.#randomsAt = 0;
  }
}
