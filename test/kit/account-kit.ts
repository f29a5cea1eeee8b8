/** Extension tables beside a matrix, and an account's taps, as tests write them. */
import assert from 'node:assert/strict';
import type { AccountTap, SwitchPeriod, TakenJourney } from '../../engine/fare/account/account.ts';
import type { FareFrame } from '../../engine/fare/account/frame.ts';
import { type AccountJourneys, JourneyRules } from '../../engine/fare/account/journeys.ts';
import type { PastRide } from '../../engine/fare/account/usual.ts';
import { checkMatrixTerms, type MatrixFrame } from '../../engine/fare/terms/matrix.ts';
import type { FareTerms } from '../../engine/fare/terms/terms.ts';

export const plainFrame: FareFrame = {
  stationOf: (stop) => stop,
  has: () => true,
  networkOf: () => '',
  defaultRider: 'adult',
  missingTapMinor: null,
  transferMs: null,
  costMinor: () => null,
};

/** Terms of tables by name, without `faregate_` and `.txt`. */
export function termsOf(tables: Readonly<Record<string, string>>, frame: MatrixFrame): FareTerms {
  const files = Object.entries(tables).map(([name, text]) => ({
    name: `faregate_${name}.txt`,
    rows: text
      .trim()
      .split('\n')
      .map((line, index) => ({ line: index + 1, fields: line.split(',') })),
    fault: null,
  }));
  const names = files.map(({ name }) => name);
  const { terms, findings } = checkMatrixTerms(files, names, frame);
  assert(terms, JSON.stringify(findings.list));
  return terms;
}

/**
 * Taps of lines like `2026-11-24T08:00 in A`, `out`, or `on` for a single tap; then perhaps a
 * network and a route. A time alone is of the day of the line before. Ids are `1`, `2`, ...
 * @param offset of all times: `+08:00`
 */
export function tapsOf(lines: readonly string[], offset: string): AccountTap[] {
  let date = '';
  return lines.map((line, index) => {
    const [at, what, stop, network, route] = line.split(' ');
    const [day, time] = at!.includes('T') ? at!.split('T') : [date, at];
    date = day!;
    return {
      id: String(index + 1),
      atMs: instant(`${date}T${time}`, offset),
      kind: what === 'in' ? 'entry' : what === 'out' ? 'exit' : 'single',
      stop: stop!,
      network: network ?? '',
      route: route ?? '',
    };
  });
}

export function instant(text: string, offset: string): number {
  const ms = Date.parse(`${text}${offset}`);
  assert(!Number.isNaN(ms), `${text}${offset}`);
  return ms;
}

export interface Asked {
  readonly terms: FareTerms;
  readonly offset: string;
  readonly frame?: FareFrame;
  readonly media?: string;
  readonly rider?: string;
  readonly switches?: readonly SwitchPeriod[];
  /** Without it a month after the last tap. */
  readonly now?: string;
  readonly history?: readonly PastRide[];
}

export function journeysOf(lines: readonly string[], asked: Asked): AccountJourneys {
  const taps = tapsOf(lines, asked.offset);
  const account = { rider: asked.rider ?? null, media: asked.media ?? null, passes: [] };
  const last = taps.at(-1)?.atMs ?? 0;
  const nowMs = asked.now ? instant(asked.now, asked.offset) : last + 30 * 86_400_000;
  const rules = new JourneyRules(asked.terms, asked.frame ?? plainFrame);
  return rules.journeysOf(taps, account, asked.switches ?? [], nowMs, asked.history ?? []);
}

/** `A-B C-D sum`, and charges as `missingExit A maximum`; one text for each journey. */
export function brief({ legs, pricing, charges }: TakenJourney): string {
  const rides = legs.map(({ from, to, completed }) => {
    if (completed === null) return `${from}-${to}`;
    return completed === 'exit' ? `${from}-(${to})` : `(${from})-${to}`;
  });
  const fixed = charges.map(({ kind, stop, charge }) => `${kind} ${stop} ${charge}`);
  const how = legs.length > 1 ? [pricing] : [];
  return [...rides, ...how, ...fixed].join(' ') || 'nothing';
}

export function briefs(lines: readonly string[], asked: Asked): string[] {
  return journeysOf(lines, asked).journeys.map(brief);
}
