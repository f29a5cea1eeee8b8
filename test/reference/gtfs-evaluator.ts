/**
 * A slow twin of the compiled GTFS fares, written from the sentences of the reference in their
 * order. It filters whole files for every leg and tries every choice of rules for a journey.
 */
import type { GtfsFeed, LegRule, TransferRule } from '../../engine/fare/gtfs/feed.ts';

export interface TwinLeg {
  readonly from: string;
  readonly to: string;
  /** '' for none. */
  readonly network: string;
  readonly departureMs: number;
  readonly arrivalMs: number;
}

/** Minor units, or null where the fare is unknown. */
export function twinFare(
  feed: GtfsFeed,
  legs: readonly TwinLeg[],
  rider: string | null,
  media: string | null,
): number | null {
  const effective = joined(feed, legs);
  const choices = effective.map((leg) => matchingRules(feed, leg));
  if (choices.some((rules) => rules.length === 0)) return null;
  const price = (product: string) => productPrice(feed, product, rider, media);
  let best: number | null = null;
  const walk = (chosen: readonly LegRule[]): void => {
    if (chosen.length < effective.length) {
      for (const rule of choices[chosen.length]!) walk([...chosen, rule]);
      return;
    }
    for (const total of journeyCosts(feed, effective, chosen, price)) {
      if (best === null || total < best) best = total;
    }
  };
  walk([]);
  return best;
}

/** An effective fare leg: one leg or several. */
type Effective = readonly TwinLeg[];

/** fare_leg_join_rules.txt. */
function joined(feed: GtfsFeed, legs: readonly TwinLeg[]): Effective[] {
  const result: TwinLeg[][] = [];
  for (const leg of legs) {
    const before = result.at(-1)?.at(-1);
    const isJoined =
      before !== undefined &&
      feed.joinRules.some((rule) => {
        // "If a matching predicate field value is blank ... that field should be ignored."
        if (rule.fromNetwork !== '' && rule.fromNetwork !== before.network) return false;
        if (rule.toNetwork !== '' && rule.toNetwork !== leg.network) return false;
        if (rule.fromStop === '' && rule.toStop === '') {
          return stationOf(feed, before.to) === stationOf(feed, leg.from);
        }
        const isAt = (stop: string, named: string) =>
          stop === named || stationOf(feed, stop) === named;
        return isAt(before.to, rule.fromStop) && isAt(leg.from, rule.toStop);
      });
    if (isJoined) result.at(-1)!.push(leg);
    else result.push([leg]);
  }
  return result;
}

function stopOf(feed: GtfsFeed, id: string) {
  return feed.stops.find((stop) => stop.id === id)!;
}

function stationOf(feed: GtfsFeed, id: string): string {
  return stopOf(feed, id).parent || id;
}

/** stop_areas.txt: areas of a platform; of a station without its own, those of each platform. */
function areaSets(feed: GtfsFeed, id: string): string[][] {
  const own = (stop: string) =>
    feed.stopAreas.filter((row) => row.stop === stop).map(({ area }) => area);
  if (own(id).length > 0) return [own(id)];
  const { parent, type } = stopOf(feed, id);
  if (type === 0) return [parent === '' ? [] : own(parent)];
  const platforms = feed.stops.filter((stop) => stop.parent === id && stop.type === 0);
  return platforms.length === 0 ? [[]] : platforms.map((platform) => own(platform.id));
}

/** fare_leg_rules.txt, "To process the cost of a leg". */
function matchingRules(feed: GtfsFeed, leg: Effective): LegRule[] {
  const first = leg[0]!;
  const last = leg.at(-1)!;
  const found = new Set<LegRule>();
  for (const from of areaSets(feed, first.from)) {
    for (const to of areaSets(feed, last.to)) {
      const networks = [...new Set(leg.map(({ network }) => network))];
      for (const rule of rulesFor(feed, networks, from, to, first, last)) found.add(rule);
    }
  }
  if (!feed.hasPriority) return [...found];
  const highest = Math.max(...[...found].map(({ priority }) => priority));
  return [...found].filter(({ priority }) => priority === highest);
}

