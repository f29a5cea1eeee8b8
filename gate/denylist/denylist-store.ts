/**
 * The denylist of a station: opens the list in force from its folder, receives full lists and
 * deltas in pieces while taps go on, and puts them in force once they are whole, good and on the
 * disk. A list that is not leaves everything as it was, and a station opens in the morning with
 * whatever is good in its folder: on 12 October 2007 4,378 gates stayed dead over one list.
 */
import { hashKeyCheck } from '../../engine/denylist/card-hash.ts';
import { Denylist } from '../../engine/denylist/denylist.ts';
import type { ListHead } from '../../engine/denylist/list-head.ts';
import { RANGE_BYTES } from '../../engine/denylist/ranges.ts';
import { printDigest } from '../../engine/denylist/set-digest.ts';
import { verifier } from '../../engine/denylist/signing.ts';
import { StopList } from '../../engine/denylist/stop-list.ts';
import { applyDelta, emptyList, Successor } from '../../engine/denylist/successor.ts';
import { FaregateError } from '../../engine/errors.ts';
import { DENYLIST_DELTAS_MAX } from '../../engine/limits.ts';
import { type ListFile, ListFolder, type NewListFile } from './list-folder.ts';
import { inSlices, type ListKeys, listAfter } from './list-load.ts';

export interface DenylistStoreOptions extends ListKeys {
  readonly dir: string;
}

/** The list in force, for status and logs; version 0 is the empty list a station begins with. */
export interface ListInForce {
  readonly version: number;
  readonly cards: number;
  readonly ranges: number;
  /** 32 hexadecimal digits. */
  readonly digest: string;
}

type Pieces = AsyncIterable<Uint8Array> | Iterable<Uint8Array>;

export class DenylistStore {
  /** Shared by all gates of the station; a new list comes into it by itself. */
  readonly denylist: Denylist;
  /** Files that were passed over at the start, and why. */
  readonly faults: readonly string[];
  /** Told of a new list's memory, to be handed to other threads; a delta needs none. */
  onMemory: (buffer: SharedArrayBuffer) => void = () => {};
  readonly #options: DenylistStoreOptions;
  readonly #keyCheck: number;
  readonly #folder: ListFolder;
  /** Deltas in force on top of the full list. */
  #deltas: number;
  #receiving = false;

  private constructor(options: DenylistStoreOptions, folder: ListFolder, found: Found) {
    this.#options = options;
    this.#keyCheck = hashKeyCheck(options.hashKey);
    this.#folder = folder;
    this.denylist = new Denylist(options.hashKey, found.list);
    this.faults = found.faults;
    this.#deltas = found.deltas;
  }

  /**
   * Opens the newest list that is good, with the deltas that follow it, or the empty list.
   * @throws FaregateError FILE_UNWRITABLE, FILE_UNREADABLE where the folder cannot be used at all.
   */
  static async open(options: DenylistStoreOptions): Promise<DenylistStore> {
    const folder = await ListFolder.open(options.dir);
    return new DenylistStore(options, folder, await findNewest(folder, options));
  }

  get inForce(): ListInForce {
    const { version, entries, digest } = this.denylist.list.name();
    const ranges = this.denylist.list.ranges().length / RANGE_BYTES;
    return { version, cards: entries, ranges, digest: printDigest(digest) };
  }

  /**
   * Receives one file, in pieces of any size, and puts it in force. Taps go on meanwhile.
   * @param source names it in errors.
   * @throws FaregateError DENYLIST_GAP where a delta between is missing; DENYLIST_REFUSED;
   * DISK_FULL, FILE_UNWRITABLE; or what `pieces` throws. The list in force then stays.
   */
  async receive(pieces: Pieces, source: string): Promise<ListInForce> {
    if (this.#receiving) {
      throw new FaregateError('DENYLIST_REFUSED', `${source}: another list is being received`);
    }
    this.#receiving = true;
    try {
      await this.#receive(pieces, source);
    } finally {
      this.#receiving = false;
    }
    return this.inForce;
  }

