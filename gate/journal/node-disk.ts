/**
 * The disk port over node:fs: one directory, held by one process.
 *
 * Node has no flock, and a lock file outlives its process, needs space on a full disk, and has to
 * guess from a process id whether it is stale. On Linux the directory is therefore held by a socket
 * in the abstract namespace, named after its device and inode: binding is atomic, and the kernel
 * lets go of it with the process, however that ends. It is seen by every process of one network
 * namespace; two containers that share the directory but not the network are not kept apart. Other
 * systems, where no gate runs, have no lock.
 */
import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, stat, unlink } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { dirname, join, resolve } from 'node:path';
import { FaregateError, systemCode, systemText } from '../../engine/errors.ts';
import type { Disk, DiskFile } from './disk.ts';

/** Zeros are written in pieces of this size. */
const PIECE_BYTES = 256 * 1024;

/**
 * Opens a directory, made where it is missing, readable by its owner only.
 * @throws FaregateError JOURNAL_IN_USE where another process, or this one, holds it.
 */
export async function openNodeDisk(directory: string): Promise<Disk> {
  const path = resolve(directory);
  const made = await attempt(path, () => mkdir(path, { recursive: true, mode: 0o700 }));
  if (made) await syncDirectory(dirname(made));
  const lock = process.platform === 'linux' ? await takeLock(path) : null;
  return new NodeDisk(path, lock);
}

class NodeDisk implements Disk {
  readonly #directory: string;
  readonly #lock: Server | null;

  constructor(directory: string, lock: Server | null) {
    this.#directory = directory;
    this.#lock = lock;
  }

  async list(): Promise<string[]> {
    await syncDirectory(this.#directory);
    return await attempt(this.#directory, () => readdir(this.#directory));
  }

  async open(name: string): Promise<DiskFile> {
    const path = join(this.#directory, name);
    return new NodeFile(path, await attempt(path, () => open(path, 'r+')));
  }

  async preallocate(name: string, bytes: number): Promise<DiskFile> {
    const path = join(this.#directory, name);
    const handle = await attempt(path, () => open(path, 'wx+', 0o600));
    const file = new NodeFile(path, handle);
    try {
      const zeros = new Uint8Array(Math.min(PIECE_BYTES, bytes));
      for (let at = 0; at < bytes; at += PIECE_BYTES) {
        await file.write(zeros.subarray(0, Math.min(PIECE_BYTES, bytes - at)), at);
      }
      await attempt(path, () => handle.sync());
      await syncDirectory(this.#directory);
      return file;
    } catch (error) {
      await handle.close();
      await unlink(path).catch(() => {});
      throw error;
    }
  }

  async remove(name: string): Promise<void> {
    const path = join(this.#directory, name);
    await attempt(path, () => unlink(path));
    await syncDirectory(this.#directory);
  }

  close(): Promise<void> {
    const lock = this.#lock;
    if (!lock?.listening) return Promise.resolve();
    return new Promise((done) => lock.close(() => done()));
  }
}

class NodeFile implements DiskFile {
  readonly #path: string;
  readonly #handle: FileHandle;
  /** The file again, for `writeDurably`; opened by the first, null where that cannot be. */
  #durably: Promise<FileHandle | null> | null = null;

  constructor(path: string, handle: FileHandle) {
    this.#path = path;
    this.#handle = handle;
  }

  async write(bytes: Uint8Array, position: number): Promise<void> {
    try {
      await writeAll(this.#handle, bytes, position);
    } catch (error) {
      throw diskError(this.#path, error);
    }
  }

  async sync(): Promise<void> {
    try {
      await this.#handle.datasync();
    } catch (error) {
      throw diskError(this.#path, error);
    }
  }

  /**
   * One call where the system has O_DSYNC, a write that is durable when it returns: the second way
   * to a file thread and back would be as long as the first.
   */
  async writeDurably(bytes: Uint8Array, position: number): Promise<void> {
    this.#durably ??= openDurably(this.#handle);
    const handle = await this.#durably;
    try {
      await writeAll(handle ?? this.#handle, bytes, position);
      if (!handle) await this.#handle.datasync();
    } catch (error) {
      throw diskError(this.#path, error);
    }
  }

  async read(position: number, length: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(length);
    let done = 0;
    while (done < length) {
      const { bytesRead } = await attempt(this.#path, () =>
        this.#handle.read(bytes, done, length - done, position + done),
      );
      if (bytesRead === 0) break;
      done += bytesRead;
    }
    return bytes.subarray(0, done);
  }

  async close(): Promise<void> {
    await attempt(this.#path, async () => {
      try {
        await (await this.#durably)?.close();
      } finally {
        await this.#handle.close();
      }
    });
  }
}

/**
 * Linux alone: there such a write ends like write and fdatasync (open(2)); elsewhere datasync asks
 * more of the drive.
 */
function openDurably({ fd }: FileHandle): Promise<FileHandle | null> {
  if (process.platform !== 'linux') return Promise.resolve(null);
  // The file itself, whatever has its name by now.
  return open(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_DSYNC).catch(() => null);
}

async function writeAll(handle: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const length = bytes.length - done;
    done += (await handle.write(bytes, done, length, position + done)).bytesWritten;
  }
}

/** Makes the names in a directory durable. */
async function syncDirectory(path: string): Promise<void> {
  await attempt(path, async () => {
    const handle = await open(path, 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  });
}

async function takeLock(directory: string): Promise<Server> {
  const { dev, ino } = await attempt(directory, () => stat(directory, { bigint: true }));
  const server = createServer((socket) => socket.destroy());
  try {
    await new Promise<void>((bound, refused) => {
      server.once('error', refused);
      server.listen({ path: `\0faregate-journal-${dev}-${ino}`, exclusive: true }, bound);
    });
  } catch (error) {
    if (systemCode(error) !== 'EADDRINUSE') throw diskError(directory, error);
    throw new FaregateError('JOURNAL_IN_USE', `${directory} is open in another process`);
  }
  server.unref();
  return server;
}

async function attempt<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw diskError(path, error);
  }
}

function diskError(path: string, error: unknown): FaregateError {
  const system = systemCode(error);
  const code = system === 'ENOSPC' || system === 'EDQUOT' ? 'DISK_FULL' : 'DISK_FAILED';
  return new FaregateError(code, `${path}: ${systemText(error)}`, { cause: error });
}
