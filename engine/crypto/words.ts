/**
 * 32-bit words of cipher blocks and keys: big-endian in bytes, signed in registers, which is what
 * the bitwise operators give and an Int32Array holds without conversion.
 */

/** Four bytes at `bytes[at]` as a signed word. */
export function loadWord(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
}

export function storeWord(word: number, bytes: Uint8Array, at: number): void {
  bytes[at] = word >>> 24;
  bytes[at + 1] = word >>> 16;
  bytes[at + 2] = word >>> 8;
  bytes[at + 3] = word;
}

/** A 16-byte key (or block) as four words. */
export function loadKey(bytes: Uint8Array, at: number, words: Int32Array): void {
  for (let i = 0; i < 4; i++) words[i] = loadWord(bytes, at + 4 * i);
}

/**
 * The word at `bytes[at]` of a message of `end` bytes after ISO 9797-1 padding method 2: the
 * message, 80, then zeros. Always at least one byte of padding (PBOC e-purse [R]).
 */
export function loadPadded(bytes: Uint8Array, at: number, end: number): number {
  if (at + 4 <= end) return loadWord(bytes, at);
  let word = 0;
  for (let i = 0; i < 4; i++) {
    const byte = at + i < end ? bytes[at + i]! : at + i === end ? 0x80 : 0;
    word = (word << 8) | byte;
  }
  return word;
}
