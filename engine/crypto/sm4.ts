/**
 * SM4 (GM/T 0002, GB/T 32907) on one block with a key schedule expanded ahead. One table joins the
 * S-box and the linear transform L; its three rotations are tables of their own. Not constant-time.
 */

/** Words of a key schedule: one for each round. */
export const SM4_SCHEDULE_WORDS = 32;

/** The S-box, row by row. */
const S_BOX = Buffer.from(
  'd690e9fecce13db716b614c228fb2c052b679a762abe04c3aa44132649860699' +
    '9c4250f491ef987a33540b43edcfac62e4b31ca9c908e89580df94fa758f3fa6' +
    '4707a7fcf37317ba83593c19e6854fa8686b81b27164da8bf8eb0f4b70569d35' +
    '1e240e5e6358d1a225227c3b01217887d40046579fd327524c3602e7a0c4c89e' +
    'eabf8ad240c738b5a3f7f2cef96115a1e0ae5da49b341a55ad933230f58cb1e3' +
    '1df6e22e8266ca60c02923ab0d534e6fd5db3745defd8e2f03ff6a726d6c5b51' +
    '8d1baf92bbddbc7f11d95c411f105ad80ac13188a5cd7bbd2d74d012b8e5b4b0' +
    '8969974a0c96777e65b9f109c56ec68418f07dec3adc4d2079ee5f3ed7cb3948',
  'hex',
);

/** System parameter FK. */
const FK = [0xa3b1bac6 | 0, 0x56aa3350, 0x677d9197, 0xb27022dc | 0];
/** Fixed parameters CK: byte j of word i is (4i + j) * 7 mod 256. */
const CK = new Int32Array(SM4_SCHEDULE_WORDS);

const T0 = new Int32Array(256);
const T1 = new Int32Array(256);
const T2 = new Int32Array(256);
const T3 = new Int32Array(256);
/** The S-box as a plain table of words for the key schedule, whose transform differs. */
const S = Int32Array.from(S_BOX);

function rotateLeft(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits));
}

for (let i = 0; i < SM4_SCHEDULE_WORDS; i++) {
  for (let j = 0; j < 4; j++) CK[i] = (CK[i]! << 8) | (((4 * i + j) * 7) & 255);
}
for (let value = 0; value < 256; value++) {
  const s = S[value]! << 24;
  const word = s ^ rotateLeft(s, 2) ^ rotateLeft(s, 10) ^ rotateLeft(s, 18) ^ rotateLeft(s, 24);
  T0[value] = word;
  T1[value] = rotateLeft(word, 24);
  T2[value] = rotateLeft(word, 16);
  T3[value] = rotateLeft(word, 8);
}

/** Expands the key of four words for encryption into `out`, 32 words. */
export function expandSm4(key: Int32Array, out: Int32Array): void {
  let a = key[0]! ^ FK[0]!;
  let b = key[1]! ^ FK[1]!;
  let c = key[2]! ^ FK[2]!;
  let d = key[3]! ^ FK[3]!;
  for (let i = 0; i < SM4_SCHEDULE_WORDS; i++) {
    const x = b ^ c ^ d ^ CK[i]!;
    const s = (S[x >>> 24]! << 24) | (S[(x >>> 16) & 255]! << 16) | (S[(x >>> 8) & 255]! << 8);
    const t = s | S[x & 255]!;
    const next = a ^ t ^ ((t << 13) | (t >>> 19)) ^ ((t << 23) | (t >>> 9));
    out[i] = next;
    a = b;
    b = c;
    c = d;
    d = next;
  }
}

/** Encrypts the block of four words in place. */
export function sm4Block(schedule: Int32Array, block: Int32Array): void {
  let a = block[0]!;
  let b = block[1]!;
  let c = block[2]!;
  let d = block[3]!;
  for (let i = 0; i < SM4_SCHEDULE_WORDS; i += 4) {
    a ^= transform(b ^ c ^ d ^ schedule[i]!);
    b ^= transform(c ^ d ^ a ^ schedule[i + 1]!);
    c ^= transform(d ^ a ^ b ^ schedule[i + 2]!);
    d ^= transform(a ^ b ^ c ^ schedule[i + 3]!);
  }
  block[0] = d;
  block[1] = c;
  block[2] = b;
  block[3] = a;
}

/** T: the S-box on each byte, then L. */
function transform(x: number): number {
  return T0[x >>> 24]! ^ T1[(x >>> 16) & 255]! ^ (T2[(x >>> 8) & 255]! ^ T3[x & 255]!);
}
