/**
 * DES (FIPS 46-3) and two-key triple DES (EDE, keying option 2) on one block, with key schedules
 * expanded ahead. Cards' messages are one to four blocks, where a call into OpenSSL costs far more
 * than the cipher; and OpenSSL 3 has no single DES.
 *
 * The tables are generated from the standard's own: each S-box together with the permutation P
 * gives one table from 6 bits to a word, and the key permutations become lookups of 8 and 7 bits.
 * Halves are kept rotated left by one, so that every 6-bit group of the expansion E lies at bit 0,
 * 8, 16 or 24 of the half or of the half rotated right by four. Not constant-time: tables never
 * are.
 */

/** Words of one DES key schedule: two for each of 16 rounds. */
export const DES_SCHEDULE_WORDS = 32;
/** Words of a two-key EDE schedule: encryption with the left key, decryption with the right. */
export const EDE_SCHEDULE_WORDS = 64;

/** S1 to S8 (FIPS 46-3, appendix 1): four rows of 16 hexadecimal digits each. */
export const S_BOXES = [
  'E4D12FB83A6C59070F74E2D1A6CB953841E8D62BFC973A50FC8249175B3EA06D',
  'F18E6B34972DC05A3D47F28EC01A69B50E7BA4D158C6932FD8A13F42B67C05E9',
  'A09E63F51DC7B428D709346A285ECBF1D6498F30B12C5AE71AD069874FE3B52C',
  '7DE3069A1285BC4FD8B56F03472C1AE9A690CB7DF13E52843F06A1D8945BC72E',
  '2C417AB6853FD0E9EB2C47D150FA3986421BAD78F9C5630EB8C71E2D6F09A453',
  'C1AF92680D34E75BAF427C9561DE0B389EF528C3704A1DB6432C95FABE17608D',
  '4B2EF08D3C975A61D0B7491AE35C2F8614BDC37EAF6805926BD814A7950FE23C',
  'D2846FB1A93E50C71FD8A374C56B0E927B419CE206ADF35821E74A8DFC90356B',
] as const;

/** Permutation P: bit i of the result (from 1, the leftmost) is this bit of the S-boxes' output. */
export const P = [
  16, 7, 20, 21, 29, 12, 28, 17, 1, 15, 23, 26, 5, 18, 31, 10, 2, 8, 24, 14, 32, 27, 3, 9, 19, 13,
  30, 6, 22, 11, 4, 25,
];

/** Permuted choice 1: the bits of the key that make C, then D (28 each). */
export const PC1 = [
  57, 49, 41, 33, 25, 17, 9, 1, 58, 50, 42, 34, 26, 18, 10, 2, 59, 51, 43, 35, 27, 19, 11, 3, 60,
  52, 44, 36, 63, 55, 47, 39, 31, 23, 15, 7, 62, 54, 46, 38, 30, 22, 14, 6, 61, 53, 45, 37, 29, 21,
  13, 5, 28, 20, 12, 4,
];

/** Permuted choice 2: the bits of CD that make the round key; the first 24 all come from C. */
export const PC2 = [
  14, 17, 11, 24, 1, 5, 3, 28, 15, 6, 21, 10, 23, 19, 12, 4, 26, 8, 16, 7, 27, 20, 13, 2, 41, 52,
  31, 37, 47, 55, 30, 40, 51, 45, 33, 48, 44, 49, 39, 56, 34, 53, 46, 42, 50, 36, 29, 32,
];

/** Bit r is set where round r (from 0) moves the key halves by one bit, not two: 0, 1, 8, 15. */
export const SINGLE_SHIFTS = 0x8103;

function rotateLeft(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits));
}

/** One table of 64 words: S-box `box` (from 0), then P, then the rotation by one. */
function combineSP(box: number): Int32Array {
  const table = new Int32Array(64);
  for (let input = 0; input < 64; input++) {
    const row = ((input >> 4) & 2) | (input & 1);
    const output = Number.parseInt(S_BOXES[box]![row * 16 + ((input >> 1) & 15)]!, 16);
    let word = 0;
    for (let bit = 0; bit < 32; bit++) {
      const from = P[bit]! - 1 - box * 4;
      if (from >= 0 && from < 4 && (output >> (3 - from)) & 1) word |= 1 << (31 - bit);
    }
    table[input] = rotateLeft(word, 1);
  }
  return table;
}