function rulesFor(
  feed: GtfsFeed,
  networks: readonly string[],
  from: readonly string[],
  to: readonly string[],
  first: TwinLeg,
  last: TwinLeg,
): LegRule[] {
  const inTime = feed.legRules.filter(
    (rule) =>
      isInTimeframe(feed, rule.fromTimeframe, first.from, first.departureMs) &&
      isInTimeframe(feed, rule.toTimeframe, last.to, last.arrivalMs),
  );
  // "each leg must have the same network_id which will be used for matching."
  const isNetwork = (id: string) => networks.length === 1 && networks[0] === id;
  if (feed.hasPriority) {
    // 4. "does not affect the matching of this rule".
    return inTime.filter(
      (rule) =>
        (rule.network === '' || isNetwork(rule.network)) &&
        (rule.from === '' || from.includes(rule.from)) &&
        (rule.to === '' || to.includes(rule.to)),
    );
  }
  // 2. "If the leg exactly matches a record ..."
  const exact = inTime.filter(
    (rule) => isNetwork(rule.network) && from.includes(rule.from) && to.includes(rule.to),
  );
  if (exact.length > 0) return exact;
  // 3. "... excluding the ones listed under" the column.
  const listed = (column: 'network' | 'from' | 'to') =>
    feed.legRules.map((rule) => rule[column]).filter((id) => id !== '');
  const isElse = (column: 'network' | 'from' | 'to', ids: readonly string[]) =>
    !ids.some((id) => listed(column).includes(id));
  return inTime.filter(
    (rule) =>
      (rule.network === '' ? isElse('network', networks) : isNetwork(rule.network)) &&
      (rule.from === '' ? isElse('from', from) : from.includes(rule.from)) &&
      (rule.to === '' ? isElse('to', to) : to.includes(rule.to)),
  );
}

/** timeframes.txt and "Timeframe Local Time Semantics". */
function isInTimeframe(feed: GtfsFeed, group: string, stop: string, instantMs: number): boolean {
  if (group === '') return true;
  const { date, weekday, seconds } = localTime(feed, stop, instantMs);
  return feed.timeframes.some((row) => {
    if (row.group !== group) return false;
    if (seconds < row.startSeconds || seconds >= row.endSeconds) return false;
    const service = feed.services.find(({ id }) => id === row.service)!;
    const day = Date.parse(`${date}T00:00:00Z`) / 86_400_000;
    if (service.added.includes(day)) return true;
    if (service.removed.includes(day)) return false;
    return service.startDay <= day && day <= service.endDay && service.weekdays[weekday]!;
  });
}

const formats = new Map<string, Intl.DateTimeFormat>();

function localTime(feed: GtfsFeed, stop: string, instantMs: number) {
  const timeZone = stopOf(feed, stationOf(feed, stop)).timezone || feed.timezone;
  const format =
    formats.get(timeZone) ??
    new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short', timeStyle: 'medium' });
  formats.set(timeZone, format);
  // 2024-03-10 01:59:59
  const [date = '', time = ''] = format.format(instantMs).split(' ');
  const [hours = 0, minutes = 0, seconds = 0] = time.split(':').map(Number);
  const weekday = (new Date(`${date}T00:00:00Z`).getUTCDay() + 6) % 7;
  return { date, weekday, seconds: hours * 3600 + minutes * 60 + seconds };
}

/** fare_products.txt: the cheapest row for a rider and a medium, or null. */
function productPrice(
  feed: GtfsFeed,
  product: string,
  rider: string | null,
  media: string | null,
): number | null {
  const isRider = (id: string) =>
    id === '' ||
    (rider === null ? feed.riders.find((row) => row.id === id)!.isDefault : id === rider);
  const amounts = feed.products
    .filter(({ id }) => id === product)
    .filter((row) => isRider(row.rider))
    .filter((row) => row.media === '' || media === null || row.media === media)
    .map(({ amountMinor }) => amountMinor);
  return amounts.length === 0 ? null : Math.min(...amounts);
}

/** How far a journey is priced: all that was paid, and the chain of transfers it is in. */
interface Progress {
  readonly leg: number;
  /** What the legs and transfers cost; without the last leg where that stands alone. */
  readonly paid: number;
  readonly isAlone: boolean;
  /** Consecutive transfers within one leg group, by the groups that their rules name. */
  readonly chain: {
    readonly key: string;
    readonly firstLeg: number;
    readonly count: number;
  } | null;
}

/**
 * fare_transfer_rules.txt, "To process the cost of a multi-leg journey": what a journey with one
 * rule chosen for each effective leg may cost, by each of the transfer rules that tie.
 */
