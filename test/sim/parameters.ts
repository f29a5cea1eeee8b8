/**
 * Parameter sets in the simulation: an operator who publishes dearer fares again and again, an
 * engine that gives out forged manifests and damaged pieces among good ones, and a station that
 * works by the set its production code put in force.
 */
import { type FareVersions, fareBook } from '../../engine/fare/book.ts';
import { compileFares } from '../../engine/fare/compile.ts';
import { sampleFareSet } from '../../engine/fare/sample-city.ts';
import { packFares, unpackFares } from '../../engine/parameters/fares-item.ts';
import { inForceAt } from '../../engine/parameters/versions.ts';
import type { Chance } from '../../gate/demo/chance.ts';
import { StationParameters } from '../../gate/parameters/station-parameters.ts';
import { MemoryShelf, manifestOf, signedSet, verify } from '../kit/parameters-kit.ts';
import type { SimDisk } from '../sim-disk.ts';
import type { Witness } from './invariants.ts';
import type { Scenario } from './scenario.ts';
import type { VirtualTime } from './virtual-time.ts';

const AHEAD_MS_MAX = 2 * 3600_000;
/** Fare versions of sets, apart from those of the city's own book. */
const FIRST_FARES = 1000;

/** The operator's shelf; it is on the engine's disk and survives the engine. */
export class Publisher extends MemoryShelf {
  readonly #chance: Chance;
  #calm = false;

  constructor(chance: Chance) {
    super();
    this.#chance = chance;
  }

  /** Publishes a set, in force at once or within some hours. */
  publishNext(nowMs: number): void {
    const version = this.sets.size + 1;
    const aheadMs = this.#chance.happens(0.5) ? 0 : this.#chance.fraction() * AHEAD_MS_MAX;
    const set = sampleFareSet();
    const fares = packFares({
      ...set,
      version: FIRST_FARES + version,
      effectiveMs: 0,
      matrix: set.matrix.map((fare) => fare + 10 * (version % 20)),
    });
    const effectiveMs = Math.floor(nowMs + aheadMs);
    this.publish({ version, effectiveMs, items: { fares } });
  }

  /** Gives out nothing bad from here on. */
  calm(): void {
    this.#calm = true;
  }

  /** Version of the set that ought to be in force. */
  inForceAt(instantMs: number): number {
    return inForceAt([...this.sets.values()].map(manifestOf), instantMs)?.version ?? 0;
  }

  override async nextFor(gateId: string, after: number) {
    const next = await super.nextFor(gateId, after);
    if (!next || this.#calm || this.#chance.happens(0.8)) return next;
    const forged = { ...this.sets.get(next.version)!, effectiveMs: 0, forged: true };
    const manifest = this.#chance.happens(0.5) ? signedSet(forged) : next.manifest.slice(0, -1);
    return { version: next.version, manifest };
  }

  override async piece(set: number, item: number, offset: number, length: number) {
    const bytes = await super.piece(set, item, offset, length);
    if (this.#calm || bytes.length === 0 || this.#chance.happens(0.7)) return bytes;
    const cut = bytes.subarray(0, this.#chance.below(bytes.length));
    if (this.#chance.happens(0.7)) return cut;
    const damaged = bytes.slice();
    damaged[this.#chance.below(damaged.length)]! ^= 1 << this.#chance.below(8);
    return damaged;
  }
}

/** What a station's process works by. */
export interface SimParameters {
  readonly station: StationParameters;
  /** Null until a set is in force. */
  fares(): FareVersions | null;
}

export interface SimParametersParts {
  readonly time: VirtualTime;
  readonly scenario: Scenario;
  readonly witness: Witness;
  readonly publisher: Publisher;
  readonly disk: SimDisk;
  readonly gateIds: readonly string[];
  readonly name: string;
}

export async function openSimParameters(parts: SimParametersParts): Promise<SimParameters> {
  const { time, scenario, witness, publisher, disk, gateIds, name } = parts;
  let fares: FareVersions | null = null;
  const station = await StationParameters.open({
    disk,
    verify,
    gateIds,
    load: async (manifest, folder) => {
      const bytes = await folder.readWhole(manifest.items[0]!);
      const set = unpackFares(bytes, `set ${manifest.version}`);
      const compiled = fareBook([compileFares(set)]);
      return async () => {
        const known = publisher.sets.get(manifest.version);
        const { effectiveMs } = manifest;
        const early = effectiveMs > time.wallMs() || effectiveMs !== known?.effectiveMs;
        if (early || set.version !== FIRST_FARES + manifest.version) {
          witness.broken(`${name} put set ${manifest.version} in force, which it must not`);
        }
        fares = compiled;
      };
    },
    nowMs: () => time.wallMs(),
    onNews: () => {},
    lookMs: scenario.pollMs,
  });
  await station.start();
  return { station, fares: () => fares };
}
