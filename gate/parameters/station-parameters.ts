/**
 * The parameter sets of a station: what is in force, what is to come, and the switch from one to
 * the next at its instant. A set that arrived is made ready once to see whether it fits; then again
 * shortly before its instant, so that the switch itself costs a tap nothing. Whatever is wrong with
 * a set, the one in force stays, in memory and on disk; at a start the newest good one is taken.
 */

import { PARAMETER_LEAD_MS, PARAMETER_LOOK_MS } from '../../engine/durations.ts';
import { FaregateError } from '../../engine/errors.ts';
import { PARAMETER_FAULTS_MAX, WIRE_TEXT_LENGTH_MAX } from '../../engine/limits.ts';
import type { Manifest } from '../../engine/parameters/manifest.ts';
import { inForceAt, isSuperseded } from '../../engine/parameters/versions.ts';
import type { Disk } from '../journal/disk.ts';
import { Download } from './download.ts';
import { SetFolder } from './set-folder.ts';

/** Puts what was made ready in force: between taps, since a tap keeps the setting it began with. */
export type Activate = () => Promise<void>;

/**
 * Makes a set ready, or says what is wrong with it.
 * @throws FaregateError naming the item
 */
export type LoadSet = (manifest: Manifest, folder: SetFolder) => Promise<Activate>;

export interface ParameterNews {
  readonly what: 'inForce' | 'staged' | 'fault';
  readonly version: number;
  readonly detail: string;
}

export interface StationParametersOptions {
  /** A folder of its own. */
  readonly disk: Disk;
  /** Checks the operator's signature. */
  readonly verify: (message: Uint8Array, signature: Uint8Array) => boolean;
  /** The gates this process serves. */
  readonly gateIds: readonly string[];
  readonly load: LoadSet;
  readonly nowMs: () => number;
  readonly onNews: (news: ParameterNews) => void;
  readonly lookMs?: number;
  readonly askMs?: number;
  readonly retryMs?: number;
}

/** For the operator. */
export interface ParameterStatus {
  /** The set in force; 0: none, the gate's own configuration is. */
  readonly version: number;
  /** The newest set that waits for its instant, 0 for none. */
  readonly staged: number;
  /** What went wrong last, empty where nothing did. */
  readonly fault: string;
}

export class StationParameters {
  /** For the station's uplinks. */
  readonly downloads: Download;
  readonly #options: StationParametersOptions;
  readonly #folder: SetFolder;
  #version = 0;
  /** The set in force before, kept on the disk in case the newest gets damaged. */
  #before = 0;
  /** Whole sets that do not fit this station, until it restarts. */
  readonly #refused = new Set<number>();
  readonly #faults: string[] = [];
  #ready: { readonly version: number; readonly activate: Activate } | null = null;
  #inLine: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | null = null;
  #over = false;

  private constructor(options: StationParametersOptions, folder: SetFolder) {
    const { askMs, retryMs } = options;
    this.#options = options;
    this.#folder = folder;
    this.downloads = new Download({
      folder,
      onWhole: (manifest) => this.#queue(() => this.#stage(manifest)),
      onFault: (message) => this.#fault(folder.newest, message),
      ...(askMs === undefined ? {} : { askMs }),
      ...(retryMs === undefined ? {} : { retryMs }),
    });
  }

  /**
   * Puts the newest good set whose instant has come in force; where there is none the gate's own
   * configuration stays.
   * @throws FaregateError DISK_FAILED where the folder cannot be read
   */
  static async open(options: StationParametersOptions): Promise<StationParameters> {
    const folder = await SetFolder.open(options);
    const parameters = new StationParameters(options, folder);
    for (const fault of folder.faults) parameters.#fault(folder.newest, fault);
    await parameters.#takeNewest();
    return parameters;
  }

  /** The set in force; 0: none. */
  get version(): number {
    return this.#version;
  }

