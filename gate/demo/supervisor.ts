/**
 * The main job: an engine on embedded stores and a virtual station in rush hour, each a process of
 * its own, started, watched and stopped in order. What it makes lies in one folder; given the same
 * folder again, it goes on.
 */
import { randomInt } from 'node:crypto';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { FaregateError, systemCode } from '../../engine/errors.ts';
import { Histogram, type HistogramData, type Percentiles } from '../../engine/histogram.ts';
import { enrolGate } from '../../engine/operator/enrolment.ts';
import { openFares } from '../../engine/operator/fare-files.ts';
import { importKeyFile } from '../../engine/operator/key-files.ts';
import { TapCounts } from '../tap-counts.ts';
import { caKeysOf, makeBankKeys, readBankKeys } from './bank-keys.ts';
import { CardFile } from './card-file.ts';
import { Child } from './child.ts';
import type { CityCounts, CountsName } from './counts-file.ts';
import { makeMasters, readMasters } from './masters.ts';
import { type DemoPlan, demoFiles, planGates, readPlan } from './plan.ts';
import { FAMILIES, type RiderFamily } from './population.ts';
import { type Reckoning, reckon } from './reconcile.ts';
import { firstCounterOf } from './riders.ts';
import type { StationWord } from './station-process.ts';

/** How the riders with one kind of card fared. */
export interface FamilyResult {
  readonly taps: number;
  readonly opened: number;
  readonly denied: number;
  readonly torn: number;
  /** Taps that settled a torn debit. */
  readonly recovered: number;
  /** Medians. */
  readonly tapMs: number;
  readonly hostUs: number;
}

/** The last line of a run; `README.md` says what each figure is. */
export interface DemoResult {
  readonly taps: number;
  readonly debits: number;
  readonly posted: number;
  readonly unresolved: number;
  readonly unreconciledMinor: number;
  readonly denied: number;
  readonly torn: number;
  /** Of taps promised within 300 ms. */
  readonly tapMs: Percentiles;
  readonly hostUs: Percentiles;
  /** Of taps of bank cards, promised within 500 ms. */
  readonly bankTapMs: Percentiles;
  readonly bankHostUs: Percentiles;
  readonly recovered: number;
  readonly exceptions: number;
  readonly spentMinor: number;
  /** Debits, and taps that are charged later, that only the cards' own bank can verify. */
  readonly passedThrough: number;
  readonly openLoop: Omit<Reckoning['openLoop'], 'findings'>;
  readonly families: Readonly<Record<RiderFamily, FamilyResult>>;
  readonly deniedBy: Readonly<Record<string, number>>;
  readonly findings: readonly string[];
  readonly seconds: number;
}

export interface DemoOptions {
  readonly dir: string;
  readonly plan: Omit<DemoPlan, 'uplinkPort'>;
  readonly httpPort: number | null;
  /** One line for a person. */
  readonly note: (line: string) => void;
  readonly progress: (taps: number, backlog: number) => void;
  /** Resolves when a person wants the run to end. */
  readonly stop: Promise<void>;
}

export async function runDemo(options: DemoOptions): Promise<DemoResult> {
  const { dir, note } = options;
  const startMs = Date.now();
  const httpPort = await dashboardPort(options.httpPort);
  const plan = await prepare(dir, options.plan, note);
  const files = demoFiles(dir);
  const fareBook = await openFares(plan.fares);
  const currency = fareBook.versions[0]!.currency;

  let address = '';
  let ready: () => void = () => {};
  const isReady = new Promise<void>((resolve) => {
    ready = resolve;
  });
  const engine = new Child({
    name: 'engine',
    program: '../../engine/main.js',
    args: [
      ...['serve', '--data', files.engine, '--keys', files.keys, '--json', '--until-eof'],
      ...['--port', String(plan.uplinkPort), '--http-port', String(httpPort)],
      ...['--city', plan.fares === 'sample' ? 'Sample city' : plan.fares, '--currency', currency],
    ],
    onWord: (word) => {
      address = (word as { http?: string }).http ?? address;
      ready();
    },
    note,
  });
  await Promise.race([isReady, engine.ended]);
  note(`dashboard: ${address}`);

  let done: Extract<StationWord, { word: 'done' }> | null = null;
  const station = new Child({
    name: 'station',
    program: '../main.js',
    args: ['demo-station', '--data', dir],
    onWord: (word) => {
      const said = word as StationWord;
      if (said.word === 'done') done = said;
      else options.progress(said.taps, said.backlog);
    },
    note,
  });
  note(`engine is process ${engine.pid}, station is process ${station.pid}`);
  let stopped = false;
  void options.stop.then(() => {
    stopped = true;
    note('draining: taps in hand finish, debits go up, then the books are checked');
    return station.stop().catch(() => {});
  });
  try {
    await Promise.race([station.ended, engine.ended.then(() => never(stopped))]);
  } finally {
    await engine.stop();
  }
  if (!done) throw new FaregateError('PROCESS_ENDED', 'the station ended without a word');
  return result(dir, plan, done, (Date.now() - startMs) / 1000);
}

/** An engine that ends before the station is an error, not an end. */
function never(stopped: boolean): Promise<never> {
  throw new FaregateError(
    'STORE_FAILED',
    `the engine ended ${stopped ? 'too early' : 'by itself'}`,
  );
}

