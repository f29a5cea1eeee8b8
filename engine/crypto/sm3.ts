/**
 * SM3 (GM/T 0004, GB/T 32905): the hash of SM2 signatures. Own code, for the messages are a few
 * blocks and a call into OpenSSL costs as much as two of them.
 */
import { loadWord, storeWord } from './words.ts';

const SM3_BYTES = 32;
const BLOCK_BYTES = 64;

const INITIAL = Int32Array.of(
  0x7380166f,
  0x4914b2b9,
  0x172442d7,
  0xda8a0600 | 0,
  0xa96f30bc | 0,
  0x163138aa,
  0xe38dee4d | 0,
  0xb0fb0e4e | 0,
);

/** T_j rotated left by j, which is how a round takes it. */
const ROUND = new Int32Array(64);
for (let j = 0; j < 64; j++) ROUND[j] = rotateLeft(j < 16 ? 0x79cc4519 : 0x7a879d8a, j & 31);

const state = new Int32Array(8);
const words = new Int32Array(68);
/** The last block or two: what is left of the message, 80, zeros, its length in bits. */
const tail = new Uint8Array(2 * BLOCK_BYTES);

/** The digest, 32 bytes, of the parts one after the other. */
export function sm3(...parts: readonly Uint8Array[]): Uint8Array {
  const message = parts.length === 1 ? parts[0]! : Buffer.concat(parts);
  const { length } = message;
  state.set(INITIAL);
  const whole = length - (length % BLOCK_BYTES);
  for (let at = 0; at < whole; at += BLOCK_BYTES) compress(message, at);
  const left = length - whole;
  tail.fill(0);
  for (let i = 0; i < left; i++) tail[i] = message[whole + i]!;
  tail[left] = 0x80;
  const end = left + 9 > BLOCK_BYTES ? 2 * BLOCK_BYTES : BLOCK_BYTES;
  storeWord(Math.floor(length / 0x2000_0000), tail, end - 8);
  storeWord(length << 3, tail, end - 4);
  for (let at = 0; at < end; at += BLOCK_BYTES) compress(tail, at);
  const digest = new Uint8Array(SM3_BYTES);
  for (let i = 0; i < 8; i++) storeWord(state[i]!, digest, 4 * i);
  return digest;
}

function rotateLeft(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits));
}

function compress(bytes: Uint8Array, from: number): void {
  expand(bytes, from);
  let [a, b, c, d] = [state[0]!, state[1]!, state[2]!, state[3]!];
  let [e, f, g, h] = [state[4]!, state[5]!, state[6]!, state[7]!];
  for (let j = 0; j < 64; j++) {
    const a12 = rotateLeft(a, 12);
    const ss1 = rotateLeft((a12 + e + ROUND[j]!) | 0, 7);
    const ff = j < 16 ? a ^ b ^ c : (a & b) | (a & c) | (b & c);
    const gg = j < 16 ? e ^ f ^ g : (e & f) | (~e & g);
    const tt1 = (ff + d + (ss1 ^ a12) + (words[j]! ^ words[j + 4]!)) | 0;
    const tt2 = (gg + h + ss1 + words[j]!) | 0;
    d = c;
    c = rotateLeft(b, 9);
    b = a;
    a = tt1;
    h = g;
    g = rotateLeft(f, 19);
    f = e;
    e = tt2 ^ rotateLeft(tt2, 9) ^ rotateLeft(tt2, 17);
  }
  state[0]! ^= a;
  state[1]! ^= b;
  state[2]! ^= c;
  state[3]! ^= d;
  state[4]! ^= e;
  state[5]! ^= f;
  state[6]! ^= g;
  state[7]! ^= h;
}

function expand(bytes: Uint8Array, from: number): void {
  for (let j = 0; j < 16; j++) words[j] = loadWord(bytes, from + 4 * j);
  for (let j = 16; j < 68; j++) {
    const x = words[j - 16]! ^ words[j - 9]! ^ rotateLeft(words[j - 3]!, 15);
    const mixed = x ^ rotateLeft(x, 15) ^ rotateLeft(x, 23);
    words[j] = mixed ^ rotateLeft(words[j - 13]!, 7) ^ words[j - 6]!;
  }
}
