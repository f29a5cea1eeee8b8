/**
 * Layout of the station's shared log (`docs/journal.md`, "One sync for a station"): two files of
 * one size, each with two header slots and then batches. Big-endian.
 *
 *     header 64                          batch 32 + entries, a multiple of 16
 *      0  magic        u32  "FGSL"        0  magic       u32  "FGSB"
 *      4  version      u8                 4  length      u32  of the entries
 *      8  log id       16                 8  generation  u48
 *     24  generation   u48               16  number      u32  in its generation, from 1
 *     30  oldest       u48               20  chain       u32  checksum before, or the header's
 *     36  file size    u32               24  checksum    u32  CRC-32 of 0..24 and the entries
 *     40  former end   u32
 *     44  former chain u32               entry: directory length u16 ‖ name length u16 ‖
 *     60  checksum     u32  of 0..60       position u32 ‖ length u32 ‖ directory ‖ name ‖ bytes
 *
 * A generation fills one file, the next one the other. `oldest` is the first generation that is to
 * be replayed; former end and chain say where the generation before ended. A header goes to the
 * slot that the file's former one is not in, so that a torn one leaves the former whole.
 */
import { crc32 } from 'node:zlib';
import { readU16, readU32, readU48, writeU16, writeU32, writeU48 } from '../../../engine/bytes.ts';

export const LOG_ID_BYTES = 16;
const HEADER_MAGIC = 0x4647534c;
const VERSION = 1;
const HEADER_BYTES = 64;
const HEADER_CHECKSUM_AT = 60;
const SLOT_BYTES = 512;
/** Where the batches of a file begin. */
export const BATCHES_AT: number = 2 * SLOT_BYTES;

const BATCH_MAGIC = 0x46475342;
const BATCH_HEAD_BYTES = 32;
const BATCH_CHECKSUM_AT = 24;
export const BATCH_ALIGNMENT = 16;
const ENTRY_HEAD_BYTES = 12;

export interface LogHeader {
  readonly logId: Uint8Array;
  readonly generation: number;
  readonly oldest: number;
  readonly fileBytes: number;
  readonly formerEnd: number;
  readonly formerChain: number;
}

/** A header as it was read, with its checksum, which the first batch takes as its chain. */
export interface FoundHeader extends LogHeader {
  readonly checksum: number;
}

export interface Entry {
  readonly directory: string;
  readonly name: string;
  readonly position: number;
  /** A view of the bytes read. */
  readonly bytes: Uint8Array;
}

export interface Batch {
  readonly entries: readonly Entry[];
  readonly number: number;
  readonly checksum: number;
  /** Offset of what follows. */
  readonly end: number;
}

/** Which of the two files a generation is in. */
export function fileOf(generation: number): 0 | 1 {
  return generation % 2 === 0 ? 1 : 0;
}

/** Offset of a generation's header in its file. */
export function slotOf(generation: number): number {
  return (Math.floor(generation / 2) % 2) * SLOT_BYTES;
}

/** @returns the 64 bytes and their checksum. */
export function writeHeader(header: LogHeader): { bytes: Uint8Array; checksum: number } {
  const bytes = new Uint8Array(HEADER_BYTES);
  writeU32(bytes, 0, HEADER_MAGIC);
  bytes[4] = VERSION;
  bytes.set(header.logId, 8);
  writeU48(bytes, 24, header.generation);
  writeU48(bytes, 30, header.oldest);
  writeU32(bytes, 36, header.fileBytes);
  writeU32(bytes, 40, header.formerEnd);
  writeU32(bytes, 44, header.formerChain);
  const checksum = crc32(bytes.subarray(0, HEADER_CHECKSUM_AT));
  writeU32(bytes, HEADER_CHECKSUM_AT, checksum);
  return { bytes, checksum };
}

/** The newer of the whole headers in a file's first bytes, or null. */
export function readHeader(bytes: Uint8Array): FoundHeader | null {
  let newest: FoundHeader | null = null;
  for (const at of [0, SLOT_BYTES]) {
    const header = headerAt(bytes.subarray(at, at + HEADER_BYTES));
    if (header && header.generation > (newest?.generation ?? 0)) newest = header;
  }
  return newest;
}

function headerAt(bytes: Uint8Array): FoundHeader | null {
  if (bytes.length < HEADER_BYTES || readU32(bytes, 0) !== HEADER_MAGIC) return null;
  const checksum = readU32(bytes, HEADER_CHECKSUM_AT);
  if (bytes[4] !== VERSION || crc32(bytes.subarray(0, HEADER_CHECKSUM_AT)) !== checksum) {
    return null;
  }
  return {
    logId: bytes.slice(8, 8 + LOG_ID_BYTES),
    generation: readU48(bytes, 24),
    oldest: readU48(bytes, 30),
    fileBytes: readU32(bytes, 36),
    formerEnd: readU32(bytes, 40),
    formerChain: readU32(bytes, 44),
    checksum,
  };
}