async function result(
  dir: string,
  plan: DemoPlan,
  done: { readonly unconfirmed: number; readonly counts: CityCounts },
  seconds: number,
): Promise<DemoResult> {
  const files = demoFiles(dir);
  const cards = CardFile.read(files.cards, plan.seed, readMasters(files.masters, files.bankKeys));
  try {
    const reckoning = await reckon(dir, plan, cards, firstCounterOf);
    const { cards: people, taps, charges, chargedMinor } = reckoning.openLoop;
    const counts = countsOf(done.counts, 'city');
    return {
      taps: cards.taps,
      debits: reckoning.debits,
      posted: reckoning.posted,
      unresolved: reckoning.unresolved,
      unreconciledMinor: reckoning.unreconciledMinor,
      denied: deniedOf(counts),
      torn: counts.torn,
      tapMs: counts.tapMs.percentiles(),
      hostUs: counts.hostUs.percentiles(),
      bankTapMs: counts.bankTapMs.percentiles(),
      bankHostUs: counts.bankHostUs.percentiles(),
      recovered: counts.recovered,
      exceptions: reckoning.exceptions,
      spentMinor: reckoning.spentMinor,
      passedThrough: reckoning.passedThrough,
      openLoop: { cards: people, taps, charges, chargedMinor },
      families: Object.fromEntries(
        FAMILIES.map(([family]) => [family, familyResult(countsOf(done.counts, family))]),
      ) as Record<RiderFamily, FamilyResult>,
      deniedBy: counts.denied,
      findings: reckoning.findings,
      seconds: Math.round(seconds * 10) / 10,
    };
  } finally {
    cards.close();
  }
}

function countsOf(counts: CityCounts, name: CountsName): TapCounts {
  const restored = new TapCounts(name, '', 0);
  restored.restore(counts[name]);
  return restored;
}

function deniedOf({ denied }: TapCounts): number {
  return Object.values(denied).reduce((sum, count) => sum + count, 0);
}

function familyResult(counts: TapCounts): FamilyResult {
  const { taps, opened, torn, recovered } = counts;
  const { tapMs, hostUs, bankTapMs, bankHostUs } = counts.status(0, 0);
  return {
    ...{ taps, opened, denied: deniedOf(counts), torn, recovered },
    tapMs: medianOf(tapMs, bankTapMs),
    hostUs: medianOf(hostUs, bankHostUs),
  };
}

function medianOf(...parts: readonly (HistogramData | undefined)[]): number {
  const all = new Histogram();
  for (const part of parts) if (part) all.merge(part);
  return all.percentile(0.5);
}

/** Makes the folder of a new run, or reads the plan of the one that is there. */
async function prepare(
  dir: string,
  wanted: Omit<DemoPlan, 'uplinkPort'>,
  note: (line: string) => void,
): Promise<DemoPlan> {
  const files = demoFiles(dir);
  if (existsSync(files.plan)) {
    const plan = { ...readPlan(dir), taps: wanted.taps };
    writeFileSync(files.plan, JSON.stringify(plan));
    note(`going on with the run in ${dir}`);
    return plan;
  }
  const fareBook = await openFares(wanted.fares);
  mkdirSync(dir, { recursive: true });
  const plan: DemoPlan = { ...wanted, uplinkPort: await keptPort() };
  writeFileSync(files.masters, makeMasters(), { mode: 0o600 });
  writeFileSync(files.bankKeys, makeBankKeys(), { mode: 0o600 });
  writeFileSync(files.caKeys, caKeysOf(readBankKeys(files.bankKeys)));
  await importKeyFile(files.masters, files.keys, {});
  const gates = planGates(plan, fareBook.at(plan.startMs) ?? fareBook.versions[0]!);
  for (const { gateId, stationName } of gates) {
    await enrolGate(files.engine, { gateId, station: stationName, outDir: files.gate(gateId) });
  }
  // Last, so that a folder with a plan is a whole one.
  writeFileSync(files.plan, JSON.stringify(plan));
  note(`${gates.length} gates enrolled, ${plan.riders} riders`);
  return plan;
}

/** Below the ports that systems give to whoever asks for any. */
const KEPT_PORT_MIN = 30_000;
const KEPT_PORTS = 2700;

/**
 * A free port for the whole run, which an engine that was killed must find free again: none that
 * the system could give to another program meanwhile.
 */
async function keptPort(): Promise<number> {
  const first = randomInt(KEPT_PORTS);
  for (let i = 0; i < KEPT_PORTS; i++) {
    const wanted = KEPT_PORT_MIN + ((first + i) % KEPT_PORTS);
    if ((await freePort(wanted)) === wanted) return wanted;
  }
  return await freePort(0);
}

/**
 * @param asked 0 for one that the system picks
 * @throws FaregateError PORT_IN_USE where the one asked for is taken.
 */
async function dashboardPort(asked: number | null): Promise<number> {
  if (asked === null) return await freePort(8080);
  if (asked === 0 || (await freePort(asked)) === asked) return asked;
  const message = `port ${asked} on 127.0.0.1 is taken; --port names another`;
  throw new FaregateError('PORT_IN_USE', message);
}

/** `wanted` if it is free on this machine, else any free port. */
function freePort(wanted: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error) => {
      if (systemCode(error) === 'EADDRINUSE') resolve(freePort(0));
      else reject(error);
    });
    server.listen(wanted, '127.0.0.1', () => {
      const address = server.address();
      const port = typeof address === 'object' && address ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}