const SP1 = combineSP(0);
const SP2 = combineSP(1);
const SP3 = combineSP(2);
const SP4 = combineSP(3);
const SP5 = combineSP(4);
const SP6 = combineSP(5);
const SP7 = combineSP(6);
const SP8 = combineSP(7);

/** PC1 by key byte: word `half * 1024 + byte * 128 + value >> 1` is what that byte gives C or D. */
const KEY_BYTES = new Int32Array(2048);
/** PC2 by 7 bits of a half: word `half * 512 + group * 128 + value`, laid out as `HALF_SHIFTS`. */
const KEY_GROUPS = new Int32Array(1024);
/**
 * Where each 6-bit group of the round key goes in the word made from its half. A round uses groups
 * 1 3 5 7 in one word and 2 4 6 8 in the other, so C gives 1 3 2 4 and D gives 6 8 5 7 from the
 * top.
 */
const GROUP_SHIFTS = [24, 8, 16, 0, 8, 24, 0, 16];

for (const [position, bit] of PC1.entries()) {
  const half = position < 28 ? 0 : 1;
  const mask = 1 << (27 - (position % 28));
  const byte = (bit - 1) >> 3;
  for (let value = 0; value < 128; value++) {
    if ((value >> (6 - ((bit - 1) & 7))) & 1) KEY_BYTES[half * 1024 + byte * 128 + value]! |= mask;
  }
}
for (const [position, bit] of PC2.entries()) {
  const half = position < 24 ? 0 : 1;
  const mask = 1 << (GROUP_SHIFTS[Math.floor(position / 6)]! + 5 - (position % 6));
  const place = bit - 1 - half * 28;
  for (let value = 0; value < 128; value++) {
    const index = half * 512 + Math.floor(place / 7) * 128 + value;
    if ((value >> (6 - (place % 7))) & 1) KEY_GROUPS[index]! |= mask;
  }
}

/** PC1 of a key: C with `half` 0, D with 1024; 28 bits. Parity bits are ignored. */
function keyHalf(high: number, low: number, half: number): number {
  return (
    KEY_BYTES[half + (high >>> 25)]! |
    KEY_BYTES[half + 128 + ((high >>> 17) & 127)]! |
    KEY_BYTES[half + 256 + ((high >>> 9) & 127)]! |
    KEY_BYTES[half + 384 + ((high >>> 1) & 127)]! |
    KEY_BYTES[half + 512 + (low >>> 25)]! |
    KEY_BYTES[half + 640 + ((low >>> 17) & 127)]! |
    KEY_BYTES[half + 768 + ((low >>> 9) & 127)]! |
    KEY_BYTES[half + 896 + ((low >>> 1) & 127)]!
  );
}

/**
 * Expands the DES key of two words into 32 words at `out[at]`. `step` is 2 to write the rounds in
 * order, for encryption, or -2 to write them downwards (`at` is then the last pair), for
 * decryption.
 */
function expandRounds(high: number, low: number, out: Int32Array, at: number, step: number): void {
  let c = keyHalf(high, low, 0);
  let d = keyHalf(high, low, 1024);
  let to = at;
  for (let round = 0; round < 16; round++) {
    if ((SINGLE_SHIFTS >> round) & 1) {
      c = ((c << 1) | (c >>> 27)) & 0xfffffff;
      d = ((d << 1) | (d >>> 27)) & 0xfffffff;
    } else {
      c = ((c << 2) | (c >>> 26)) & 0xfffffff;
      d = ((d << 2) | (d >>> 26)) & 0xfffffff;
    }
    const left =
      KEY_GROUPS[c >>> 21]! |
      KEY_GROUPS[128 + ((c >>> 14) & 127)]! |
      KEY_GROUPS[256 + ((c >>> 7) & 127)]! |
      KEY_GROUPS[384 + (c & 127)]!;
    const right =
      KEY_GROUPS[512 + (d >>> 21)]! |
      KEY_GROUPS[640 + ((d >>> 14) & 127)]! |
      KEY_GROUPS[768 + ((d >>> 7) & 127)]! |
      KEY_GROUPS[896 + (d & 127)]!;
    out[to] = (left & 0xffff0000) | (right & 0xffff);
    out[to + 1] = (left << 16) | (right >>> 16);
    to += step;
  }
}

