/**
 * A simulated disk: keeps what is durable apart from what was merely written, so that the power
 * can be cut at every operation. Of what was not synced any part may survive a cut: each write
 * whole, or not at all, or up to some byte, or any of its sectors; a file being made or removed
 * may be there or not. A kill loses nothing that was written, but nothing of it is durable yet.
 */
import assert from 'node:assert/strict';
import { FaregateError } from '../engine/errors.ts';
import type { Disk, DiskFile } from '../gate/journal/disk.ts';
import { Content, zeros } from './sim-content.ts';

export type Operation = 'list' | 'open' | 'preallocate' | 'remove' | 'write' | 'sync' | 'read';

/** One of `options` possibilities: a number from 0, below it. */
export type Choose = (options: number) => number;

interface Write {
  readonly position: number;
  readonly bytes: Uint8Array;
}

interface File {
  /** What a power cut leaves for certain. */
  durable: Content;
  /** In order; not synced. */
  pending: Write[];
  /** Whether the file's name itself is sure to be there, or to be gone, after a cut. */
  name: 'durable' | 'making' | 'removing';
}

export interface SimHooks {
  /** Runs as each operation begins: may delay it, or throw to fail it. */
  before?: (operation: Operation, name: string) => void | Promise<void>;
  /** Runs after each step of an operation: the moments to cut the power at. */
  after?: (operation: Operation, name: string) => void;
}

/** A write is torn at multiples of this; far smaller than a real sector, to be unkind. */
const SECTOR_BYTES = 64;

export class SimDisk implements Disk {
  /** May be changed at any time. A disk found after a cut has none. */
  readonly hooks: SimHooks;
  readonly #files = new Map<string, File>();

  constructor(hooks: SimHooks = {}) {
    this.hooks = hooks;
  }

