/**
 * The disk port: just what the journal needs of a file system, so that a simulator can cut the
 * power at every write (`test/sim-disk.ts`). `node-disk.ts` is the real one. Names are plain file
 * names in one directory, which belongs to one process at a time. Every failure is a FaregateError
 * naming the file: DISK_FULL where there is no space, DISK_FAILED for the rest.
 */

/** An open file. Writes and reads of one file may overlap each other. */
export interface DiskFile {
  /** Writes all of `bytes` at `position`; durable only after `sync`. */
  write(bytes: Uint8Array, position: number): Promise<void>;
  /** Makes every write that has resolved durable (fdatasync), an earlier process's included. */
  sync(): Promise<void>;
  /** Writes all of `bytes`, which are durable then; of earlier writes elsewhere it says nothing. */
  writeDurably(bytes: Uint8Array, position: number): Promise<void>;
  /** Reads up to `length` bytes at `position`; shorter only at the end of the file. */
  read(position: number, length: number): Promise<Uint8Array>;
  close(): Promise<void>;
}

export interface Disk {
  /** Names of the files present, in no order; whatever it reports is durable by then. */
  list(): Promise<string[]>;
  /** Opens a file that exists. */
  open(name: string): Promise<DiskFile>;
  /**
   * Makes a new file of `bytes` zero bytes, space taken and its name durable before it resolves; so
   * a later write in it needs no metadata.
   * @throws FaregateError DISK_FULL, leaving no file.
   */
  preallocate(name: string, bytes: number): Promise<DiskFile>;
  /** Removes a file; its absence is durable before it resolves. */
  remove(name: string): Promise<void>;
  /** Gives the directory up, for another process to open. */
  close(): Promise<void>;
}
