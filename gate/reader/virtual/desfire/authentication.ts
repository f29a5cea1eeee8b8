/**
 * The card's half of an authentication: the challenge it sends, and what it makes of the answer.
 * AES keys only; AuthenticateAES (EV1) and AuthenticateEV2First and NonFirst (EV2, EV3, Light).
 */
import { decryptCbc, encryptCbc, ev1Key, ev2Key, join, rotated, ZERO_BLOCK } from './crypto.ts';
import { type CardSide, Ev1Side, Ev2Side } from './session.ts';

export type Kind = 'ev1' | 'ev2First' | 'ev2NonFirst';

/** An authentication whose challenge was sent. */
export interface Begun {
  readonly kind: Kind;
  readonly keyNumber: number;
  readonly key: Uint8Array;
  readonly rndB: Uint8Array;
  /** E(RndB), 16 bytes. */
  readonly challenge: Uint8Array;
  /** The session that EV2NonFirst goes on with. */
  readonly before: Ev2Side | null;
}

export function begin(
  kind: Kind,
  keyNumber: number,
  key: Uint8Array,
  rndB: Uint8Array,
  before: CardSide | null,
): Begun {
  const challenge = encryptCbc(key, ZERO_BLOCK, rndB);
  return {
    kind,
    keyNumber,
    key,
    rndB,
    challenge,
    before: before instanceof Ev2Side ? before : null,
  };
}

/** The session and what proves the card's key, or null: the reader does not know it. */
export function finish(
  begun: Begun,
  token: Uint8Array,
  newTi: Uint8Array,
): { readonly side: CardSide; readonly proof: Uint8Array } | null {
  const { kind, key, keyNumber, rndB, challenge, before } = begun;
  if (token.length !== 32) return null;
  const plain = decryptCbc(key, kind === 'ev1' ? challenge : ZERO_BLOCK, token);
  const rndA = plain.slice(0, 16);
  if (Buffer.compare(plain.subarray(16), rotated(rndB)) !== 0) return null;
  if (kind === 'ev1') {
    const proof = encryptCbc(key, token.subarray(16), rotated(rndA));
    return { side: new Ev1Side(keyNumber, ev1Key(rndA, rndB)), proof };
  }
  const keys = {
    enc: ev2Key(key, [0xa5, 0x5a], rndA, rndB),
    mac: ev2Key(key, [0x5a, 0xa5], rndA, rndB),
  };
  if (kind === 'ev2NonFirst') {
    const side = new Ev2Side(keyNumber, keys, before!.ti, before!.counter);
    return { side, proof: encryptCbc(key, ZERO_BLOCK, rotated(rndA)) };
  }
  const said = join(newTi, rotated(rndA), new Uint8Array(12));
  const side = new Ev2Side(keyNumber, keys, newTi, 0);
  return { side, proof: encryptCbc(key, ZERO_BLOCK, said) };
}
