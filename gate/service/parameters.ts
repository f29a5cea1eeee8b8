/**
 * Parameters of a running station: the sets that the engine publishes, on the gate's disk, put in
 * force for every gate of the process at once. Where the configuration names no folder for them,
 * the station works by its own files for good.
 */
import assert from 'node:assert/strict';
import type { KeyObject } from 'node:crypto';
import { fromHex } from '../../engine/bytes.ts';
import type { Keyring } from '../../engine/crypto/keyring.ts';
import { verifier } from '../../engine/denylist/signing.ts';
import { FaregateError } from '../../engine/errors.ts';
import type { Station } from '../../engine/fare/fares.ts';
import type { Log } from '../../engine/log/log.ts';
import type { Manifest } from '../../engine/parameters/manifest.ts';
import { acceptsKey } from '../../engine/parameters/text-items.ts';
import type { Zone } from '../../engine/time.ts';
import type { ListKeys } from '../denylist/list-load.ts';
import type { Disk } from '../journal/disk.ts';
import { openNodeDisk } from '../journal/node-disk.ts';
import { type Contents, loadContents } from '../parameters/contents.ts';
import type { SetFolder } from '../parameters/set-folder.ts';
import { type ParameterNews, StationParameters } from '../parameters/station-parameters.ts';
import type { GatePlan } from '../station.ts';
import { foreignFares } from './bank.ts';
import type { GateConfig } from './config.ts';

/** What a gate's plan says of its taps; a new object when something of it has changed. */
export type GateSetting = Exclude<GatePlan['setting'], () => unknown>;

export interface ServiceParametersOptions {
  /** Folder of sets and the operator's key; null: none. */
  readonly sets: { readonly folder: string; readonly publicKey: KeyObject } | null;
  /** From the configuration. */
  readonly own: Contents;
  /** Other cards than purses, whatever set is in force, and the order of families. */
  readonly others: Pick<GateSetting, 'desfire' | 'bank' | 'families'>;
  readonly gates: readonly GateConfig[];
  readonly zone: Zone;
  readonly keyring: Keyring;
  /** null where there are no sets. */
  readonly listKeys: ListKeys | null;
  readonly nowMs: () => number;
  readonly log: Log;
}

export class ServiceParameters {
  readonly #options: ServiceParametersOptions;
  #keyring: Keyring;
  #current: Contents;
  #settings: ReadonlyMap<string, GateSetting>;
  #sets: StationParameters | null = null;
  /** Puts another ring in force at every gate; set once the station is there. */
  onKeyring: (keyring: Keyring) => Promise<void> = async () => {};
  /** Puts the station in other modes; likewise. */
  onMode: (mask: number) => Promise<unknown> = async () => {};

  private constructor(options: ServiceParametersOptions) {
    this.#options = options;
    this.#keyring = options.keyring;
    this.#current = options.own;
    this.#settings = this.#settingsOf(options.own);
  }

