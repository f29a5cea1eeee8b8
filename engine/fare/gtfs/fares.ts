/**
 * One version of an operator's GTFS fares, compiled, and the journeys it prices with the reasons.
 * Every amount and every choice is named by file and line of the feed.
 */
import { GTFS_LEG_CELLS_MAX, JOURNEY_LEGS_MAX } from '../../limits.ts';
import { formatInstant } from '../instant.ts';
import { type Journey, type Leg, type RefusedJourney, refused } from '../journey.ts';
import { AloneTable } from './alone-table.ts';
import { Evaluator } from './evaluate.ts';
import type { GtfsFeed } from './feed.ts';
import { NO_NETWORK } from './leg-lookups.ts';
import { LegTable } from './leg-table.ts';
import { ProductTable } from './product-table.ts';
import { StopTable } from './stops.ts';
import { FeedTexts } from './texts.ts';
import { JoinTable, TransferTable } from './transfer-table.ts';
import { FaresV1, type LegV1 } from './v1.ts';
import { type Reasons, reasonsV1, reasonsV2 } from './why.ts';

export interface PricedJourney extends Reasons {
  readonly amountMinor: number;
}

export class GtfsFares {
  readonly version: number;
  readonly effectiveMs: number;
  readonly feed: GtfsFeed;
  readonly stops: StopTable;
  readonly products: ProductTable;
  readonly legs: LegTable;
  readonly alone: AloneTable;
  readonly joins: JoinTable;
  readonly transfers: TransferTable;
  /** Prices one journey at a time. */
  readonly evaluator: Evaluator;
  /** Stops of the legs of the journey in hand. */
  readonly from: Int32Array = new Int32Array(JOURNEY_LEGS_MAX);
  readonly to: Int32Array = new Int32Array(JOURNEY_LEGS_MAX);
  /** `fare version 1 in force since ...`, the first of all reasons. */
  readonly since: string;
  readonly texts: FeedTexts;
  readonly #v1: FaresV1 | null;
  readonly #networks: ReadonlyMap<string, number>;
  readonly #routes: ReadonlyMap<string, { readonly network: number; readonly agency: string }>;

  /**
   * @param feed one that was checked and has no errors
   * @param cellsMax with more cells, leg rules are gathered when a leg asks
   */
  constructor(
    feed: GtfsFeed,
    version: number,
    effectiveMs: number,
    cellsMax: number = GTFS_LEG_CELLS_MAX,
  ) {
    this.version = version;
    this.effectiveMs = effectiveMs;
    this.feed = feed;
    this.stops = new StopTable(feed);
    this.products = new ProductTable(feed);
    this.legs = new LegTable(feed, this.stops, this.products, cellsMax);
    this.alone = new AloneTable(this.legs, this.products);
    this.joins = new JoinTable(feed, this.stops);
    this.transfers = new TransferTable(feed, this.products);
    this.evaluator = new Evaluator(this);
    this.since = `fare version ${version} in force since ${formatInstant(effectiveMs)}`;
    this.texts = new FeedTexts(feed, this.stops);
    this.#v1 = feed.model === 'v1' ? new FaresV1(feed) : null;
    this.#networks = new Map(feed.networks.map((id, index) => [id, index]));
    this.#routes = new Map(
      feed.routes.map(({ id, network, agency }) => [
        id,
        { network: this.#networks.get(network) ?? NO_NETWORK, agency },
      ]),
    );
  }

  /** Number of a network by its id or that of a route in it; NO_NETWORK; -2 for neither. */
  networkOf(text: string): number {
    return this.#networks.get(text) ?? this.#routes.get(text)?.network ?? -2;
  }

  /** Prices a journey. What cannot be priced is a value with a code of `errorCodes`. */
  price(journey: Journey): PricedJourney | RefusedJourney {
    const fault = this.#resolve(journey);
    if (fault) return fault;
    return this.#v1 ? this.#priceV1(journey, this.#v1) : this.#priceV2(journey);
  }

