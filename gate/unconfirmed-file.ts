/**
 * A gate's unconfirmed debits on its disk, beside the journal: two files written in turn, so that a
 * power cut in one write leaves the other. Each holds
 *
 *     head 16: magic 4 ‖ version 1 ‖ 0 ‖ count 2 ‖ generation 6 ‖ 0 0
 *     salt 16, drawn for each write
 *     count sealed records of 176, then a sealed end of 16 (`engine/debit/seal.ts`)
 *
 * Records hold card numbers, so each is sealed under the gate's key; the end makes a cut list show.
 * Files that cannot be read are passed over: the gate must open in the morning, and what is lost
 * here the ledger settles from the card's next counter.
 */
import {
  isAllZero,
  readU16,
  readU32,
  readU48,
  writeU16,
  writeU32,
  writeU48,
} from '../engine/bytes.ts';
import { decodeDebit, encodeDebit } from '../engine/debit/codec.ts';
import { DEBIT_BYTES, type Debit } from '../engine/debit/record.ts';
import { createSealer, SEAL_SALT_BYTES, SEAL_TAG_BYTES } from '../engine/debit/seal.ts';
import { UNCONFIRMED_PER_GATE_MAX } from '../engine/limits.ts';
import type { Disk, DiskFile } from './journal/disk.ts';
import type { UnconfirmedKeeper } from './unconfirmed.ts';

const MAGIC = 0x4647_5543;
const VERSION = 1;
const HEAD_BYTES = 16;
const SEALED_BYTES = DEBIT_BYTES + SEAL_TAG_BYTES;
const RECORDS_AT = HEAD_BYTES + SEAL_SALT_BYTES;
const FILE_BYTES = RECORDS_AT + UNCONFIRMED_PER_GATE_MAX * SEALED_BYTES + SEAL_TAG_BYTES;
const names = ['unconfirmed-0', 'unconfirmed-1'] as const;
const NOTHING = new Uint8Array(0);

export interface UnconfirmedFileOptions {
  readonly disk: Disk;
  readonly gateId: string;
  /** 32 bytes, the journal's. */
  readonly key: Uint8Array;
  readonly random: (bytes: number) => Uint8Array;
  /** Told once when a write failed: the process should stop. Nothing is kept from then on. */
  readonly failed: (error: unknown) => void;
}

interface Read {
  readonly generation: number;
  readonly debits: readonly Debit[];
}

export class UnconfirmedFile implements UnconfirmedKeeper {
  /** What an earlier process had kept. */
  readonly found: readonly Debit[];
  /** Whether a file was there that could not be read. */
  readonly damaged: boolean;
  readonly #options: UnconfirmedFileOptions;
  readonly #files: readonly DiskFile[];
  #generation: number;
  /** What the next write holds; null where nothing waits. */
  #next: { debits: readonly Debit[]; readonly waiters: (() => void)[] } | null = null;
  #writing: Promise<void> | null = null;

  private constructor(
    options: UnconfirmedFileOptions,
    files: readonly DiskFile[],
    read: Read,
    damaged: boolean,
  ) {
    this.#options = options;
    this.#files = files;
    this.#generation = read.generation;
    this.found = read.debits;
    this.damaged = damaged;
  }

  /** Opens or makes the two files. @throws FaregateError DISK_FULL, DISK_FAILED. */
  static async open(options: UnconfirmedFileOptions): Promise<UnconfirmedFile> {
    const { disk } = options;
    const present = await disk.list();
    const files: DiskFile[] = [];
    let best: Read = { generation: 0, debits: [] };
    let unreadable = 0;
    for (const name of names) {
      if (!present.includes(name)) {
        files.push(await disk.preallocate(name, FILE_BYTES));
        continue;
      }
      const file = await disk.open(name);
      files.push(file);
      const bytes = await file.read(0, FILE_BYTES);
      const read = readFile(bytes, options);
      if (read && read.generation > best.generation) best = read;
      if (!read && !isAllZero(bytes)) unreadable += 1;
    }
    // One unreadable file is what a power cut in its write leaves.
    return new UnconfirmedFile(options, files, best, unreadable > 1);
  }

  keep(debits: readonly Debit[]): Promise<void> {
    return new Promise((resolve) => {
      this.#next = { debits, waiters: [...(this.#next?.waiters ?? []), resolve] };
      this.#writing ??= this.#writeAll();
    });
  }

  /** Waits for the writes under way. */
  async end(): Promise<void> {
    await this.#writing;
    for (const file of this.#files) await file.close();
  }

  async #writeAll(): Promise<void> {
    while (this.#next) {
      const { debits, waiters } = this.#next;
      this.#next = null;
      try {
        await this.#write(debits);
      } catch (error) {
        this.#options.failed(error);
        return;
      }
      for (const resolve of waiters) resolve();
    }
    this.#writing = null;
  }

  async #write(all: readonly Debit[]): Promise<void> {
    const { gateId, key, random } = this.#options;
    const debits = all.slice(-UNCONFIRMED_PER_GATE_MAX);
    this.#generation += 1;
    const bytes = new Uint8Array(RECORDS_AT + debits.length * SEALED_BYTES + SEAL_TAG_BYTES);
    const head = bytes.subarray(0, HEAD_BYTES);
    writeU32(head, 0, MAGIC);
    head[4] = VERSION;
    writeU16(head, 6, debits.length);
    writeU48(head, 8, this.#generation);
    const salt = random(SEAL_SALT_BYTES);
    bytes.set(salt, HEAD_BYTES);
    const sealer = createSealer(key, gateId, salt);
    const record = new Uint8Array(DEBIT_BYTES);
    for (const [i, debit] of debits.entries()) {
      record.fill(0);
      encodeDebit(debit, record, 0);
      sealer.seal(0, i, head, record, bytes, RECORDS_AT + i * SEALED_BYTES);
    }
    const end = RECORDS_AT + debits.length * SEALED_BYTES;
    sealer.seal(0, debits.length, head, NOTHING, bytes, end);
    const file = this.#files[this.#generation % 2]!;
    await file.write(bytes, 0);
    await file.sync();
  }
}

/** The list in a file, or null where it is not whole or not this gate's. */
function readFile(bytes: Uint8Array, { gateId, key }: UnconfirmedFileOptions): Read | null {
  if (bytes.length < RECORDS_AT + SEAL_TAG_BYTES) return null;
  const head = bytes.slice(0, HEAD_BYTES);
  if (readU32(head, 0) !== MAGIC || head[4] !== VERSION) return null;
  const count = readU16(head, 6);
  const end = RECORDS_AT + count * SEALED_BYTES;
  if (end + SEAL_TAG_BYTES > bytes.length) return null;
  const sealer = createSealer(key, gateId, bytes.slice(HEAD_BYTES, RECORDS_AT));
  if (!sealer.open(0, count, head, bytes.slice(end, end + SEAL_TAG_BYTES))) return null;
  const debits: Debit[] = [];
  for (let i = 0; i < count; i++) {
    const at = RECORDS_AT + i * SEALED_BYTES;
    const record = sealer.open(0, i, head, bytes.slice(at, at + SEALED_BYTES));
    if (!record) return null;
    debits.push(decodeDebit(record, 0));
  }
  return { generation: readU48(head, 8), debits };
}
