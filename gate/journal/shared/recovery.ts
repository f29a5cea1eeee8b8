/**
 * Reads a station's shared log back, and brings the files of its gates up to it. A whole batch that
 * follows a bad one says that the bad one had been durable: that is damage. A bad batch that
 * nothing follows is the one that a cut tore: it had been promised to nobody.
 */

import { crc32 } from 'node:zlib';
import { equalBytes, isAllZero, readU32, writeU32 } from '../../../engine/bytes.ts';
import { FaregateError } from '../../../engine/errors.ts';
import { SHARED_LOG_FILE_BYTES_MAX } from '../../../engine/limits.ts';
import type { Disk, DiskFile } from '../disk.ts';
import {
  BATCH_ALIGNMENT,
  BATCHES_AT,
  type Batch,
  type Entry,
  type FoundHeader,
  fileOf,
  LOG_ID_BYTES,
  readBatch,
  readHeader,
} from './layout.ts';

export const logNames = ['shared-0.log', 'shared-1.log'] as const;
/** In a gate's directory: whose log holds its last writes. Id(16) ‖ CRC-32(4) ‖ zeros. */
export const MARKER = 'shared-log';
const MARKER_BYTES = 32;

export interface FoundLog {
  readonly files: readonly [DiskFile, DiskFile];
  readonly logId: Uint8Array;
  readonly fileBytes: number;
  readonly generation: number;
  /** Where the last generation ends, and its last checksum. */
  readonly end: number;
  readonly chain: number;
  /** What is to be written to the gates' files, in order. */
  readonly entries: readonly Entry[];
}

/**
 * Reads the log in `disk`, or null where there is none yet (also where making it was cut off).
 * @throws FaregateError JOURNAL_CORRUPT naming file and offset.
 */
export async function readLog(disk: Disk): Promise<FoundLog | null> {
  const present = await disk.list();
  const names = logNames.filter((name) => present.includes(name));
  const files: DiskFile[] = [];
  const headers: (FoundHeader | null)[] = [];
  for (const name of names) {
    const file = await disk.open(name);
    files.push(file);
    // What a killed process wrote may be read, and not be durable yet.
    await file.sync();
    headers.push(readHeader(await file.read(0, BATCHES_AT)));
  }
  const last = newest(headers);
  if (!last) {
    await removeUnused(disk, files, names);
    return null;
  }
  if (files.length < 2) throw corrupt(present.includes(logNames[0]) ? 1 : 0, 0, 'is missing');
  const bytes: Uint8Array[] = [];
  for (const [i, file] of files.entries()) {
    const each = await file.read(0, last.fileBytes);
    if (each.length !== last.fileBytes) throw corrupt(i, each.length, 'is cut short');
    bytes.push(each);
  }
  const former = headers[fileOf(last.generation - 1)];
  if (last.generation > 1 && former?.generation !== last.generation - 1) {
    throw corrupt(fileOf(last.generation - 1), 0, 'the header is damaged');
  }
  const entries: Entry[] = [];
  if (last.oldest < last.generation) {
    const walked = walk(bytes, former!, entries);
    if (walked.end !== last.formerEnd || walked.chain !== last.formerChain) {
      throw corrupt(fileOf(former!.generation), walked.end, 'a durable batch is damaged');
    }
  }
  const { end, chain } = walk(bytes, last, entries);
  const { logId, fileBytes, generation } = last;
  return { files: [files[0]!, files[1]!], logId, fileBytes, generation, end, chain, entries };
}

function newest(headers: readonly (FoundHeader | null)[]): FoundHeader | null {
  const found = headers.filter((header) => header !== null);
  return found.sort((a, b) => b.generation - a.generation)[0] ?? null;
}

/**
 * Removes what the making of a log left, cut off before its first header: batches come only after
 * that is durable.
 */
async function removeUnused(
  disk: Disk,
  files: readonly DiskFile[],
  names: readonly string[],
): Promise<void> {
  for (const file of files) {
    const bytes = await file.read(0, SHARED_LOG_FILE_BYTES_MAX);
    if (!isAllZero(bytes.subarray(BATCHES_AT))) {
      throw corrupt(files.indexOf(file), 0, 'neither file has a header');
    }
    await file.close();
  }
  for (const name of names) await disk.remove(name);
}

