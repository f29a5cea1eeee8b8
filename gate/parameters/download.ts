/**
 * Fetches parameter sets for a station, one question at a time, over whichever of its gates is
 * connected: the manifest of the next set, then its items piece by piece, those first that are on
 * the disk in part. What fails is tried again after a pause that doubles; nothing here can fail the
 * gate.
 */
import { performance } from 'node:perf_hooks';
import {
  PARAMETER_ASK_MS,
  PARAMETER_PAUSE_MS,
  PARAMETER_RETRY_MS_MAX,
  PARAMETER_RETRY_MS_MIN,
} from '../../engine/durations.ts';
import { FaregateError } from '../../engine/errors.ts';
import { PARAMETER_PIECE_BYTES, PARAMETER_SETS_HELD_MAX } from '../../engine/limits.ts';
import type { Manifest } from '../../engine/parameters/manifest.ts';
import type {
  ParameterAnswer,
  ParameterQuestion,
  PieceAnswer,
  PieceQuestion,
} from '../../engine/wire/parameter-messages.ts';
import type { Asker, Downloads } from '../uplink/downloads.ts';
import type { ItemReceiver, SetFolder } from './set-folder.ts';

export interface DownloadOptions {
  readonly folder: SetFolder;
  /** A set is on the disk whole. */
  readonly onWhole: (manifest: Manifest) => Promise<void>;
  readonly onFault: (message: string) => void;
  /** How often an engine is asked that has told of nothing newer. */
  readonly askMs?: number;
  readonly retryMs?: number;
}

interface Told {
  /** The engine's newest set for this gate. */
  newest: number;
  /** Not asked before this. */
  askMs: number;
}

/** The item under way and its place. */
interface Fetching {
  readonly manifest: Manifest;
  readonly index: number;
  readonly receiver: ItemReceiver;
}

export class Download implements Downloads {
  readonly #options: DownloadOptions;
  readonly #askers = new Map<Asker, Told>();
  /** Who was asked what, and is not done with the answer. */
  #asked: { readonly asker: Asker; readonly question: ParameterQuestion } | null = null;
  /** An answer is being taken, or the next item looked for. */
  #working: Promise<void> | null = null;
  #fetching: Fetching | null = null;
  /** Hashes of items that failed since one came whole: others go first. */
  readonly #failed = new Set<string>();
  /** Sets that are on the disk whole. */
  readonly #whole = new Set<number>();
  #pauseUntilMs = 0;
  #failures = 0;
  #over = false;

  constructor(options: DownloadOptions) {
    this.#options = options;
  }

  /** Takes up what an earlier process left: tells of whole sets, goes on with others. */
  begin(): Promise<void> {
    return this.#work(() => this.#advance());
  }

  told(asker: Asker, newest: number): void {
    const told = this.#askers.get(asker);
    if (told) told.newest = newest;
    else this.#askers.set(asker, { newest, askMs: performance.now() + this.#askMs });
  }

  question(asker: Asker, uploading: boolean): ParameterQuestion | null {
    if (this.#over || this.#asked || this.#working) return null;
    const nowMs = performance.now();
    if (nowMs < this.#pauseUntilMs) return null;
    if (!this.#fetching && this.#incomplete()) {
      // After a failure: the item under way is taken up again.
      void this.#work(() => this.#advance());
      return null;
    }
    // The next set goes first: it may take the place of one whose items cannot be had.
    const question =
      this.#nextSet(asker, nowMs) ?? (this.#fetching ? nextPiece(this.#fetching) : null);
    if (!question) return null;
    this.#asked = { asker, question };
    if (uploading) this.#pauseUntilMs = nowMs + PARAMETER_PAUSE_MS;
    return question;
  }

  async answer(asker: Asker, answer: ParameterAnswer): Promise<void> {
    const asked = this.#asked;
    // A link may repeat what was answered before.
    if (!asked || asked.asker !== asker || this.#working) return;
    const { question } = asked;
    const fits = answer.type === 'set' ? question.type === 'ask' : isAnswerTo(question, answer);
    if (!fits) return;
    await this.#work(async () => {
      if (answer.type === 'piece') await this.#takePiece(question as PieceQuestion, answer);
      else if (answer.version > 0) await this.#takeSet(answer.manifest, answer.version);
      else this.#forgetNewest(asker);
    });
    if (this.#asked === asked) this.#asked = null;
  }

  gone(asker: Asker): void {
    this.#askers.delete(asker);
    if (this.#asked?.asker === asker) this.#asked = null;
  }

  /** Asks nothing more; resolves when what is under way is on the disk. */
  async end(): Promise<void> {
    this.#over = true;
    await this.#working;
    await this.#fetching?.receiver.close().catch(() => {});
    this.#fetching = null;
  }

  /** Whether a set is on the disk whole. */
  isWhole(version: number): boolean {
    return this.#whole.has(version);
  }

  get #askMs(): number {
    return this.#options.askMs ?? PARAMETER_ASK_MS;
  }

  #incomplete(): boolean {
    return this.#options.folder.held.some(({ version }) => !this.#whole.has(version));
  }

  /** What the engine told of was superseded meanwhile. */
  #forgetNewest(asker: Asker): void {
    const told = this.#askers.get(asker);
    if (told) told.newest = 0;
  }

