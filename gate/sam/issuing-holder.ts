/**
 * Who holds the keys where cards are issued: the port, and the holder in process, which answers
 * what a tap asks and also puts keys into commands. A key's bytes are wiped once enciphered.
 */
import type { AesAnswer, AesAsk } from '../../engine/card/desfire/asks.ts';
import type {
  IssuingAsk,
  IssuingDialogue,
  KeyChangeAsk,
  KeyDataAsk,
} from '../../engine/card/desfire/issuing/asks.ts';
import { writeKeyChange } from '../../engine/crypto/desfire/change-key.ts';
import { Ev1Session } from '../../engine/crypto/desfire/ev1-session.ts';
import {
  FACTORY_RANDOM_BYTES,
  type FactoryScheme,
  FactorySession,
} from '../../engine/crypto/desfire/factory-session.ts';
import type { IssuingKeys } from '../../engine/crypto/desfire/issuing-keys.ts';
import { invariant } from '../../engine/invariant.ts';
import type { CardSession } from '../reader/reader.ts';
import { AesKeyringHolder } from './aes-holder.ts';

export interface IssuingKeyHolder {
  /** What the ask says; bytes of the answer stay as they are until the next ask. */
  answer(ask: AesAsk | IssuingAsk): AesAnswer | Promise<AesAnswer>;
}

const INS_CHANGE_KEY = 0xc4;

export class IssuingKeyringHolder implements IssuingKeyHolder {
  readonly #keys: IssuingKeys;
  readonly #randomBytes: (length: number) => Uint8Array;
  readonly #sessions: AesKeyringHolder;
  readonly #factory = new FactorySession();
  #scheme: FactoryScheme = 'iso';
  #factoryIsOpen = false;

  /** @param randomBytes of node:crypto. */
  constructor(keys: IssuingKeys, randomBytes: (length: number) => Uint8Array) {
    this.#keys = keys;
    this.#randomBytes = randomBytes;
    this.#sessions = new AesKeyringHolder(keys, randomBytes);
  }

  /** As the port says, at once. */
  answer(ask: AesAsk | IssuingAsk): AesAnswer {
    switch (ask.ask) {
      case 'factoryChallenge': {
        this.#endAll();
        this.#scheme = ask.scheme;
        const rndA = new Uint8Array(this.#randomBytes(FACTORY_RANDOM_BYTES));
        return this.#factory.answer(ask.scheme, ask.challenge, rndA);
      }
      case 'factoryProof':
        this.#factoryIsOpen = this.#factory.proves(ask.proof);
        return this.#factoryIsOpen;
      case 'keyChange':
        return this.#changeKey(ask);
      case 'keyData':
        return this.#protectKey(ask);
      default:
        if (ask.ask === 'aesChallenge') this.#factoryIsOpen = false;
        return this.#sessions.answer(ask);
    }
  }

  #endAll(): void {
    this.#factoryIsOpen = false;
    this.#sessions.endSession();
  }

  #changeKey({ keyByte, next, current, bytes, at }: KeyChangeAsk): AesAnswer {
    const key = this.#keys.bytes(next);
    const before = current === null ? null : this.#keys.bytes(current);
    if (key === null || (current !== null && before === null)) {
      this.#endAll();
      return 'unknownKey';
    }
    const change = { keyByte, key, version: next.version, current: before };
    const { session } = this.#sessions;
    let length: number;
    if (session === null) {
      invariant(this.#factoryIsOpen && current === null, 'a session that changes keys');
      const scheme = this.#scheme === 'iso' ? 'crc32' : 'crc16';
      const plain = writeKeyChange({ ...change, scheme }, bytes, at + 1);
      length = padded(bytes, at + 1, plain, 8);
      this.#factory.encipher(bytes, at + 1, length);
      length += 1;
    } else if (session instanceof Ev1Session) {
      const plain = writeKeyChange({ ...change, scheme: 'crc32' }, bytes, at + 1);
      length = padded(bytes, at + 1, plain, 16);
      session.encipher(bytes, at + 1, length);
      length += 1;
    } else {
      const plain = writeKeyChange({ ...change, scheme: 'mac' }, bytes, at + 1);
      length = session.protect(INS_CHANGE_KEY, bytes, at, 1, plain, 'full');
    }
    key.fill(0);
    before?.fill(0);
    // The session's own key: whatever the card answers, there is none any more.
    if (current === null) this.#endAll();
    return length;
  }

  #protectKey({ ins, key: ref, bytes, at, headerLength }: KeyDataAsk): AesAnswer {
    const key = this.#keys.bytes(ref);
    if (key === null) {
      this.#endAll();
      return 'unknownKey';
    }
    const { session } = this.#sessions;
    invariant(session !== null && !(session instanceof Ev1Session), 'a session of EV2');
    bytes.set(key, at + headerLength);
    bytes[at + headerLength + key.length] = ref.version;
    const length = session.protect(ins, bytes, at, headerLength, key.length + 1, 'full');
    key.fill(0);
    return length;
  }
}

/** Zeros to whole blocks; the length with them. */
function padded(bytes: Uint8Array, at: number, length: number, blockBytes: number): number {
  const whole = Math.ceil(length / blockBytes) * blockBytes;
  bytes.fill(0, at + length, at + whole);
  return whole;
}

/** Runs a dialogue with the card that is there and the keys of a holder. */
export async function driveIssuing<R>(
  card: CardSession,
  holder: IssuingKeyHolder,
  dialogue: IssuingDialogue<R>,
): Promise<R> {
  let step = dialogue.next(null);
  while (step.done !== true) {
    const ask = step.value;
    const isCard = ask.ask === 'card';
    step = dialogue.next(isCard ? await card.transceive(ask.apdu) : await holder.answer(ask));
  }
  return step.value;
}
