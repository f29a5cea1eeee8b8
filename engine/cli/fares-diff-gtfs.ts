/** `fares diff` of GTFS feeds: rides of one leg between all stops that rules tell apart. */
import { FaregateError } from '../errors.ts';
import type { Currency } from '../fare/currencies.ts';
import {
  diffWay,
  type GtfsScope,
  pricesOf,
  type StopGroup,
  scopeOf,
  type Way,
  type WayDiff,
} from '../fare/gtfs/diff.ts';
import type { GtfsFares } from '../fare/gtfs/fares.ts';
import { formatInstant, parseInstant } from '../fare/instant.ts';
import { diffPicture } from '../fare/pictures.ts';
import { svgOf } from '../fare/svg.ts';
import { FARE_DIFF_PRICES_MAX } from '../limits.ts';
import type { Args, Io } from './command.ts';
import { amountTexts, changesText, csvRow, onlyInTexts, write } from './diff-output.ts';

/** Characters of a stop's name in the picture, before the number of others like it. */
const NAME_LENGTH = 14;

export async function diffGtfs(
  args: Args,
  io: Io,
  before: GtfsFares,
  after: GtfsFares,
): Promise<number> {
  const { currency, model } = after.feed;
  if (before.feed.model !== model) {
    const message = 'fares of GTFS V1 and V2 are compared over --journeys alone';
    throw new FaregateError('USAGE', message);
  }
  const scope = narrowed(args, scopeOf(before, after));
  checkSize(scope);
  const atMs = instantOption(args, scope);
  const ways = [...waysOf(scope)].map((way) => diffWay(before, after, scope.groups, way, atMs));
  const csv = args.text('csv');
  if (csv !== undefined) await write(csv, csvOf(ways, scope.groups, currency));
  const svg = args.text('svg');
  const title = `Fares of version ${after.version} against version ${before.version}`;
  if (svg !== undefined) await write(svg, pictureOf(ways, scope.groups, currency, title));
  if (args.flag('json')) {
    const versions = { before: before.version, after: after.version, currency: currency.code };
    io.out(JSON.stringify({ ...versions, ...jsonOf(ways, scope) }));
  } else for (const line of report(ways, scope, currency)) io.out(line);
  return 0;
}

/** The scope with one rider category, fare medium or network where options name one. */
function narrowed(args: Args, scope: GtfsScope): GtfsScope {
  const only = (option: string, known: readonly (string | null)[]) => {
    const wanted = args.text(option);
    if (wanted === undefined) return known;
    if (known.includes(wanted)) return [wanted];
    const names = known.filter((id) => id !== null).join(', ') || 'none';
    const message = `--${option}: those that both feeds have and rules name: ${names}`;
    throw new FaregateError('USAGE', message);
  };
  return {
    ...scope,
    riders: only('rider', scope.riders),
    media: only('media', scope.media),
    networks: only('network', scope.networks),
  };
}

function checkSize(scope: GtfsScope): void {
  const { groups, riders, media, networks } = scope;
  if (groups.length === 0) {
    throw new FaregateError('FARES_INVALID', 'the feeds have no stop in common');
  }
  const prices = pricesOf(scope);
  if (prices <= FARE_DIFF_PRICES_MAX) return;
  const message =
    `${prices} prices (${groups.length} kinds of stops, ${riders.length} rider categories, ` +
    `${media.length} media, ${networks.length} networks) are over the bound of ` +
    `${FARE_DIFF_PRICES_MAX}; --rider, --media and --network take one, --journeys those of a file`;
  throw new FaregateError('USAGE', message);
}

function instantOption(args: Args, { dependsOnTime }: GtfsScope): number {
  const text = args.text('at');
  if (text === undefined) {
    if (!dependsOnTime) return 0;
    throw new FaregateError('USAGE', 'fares of these feeds depend on the time: --at INSTANT');
  }
  const ms = parseInstant(text);
  if (!Number.isNaN(ms)) return ms;
  const message = `--at takes ISO 8601 with a zone, like ${formatInstant(0)}, not ${text}`;
  throw new FaregateError('USAGE', message);
}