  /** Writes that a power cut now could lose. */
  get pendingWrites(): number {
    let count = 0;
    for (const file of this.#files.values()) count += file.pending.length;
    return count;
  }

  /** The disk as it may be found after a power cut now, by the choices made. */
  crash(choose: Choose): SimDisk {
    const found = new SimDisk();
    for (const [name, file] of this.#files) {
      if (file.name !== 'durable' && choose(2) === 0) continue;
      let { durable } = file;
      for (const write of file.pending) durable = this.#torn(durable, write, choose);
      found.#files.set(name, { durable, pending: [], name: 'durable' });
    }
    return found;
  }

  /** The disk as the next process finds it after this one was killed: a file may be half made. */
  kill(choose: Choose): SimDisk {
    const found = new SimDisk();
    for (const [name, file] of this.#files) {
      const pending = file.pending.map((write) => {
        if (file.name !== 'making') return write;
        return { ...write, bytes: write.bytes.subarray(0, (write.bytes.length * choose(3)) / 2) };
      });
      found.#files.set(name, { ...file, pending });
    }
    return found;
  }

  /** Bytes of a file as a reader sees them now, to be looked at or damaged by a test. */
  bytesOf(name: string): Uint8Array {
    const content = visible(this.#file(name));
    return content.read(0, content.length);
  }

  /** Puts a file there, durable. */
  put(name: string, bytes: Uint8Array): void {
    this.#files.set(name, { durable: Content.of(bytes), pending: [], name: 'durable' });
  }

  names(): string[] {
    return [...this.#files.keys()].sort();
  }

  async list(): Promise<string[]> {
    await this.hooks.before?.('list', '');
    for (const [name, file] of this.#files) {
      if (file.name === 'removing') this.#files.delete(name);
      else file.name = 'durable';
    }
    return this.names();
  }

  async open(name: string): Promise<DiskFile> {
    await this.hooks.before?.('open', name);
    this.#file(name);
    return this.#handle(name);
  }

  async preallocate(name: string, bytes: number): Promise<DiskFile> {
    await this.hooks.before?.('preallocate', name);
    assert(!this.#files.has(name), `${name} exists`);
    const blank = { position: 0, bytes: zeros(bytes) };
    const file: File = { durable: Content.empty, pending: [blank], name: 'making' };
    this.#files.set(name, file);
    this.hooks.after?.('preallocate', name);
    await turn();
    settleWrites(file, file.pending);
    file.name = 'durable';
    this.hooks.after?.('preallocate', name);
    return this.#handle(name);
  }

  async remove(name: string): Promise<void> {
    await this.hooks.before?.('remove', name);
    this.#file(name).name = 'removing';
    this.hooks.after?.('remove', name);
    await turn();
    this.#files.delete(name);
    this.hooks.after?.('remove', name);
  }

  async close(): Promise<void> {}

  #handle(name: string): DiskFile {
    let isOpen = true;
    const file = (): File => {
      assert(isOpen, `${name} is closed`);
      return this.#file(name);
    };
    const handle: DiskFile = {
      write: async (bytes, position) => {
        await this.hooks.before?.('write', name);
        file().pending.push({ position, bytes: bytes.slice() });
        this.hooks.after?.('write', name);
        await turn();
      },
      sync: async () => {
        const begun = [...file().pending];
        await this.hooks.before?.('sync', name);
        await turn();
        settleWrites(file(), begun);
        this.hooks.after?.('sync', name);
      },
      // Of what was written elsewhere before, it makes nothing durable.
      writeDurably: async (bytes, position) => {
        await handle.write(bytes, position);
        const end = position + bytes.length;
        const begun = file().pending.filter(
          (write) => write.position < end && write.position + write.bytes.length > position,
        );
        await this.hooks.before?.('sync', name);
        await turn();
        settleWrites(file(), begun);
        this.hooks.after?.('sync', name);
      },
      read: async (position, length) => {
        await this.hooks.before?.('read', name);
        return visible(file()).read(position, length);
      },
      close: async () => {
        isOpen = false;
      },
    };
    return handle;
  }

  #file(name: string): File {
    const file = this.#files.get(name);
    if (!file) throw new FaregateError('DISK_FAILED', `${name}: no such file`);
    return file;
  }

  #torn(content: Content, write: Write, choose: Choose): Content {
    const { length } = write.bytes;
    switch (choose(4)) {
      case 0:
        return content;
      case 1:
        return applied(content, write);
      case 2:
        return applied(content, { ...write, bytes: write.bytes.subarray(0, choose(length + 1)) });
      default:
        return this.#sectors(content, write, choose);
    }
  }

  #sectors(content: Content, write: Write, choose: Choose): Content {
    // A file being made is torn in few pieces: what is missing of zeros is seen by its length only.
    const step = Math.max(SECTOR_BYTES, Math.ceil(write.bytes.length / 64));
    let result = content;
    for (let from = 0; from < write.bytes.length; from += step) {
      if (choose(2) === 0) continue;
      const sector = write.bytes.subarray(from, from + step);
      result = applied(result, { position: write.position + from, bytes: sector });
    }
    return result;
  }
}

/** What a cut could choose from, every way in turn: an odometer over the choices `run` makes. */
export function everyChoice(run: (choose: Choose) => void, runsMax: number): boolean {
  const path: { taken: number; options: number }[] = [];
  for (let runs = 0; runs < runsMax; runs++) {
    let depth = 0;
    run((options) => {
      const step = (path[depth] ??= { taken: 0, options });
      assert.equal(step.options, options, 'the run is not repeatable');
      depth++;
      return step.taken;
    });
    while (path.length > 0 && path.at(-1)!.taken + 1 === path.at(-1)!.options) path.pop();
    const last = path.at(-1);
    if (!last) return true;
    last.taken++;
  }
  return false;
}

/** A small seeded generator (mulberry32), for choices that can be repeated. */
export function seeded(seed: number): Choose {
  let state = seed >>> 0;
  return (options) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000) * options);
  };
}

function visible(file: File): Content {
  return file.pending.reduce(applied, file.durable);
}

function applied(content: Content, { bytes, position }: Write): Content {
  return content.with(bytes, position);
}

function settleWrites(file: File, writes: readonly Write[]): void {
  for (const write of writes) file.durable = applied(file.durable, write);
  file.pending = file.pending.filter((write) => !writes.includes(write));
}

/** Lets other work of this turn of the event loop in between. */
function turn(): Promise<void> {
  return Promise.resolve();
}
