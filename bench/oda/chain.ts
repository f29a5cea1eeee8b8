/** A card's RSA chain verified as one would write it: by node:crypto key by key, and on BigInt. */
import { constants, createHash, createPublicKey, publicDecrypt } from 'node:crypto';

/** What a card and its terminal know, by what it is. */
export interface PlainChain {
  readonly caModulus: Uint8Array;
  readonly caExponent: Uint8Array;
  readonly issuerCertificate: Uint8Array;
  readonly issuerRemainder: Uint8Array;
  readonly issuerExponent: Uint8Array;
  readonly cardCertificate: Uint8Array;
  readonly cardRemainder: Uint8Array;
  readonly cardExponent: Uint8Array;
  readonly staticData: Uint8Array;
  readonly signature: Uint8Array;
  /** What the terminal adds to the signature. */
  readonly signed: Uint8Array;
}

type Recover = (modulus: Uint8Array, exponent: Uint8Array, signature: Uint8Array) => Uint8Array;

export function nodeChain(chain: PlainChain): boolean {
  return verify(chain, (modulus, exponent, signature) => {
    const [n, e] = [modulus, exponent].map((part) => Buffer.from(part).toString('base64url'));
    const jwk = { kty: 'RSA', n: n!, e: e! };
    const key = createPublicKey({ key: jwk, format: 'jwk' });
    return publicDecrypt({ key, padding: constants.RSA_NO_PADDING }, signature);
  });
}

export function bigIntChain(chain: PlainChain): boolean {
  return verify(chain, (modulus, exponent, signature) => {
    const number = (bytes: Uint8Array) => BigInt(`0x${Buffer.from(bytes).toString('hex')}`);
    const n = number(modulus);
    let result = 1n;
    let square = number(signature);
    for (let left = number(exponent); left > 0n; left >>= 1n) {
      if (left & 1n) result = (result * square) % n;
      square = (square * square) % n;
    }
    return Buffer.from(result.toString(16).padStart(2 * modulus.length, '0'), 'hex');
  });
}

function verify(chain: PlainChain, recover: Recover): boolean {
  const issuer = recover(chain.caModulus, chain.caExponent, chain.issuerCertificate);
  if (!isSound(issuer, [chain.issuerRemainder, chain.issuerExponent])) return false;
  const issuerModulus = modulusIn(issuer, 13, 15, chain.issuerRemainder);
  const card = recover(issuerModulus, chain.issuerExponent, chain.cardCertificate);
  const more = [chain.cardRemainder, chain.cardExponent, chain.staticData];
  if (!isSound(card, more)) return false;
  const cardModulus = modulusIn(card, 19, 21, chain.cardRemainder);
  return isSound(recover(cardModulus, chain.cardExponent, chain.signature), [chain.signed]);
}

/** Header, trailer and hash. */
function isSound(block: Uint8Array, more: readonly Uint8Array[]): boolean {
  const end = block.length - 21;
  const hashed = Buffer.concat([block.subarray(1, end), ...more]);
  const digest = createHash('sha1').update(hashed).digest();
  return block[0] === 0x6a && block.at(-1) === 0xbc && digest.equals(block.subarray(end, end + 20));
}

function modulusIn(
  block: Uint8Array,
  lengthAt: number,
  at: number,
  remainder: Uint8Array,
): Uint8Array {
  const whole = Buffer.concat([block.subarray(at, block.length - 21), remainder]);
  return whole.subarray(0, block[lengthAt]!);
}