/** Expands the single-DES key of two words for encryption into `out`, 32 words. */
export function expandDes(high: number, low: number, out: Int32Array): void {
  expandRounds(high, low, out, 0, 2);
}

/** Expands the two-key EDE key of four words for encryption into `out`, 64 words. */
export function expandEde(key: Int32Array, out: Int32Array): void {
  expandRounds(key[0]!, key[1]!, out, 0, 2);
  expandRounds(key[2]!, key[3]!, out, EDE_SCHEDULE_WORDS - 2, -2);
}

/** The schedule of the inverse cipher: within each DES the same round keys in opposite order. */
export function invertSchedule(schedule: Int32Array): Int32Array {
  const inverse = new Int32Array(schedule.length);
  for (let i = 0; i < schedule.length; i += 2) {
    const cipher = i - (i % DES_SCHEDULE_WORDS);
    const from = cipher + DES_SCHEDULE_WORDS - 2 - (i % DES_SCHEDULE_WORDS);
    inverse[i] = schedule[from]!;
    inverse[i + 1] = schedule[from + 1]!;
  }
  return inverse;
}

/** Encrypts the block of two words in place with the first 32 words of `schedule`. */
export function desBlock(schedule: Int32Array, block: Int32Array): void {
  cryptBlock(schedule, 1, block);
}

/** Encrypts the block of two words in place with an EDE schedule. */
export function edeBlock(schedule: Int32Array, block: Int32Array): void {
  cryptBlock(schedule, 3, block);
}

/**
 * IP, 16 rounds for each of `ciphers` (1 or 3; the third of EDE is the first again), and the
 * inverse of IP. IP is a series of exchanges of bits between the halves. Between two ciphers its
 * inverse and itself cancel, which leaves the exchange of halves that ends a cipher.
 *
 * The permutations are written out in this function and in `edePair` on purpose: it makes both too
 * large for V8 to inline elsewhere, so that `f` always fits its budget here, with the tables'
 * addresses as constants. Measured, with helpers instead: a third slower alone, half as fast inside
 * callers.
 */
function cryptBlock(schedule: Int32Array, ciphers: number, block: Int32Array): void {
  let left = block[0]!;
  let right = block[1]!;
  let work = ((left >>> 4) ^ right) & 0x0f0f0f0f;
  right ^= work;
  left ^= work << 4;
  work = ((left >>> 16) ^ right) & 0xffff;
  right ^= work;
  left ^= work << 16;
  work = ((right >>> 2) ^ left) & 0x33333333;
  left ^= work;
  right ^= work << 2;
  work = ((right >>> 8) ^ left) & 0x00ff00ff;
  left ^= work;
  right ^= work << 8;
  right = (right << 1) | (right >>> 31);
  work = (left ^ right) & 0xaaaaaaaa;
  left ^= work;
  right ^= work;
  left = (left << 1) | (left >>> 31);

  for (let cipher = 0; cipher < ciphers; cipher++) {
    const start = (cipher & 1) * DES_SCHEDULE_WORDS;
    for (let k = start; k < start + DES_SCHEDULE_WORDS; k += 4) {
      left ^= f(right, schedule[k]!, schedule[k + 1]!);
      right ^= f(left, schedule[k + 2]!, schedule[k + 3]!);
    }
    work = left;
    left = right;
    right = work;
  }

  left = (left << 31) | (left >>> 1);
  work = (left ^ right) & 0xaaaaaaaa;
  left ^= work;
  right ^= work;
  right = (right << 31) | (right >>> 1);
  work = ((right >>> 8) ^ left) & 0x00ff00ff;
  left ^= work;
  right ^= work << 8;
  work = ((right >>> 2) ^ left) & 0x33333333;
  left ^= work;
  right ^= work << 2;
  work = ((left >>> 16) ^ right) & 0xffff;
  right ^= work;
  left ^= work << 16;
  work = ((left >>> 4) ^ right) & 0x0f0f0f0f;
  right ^= work;
  left ^= work << 4;
  block[0] = left;
  block[1] = right;
}