function journeyCosts(
  feed: GtfsFeed,
  legs: readonly Effective[],
  chosen: readonly LegRule[],
  price: (product: string) => number | null,
): number[] {
  if (chosen[0]!.isTransferOnly) return [];
  let states: Progress[] = [{ leg: 0, paid: 0, isAlone: true, chain: null }];
  for (let leg = 0; leg + 1 < legs.length; leg++) {
    states = states.flatMap((state) => afterTransfer(feed, legs, chosen, price, state));
  }
  return states.flatMap((state) => {
    const total = settled(state, chosen, price);
    return total === null ? [] : [total];
  });
}

/** What is paid when the last leg is, if it stands alone, paid for by its own product. */
function settled(
  { leg, paid, isAlone }: Progress,
  chosen: readonly LegRule[],
  price: (product: string) => number | null,
): number | null {
  if (!isAlone) return paid;
  const own = price(chosen[leg]!.product);
  return own === null ? null : paid + own;
}

function afterTransfer(
  feed: GtfsFeed,
  legs: readonly Effective[],
  chosen: readonly LegRule[],
  price: (product: string) => number | null,
  state: Progress,
): Progress[] {
  const { leg } = state;
  const before = chosen[leg]!;
  const after = chosen[leg + 1]!;
  const matched = transferRules(feed, before.group, after.group).flatMap((rule) => {
    const key = `${rule.fromGroup}>${rule.toGroup}`;
    const isWithin = rule.fromGroup === rule.toGroup;
    const goesOn = isWithin && state.chain?.key === key;
    const firstLeg = goesOn ? state.chain!.firstLeg : leg;
    const count = goesOn ? state.chain!.count + 1 : 1;
    const cost = rule.product === '' ? 0 : price(rule.product);
    if (cost === null) return [];
    if (rule.filterProduct !== '' && rule.filterProduct !== before.product) return [];
    if (!isWithinLimit(rule, legs[firstLeg]!, legs[leg + 1]!)) return [];
    if (isWithin && rule.count !== -1 && rule.count < count) return [];
    return [{ rule, cost, chain: isWithin ? { key, firstLeg, count } : null }];
  });
  const whole = settled(state, chosen, price);
  if (matched.length === 0) {
    // 5. "There is no transfer arrangement and the legs are considered separate."
    if (after.isTransferOnly || whole === null) return [];
    return [{ leg: leg + 1, paid: whole, isAlone: true, chain: null }];
  }
  // "The rule with the minimum transfer_count that is greater than or equal to the current ..."
  const rank = ({ count }: TransferRule) => (count === -1 ? Number.MAX_SAFE_INTEGER : count);
  const least = Math.min(...matched.map(({ rule }) => rank(rule)));
  return matched
    .filter(({ rule }) => rank(rule) === least)
    .flatMap(({ rule, cost, chain }) => {
      // The table of fare_transfer_type: S is A at the first transfer, and AB alone replaces A.
      const s = rule.type === 2 && state.isAlone ? state.paid : whole;
      const b = rule.type === 1 ? price(after.product) : 0;
      if (s === null || b === null) return [];
      return [{ leg: leg + 1, paid: s + cost + b, isAlone: false, chain }];
    });
}

/** Rules whose groups match; "if no exact matches are found", those with empty entries. */
function transferRules(feed: GtfsFeed, from: string, to: string): TransferRule[] {
  const exact = feed.transferRules.filter(
    (rule) => from !== '' && to !== '' && rule.fromGroup === from && rule.toGroup === to,
  );
  if (exact.length > 0) return exact;
  const isListed = (column: 'fromGroup' | 'toGroup', group: string) =>
    group !== '' && feed.transferRules.some((rule) => rule[column] === group);
  return feed.transferRules.filter(
    (rule) =>
      (rule.fromGroup === '' ? !isListed('fromGroup', from) : rule.fromGroup === from) &&
      (rule.toGroup === '' ? !isListed('toGroup', to) : rule.toGroup === to),
  );
}

/** `duration_limit_type`. */
function isWithinLimit(rule: TransferRule, first: Effective, last: Effective): boolean {
  if (rule.limitSeconds === 0) return true;
  const departure = first[0]!.departureMs;
  const arrival = first.at(-1)!.arrivalMs;
  const elapsed = [
    last.at(-1)!.arrivalMs - departure,
    last[0]!.departureMs - departure,
    last[0]!.departureMs - arrival,
    last.at(-1)!.arrivalMs - arrival,
  ][rule.limitType]!;
  return elapsed <= rule.limitSeconds * 1000;
}
