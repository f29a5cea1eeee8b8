/**
 * A gate's disk whose writes become durable in the station's shared log, together with those of the
 * other gates. They are kept in memory until there is enough of them for one write to the gate's
 * own file, and synced there when the log wants its room back.
 */
import assert from 'node:assert/strict';
import { equalBytes } from '../../../engine/bytes.ts';
import { FaregateError } from '../../../engine/errors.ts';
import { SHARED_DISK_PENDING_BYTES_MAX } from '../../../engine/limits.ts';
import type { Disk, DiskFile } from '../disk.ts';
import type { EntryPath } from './layout.ts';
import { MARKER, readMarker, writeMarker } from './recovery.ts';
import type { Debtor, SharedLog } from './shared-log.ts';

/**
 * @param disk the gate's directory, this disk's own from here on.
 * @param directory its name in the log, by which the log opens it after a crash.
 * @throws FaregateError JOURNAL_REFUSED where another log holds the directory's last writes.
 */
export async function openSharedDisk(log: SharedLog, disk: Disk, directory: string): Promise<Disk> {
  try {
    const owner = await readMarker(disk);
    if (owner && !equalBytes(owner, log.logId)) {
      throw new FaregateError(
        'JOURNAL_REFUSED',
        `${directory}: its last writes are in the shared log of another station; open it there once`,
      );
    }
    if (!owner) await writeMarker(disk, log.logId);
    return new SharedDisk(log, disk, directory);
  } catch (error) {
    await disk.close();
    throw error;
  }
}

/** For a gate that shares no log. @throws FaregateError JOURNAL_REFUSED where it must. */
export async function checkUnshared(disk: Disk, directory: string): Promise<void> {
  if ((await readMarker(disk)) === null) return;
  throw new FaregateError(
    'JOURNAL_REFUSED',
    `${directory}: its last writes are in its station's shared log; open it with that log once`,
  );
}

class SharedDisk implements Disk {
  readonly #log: SharedLog;
  readonly #inner: Disk;
  readonly #directory: Uint8Array;
  readonly #files = new Map<string, SharedFile>();
  /** Names of removed files that the log may still hold bytes of. */
  readonly #removed = new Set<string>();

  constructor(log: SharedLog, inner: Disk, directory: string) {
    this.#log = log;
    this.#inner = inner;
    this.#directory = new TextEncoder().encode(directory);
  }

