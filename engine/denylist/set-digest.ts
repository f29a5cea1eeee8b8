/**
 * The digest of a set of keys: XOR and sum of both halves, 16 bytes. It does not depend on order
 * and follows each addition and removal in a few instructions, so that a list of ten million proves
 * in no time what a delta makes of it. Keys are outputs of a MAC, so two sets differ in it but for
 * a chance of 2^-64. It guards against lost and reordered deltas; forgery is the signature's
 * concern.
 */
export const DIGEST_BYTES = 16;
/** XOR of high halves, of low halves, sum of high halves, of low halves. */
export const DIGEST_WORDS = 4;

export function addToDigest(digest: Int32Array, high: number, low: number): void {
  digest[0]! ^= high;
  digest[1]! ^= low;
  digest[2] = digest[2]! + high;
  digest[3] = digest[3]! + low;
}

export function removeFromDigest(digest: Int32Array, high: number, low: number): void {
  digest[0]! ^= high;
  digest[1]! ^= low;
  digest[2] = digest[2]! - high;
  digest[3] = digest[3]! - low;
}

export function sameDigest(a: Int32Array, b: Int32Array): boolean {
  return a[0] === b[0] && a[1] === b[1] && a[2] === b[2] && a[3] === b[3];
}

/** 32 hexadecimal digits. */
export function printDigest(digest: Int32Array): string {
  return [...digest].map((word) => (word >>> 0).toString(16).padStart(8, '0')).join('');
}
