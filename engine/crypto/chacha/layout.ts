/** Where things lie in the memory of the ChaCha20-Poly1305 module. */

export const BLOCK_BYTES = 64;
export const LANES = 4;
export const STREAM_BYTES: number = LANES * BLOCK_BYTES;
export const VECTOR_BYTES = 16;
const PAGE_BYTES = 65_536;

/** Where things lie in the module's memory: the key first. */
export const KEY = 0;
/** The last 8 bytes of the nonce; those before them are zero. */
export const NONCE = 32;
/** 16 bytes of ones, then 16 of zeros. */
export const MASK = 48;
/** Of a message that was opened. */
export const TAG = 80;
/** `r` and `s` of Poly1305, out of the first block. */
export const POLY_KEY = 96;
export const STREAM = 128;
/** Associated data, padding, text, padding, lengths. */
export const MESSAGE: number = STREAM + STREAM_BYTES;

/** Longest associated data and text together, with their padding. */
export const MESSAGE_BYTES_MAX: number = PAGE_BYTES - MESSAGE - 2 * VECTOR_BYTES;