  async list(): Promise<string[]> {
    return (await this.#inner.list()).filter((name) => name !== MARKER);
  }

  async open(name: string): Promise<DiskFile> {
    const open = this.#files.get(name);
    if (open) return open.handle();
    const inner = await this.#inner.open(name);
    const meanwhile = this.#files.get(name);
    if (!meanwhile) return this.#add(name, inner, true).handle();
    const handle = meanwhile.handle();
    await inner.close();
    return handle;
  }

  async preallocate(name: string, bytes: number): Promise<DiskFile> {
    assert(name !== MARKER);
    const file = this.#add(name, await this.#inner.preallocate(name, bytes), false).handle();
    if (!this.#removed.delete(name)) return file;
    // The log may still hold bytes of the former file of that name, which come before these.
    await file.write(new Uint8Array(bytes), 0);
    await file.sync();
    return file;
  }

  async remove(name: string): Promise<void> {
    const file = this.#files.get(name);
    this.#files.delete(name);
    if (file?.wasWritten) this.#removed.add(name);
    await file?.discard();
    await this.#inner.remove(name);
  }

  /** Leaves a directory that stands for itself again. */
  async close(): Promise<void> {
    try {
      for (const file of this.#files.values()) {
        await file.settle();
        await file.discard();
      }
      await this.#inner.remove(MARKER);
    } catch (error) {
      this.#log.fail(error);
    }
    await this.#inner.close();
  }

  #add(name: string, inner: DiskFile, isOld: boolean): SharedFile {
    const path = { directory: this.#directory, name: new TextEncoder().encode(name) };
    const idle = (): void => {
      if (this.#files.get(name) === file) this.#files.delete(name);
    };
    const file = new SharedFile(this.#log, inner, path, isOld, idle);
    this.#files.set(name, file);
    return file;
  }
}

/** Bytes that follow each other in a file. */
interface Run {
  readonly position: number;
  readonly bytes: Uint8Array;
  length: number;
}

/** One file, whatever the number of its handles. */
class SharedFile implements Debtor {
  readonly #log: SharedLog;
  readonly #inner: DiskFile;
  readonly #path: EntryPath;
  /** In the log, and not yet written to the file. */
  #pending: Run[] = [];
  #pendingBytes = 0;
  /** The buffer of a run that was written, for the next one. */
  #spare: Uint8Array | null = null;
  #ticket = 0;
  /** Whether an earlier process may have written what is not durable yet. */
  #isOld: boolean;
  /** The file's own reads, writes and syncs go one after another. */
  #work: Promise<void> = Promise.resolve();
  #handles = 0;
  #isClosed = false;
  /** Told when the file is closed for want of handles. */
  readonly #onIdle: () => void;
  owesSince: number | null = null;

  constructor(
    log: SharedLog,
    inner: DiskFile,
    path: EntryPath,
    isOld: boolean,
    onIdle: () => void,
  ) {
    this.#log = log;
    this.#inner = inner;
    this.#path = path;
    this.#isOld = isOld;
    this.#onIdle = onIdle;
    log.addDebtor(this);
  }

  handle(): DiskFile {
    this.#handles += 1;
    let isOpen = true;
    return {
      write: async (bytes, position) => this.#write(bytes, position),
      sync: () => this.#sync(),
      writeDurably: (bytes, position) => this.#writeDurably(bytes, position),
      read: (position, length) => this.#read(position, length),
      close: async () => {
        if (isOpen) this.#handles -= 1;
        isOpen = false;
        await this.#closeIdle();
      },
    };
  }

  /** Whether the log was ever given bytes for it. */
  get wasWritten(): boolean {
    return this.#ticket > 0;
  }

  async settle(): Promise<void> {
    await this.#inTurn(async () => {
      this.owesSince = null;
      await this.#flush();
      await this.#inner.sync();
    });
    await this.#closeIdle();
  }

  /** Without handles the file stays open only as long as the log holds bytes for it. */
  async #closeIdle(): Promise<void> {
    if (this.#handles > 0 || this.owesSince !== null) return;
    this.#onIdle();
    await this.discard();
  }

  /** Closes the file, whatever it is owed. */
  async discard(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#log.dropDebtor(this);
    this.#pending = [];
    this.#spare = null;
    await this.#work;
    await this.#inner.close();
  }

  /** A record's way to the disk in every tap: the one promise in it is its batch's of the log. */
  #writeDurably(bytes: Uint8Array, position: number): Promise<void> {
    try {
      this.#write(bytes, position);
    } catch (error) {
      return Promise.reject(error);
    }
    return this.#sync();
  }

  #write(bytes: Uint8Array, position: number): void {
    this.#ticket = this.#log.append(this.#path, position, bytes);
    this.owesSince ??= this.#log.generation;
    this.#hold(bytes, position);
    if (this.#pendingBytes >= SHARED_DISK_PENDING_BYTES_MAX) {
      this.#inTurn(() => this.#flush()).catch((error: unknown) => this.#log.fail(error));
    }
  }

  #sync(): Promise<void> {
    if (!this.#isOld) return this.#log.synced(this.#ticket);
    this.#isOld = false;
    return this.#inTurn(() => this.#inner.sync()).then(() => this.#log.synced(this.#ticket));
  }

  #read(position: number, length: number): Promise<Uint8Array> {
    return this.#inTurn(async () => {
      await this.#flush();
      return this.#inner.read(position, length);
    });
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#work.then(work);
    this.#work = done.then(
      () => {},
      () => {},
    );
    return done;
  }

  /** Keeps bytes until the next flush, with those before them where they follow on. */
  #hold(bytes: Uint8Array, position: number): void {
    this.#pendingBytes += bytes.length;
    const last = this.#pending.at(-1);
    const follows = last && last.position + last.length === position;
    if (follows && last.length + bytes.length <= last.bytes.length) {
      last.bytes.set(bytes, last.length);
      last.length += bytes.length;
      return;
    }
    const isSmall = bytes.length <= SHARED_DISK_PENDING_BYTES_MAX / 2;
    const buffer = isSmall ? this.#takeBuffer() : bytes.slice();
    if (isSmall) buffer.set(bytes);
    this.#pending.push({ position, bytes: buffer, length: bytes.length });
  }

  #takeBuffer(): Uint8Array {
    const buffer = this.#spare ?? new Uint8Array(SHARED_DISK_PENDING_BYTES_MAX);
    this.#spare = null;
    return buffer;
  }

  /** Writes what is pending, each run with one write. */
  async #flush(): Promise<void> {
    const runs = this.#pending;
    this.#pending = [];
    this.#pendingBytes = 0;
    for (const { bytes, length, position } of runs) {
      await this.#inner.write(bytes.subarray(0, length), position);
      if (bytes.length === SHARED_DISK_PENDING_BYTES_MAX) this.#spare = bytes;
    }
  }
}