  /**
   * Puts the newest good set in force, or what the configuration names.
   * @throws FaregateError where another process has the folder, or the configuration's own files do
   *   not fit
   */
  static async open(options: ServiceParametersOptions): Promise<ServiceParameters> {
    const { sets, gates, nowMs, log } = options;
    const parameters = new ServiceParameters(options);
    if (!sets) return parameters;
    let disk: Disk | null = null;
    try {
      disk = await openNodeDisk(sets.folder);
      parameters.#sets = await StationParameters.open({
        disk,
        verify: verifier(sets.publicKey),
        gateIds: gates.map(({ id }) => id),
        load: (manifest, folder) => parameters.#load(manifest, folder),
        nowMs,
        onNews: (news) => tell(log, news),
      });
    } catch (error) {
      // A disk that cannot be read keeps nobody from riding by the configuration's own files.
      if (!(error instanceof FaregateError) || error.code === 'JOURNAL_IN_USE') throw error;
      log.error({ code: error.code }, `no parameter sets: ${error.message}`);
      await disk?.close();
    }
    return parameters;
  }

  /** For the station's uplinks, where there are sets at all. */
  get downloads() {
    return this.#sets?.downloads;
  }

  /** Modes that the set in force puts the station in, and since when; null: it says nothing. */
  get mode(): { readonly mask: number; readonly fromMs: number } | null {
    const { mode, effectiveMs } = this.#current;
    return mode === null ? null : { mask: mode, fromMs: effectiveMs };
  }

  /** For the status that goes to the engine. */
  get status() {
    return this.#sets?.status;
  }

  /** The keys in force: of those the station holds, the ones that are accepted. */
  get keyring(): Keyring {
    return accepted(this.#keyring, this.#current);
  }

  /** Name of a gate's station by the fares in force. */
  stationNameOf(gate: GateConfig): string {
    return placeOf(gate, this.#current, this.#options.nowMs()).name;
  }

  /** What a gate's taps go by now. */
  settingOf(gateId: string): GateSetting {
    return this.#settings.get(gateId)!;
  }

  /** Takes another ring of keys; those that are not accepted stay out of force. */
  async replaceKeyring(keyring: Keyring): Promise<void> {
    this.#keyring = keyring;
    await this.onKeyring(this.keyring);
  }

  /** Goes on with downloads and watches for the next set's instant; nobody has to wait for it. */
  start(): void {
    void this.#sets?.start();
  }

  async end(): Promise<void> {
    await this.#sets?.end();
  }

  async #load(manifest: Manifest, folder: SetFolder): Promise<() => Promise<void>> {
    const { own, listKeys, nowMs, gates } = this.#options;
    const atMs = Math.max(manifest.effectiveMs, nowMs());
    assert(listKeys);
    const options = { own, current: this.#current, listKeys };
    const { contents, denylist } = await loadContents(manifest, folder, options);
    for (const gate of gates) placeOf(gate, contents, atMs);
    this.#requireKeys(manifest, contents);
    this.#requireOwnMoney(manifest, contents);
    return async () => {
      const before = this.#current;
      // All of it or nothing: at this instant, too, every gate needs its place.
      for (const gate of gates) placeOf(gate, contents, nowMs());
      const current = { ...contents, denylist: await denylist() };
      this.#settings = this.#settingsOf(current);
      this.#current = current;
      if (!sameKeys(contents, before)) await this.onKeyring(this.keyring);
      if (contents.mode !== null) await this.#setMode(contents.mode);
    };
  }

  /** A mode that could not be written down is in force all the same. */
  async #setMode(mask: number): Promise<void> {
    try {
      await this.onMode(mask);
    } catch (error) {
      if (!(error instanceof FaregateError)) throw error;
      this.#options.log.error({ code: error.code }, `the mode is not kept: ${error.message}`);
    }
  }

  /** A set that leaves a station none of its purchase keys is a slip of the pen. */
  #requireKeys({ version }: Manifest, contents: Pick<Contents, 'keyVersions'>): void {
    if (!this.#keyring.has('purchase') || accepted(this.#keyring, contents).has('purchase')) return;
    const message = `set ${version}: it accepts none of the purchase keys that the station holds`;
    throw new FaregateError('PARAMETERS_REFUSED', message);
  }

  /** What bank cards pay is a number of their own money. */
  #requireOwnMoney({ version }: Manifest, { fares }: Pick<Contents, 'fares'>): void {
    const { bank } = this.#options.others;
    const foreign = bank ? foreignFares(bank, fares) : null;
    if (!bank || foreign === null) return;
    const message = `set ${version}: ${foreign}, but bank cards pay in ${bank.terminal.currency}`;
    throw new FaregateError('PARAMETERS_REFUSED', message);
  }

  #settingsOf(contents: Contents): ReadonlyMap<string, GateSetting> {
    const { gates, nowMs, zone, others } = this.#options;
    const atMs = nowMs();
    return new Map(
      gates.map((gate) => {
        const place = placeOf(gate, contents, atMs);
        return [gate.id, { ...settingFor(gate, contents, place, zone), ...others }];
      }),
    );
  }
}

/** @throws FaregateError FARES_NO_VERSION, FARES_UNKNOWN_STATION naming the gate. */
function placeOf(gate: GateConfig, contents: Pick<Contents, 'fares'>, atMs: number): Station {
  const fares = contents.fares.at(atMs);
  if (!fares) {
    const when = new Date(atMs).toISOString();
    throw new FaregateError('FARES_NO_VERSION', `${gate.id}: no fare version is in force ${when}`);
  }
  const place = fares.stations[fares.stationById(gate.station)];
  if (place) return place;
  const message = `${gate.id}: the fares have no station ${gate.station}`;
  throw new FaregateError('FARES_UNKNOWN_STATION', message);
}

function settingFor(
  gate: GateConfig,
  { fares, profiles, denylist, settings, parametersVersion }: Contents,
  place: Station,
  zone: Zone,
): GateSetting {
  const terminalId = fromHex(gate.terminalId);
  return {
    gateId: gate.id,
    side: settings.sides?.[gate.id] ?? gate.side,
    place: {
      station: place.code,
      stationRest: new Uint8Array(3),
      terminal: terminalId,
      city: fromHex(settings.city),
      institution: fromHex(settings.institution),
    },
    terminalId,
    profiles,
    fares,
    denylist,
    zone,
    ...(gate.network === undefined ? {} : { network: gate.network }),
    parametersVersion,
  };
}

/** Keys for other uses than debits are not a set's business. */
function accepted(keyring: Keyring, { keyVersions }: Pick<Contents, 'keyVersions'>): Keyring {
  if (!keyVersions) return keyring;
  return keyring.restrictedTo(
    ({ use, index, version }) => use !== 'purchase' || acceptsKey(keyVersions, index, version),
  );
}

function sameKeys(a: Pick<Contents, 'keyVersions'>, b: Pick<Contents, 'keyVersions'>): boolean {
  return JSON.stringify(a.keyVersions) === JSON.stringify(b.keyVersions);
}

function tell(log: Log, { what, version, detail }: ParameterNews): void {
  if (what === 'fault') log.warn({ parameters: version }, `the parameters stay: ${detail}`);
  else if (what === 'staged') log.info({ parameters: version }, `a set has arrived: ${detail}`);
  else log.info({ parameters: version }, `a set is in force ${detail}`.trimEnd());
}