  async #receive(pieces: Pieces, source: string): Promise<void> {
    const before = this.denylist.list;
    const file = await this.#folder.begin();
    try {
      const { next, head } = await this.#take(pieces, file, source);
      // What a rebuilt table refuses must not be kept, or the next start would meet it again.
      const fits = next instanceof StopList || before.fits(next);
      if (fits) await file.keep(fileName(head));
      const list =
        next instanceof StopList ? next : await inSlices(applyDelta(before, next, source));
      if (!fits) await file.keep(fileName(head));
      if (list !== before) {
        this.denylist.replace(list);
        this.onMemory(list.buffer);
      }
      this.#deltas = head.kind === 'full' ? 0 : this.#deltas + 1;
      if (head.kind === 'full') await this.#tidy(head.version);
    } finally {
      await file.drop();
    }
  }

  async #take(pieces: Pieces, file: NewListFile, source: string) {
    const { form, publicKey } = this.#options;
    const verify = verifier(publicKey);
    const options = { source, verify, keyCheck: this.#keyCheck, form };
    const successor = new Successor(this.denylist.list, options);
    for await (const piece of pieces) {
      successor.push(piece);
      this.#checkRoom(successor.head, source);
      await file.write(piece);
    }
    const next = await inSlices(successor.end());
    return { next, head: successor.head! };
  }

  #checkRoom(head: ListHead | null, source: string): void {
    if (head?.kind !== 'delta' || this.#deltas < DENYLIST_DELTAS_MAX) return;
    const why = `${DENYLIST_DELTAS_MAX} deltas are kept already; send a full list`;
    throw new FaregateError('DENYLIST_REFUSED', `${source}: ${why}`);
  }

  /** Keeps the newest full list and the one before with its deltas, in case the newest gets bad. */
  async #tidy(version: number): Promise<void> {
    const files = await this.#folder.files();
    const fulls = files.filter((f) => f.fromVersion === null && f.version < version);
    const before = Math.max(0, ...fulls.map((f) => f.version));
    const past = files.filter(
      (f) => f.version < before || (f.fromVersion !== null && f.version === before),
    );
    await this.#folder.remove(past.map((f) => f.name));
  }
}

interface Found {
  readonly list: StopList;
  readonly deltas: number;
  readonly faults: readonly string[];
}

async function findNewest(folder: ListFolder, options: DenylistStoreOptions): Promise<Found> {
  const files = await folder.files();
  const faults: string[] = [];
  const fulls = files.filter((f) => f.fromVersion === null);
  let list = emptyList(options.form);
  for (const { name } of fulls.sort((a, b) => b.version - a.version)) {
    const loaded = await load(folder, name, list, options, faults);
    if (!loaded) continue;
    list = loaded;
    break;
  }
  let deltas = 0;
  for (let going = true; going && deltas < DENYLIST_DELTAS_MAX; ) {
    const next = await loadDelta(folder, files, list, options, faults);
    going = next !== null;
    if (next) {
      list = next;
      deltas += 1;
    }
  }
  return { list, deltas, faults };
}

/** The list after a delta that follows it, or null where no good one does. */
async function loadDelta(
  folder: ListFolder,
  files: readonly ListFile[],
  list: StopList,
  options: DenylistStoreOptions,
  faults: string[],
): Promise<StopList | null> {
  const { version } = list.name();
  for (const file of files.filter((f) => f.fromVersion === version)) {
    const next = await load(folder, file.name, list, options, faults);
    if (next) return next;
  }
  return null;
}

/** The list that a file makes of `list`, or null: then why is among the faults. */
async function load(
  folder: ListFolder,
  name: string,
  list: StopList,
  keys: ListKeys,
  faults: string[],
): Promise<StopList | null> {
  try {
    return await listAfter(list, { name, read: () => folder.read(name) }, keys);
  } catch (error) {
    if (!(error instanceof FaregateError)) throw error;
    faults.push(error.message);
    return null;
  }
}

function fileName({ kind, version, fromVersion }: ListHead): string {
  return kind === 'full' ? `full-${version}.list` : `delta-${fromVersion}-${version}.list`;
}
