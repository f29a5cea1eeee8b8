/**
 * The stops of a feed by number: names, stations, areas and time zones (reference, stops.txt and
 * stop_areas.txt).
 */
import type { GtfsFeed, Stop } from './feed.ts';

const STATION = 1;

export class StopTable {
  readonly stops: readonly Stop[];
  /** Time zones by number; the agency's is 0. */
  readonly zones: readonly string[];
  /** Of each stop: the number of the station it belongs to, or its own. */
  readonly stationOf: Int32Array;
  /** Of each stop: number of its time zone. */
  readonly zoneOf: Uint16Array;
  readonly #byId = new Map<string, number>();
  /** Names that one station bears alone, or, where no station does, one stop. */
  readonly #byName = new Map<string, number>();
  readonly #areaSets: readonly (readonly (readonly string[])[])[];
  readonly #zoneIds: readonly string[];

  constructor(feed: GtfsFeed) {
    this.stops = feed.stops;
    for (const [index, { id }] of feed.stops.entries()) this.#byId.set(id, index);
    this.stationOf = Int32Array.from(feed.stops, (_, index) => this.#rootOf(index));
    const zones = [feed.timezone];
    this.zoneOf = Uint16Array.from(feed.stops, (_, index) => {
      // "If the location has a parent station, it inherits the parent station's timezone."
      const zone = feed.stops[this.stationOf[index]!]!.timezone || feed.timezone;
      if (!zones.includes(zone)) zones.push(zone);
      return zones.indexOf(zone);
    });
    this.zones = zones;
    this.#areaSets = this.#findAreaSets(feed);
    this.#zoneIds = this.#findZoneIds();
    this.#readNames();
  }

  /** The station above a stop, through a platform for a boarding area. */
  #rootOf(index: number): number {
    let at = index;
    // A boarding area has a platform and that a station; the check has seen to the types.
    for (let depth = 0; depth < 2; depth++) at = this.#byId.get(this.stops[at]!.parent) ?? at;
    return at;
  }

  /**
   * The area sets each place may be in. A platform has its own areas or its station's ("This
   * behavior can be overridden by assigning platforms to other areas"), a boarding area its
   * platform's, an entrance or node its station's. A station without areas of its own, which is all
   * that a gate may know, stands for any of its platforms.
   */
  #findAreaSets(feed: GtfsFeed): (readonly (readonly string[])[])[] {
    const own: string[][] = feed.stops.map(() => []);
    for (const { stop, area } of feed.stopAreas) own[this.#byId.get(stop)!]!.push(area);
    const platforms: number[][] = feed.stops.map(() => []);
    for (const [index, { parent, type }] of feed.stops.entries()) {
      const above = this.#byId.get(parent);
      if (above !== undefined && type === 0) platforms[above]!.push(index);
    }
    return own.map((_, index) => {
      let at: number | undefined = index;
      for (let depth = 0; depth < 3 && at !== undefined; depth++) {
        if (own[at]!.length > 0) return [own[at]!];
        at = this.#byId.get(this.stops[at]!.parent);
      }
      const { type } = this.stops[index]!;
      const within = type === 0 || type === 4 ? [] : platforms[this.stationOf[index]!]!;
      return within.length === 0 ? [[]] : within.map((platform) => own[platform]!);
    });
  }

  #readNames(): void {
    const stations = new Map<string, number>();
    for (const [index, { name, type }] of this.stops.entries()) {
      if (name === '' || type > STATION) continue;
      const place = this.stationOf[index]!;
      const known = this.#byName.get(name);
      this.#byName.set(name, known === undefined || known === place ? place : -1);
      if (type === STATION) stations.set(name, stations.has(name) ? -1 : index);
    }
    for (const [name, index] of stations) this.#byName.set(name, index);
  }

  /** Number of the stop of an id, or of a name that one station or stop bears alone; or -1. */
  find(text: string): number {
    return this.#byId.get(text) ?? this.#byName.get(text) ?? -1;
  }

  /** Why `find` answers -1. */
  fault(text: string): string {
    if (this.#byName.get(text) !== -1) return `no stop ${JSON.stringify(text)}`;
    const ids = this.stops.flatMap(({ id, name, type }) => (name === text && type < 2 ? [id] : []));
    const some = ids.slice(0, 5).join(', ');
    return `${JSON.stringify(text)} is the name of stops ${some}${ids.length > 5 ? ', ...' : ''}; use an id`;
  }

  /** The sets of areas that a place may be in: one, or of a station one for each platform. */
  areaSetsOf(stop: number): readonly (readonly string[])[] {
    return this.#areaSets[stop]!;
  }

  /** All areas of those sets. */
  areasOf(stop: number): readonly string[] {
    return [...new Set(this.#areaSets[stop]!.flat())];
  }

  /**
   * Fare zone of a stop; '' for none. "If this record represents a station or station entrance, the
   * zone_id is ignored": such a place is in the zone that all of its platforms share.
   */
  zoneIdOf(stop: number): string {
    return this.#zoneIds[stop]!;
  }

  #findZoneIds(): string[] {
    const shared = new Map<number, string>();
    for (const [index, { type, zone }] of this.stops.entries()) {
      if (type !== 0) continue;
      const station = this.stationOf[index]!;
      const known = shared.get(station);
      shared.set(station, known === undefined || known === zone ? zone : '');
    }
    return this.stops.map(({ type, zone }, index) =>
      type === 0 ? zone : (shared.get(this.stationOf[index]!) ?? ''),
    );
  }

  /** `Park Street (place-pktrm)`. */
  label(stop: number): string {
    const { id, name } = this.stops[stop]!;
    return name === '' || name === id ? id : `${name} (${id})`;
  }
}
