/**
 * One log for all gates of a station, so that one sync makes the intents of many gates durable. A
 * gate's journal writes to its own files as ever (`shared-disk.ts`); the bytes are durable once the
 * log has them, and reach the gate's files later: each generation of the log is let go of when the
 * files it speaks of were synced themselves.
 */
import assert from 'node:assert/strict';
import { FaregateError } from '../../../engine/errors.ts';
import {
  SHARED_LOG_BATCH_BYTES_MAX,
  SHARED_LOG_FILE_BYTES,
  SHARED_LOG_FILE_BYTES_MAX,
} from '../../../engine/limits.ts';
import { Deferred } from '../deferred.ts';
import type { Disk, DiskFile } from '../disk.ts';
import {
  BATCH_ALIGNMENT,
  BATCHES_AT,
  BatchBuffer,
  type EntryPath,
  fileOf,
  LOG_ID_BYTES,
  slotOf,
  writeHeader,
} from './layout.ts';
import { type FoundLog, logNames, readLog, replay } from './recovery.ts';

export interface SharedLogOptions {
  /** The log's own from here on: closed by `end`, and when opening fails. */
  readonly disk: Disk;
  /**
   * Opens the directory an entry names, as `SharedDisk` was given it, or null where it is gone. It
   * is closed again before `open` resolves.
   */
  readonly openDirectory: (directory: string) => Promise<Disk | null>;
  readonly random: (bytes: number) => Uint8Array;
  /** Size of each of the two files of a new log; SHARED_LOG_FILE_BYTES where absent. */
  readonly fileBytes?: number;
  /** Bytes of one batch; SHARED_LOG_BATCH_BYTES_MAX where absent. */
  readonly batchBytes?: number;
  /** Called once when the log fails for good: the process should stop. */
  readonly failed?: (error: FaregateError) => void;
}

/** What has bytes in the log that are not yet where they belong. */
export interface Debtor {
  /** Oldest generation with such bytes, or null. */
  readonly owesSince: number | null;
  /** Brings its file up to all it was given before the call, durably. */
  settle(): Promise<void>;
}

interface Gathered {
  readonly buffer: BatchBuffer;
  /** Ticket of the last entry in it. */
  ticket: number;
  /** What everybody waits for whose entries are in it; null where nobody does. */
  durable: Deferred | null;
}

const DURABLE: Promise<void> = Promise.resolve();
/** Buffers at first; they grow to what a busy station gathers during one sync. */
const BUFFER_BYTES_MIN = 16 * 1024;

export class SharedLog {
  readonly logId: Uint8Array;
  readonly #disk: Disk;
  readonly #files: readonly [DiskFile, DiskFile];
  readonly #fileBytes: number;
  readonly #batchBytes: number;
  readonly #onFailure: (error: FaregateError) => void;
  readonly #debtors = new Set<Debtor>();
  #generation: number;
  #offset = BATCHES_AT;
  #number = 0;
  #chain = 0;
  /** Batches in order; the last one is being gathered. */
  #queue: Gathered[] = [];
  /** The batch on its way to the disk. */
  #flying: Gathered | null = null;
  readonly #spare: BatchBuffer[] = [];
  #tickets = 0;
  #durable = 0;
  #running: Promise<void> | null = null;
  /** Settles the generation before the one being written. */
  #settling: Promise<void> = DURABLE;
  #failure: FaregateError | null = null;