/**
 * Encrypts two blocks, four words, in place with one EDE schedule: `cryptBlock` on both side by
 * side. A round waits for its lookups; two independent blocks wait together, 1.5 times the time of
 * one.
 */
export function edePair(schedule: Int32Array, blocks: Int32Array): void {
  for (let at = 0; at < 4; at += 2) {
    let left = blocks[at]!;
    let right = blocks[at + 1]!;
    let work = ((left >>> 4) ^ right) & 0x0f0f0f0f;
    right ^= work;
    left ^= work << 4;
    work = ((left >>> 16) ^ right) & 0xffff;
    right ^= work;
    left ^= work << 16;
    work = ((right >>> 2) ^ left) & 0x33333333;
    left ^= work;
    right ^= work << 2;
    work = ((right >>> 8) ^ left) & 0x00ff00ff;
    left ^= work;
    right ^= work << 8;
    right = (right << 1) | (right >>> 31);
    work = (left ^ right) & 0xaaaaaaaa;
    left ^= work;
    right ^= work;
    blocks[at] = (left << 1) | (left >>> 31);
    blocks[at + 1] = right;
  }

  let left0 = blocks[0]!;
  let right0 = blocks[1]!;
  let left1 = blocks[2]!;
  let right1 = blocks[3]!;
  for (let cipher = 0; cipher < 3; cipher++) {
    const start = (cipher & 1) * DES_SCHEDULE_WORDS;
    for (let k = start; k < start + DES_SCHEDULE_WORDS; k += 4) {
      left0 ^= f(right0, schedule[k]!, schedule[k + 1]!);
      left1 ^= f(right1, schedule[k]!, schedule[k + 1]!);
      right0 ^= f(left0, schedule[k + 2]!, schedule[k + 3]!);
      right1 ^= f(left1, schedule[k + 2]!, schedule[k + 3]!);
    }
    const exchanged0 = left0;
    left0 = right0;
    right0 = exchanged0;
    const exchanged1 = left1;
    left1 = right1;
    right1 = exchanged1;
  }
  blocks[0] = left0;
  blocks[1] = right0;
  blocks[2] = left1;
  blocks[3] = right1;

  for (let at = 0; at < 4; at += 2) {
    let left = blocks[at]!;
    let right = blocks[at + 1]!;
    left = (left << 31) | (left >>> 1);
    let work = (left ^ right) & 0xaaaaaaaa;
    left ^= work;
    right ^= work;
    right = (right << 31) | (right >>> 1);
    work = ((right >>> 8) ^ left) & 0x00ff00ff;
    left ^= work;
    right ^= work << 8;
    work = ((right >>> 2) ^ left) & 0x33333333;
    left ^= work;
    right ^= work << 2;
    work = ((left >>> 16) ^ right) & 0xffff;
    right ^= work;
    left ^= work << 16;
    work = ((left >>> 4) ^ right) & 0x0f0f0f0f;
    blocks[at] = left ^ (work << 4);
    blocks[at + 1] = right ^ work;
  }
}

/** The cipher function f: E, the round key, the S-boxes and P. Grouped so that sums overlap. */
function f(half: number, odd: number, even: number): number {
  const a = ((half << 28) | (half >>> 4)) ^ odd;
  const b = half ^ even;
  return (
    SP2[(b >>> 24) & 63]! ^
    SP4[(b >>> 16) & 63]! ^
    (SP6[(b >>> 8) & 63]! ^ SP8[b & 63]!) ^
    (SP1[(a >>> 24) & 63]! ^ SP3[(a >>> 16) & 63]! ^ (SP5[(a >>> 8) & 63]! ^ SP7[a & 63]!))
  );
}