  /** Finds a journey's stops; why it names what the feed does not have, or null. */
  #resolve({ id, rider, media, legs }: Journey): RefusedJourney | null {
    if (this.products.rider(rider) < 0) {
      const known = this.products.riderIds.join(', ') || 'none';
      const message = `no rider category ${JSON.stringify(rider)}; there are ${known}`;
      return refused(id, 'FARES_UNKNOWN_RIDER', message);
    }
    if (this.products.medium(media) < 0) {
      const known = this.products.mediaIds.join(', ') || 'none';
      const message = `no fare medium ${JSON.stringify(media)}; there are ${known}`;
      return refused(id, 'FARES_UNKNOWN_MEDIA', message);
    }
    for (const [index, leg] of legs.entries()) {
      const from = this.stops.find(leg.from);
      const to = this.stops.find(leg.to);
      if (from < 0 || to < 0) {
        const field = from < 0 ? 'from' : 'to';
        const message = `field legs[${index}].${field}: ${this.stops.fault(leg[field])}`;
        return refused(id, 'FARES_UNKNOWN_STATION', message);
      }
      this.from[index] = from;
      this.to[index] = to;
      const lost = leg.via.find((stop) => this.stops.find(stop) < 0);
      if (lost !== undefined) {
        const message = `field legs[${index}].via: ${this.stops.fault(lost)}`;
        return refused(id, 'FARES_UNKNOWN_STATION', message);
      }
      if (leg.route !== null && !this.#routes.has(leg.route)) {
        const message = `field legs[${index}].route: no route ${JSON.stringify(leg.route)}`;
        return refused(id, 'FARES_UNKNOWN_NETWORK', message);
      }
      if (leg.network !== null && this.networkOf(leg.network) < NO_NETWORK) {
        const message = `field legs[${index}].network: no network or route`;
        return refused(id, 'FARES_UNKNOWN_NETWORK', `${message} ${JSON.stringify(leg.network)}`);
      }
    }
    return null;
  }

  #networkOfLeg({ network, route }: Leg): number {
    if (network !== null) return this.networkOf(network);
    return route === null ? NO_NETWORK : this.#routes.get(route)!.network;
  }

  #priceV2(journey: Journey): PricedJourney | RefusedJourney {
    const { evaluator, products } = this;
    const column = products.column(products.rider(journey.rider), products.medium(journey.media));
    evaluator.clear();
    for (const [index, leg] of journey.legs.entries()) {
      const { departureMs, arrivalMs } = leg;
      const network = this.#networkOfLeg(leg);
      evaluator.add(network, this.from[index]!, this.to[index]!, departureMs, arrivalMs);
    }
    const amountMinor = evaluator.total(column);
    if (Number.isNaN(amountMinor)) return this.#unknown(journey);
    return { amountMinor, ...reasonsV2(this, column) };
  }

  /** "If the leg does not match any of the rules described above, then the fare is unknown." */
  #unknown({ id, rider, media, legs }: Journey): RefusedJourney {
    const index = this.evaluator.unmatchedLeg;
    if (index < 0) {
      const who = `${rider ?? 'the default rider'} with ${media ?? 'any fare medium'}`;
      const message = `leg rules match, but none with a fare product for ${who}`;
      return refused(id, 'FARES_UNKNOWN_FARE', message);
    }
    const leg = legs[index]!;
    const number = this.#networkOfLeg(leg);
    const areas = (text: string) => this.stops.areasOf(this.stops.find(text)).join(' ') || 'none';
    const network = number === NO_NETWORK ? 'no network' : `network ${this.feed.networks[number]}`;
    const where = `${network}, areas from ${areas(leg.from)} to ${areas(leg.to)}`;
    const message = `legs[${index}]: no rule of fare_leg_rules.txt matches (${where})`;
    return refused(id, 'FARES_UNKNOWN_FARE', message);
  }

  #priceV1(journey: Journey, fares: FaresV1): PricedJourney | RefusedJourney {
    const stretches = fares.price(journey.legs.map((leg) => this.#legV1(leg)));
    if (!stretches) {
      const message = 'no fare of fare_attributes.txt is good for the journey or parts of it';
      return refused(journey.id, 'FARES_UNKNOWN_FARE', message);
    }
    const amountMinor = stretches.reduce((sum, { fare }) => sum + fare.amountMinor, 0);
    return { amountMinor, ...reasonsV1(this, stretches) };
  }

  #legV1({ from, to, via, route, network, departureMs }: Leg): LegV1 {
    const named = route ?? (network !== null && this.#routes.has(network) ? network : '');
    const zone = (text: string) => this.stops.zoneIdOf(this.stops.find(text));
    const [fromZone, toZone] = [zone(from), zone(to)];
    const zones = [fromZone, ...via.map(zone), toZone].filter((id) => id !== '');
    const agency = this.#routes.get(named)?.agency ?? '';
    return { route: named, agency, fromZone, toZone, zones, departureMs };
  }

  /** `2.40` for 240. */
  money(minor: number): string {
    return this.texts.amount(minor);
  }

  /** Bytes of the compiled tables, without the feed's own texts. */
  get bytes(): number {
    return this.legs.bytes + this.alone.bytes + this.transfers.bytes + this.products.bytes;
  }
}