  #nextSet(asker: Asker, nowMs: number): ParameterQuestion | null {
    const { folder } = this.#options;
    const told = this.#askers.get(asker);
    if (!told || folder.held.length >= PARAMETER_SETS_HELD_MAX) return null;
    if (told.newest <= folder.newest && nowMs < told.askMs) return null;
    told.askMs = nowMs + this.#askMs;
    return { type: 'ask', after: folder.newest };
  }

  async #takeSet(bytes: Uint8Array, version: number): Promise<void> {
    // A link that repeats may bring what is held already.
    if (version <= this.#options.folder.newest) return;
    await this.#options.folder.take(bytes.slice(), version);
    if (!this.#fetching) await this.#advance();
  }

  async #takePiece(question: PieceQuestion, { bytes }: PieceAnswer): Promise<void> {
    const { receiver, manifest } = this.#fetching!;
    const { kind, name } = receiver.item;
    if (bytes.length === 0 || bytes.length > question.length) {
      const why = bytes.length === 0 ? 'the engine has not got it' : 'more came than was asked for';
      const what = `set ${manifest.version}, item ${kind} ${name}: ${why}`;
      throw new FaregateError('PARAMETERS_REFUSED', what);
    }
    await receiver.take(bytes);
    if (receiver.offset === receiver.item.bytes) await this.#advance();
  }

  /**
   * Finishes the item under way, tells of whole sets, and begins what is missing, oldest first, but
   * what failed after all else.
   */
  async #advance(): Promise<void> {
    const { folder, onWhole } = this.#options;
    const done = this.#fetching;
    this.#fetching = null;
    await done?.receiver.close();
    const missing: { readonly manifest: Manifest; readonly index: number }[] = [];
    for (const manifest of [...folder.held]) {
      if (this.#whole.has(manifest.version)) continue;
      const index = await this.#missingIn(manifest);
      if (index < 0) {
        this.#whole.add(manifest.version);
        this.#failures = 0;
        this.#failed.clear();
        await onWhole(manifest);
      } else missing.push({ manifest, index });
    }
    // What a set that came whole has superseded is held no more.
    const wanted = missing.filter(({ manifest }) => folder.held.includes(manifest));
    const next =
      wanted.find(({ manifest, index }) => !this.#failed.has(manifest.items[index]!.sha256)) ??
      wanted[0];
    if (next) await this.#beginItem(next.manifest, next.index, done);
  }

  async #missingIn({ items }: Manifest): Promise<number> {
    for (const [index, item] of items.entries()) {
      if (!(await this.#options.folder.has(item))) return index;
    }
    return -1;
  }

  async #beginItem(manifest: Manifest, index: number, done: Fetching | null): Promise<void> {
    const { folder } = this.#options;
    const item = manifest.items[index]!;
    if (done?.receiver.item.sha256 === item.sha256) {
      await folder.discard(item);
      this.#failed.add(item.sha256);
      const what = `set ${manifest.version}, item ${item.kind} ${item.name}`;
      throw new FaregateError('PARAMETERS_REFUSED', `${what}: it came with another hash`);
    }
    this.#fetching = { manifest, index, receiver: await folder.receive(item) };
  }

  /** Runs work that no question may be asked during; what fails is told and tried again later. */
  async #work(work: () => Promise<void>): Promise<void> {
    const run = async (): Promise<void> => {
      try {
        await work();
      } catch (error) {
        if (!(error instanceof FaregateError)) throw error;
        this.#options.onFault(error.message);
        await this.#drop();
        const ms = (this.#options.retryMs ?? PARAMETER_RETRY_MS_MIN) * 2 ** this.#failures;
        this.#failures = Math.min(this.#failures + 1, 30);
        this.#pauseUntilMs = performance.now() + Math.min(ms, PARAMETER_RETRY_MS_MAX);
      }
    };
    this.#working = run().finally(() => {
      this.#working = null;
    });
    await this.#working;
  }

  /** Lets go of the item under way: what is noted of it as durable is gone on with. */
  async #drop(): Promise<void> {
    if (this.#fetching) this.#failed.add(this.#fetching.receiver.item.sha256);
    await this.#fetching?.receiver.close().catch(() => {});
    this.#fetching = null;
  }
}

function nextPiece({ manifest, index, receiver }: Fetching): PieceQuestion {
  const { offset, item } = receiver;
  const length = Math.min(PARAMETER_PIECE_BYTES, item.bytes - offset);
  return { type: 'fetch', set: manifest.version, item: index, offset, length };
}

function isAnswerTo(question: ParameterQuestion, { set, item, offset }: PieceAnswer): boolean {
  return (
    question.type === 'fetch' &&
    question.set === set &&
    question.item === item &&
    question.offset === offset
  );
}
