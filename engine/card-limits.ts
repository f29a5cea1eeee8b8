/**
 * Bounds of what a card may say and of what is kept of cards; every other bound is in `limits.ts`.
 */

/** Short APDU: 4 header bytes, Lc, 255 data bytes, Le (ISO 7816-4, 5.1). */
export const APDU_COMMAND_BYTES_MAX = 261;
/** Short response: 256 data bytes and the status word. */
export const APDU_RESPONSE_BYTES_MAX = 258;
/** GET RESPONSE rounds one command may cause (61xx) before the card is called faulty. */
export const APDU_FOLLOW_UPS_MAX = 4;

/** Frames (91AF) of one DESFire command, and of one answer, before the card is called faulty. */
export const DESFIRE_FRAMES_MAX = 16;
/** The data of one DESFire answer, over all its frames. */
export const DESFIRE_ANSWER_BYTES_MAX = 1024;
/** Input of one transaction MAC: a debit with every record of a full file read. */
export const DESFIRE_TMI_BYTES_MAX = 2048;
/** Longest journey record of such a card at a gate: an evidence event holds two. */
export const EVIDENCE_RECORD_BYTES = 48;
/** AES cards whose keys a holder keeps ready: some 500 bytes each. */
export const AES_CARD_KEYS_MAX = 16_384;
/** RndA drawn at a time, so that no tap waits for random bytes. */
export const AES_RANDOMS_AHEAD = 64;

/** Nesting of constructed BER-TLV objects; an FCI uses three (6F, A5, BF0C). */
export const TLV_DEPTH_MAX = 6;
/** Objects in one TLV tree; a card's answer holds at most 256 bytes. */
export const TLV_OBJECTS_MAX = 64;

/** An RSA modulus of a bank card's chain: 512 to 1984 bits (EMV 4.3 Book 2, D1). */
export const RSA_MODULUS_BYTES_MIN = 64;
export const RSA_MODULUS_BYTES_MAX = 248;
/** Data elements one card may be asked for in a PDOL or DDOL, and what they come to. */
export const DOL_ELEMENTS_MAX = 32;
export const DOL_BYTES_MAX = 252;
/** Lists of a PDOL whose commands a gate keeps made ahead. */
export const PDOLS_KEPT = 64;
/** Applications of one PPSE that are tried. */
export const PPSE_APPLICATIONS_MAX = 8;
/** Services, and names of e-cash, in one table of what citizen cards may carry. */
export const CARD_SERVICES_MAX = 32;
/** Entries of an application file locator and the records they name together. */
export const AFL_ENTRIES_MAX = 8;
export const AFL_RECORDS_MAX = 16;
/** Data elements of one card, of its options and all records. */
export const CARD_ELEMENTS_MAX = 128;
/** Static data that one card's certificate covers. */
export const STATIC_DATA_BYTES_MAX = 2048;
/** A file of CA public keys, the keys in it, and certificates it revokes. */
export const CA_KEYS_FILE_BYTES_MAX = 1024 * 1024;
export const CA_KEYS_MAX = 256;
export const REVOKED_CERTIFICATES_MAX = 8192;
/** Issuer keys kept recovered: an SM2 one is a table of 48 KB. */
export const ISSUER_KEYS_KEPT = 256;
/** What such a key is recovered from, as a station writes it down: two RSA moduli and a head. */
export const ISSUER_CERTIFICATE_BYTES_MAX = 510;
/** Bank cards whose last tap here a station remembers: a busy hour's, some 200 bytes each. */
export const RECENT_TAPS_MAX = 16_384;
/** Elements that a certified kernel hands over. */
export const KERNEL_ELEMENTS_BYTES_MAX = 2048;
/** Unpredictable numbers drawn at a time, so that no tap waits for random bytes. */
export const UNPREDICTABLE_AHEAD = 64;
