/** HChaCha20 (draft-irtf-cfrg-xchacha-03, 2.2) as the text has it: slow and plain. */
import assert from 'node:assert/strict';

/** The subkey of a 32-byte key and the first 16 bytes of a nonce. */
export function hchacha20(key: Uint8Array, input: Uint8Array): Uint8Array {
  assert(key.length === 32 && input.length === 16);
  const state = Buffer.concat([Buffer.from('expand 32-byte k'), key, input]);
  const words = Array.from({ length: 16 }, (_, i) => state.readUInt32LE(i * 4));
  for (let round = 0; round < 10; round++) {
    for (let i = 0; i < 4; i++) quarterRound(words, i, i + 4, i + 8, i + 12);
    for (let i = 0; i < 4; i++) {
      quarterRound(words, i, 4 + ((i + 1) % 4), 8 + ((i + 2) % 4), 12 + ((i + 3) % 4));
    }
  }
  const out = Buffer.alloc(32);
  for (const [i, word] of [...words.slice(0, 4), ...words.slice(12)].entries()) {
    out.writeUInt32LE(word, i * 4);
  }
  return new Uint8Array(out);
}

function quarterRound(words: number[], a: number, b: number, c: number, d: number): void {
  for (const [first, second] of [
    [16, 12],
    [8, 7],
  ] as const) {
    words[a] = (words[a]! + words[b]!) >>> 0;
    words[d] = rotated(words[d]! ^ words[a]!, first);
    words[c] = (words[c]! + words[d]!) >>> 0;
    words[b] = rotated(words[b]! ^ words[c]!, second);
  }
}

function rotated(word: number, bits: number): number {
  return ((word << bits) | (word >>> (32 - bits))) >>> 0;
}
