/**
 * Every bound of faregate in one place: sizes, depths, counts and times. A structure that could
 * grow takes its bound from here, so that reading this page tells what the worst case is.
 */
import assert from 'node:assert/strict';

/** Short APDU: 4 header bytes, Lc, 255 data bytes, Le (ISO 7816-4, 5.1). */
export const APDU_COMMAND_BYTES_MAX = 261;
/** Short response: 256 data bytes and the status word. */
export const APDU_RESPONSE_BYTES_MAX = 258;
/** GET RESPONSE rounds one command may cause (61xx) before the card is called faulty. */
export const APDU_FOLLOW_UPS_MAX = 4;

/** Nesting of constructed BER-TLV objects; an FCI uses three (6F, A5, BF0C). */
export const TLV_DEPTH_MAX = 6;
/** Objects in one TLV tree; a card's answer holds at most 256 bytes. */
export const TLV_OBJECTS_MAX = 64;

/** A profile file read from disk. */
export const PROFILE_FILE_BYTES_MAX = 64 * 1024;
/** A key file, sealed or in clear. */
export const KEY_FILE_BYTES_MAX = 64 * 1024;
/** Master keys of one use a key ring holds (indexes times versions). */
export const KEYS_PER_USE_MAX = 256;

/** The promise to the rider, from the card's detection to the barrier. */
export const TAP_DEADLINE_MS = 300;
/** Cards whose debit awaits its proof, per station. */
export const UNCONFIRMED_MAX = 10_000;

/** Stations in one fare set: the matrix of one rider class then takes 4 MiB. */
export const FARE_STATIONS_MAX = 1024;
/** Rider classes in one fare set. */
export const FARE_RIDERS_MAX = 32;
/** Fare versions held by one gate: the one in force, the next, and some history. */
export const FARE_VERSIONS_MAX = 8;
/** A fare matrix CSV: 1,024 stations squared at some 100 bytes a row. */
export const FARE_CSV_BYTES_MAX = 256 * 1024 * 1024;

/** Bytes of one journal segment file, preallocated. */
export const JOURNAL_SEGMENT_BYTES = 1024 * 1024;
/** Segments of one gate's journal: with 1 MiB segments 128 MiB, some 300,000 taps. */
export const JOURNAL_SEGMENTS_MAX = 128;
/** Payload of one journal frame. */
export const JOURNAL_FRAME_BYTES_MAX = 4096;

/** Debit records in one uploaded batch. */
export const BATCH_RECORDS_MAX = 4096;
/** One frame between gate and engine. */
export const FRAME_BYTES_MAX = 1024 * 1024;
/** Frames a connection may have waiting in the engine before it stops reading the socket. */
export const FRAMES_WAITING_PER_GATE_MAX = 4;
/** Gates connected to one engine. */
export const GATES_MAX = 20_000;

/** Exceptions one API page returns. */
export const EXCEPTIONS_PAGE_MAX = 200;

assert(JOURNAL_FRAME_BYTES_MAX * 16 <= JOURNAL_SEGMENT_BYTES, 'a segment holds many frames');