  get status(): ParameterStatus {
    const staged = this.#good().at(-1)?.version ?? 0;
    const fault = (this.#faults.at(-1) ?? '').slice(0, WIRE_TEXT_LENGTH_MAX);
    return { version: this.#version, staged, fault };
  }

  /** Faults since the start, oldest first; at most PARAMETER_FAULTS_MAX. */
  get faults(): readonly string[] {
    return this.#faults;
  }

  /** Goes on with downloads, and watches for the instant of the next set. */
  async start(): Promise<void> {
    await this.downloads.begin();
    this.#watch();
  }

  async end(): Promise<void> {
    this.#over = true;
    if (this.#timer) clearTimeout(this.#timer);
    await this.downloads.end();
    await this.#inLine;
    await this.#folder.close();
  }

  async #takeNewest(): Promise<void> {
    const dueNow = ({ effectiveMs }: Manifest) => effectiveMs <= this.#options.nowMs();
    for (const manifest of this.#folder.held.filter(dueNow).reverse()) {
      const missing = await this.#missingOf(manifest);
      if (missing !== null) {
        this.#fault(manifest.version, `set ${manifest.version}: ${missing} is damaged or missing`);
      } else if (await this.#activate(manifest)) return;
    }
  }

  async #missingOf({ items }: Manifest): Promise<string | null> {
    for (const item of items) {
      if (!(await this.#folder.has(item))) return `item ${item.kind} ${item.name}`;
    }
    return null;
  }

  /** Whole sets newer than the one in force that fit, rising. */
  #good(): Manifest[] {
    return this.#folder.held.filter(
      ({ version }) =>
        version > this.#version && this.downloads.isWhole(version) && !this.#refused.has(version),
    );
  }

  /** Looks at a set that has arrived whole. */
  async #stage(manifest: Manifest): Promise<void> {
    if (manifest.version <= this.#version || this.#refused.has(manifest.version)) return;
    const { version, effectiveMs } = manifest;
    if (!(await this.#prepare(manifest))) return;
    const at = new Date(effectiveMs).toISOString();
    this.#options.onNews({ what: 'staged', version, detail: `in force from ${at}` });
    if (effectiveMs > this.#options.nowMs() + PARAMETER_LEAD_MS) this.#ready = null;
    await this.#look();
  }

  /** Switches if an instant has come; makes ready what is about to. */
  async #look(): Promise<void> {
    for (;;) {
      const due = inForceAt(this.#good(), this.#options.nowMs());
      if (!due) break;
      // One that does not fit is refused, and the next best looked for.
      if (await this.#activate(due)) break;
    }
    const next = this.#next();
    if (!next || next.version === this.#ready?.version) return;
    if (next.effectiveMs <= this.#options.nowMs() + PARAMETER_LEAD_MS) await this.#prepare(next);
  }

  /** The next set to come into force, as far as is known now. */
  #next(): Manifest | null {
    const good = this.#good();
    const coming = good.filter((set) => !isSuperseded(set, good));
    return coming.sort((a, b) => a.effectiveMs - b.effectiveMs)[0] ?? null;
  }

  async #prepare(manifest: Manifest): Promise<boolean> {
    const { version } = manifest;
    try {
      this.#ready = { version, activate: await this.#options.load(manifest, this.#folder) };
      return true;
    } catch (error) {
      await this.#refuse(version, error);
      return false;
    }
  }

  async #activate(manifest: Manifest): Promise<boolean> {
    const { version } = manifest;
    if (this.#ready?.version !== version && !(await this.#prepare(manifest))) return false;
    // The clock may have been set back while the set was made ready.
    if (manifest.effectiveMs > this.#options.nowMs()) return false;
    const { activate } = this.#ready!;
    this.#ready = null;
    try {
      await activate();
    } catch (error) {
      await this.#refuse(version, error);
      return false;
    }
    this.#before = this.#version;
    this.#version = version;
    const detail = manifest.restores === null ? '' : `restores set ${manifest.restores}`;
    this.#options.onNews({ what: 'inForce', version, detail });
    await this.#tidy();
    return true;
  }

  /**
   * Keeps the set in force, the one before, what is still to come or to arrive, and the newest of
   * all, so that it is not fetched again. What was before a start is not known: the next lower set.
   */
  async #tidy(): Promise<void> {
    const lower = this.#folder.held.filter(({ version }) => version < this.#version);
    const before = this.#before === 0 ? (lower.at(-1)?.version ?? 0) : this.#before;
    const good = this.#good();
    const coming = new Set(
      good.filter((set) => !isSuperseded(set, good)).map((set) => set.version),
    );
    const { newest } = this.#folder;
    try {
      await this.#folder.tidy(
        (version) =>
          [this.#version, before, newest].includes(version) ||
          coming.has(version) ||
          (version > this.#version && !this.downloads.isWhole(version)),
      );
    } catch (error) {
      this.#tell(this.#version, error);
    }
  }

  async #refuse(version: number, error: unknown): Promise<void> {
    this.#ready = null;
    this.#refused.add(version);
    this.#tell(version, error);
    await this.#tidy();
  }

  /** An operating error is told; our own mistakes are not for here. */
  #tell(version: number, error: unknown): void {
    if (!(error instanceof FaregateError)) throw error;
    this.#fault(version, `set ${version}: ${error.message}`);
  }

  #fault(version: number, detail: string): void {
    this.#faults.push(detail);
    if (this.#faults.length > PARAMETER_FAULTS_MAX) this.#faults.shift();
    this.#options.onNews({ what: 'fault', version, detail });
  }

  /** One thing after the other: a set that arrives and one whose instant comes do not meet. */
  #queue(work: () => Promise<void>): Promise<void> {
    this.#inLine = this.#inLine.then(work);
    return this.#inLine;
  }

  #watch(): void {
    if (this.#over) return;
    const lookMs = this.#options.lookMs ?? PARAMETER_LOOK_MS;
    const untilMs = (this.#next()?.effectiveMs ?? Number.MAX_SAFE_INTEGER) - this.#options.nowMs();
    // Past its instant it is being switched to; a timer of no time would only turn on the spot.
    const waitMs = untilMs > 0 ? Math.min(lookMs, untilMs) : lookMs;
    this.#timer = setTimeout(() => {
      void this.#queue(() => this.#look()).then(() => this.#watch());
    }, waitMs);
    this.#timer.unref();
  }
}