  private constructor(options: SharedLogOptions, found: Omit<FoundLog, 'entries'>) {
    this.#disk = options.disk;
    this.#onFailure = options.failed ?? (() => {});
    this.#files = found.files;
    this.#fileBytes = found.fileBytes;
    this.#batchBytes = options.batchBytes ?? SHARED_LOG_BATCH_BYTES_MAX;
    assert(this.#fileBytes >= BATCHES_AT + 2 * this.#batchBytes, 'a batch fits half a file');
    this.logId = found.logId;
    this.#generation = found.generation;
    this.#offset = found.end;
    this.#chain = found.chain;
  }

  /**
   * Opens the station's log, or makes it, and brings every gate's files up to it.
   * @throws FaregateError JOURNAL_CORRUPT (file and offset named), DISK_FULL, DISK_FAILED.
   */
  static async open(options: SharedLogOptions): Promise<SharedLog> {
    const { disk, openDirectory } = options;
    try {
      const found = await readLog(disk);
      if (found) await replay(found, openDirectory);
      const log = new SharedLog(options, found ?? (await create(options)));
      // Nothing of what was replayed is ever replayed again, over newer bytes.
      await log.#begin(log.#generation + 1);
      return log;
    } catch (error) {
      await disk.close();
      throw error;
    }
  }

  /** Generation that bytes appended now are counted to. */
  get generation(): number {
    return this.#generation;
  }

  addDebtor(debtor: Debtor): void {
    this.#debtors.add(debtor);
  }

  /** Forgets a file that is settled or removed. */
  dropDebtor(debtor: Debtor): void {
    this.#debtors.delete(debtor);
  }

  /** Takes bytes for a file; they are copied. @returns what `synced` is asked with. */
  append(path: EntryPath, position: number, bytes: Uint8Array): number {
    if (this.#failure) throw this.#failure;
    const pieceBytes = this.#batchBytes >>> 1;
    for (let at = 0; at === 0 || at < bytes.length; at += pieceBytes) {
      const piece = bytes.subarray(at, at + pieceBytes);
      const { buffer } = this.#gatherFor(BatchBuffer.entryBytes(path, piece.length));
      buffer.add(path, position + at, piece);
    }
    this.#tickets += 1;
    this.#queue.at(-1)!.ticket = this.#tickets;
    return this.#tickets;
  }

  /** Resolves when everything up to `ticket` is durable. */
  synced(ticket: number): Promise<void> {
    if (ticket <= this.#durable) return DURABLE;
    if (this.#failure) return Promise.reject(this.#failure);
    const isFlying = this.#flying !== null && ticket <= this.#flying.ticket;
    const batch = isFlying ? this.#flying! : this.#queue.at(-1)!;
    batch.durable ??= new Deferred();
    this.#running ??= this.#run();
    return batch.durable.promise;
  }

  /**
   * Closes the log after its disks: by then nobody owes anything, so it ends empty.
   */
  async end(): Promise<void> {
    await this.#running;
    await this.#settling;
    if (!this.#failure && this.#debtors.size === 0) await this.#begin(this.#generation + 1);
    for (const file of this.#files) await file.close();
    await this.#disk.close();
  }

  /** The first error is the log's; everybody who waits gets it. */
  fail(error: unknown): void {
    if (this.#failure) return;
    this.#failure =
      error instanceof FaregateError && error.code === 'DISK_FAILED'
        ? error
        : new FaregateError('DISK_FAILED', `the shared log stopped: ${error}`, { cause: error });
    for (const { durable } of this.#queue) durable?.reject(this.#failure);
    this.#queue = [];
    this.#onFailure(this.#failure);
  }

  #gatherFor(bytes: number): Gathered {
    const last = this.#queue.at(-1);
    const fits = last && last.buffer.length + bytes <= this.#batchBytes;
    if (last && (fits || last.buffer.isEmpty)) return last;
    const buffer = this.#spare.pop() ?? new BatchBuffer(BUFFER_BYTES_MIN);
    const gathered = { buffer, ticket: this.#tickets, durable: null };
    this.#queue.push(gathered);
    return gathered;
  }

  async #run(): Promise<void> {
    try {
      while (this.#queue.length > 0 && !this.#failure) await this.#writeBatch();
    } catch (error) {
      this.fail(error);
    } finally {
      this.#running = null;
    }
  }

  async #writeBatch(): Promise<void> {
    const { buffer } = this.#queue[0]!;
    if (this.#offset + buffer.length + BATCH_ALIGNMENT > this.#fileBytes) {
      await this.#turnOver();
      return;
    }
    const batch = this.#queue.shift()!;
    this.#flying = batch;
    try {
      const number = this.#number + 1;
      const { bytes, checksum } = buffer.seal(this.#generation, number, this.#chain);
      const file = this.#files[fileOf(this.#generation)];
      await file.writeDurably(bytes, this.#offset);
      this.#number = number;
      this.#chain = checksum;
      this.#offset += bytes.length;
      this.#durable = batch.ticket;
    } catch (error) {
      this.fail(error);
      batch.durable?.reject(this.#failure!);
      return;
    } finally {
      this.#flying = null;
    }
    batch.durable?.resolve();
    buffer.clear();
    if (this.#spare.length < 2) this.#spare.push(buffer);
  }

  /** Goes on in the other file, once the generation in it is settled; then settles this one. */
  async #turnOver(): Promise<void> {
    await this.#settling;
    if (this.#failure) return;
    const full = this.#generation;
    await this.#begin(full + 1, full);
    this.#settling = this.#settle(full).catch((error: unknown) => this.fail(error));
  }

  async #settle(generation: number): Promise<void> {
    for (const debtor of this.#debtors) {
      if (debtor.owesSince !== null && debtor.owesSince <= generation) await debtor.settle();
    }
  }

  /** Starts a generation; what is older than `oldest` is not replayed again. */
  async #begin(generation: number, oldest = generation): Promise<void> {
    const file = this.#files[fileOf(generation)];
    const { bytes, checksum } = writeHeader({
      logId: this.logId,
      generation,
      oldest,
      fileBytes: this.#fileBytes,
      formerEnd: this.#offset,
      formerChain: this.#chain,
    });
    await file.write(bytes, slotOf(generation));
    await file.sync();
    this.#generation = generation;
    this.#offset = BATCHES_AT;
    this.#number = 0;
    this.#chain = checksum;
  }
}

/** Makes both files; generation 0 stands for what was before the first. */
async function create(options: SharedLogOptions): Promise<Omit<FoundLog, 'entries'>> {
  const { disk, random } = options;
  const fileBytes = options.fileBytes ?? SHARED_LOG_FILE_BYTES;
  assert(fileBytes % BATCH_ALIGNMENT === 0 && fileBytes <= SHARED_LOG_FILE_BYTES_MAX);
  const first = await disk.preallocate(logNames[0], fileBytes);
  const second = await disk.preallocate(logNames[1], fileBytes);
  const logId = random(LOG_ID_BYTES);
  return { files: [first, second], logId, fileBytes, generation: 0, end: 0, chain: 0 };
}
