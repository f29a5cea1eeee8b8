/** GTFS feeds for tests: made of texts, or of a folder, checked and compiled as a program would. */
import { fareBook } from '../../engine/fare/book.ts';
import { GtfsFares } from '../../engine/fare/gtfs/fares.ts';
import type { CheckedFeed, GtfsFeed } from '../../engine/fare/gtfs/feed.ts';
import type { Finding } from '../../engine/fare/gtfs/findings.ts';
import { quoteGtfs } from '../../engine/fare/gtfs/quote.ts';
import { fareFiles } from '../../engine/fare/gtfs/schema.ts';
import type { GtfsItem } from '../../engine/fare/gtfs/why.ts';
import {
  type Journey,
  type PricedAs,
  parseJourney,
  type RefusedJourney,
} from '../../engine/fare/journey.ts';
import { checkSource, readGtfs } from '../../engine/operator/gtfs-files.ts';

/** Files of a feed by name, without `.txt`. */
export type Texts = Readonly<Record<string, string>>;

/** Checks a feed made of texts. */
export function checkTexts(texts: Texts): CheckedFeed {
  const all = Object.entries(texts).map(
    ([name, text]) => [`${name}.txt`, new TextEncoder().encode(text)] as const,
  );
  const files = new Map(all.filter(([name]) => fareFiles.includes(name)));
  return checkSource({ files, names: all.map(([name]) => name) });
}

/** The same of a feed without errors. */
export function feedOf(texts: Texts): GtfsFeed {
  const { feed, findings } = checkTexts(texts);
  if (!feed) throw new Error(findings.list.map(brief).join('\n'));
  return feed;
}

/** A folder's or zip file's feed, compiled. */
export async function faresOf(path: string): Promise<GtfsFares> {
  const { feed } = checkSource(await readGtfs(path));
  if (!feed) throw new Error(`${path} has errors`);
  return new GtfsFares(feed, 1, 0);
}

/** `error duplicate_key stops.txt:4 stop_id`. */
export function brief({ severity, code, file, line, field }: Finding): string {
  return `${severity} ${code} ${file}${line > 0 ? `:${line}` : ''} ${field}`.trim();
}

/** A leg as tests write it: from, to, network, departure, arrival. */
export type LegText = readonly [
  from: string,
  to: string,
  network: string,
  at: string,
  till: string,
];

/** A journey's answer: decimal text, or the code of its error; and the lines of its rules. */
export function ask(
  fares: GtfsFares,
  legs: readonly LegText[],
  more: { readonly media?: string; readonly rider?: string } = {},
): { readonly amount: string; readonly rules: readonly string[]; readonly why: readonly string[] } {
  const journey = parseJourney(
    JSON.stringify({
      id: 1,
      ...more,
      legs: legs.map(([from, to, network, departure, arrival]) => ({
        ...{ from, to, departure, arrival },
        ...(network === '' ? {} : { network }),
      })),
    }),
  );
  if ('error' in journey) throw new Error(journey.error.message);
  const answer = quoted(fares, journey);
  if ('error' in answer) {
    return { amount: answer.error.code, rules: [], why: [answer.error.message] };
  }
  const rules = answer.items.map(({ rule }) => rule.replace('.txt, line ', ':'));
  return { amount: answer.amount, rules, why: answer.why };
}

/** What `quote` writes, read back. */
export function quoted(fares: GtfsFares, journey: Journey): PricedAs<GtfsItem> | RefusedJourney {
  return JSON.parse(quoteGtfs(fareBook([fares]), journey));
}