/** Takes the batches of a generation up to the first that is not whole. */
function walk(
  files: readonly Uint8Array[],
  header: FoundHeader,
  entries: Entry[],
): { end: number; chain: number } {
  const { generation } = header;
  const bytes = files[fileOf(generation)]!;
  let end = BATCHES_AT;
  let chain = header.checksum;
  let number = 1;
  for (;;) {
    const batch: Batch | null = readBatch(bytes, end, generation, chain);
    if (batch?.number !== number) break;
    for (const entry of batch.entries) entries.push(entry);
    ({ end, checksum: chain } = batch);
    number += 1;
  }
  for (let at = end; at < bytes.length; at += BATCH_ALIGNMENT) {
    const later = readBatch(bytes, at, generation, null);
    if (later && later.number > number) {
      throw corrupt(
        fileOf(generation),
        end,
        `batch ${number} is damaged, ${later.number} is whole`,
      );
    }
  }
  return { end, chain };
}

/**
 * Writes what the log holds to the files it is for and makes it durable. A directory that is gone,
 * or that no longer waits for this log, has nothing to be brought up to, nor has a removed file.
 * @param openDirectory gives the directory, or null where there is none.
 */
export async function replay(
  found: FoundLog,
  openDirectory: (directory: string) => Promise<Disk | null>,
): Promise<void> {
  const byDirectory = new Map<string, Map<string, Entry[]>>();
  for (const entry of found.entries) {
    const files = byDirectory.get(entry.directory) ?? new Map<string, Entry[]>();
    byDirectory.set(entry.directory, files);
    files.set(entry.name, [...(files.get(entry.name) ?? []), entry]);
  }
  for (const [directory, files] of byDirectory) {
    const disk = await openDirectory(directory);
    if (!disk) continue;
    try {
      const owner = await readMarker(disk);
      if (owner && equalBytes(owner, found.logId)) await replayFiles(disk, files);
    } finally {
      await disk.close();
    }
  }
}

async function replayFiles(disk: Disk, files: ReadonlyMap<string, Entry[]>): Promise<void> {
  const present = await disk.list();
  for (const [name, entries] of files) {
    if (!present.includes(name)) continue;
    const file = await disk.open(name);
    try {
      for (const { bytes, position } of entries) await file.write(bytes, position);
      await file.sync();
    } finally {
      await file.close();
    }
  }
}

/** Whose log a directory waits for, or null. */
export async function readMarker(disk: Disk): Promise<Uint8Array | null> {
  if (!(await disk.list()).includes(MARKER)) return null;
  const file = await disk.open(MARKER);
  try {
    // A killed process may have written it, and not synced it.
    await file.sync();
    const bytes = await file.read(0, MARKER_BYTES);
    const logId = bytes.slice(0, LOG_ID_BYTES);
    // A marker that was never finished: its log had not been told of the directory.
    const isWhole = bytes.length === MARKER_BYTES && readU32(bytes, LOG_ID_BYTES) === crc32(logId);
    return isWhole && !isAllZero(logId) ? logId : null;
  } finally {
    await file.close();
  }
}

/** Makes a directory wait for a log, durably. */
export async function writeMarker(disk: Disk, logId: Uint8Array): Promise<void> {
  if ((await disk.list()).includes(MARKER)) await disk.remove(MARKER);
  const file = await disk.preallocate(MARKER, MARKER_BYTES);
  try {
    const bytes = new Uint8Array(MARKER_BYTES);
    bytes.set(logId);
    writeU32(bytes, LOG_ID_BYTES, crc32(logId));
    await file.write(bytes, 0);
    await file.sync();
  } finally {
    await file.close();
  }
}

function corrupt(file: number, offset: number, what: string): FaregateError {
  return new FaregateError('JOURNAL_CORRUPT', `${logNames[file]}, byte ${offset}: ${what}`);
}
