/**
 * The published parameter sets as a running engine gives them out: manifests in memory, items from
 * the disk piece by piece. What is published while it runs is seen within FILES_LOOK_MS. Gates
 * verify what they get; the engine holds no key for that, and passes over what it cannot read.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FaregateError, systemText } from '../errors.ts';
import { PARAMETER_SETS_MAX } from '../limits.ts';
import { decodeManifest, type Manifest } from '../parameters/manifest.ts';
import { inForceAt, isFor, nextAfter } from '../parameters/versions.ts';
import type { ParameterPort } from './ingest-session.ts';
import { itemFile, setFile } from './parameter-files.ts';
import { seldom } from './seldom.ts';

const NOTHING = new Uint8Array(0);

export class ParameterShelf implements ParameterPort {
  readonly #dir: string;
  readonly #onError: (error: FaregateError) => void;
  readonly #nowMs: () => number;
  readonly #sets = new Map<number, Manifest>();
  /** Versions that could not be read, not to be told again. */
  readonly #bad = new Set<number>();
  readonly #byGate = new Map<string, readonly Manifest[]>();
  #seen = '';
  readonly #isDue: () => boolean;

  /**
   * @param dir the folder of `parametersDir`; it may be missing.
   * @param isDue whether to look at it
   */
  constructor(
    dir: string,
    onError: (error: FaregateError) => void,
    nowMs: () => number = Date.now,
    isDue: () => boolean = seldom(),
  ) {
    this.#isDue = isDue;
    this.#dir = dir;
    this.#onError = onError;
    this.#nowMs = nowMs;
  }

  newestFor(gateId: string): number {
    return this.#setsFor(gateId).at(-1)?.version ?? 0;
  }

  /** What has had its time is passed over: a gate that comes late begins with the set in force. */
  async nextFor(gateId: string, after: number) {
    const sets = this.#setsFor(gateId);
    const inForce = inForceAt(sets, this.#nowMs())?.version ?? 0;
    const next = nextAfter(sets, Math.max(after, inForce - 1));
    if (!next) return null;
    const { version } = next;
    try {
      return { version, manifest: new Uint8Array(await readFile(setFile(this.#dir, version))) };
    } catch (cause) {
      this.#onError(unreadable(setFile(this.#dir, version), cause));
      return null;
    }
  }

  /** What gates are given is no secret between them: each may fetch for its neighbours. */
  async piece(set: number, item: number, offset: number, length: number): Promise<Uint8Array> {
    this.#refresh();
    const wanted = this.#sets.get(set)?.items[item];
    if (!wanted) return NOTHING;
    const path = itemFile(this.#dir, wanted);
    try {
      const file = await open(path, 'r');
      try {
        const bytes = new Uint8Array(length);
        const { bytesRead } = await file.read(bytes, 0, length, offset);
        return bytes.subarray(0, bytesRead);
      } finally {
        await file.close();
      }
    } catch (cause) {
      this.#onError(unreadable(path, cause));
      return NOTHING;
    }
  }

  /** Sets for a gate, rising. */
  #setsFor(gateId: string): readonly Manifest[] {
    this.#refresh();
    let sets = this.#byGate.get(gateId);
    if (!sets) {
      sets = [...this.#sets.values()]
        .filter((set) => isFor(set, [gateId]))
        .sort((a, b) => a.version - b.version);
      this.#byGate.set(gateId, sets);
    }
    return sets;
  }

  /** A set is never written over, so only new names are read. A few microseconds where none is. */
  #refresh(): void {
    if (!this.#isDue()) return;
    const folder = join(this.#dir, 'sets');
    const facts = statSync(folder, { bigint: true, throwIfNoEntry: false });
    const seen = facts ? `${facts.ino}.${facts.mtimeNs}` : '';
    if (seen === this.#seen) return;
    this.#seen = seen;
    this.#byGate.clear();
    const there = new Set(facts ? this.#versionsIn(folder) : []);
    for (const version of this.#sets.keys()) if (!there.has(version)) this.#sets.delete(version);
    for (const version of there) this.#take(version);
  }

  #versionsIn(folder: string): number[] {
    try {
      return readdirSync(folder)
        .flatMap((name) => /^([1-9]\d{0,7})\.set$/.exec(name)?.[1] ?? [])
        .map(Number)
        .sort((a, b) => b - a)
        .slice(0, PARAMETER_SETS_MAX);
    } catch (cause) {
      this.#onError(unreadable(folder, cause));
      return [];
    }
  }

  #take(version: number): void {
    if (this.#sets.has(version) || this.#bad.has(version)) return;
    const path = setFile(this.#dir, version);
    try {
      const manifest = decodeManifest(new Uint8Array(readFileSync(path)), () => true, path);
      if (manifest.version !== version) {
        throw new FaregateError('PARAMETERS_REFUSED', `${path}: holds set ${manifest.version}`);
      }
      this.#sets.set(version, manifest);
    } catch (error) {
      this.#bad.add(version);
      this.#onError(error instanceof FaregateError ? error : unreadable(path, error));
    }
  }
}

function unreadable(path: string, cause: unknown): FaregateError {
  const why = systemText(cause);
  return new FaregateError('FILE_UNREADABLE', `${path}: ${why}`, { cause });
}