/** Entries that are being gathered, with room for the head in front. */
export class BatchBuffer {
  #bytes: Uint8Array;
  #length = BATCH_HEAD_BYTES;

  constructor(bytes: number) {
    this.#bytes = new Uint8Array(bytes);
  }

  /** What it would take on the disk. */
  get length(): number {
    return (this.#length + BATCH_ALIGNMENT - 1) & -BATCH_ALIGNMENT;
  }

  get isEmpty(): boolean {
    return this.#length === BATCH_HEAD_BYTES;
  }

  clear(): void {
    this.#length = BATCH_HEAD_BYTES;
  }

  /** Bytes that an entry takes. */
  static entryBytes(path: EntryPath, length: number): number {
    return ENTRY_HEAD_BYTES + path.directory.length + path.name.length + length;
  }

  add(path: EntryPath, position: number, bytes: Uint8Array): void {
    const { directory, name } = path;
    const needed = this.#length + BatchBuffer.entryBytes(path, bytes.length) + BATCH_ALIGNMENT;
    if (needed > this.#bytes.length) this.#grow(needed);
    const out = this.#bytes;
    let at = this.#length;
    writeU16(out, at, directory.length);
    writeU16(out, at + 2, name.length);
    writeU32(out, at + 4, position);
    writeU32(out, at + 8, bytes.length);
    at += ENTRY_HEAD_BYTES;
    out.set(directory, at);
    at += directory.length;
    out.set(name, at);
    at += name.length;
    out.set(bytes, at);
    this.#length = at + bytes.length;
  }

  /** Writes the head. @returns the bytes to be written and their checksum. */
  seal(generation: number, number: number, chain: number): { bytes: Uint8Array; checksum: number } {
    const end = this.length;
    const bytes = this.#bytes.subarray(0, end);
    bytes.fill(0, this.#length, end);
    bytes.fill(0, 0, BATCH_HEAD_BYTES);
    writeU32(bytes, 0, BATCH_MAGIC);
    writeU32(bytes, 4, this.#length - BATCH_HEAD_BYTES);
    writeU48(bytes, 8, generation);
    writeU32(bytes, 16, number);
    writeU32(bytes, 20, chain);
    const checksum = checksumOf(bytes, 0, this.#length);
    writeU32(bytes, BATCH_CHECKSUM_AT, checksum);
    return { bytes, checksum };
  }

  #grow(needed: number): void {
    const grown = new Uint8Array(Math.max(needed, 2 * this.#bytes.length));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
  }
}

/** A file's directory and name as an entry has them, in UTF-8. */
export interface EntryPath {
  readonly directory: Uint8Array;
  readonly name: Uint8Array;
}

function checksumOf(bytes: Uint8Array, at: number, length: number): number {
  const head = crc32(bytes.subarray(at, at + BATCH_CHECKSUM_AT));
  return crc32(bytes.subarray(at + BATCH_HEAD_BYTES, at + length), head);
}

/**
 * The whole batch of a generation at `bytes[at]`, or null. What it chains to is told apart from
 * whether it is whole: `chain` null takes any.
 */
export function readBatch(
  bytes: Uint8Array,
  at: number,
  generation: number,
  chain: number | null,
): Batch | null {
  if (at + BATCH_HEAD_BYTES > bytes.length || readU32(bytes, at) !== BATCH_MAGIC) return null;
  const length = BATCH_HEAD_BYTES + readU32(bytes, at + 4);
  if (at + length > bytes.length || readU48(bytes, at + 8) !== generation) return null;
  const checksum = readU32(bytes, at + BATCH_CHECKSUM_AT);
  if (checksumOf(bytes, at, length) !== checksum) return null;
  if (chain !== null && readU32(bytes, at + 20) !== chain) return null;
  const entries = readEntries(bytes.subarray(at + BATCH_HEAD_BYTES, at + length));
  if (!entries) return null;
  const end = (at + length + BATCH_ALIGNMENT - 1) & -BATCH_ALIGNMENT;
  return { entries, number: readU32(bytes, at + 16), checksum, end };
}

function readEntries(bytes: Uint8Array): Entry[] | null {
  const entries: Entry[] = [];
  const text = new TextDecoder();
  for (let at = 0; at < bytes.length; ) {
    if (at + ENTRY_HEAD_BYTES > bytes.length) return null;
    const directoryAt = at + ENTRY_HEAD_BYTES;
    const nameAt = directoryAt + readU16(bytes, at);
    const bytesAt = nameAt + readU16(bytes, at + 2);
    const end = bytesAt + readU32(bytes, at + 8);
    if (end > bytes.length) return null;
    entries.push({
      directory: text.decode(bytes.subarray(directoryAt, nameAt)),
      name: text.decode(bytes.subarray(nameAt, bytesAt)),
      position: readU32(bytes, at + 4),
      bytes: bytes.subarray(bytesAt, end),
    });
    at = end;
  }
  return entries;
}