function* waysOf({ riders, media, networks }: GtfsScope): Generator<Way> {
  for (const rider of riders) {
    for (const medium of media) {
      for (const network of networks) yield { rider, media: medium, network };
    }
  }
}

function wayText({ rider, media, network }: Way): string {
  return [rider, media, network].filter((id) => id !== null).join(', ') || 'all riders';
}

function hasChange({ dearer, cheaper, onlyBefore, onlyAfter }: WayDiff): boolean {
  return dearer + cheaper + onlyBefore + onlyAfter > 0;
}

function report(ways: readonly WayDiff[], scope: GtfsScope, currency: Currency): string[] {
  const changed = ways.filter(hasChange);
  const lines = changed.map((way) => {
    const lost = way.onlyBefore > 0 ? `, ${way.onlyBefore} without a price now` : '';
    const found = way.onlyAfter > 0 ? `, ${way.onlyAfter} with a price now` : '';
    const changes = changesText(way, currency);
    return `${wayText(way)}: of ${way.pairs} pairs of stops ${changes}${lost}${found}`;
  });
  const others = ways.length - changed.length;
  const rest = 'of rider category, medium and network: no pair of stops changes';
  if (others > 0) lines.push(`${others} of ${ways.length} combinations ${rest}`);
  lines.push(...onlyInTexts('stops', scope.onlyStops));
  lines.push(...onlyInTexts('rider categories', scope.onlyRiders));
  lines.push(...onlyInTexts('fare media', scope.onlyMedia));
  lines.push(...onlyInTexts('networks', scope.onlyNetworks));
  return lines;
}

function jsonOf(ways: readonly WayDiff[], scope: GtfsScope) {
  const { groups, onlyStops, onlyRiders, onlyMedia, onlyNetworks } = scope;
  return {
    kindsOfStops: groups.length,
    ways: ways.map(({ before: _, after: __, ...sums }) => sums),
    ...{ onlyStops, onlyRiders, onlyMedia, onlyNetworks },
  };
}

/** A row for each pair of kinds of stops, which its first stops stand for. */
function csvOf(ways: readonly WayDiff[], groups: readonly StopGroup[], currency: Currency): string {
  const rows = ['rider,media,network,from,to,pairs,before,after,change'];
  for (const { rider, media, network, before, after } of ways) {
    const who = [rider ?? '', media ?? '', network ?? ''];
    for (const [cell, was] of before.entries()) {
      const is = after[cell]!;
      if (Object.is(was, is)) continue;
      const from = groups[Math.floor(cell / groups.length)]!;
      const to = groups[cell % groups.length]!;
      const [former, now] = [was, is].map((minor) => (Number.isNaN(minor) ? null : minor));
      const amounts = amountTexts(former!, now!, currency);
      rows.push(csvRow([...who, from.id, to.id, String(from.stops * to.stops), ...amounts]));
    }
  }
  return `${rows.join('\n')}\n`;
}

/** The way that changes most, the first of several; a pair that one version prices is left out. */
function pictureOf(
  ways: readonly WayDiff[],
  groups: readonly StopGroup[],
  currency: Currency,
  title: string,
): string {
  const changes = ({ dearer, cheaper }: WayDiff) => dearer + cheaper;
  const way = ways.reduce((most, each) => (changes(each) > changes(most) ? each : most));
  const both = way.before.map((was, cell) => (Number.isNaN(was + way.after[cell]!) ? 0 : 1));
  const priced = (prices: Float64Array) => {
    return Int32Array.from(prices, (minor, cell) => (both[cell] === 1 ? minor : 0));
  };
  const stations = groups.map(({ id, name, stops }) => {
    const others = stops > 1 ? ` +${stops - 1}` : '';
    return { id, name: `${(name || id).slice(0, NAME_LENGTH)}${others}` };
  });
  const fares = {
    rider: wayText(way),
    stations,
    before: priced(way.before),
    after: priced(way.after),
  };
  return svgOf([diffPicture(fares, currency, title)]);
}
