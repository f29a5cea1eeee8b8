/**
 * The station's process under load: the real `Station` over real journals and uplinks, only its
 * readers are the benchmark's.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Histogram, type Percentiles } from '../../engine/histogram.ts';
import { createLog } from '../../engine/log/log.ts';
import type { TapReport } from '../../gate/controller.ts';
import { Station } from '../../gate/station.ts';
import { warmUp } from '../../gate/warm-up.ts';
import { nowUs } from './card-link.ts';
import { bundleDirOf, gateIdOf, journalDirOf, keyringOf, type LoadPlan } from './plan.ts';
import { fares, settingOf, zone } from './setting.ts';
import { takeSyncUs, watchSyncs } from './syncs.ts';
import { Upkeep } from './upkeep.ts';
import { CardsLink, WiredReader } from './wired-reader.ts';

const CONNECT_MS = 30_000;

/** What happened since the figures were taken last. */
export interface Figures {
  readonly taps: number;
  readonly refused: number;
  readonly seconds: number;
  /** Processor time of the process with all its threads, but for the cards'. */
  readonly cpuSeconds: number;
  /** Share of the time in which the taps' event loop had work. */
  readonly loopBusy: number;
  /** Share in which its thread could have run, but the machine's cores were taken; Linux only. */
  readonly starved: number;
  /** What the cards waited for the station in one tap, sockets and event loop included. */
  readonly hostUs: Percentiles;
  /** The same as the gate counts it by itself. */
  readonly ownUs: Percentiles;
  /** From the card's arrival to the decision. */
  readonly tapUs: Percentiles;
  /** How late paced riders were sent: of what they waited, the part that is not the station's. */
  readonly lateUs: Percentiles;
  /** Of every sync of the process: gates' files too, not the shared log's alone. */
  readonly syncUs: Percentiles;
  readonly backlog: number;
  /** Records that the engine acknowledged. */
  readonly uploaded: number;
  /** Denylist deltas taken and card keys derived. */
  readonly deltas: number;
  readonly keysDerived: number;
  readonly rssBytes: number;
  readonly heapBytes: number;
}

export class LoadedStation {
  readonly #station: Station;
  readonly #upkeep: Upkeep;
  readonly cards: CardsLink;
  #since = new Since(0, 0, 0, 0);
  #failed: Promise<void> = new Promise(() => {});

  private constructor(station: Station, upkeep: Upkeep, cards: CardsLink) {
    this.#station = station;
    this.#upkeep = upkeep;
    this.cards = cards;
  }

  static async open(plan: LoadPlan, port: number): Promise<LoadedStation> {
    const station = new Station({
      engine: { host: '127.0.0.1', port },
      keyring: keyringOf(plan),
      log: createLog('station', 'error'),
      uplinks: plan.uplinks,
      ...(plan.sharedLog ? { sharedLogDir: join(plan.dir, 'shared-log') } : {}),
    });
    await watchSyncs();
    const readers = Array.from({ length: plan.gates }, (_, i) => new WiredReader(gateIdOf(i)));
    const cards = await CardsLink.start(plan, readers);
    const loaded = new LoadedStation(station, await Upkeep.open(plan), cards);
    for (const [i, reader] of readers.entries()) {
      await station.add({
        gateId: gateIdOf(i),
        station: 'load',
        reader,
        bundleDir: bundleDirOf(plan, i),
        journalDir: journalDirOf(plan, i),
        setting: settingOf(i, loaded.#upkeep.store.denylist),
        onTap: (report) => loaded.#since.count(report, reader),
      });
    }
    await warmUp(plan.warmUpTaps, fares, zone, Date.now());
    loaded.#failed = station.serve();
    // Told to whoever waits for taps.
    loaded.#failed.catch(() => {});
    return loaded;
  }

  /** Starts the uplinks, and does not wait. */
  start(): void {
    this.#station.start();
  }

  /** Starts the uplinks; resolves when they are connected. */
  connect(): Promise<void> {
    return this.#station.connect(CONNECT_MS);
  }

  /** Starts list updates and key derivation beside the taps. */
  keepUp(): Promise<void> {
    return this.#upkeep.start(this.#station.keys);
  }

  /** @throws FaregateError where the station has failed. */
  get progress(): Promise<{ backlog: number; taps: number }> {
    const now = { backlog: this.#station.backlog, taps: this.#since.taps };
    return Promise.race([this.#failed, Promise.resolve()]).then(() => now);
  }

  async take(): Promise<Figures> {
    const cards = await this.cards.order<{ seconds: number; lateUs: Percentiles }>('figures');
    const { seconds, lateUs } = cards;
    const { backlog } = this.#station;
    const { deltasTaken, keysDerived } = this.#upkeep;
    const counted = this.#since.figures(backlog, deltasTaken, keysDerived, seconds);
    this.#since = new Since(backlog, deltasTaken, keysDerived, seconds);
    return { ...counted, lateUs, syncUs: takeSyncUs() };
  }

  drained(): Promise<void> {
    return this.#station.drained();
  }

  stop(): Promise<void> {
    this.#upkeep.stop();
    return this.#station.stop();
  }
}

/** Counts from one taking of figures to the next. */
class Since {
  taps = 0;
  #refused = 0;
  #debits = 0;
  readonly #hostUs = new Histogram();
  readonly #ownUs = new Histogram();
  readonly #tapUs = new Histogram();
  readonly #ms = performance.now();
  readonly #cpu = process.cpuUsage();
  readonly #loop = performance.eventLoopUtilization();
  readonly #runDelaySeconds = runDelaySeconds();
  readonly #before: readonly [backlog: number, deltas: number, keys: number, cards: number];

  constructor(backlog: number, deltas: number, keys: number, cardsSeconds: number) {
    this.#before = [backlog, deltas, keys, cardsSeconds];
  }

  count({ decision, hostUs }: TapReport, reader: WiredReader): void {
    this.taps += 1;
    this.#debits += decision.closed.length;
    if (!decision.open) this.#refused += 1;
    const session = reader.inField!;
    this.#hostUs.add(Math.ceil(session.hostUs()));
    this.#tapUs.add(Math.ceil(nowUs() - session.arrivedUs));
    this.#ownUs.add(Math.ceil(hostUs));
  }

  figures(
    backlog: number,
    deltas: number,
    keys: number,
    cardsSeconds: number,
  ): Omit<Figures, 'lateUs' | 'syncUs'> {
    const cpu = process.cpuUsage(this.#cpu);
    const memory = process.memoryUsage();
    const [backlogBefore, deltasBefore, keysBefore, cardsBefore] = this.#before;
    const seconds = (performance.now() - this.#ms) / 1000;
    return {
      taps: this.taps,
      refused: this.#refused,
      seconds,
      cpuSeconds: (cpu.user + cpu.system) / 1e6 - (cardsSeconds - cardsBefore),
      loopBusy: performance.eventLoopUtilization(this.#loop).utilization,
      starved: (runDelaySeconds() - this.#runDelaySeconds) / seconds,
      hostUs: this.#hostUs.percentiles(),
      ownUs: this.#ownUs.percentiles(),
      tapUs: this.#tapUs.percentiles(),
      backlog,
      uploaded: backlogBefore + this.#debits - backlog,
      deltas: deltas - deltasBefore,
      keysDerived: keys - keysBefore,
      rssBytes: memory.rss,
      heapBytes: memory.heapUsed,
    };
  }
}

/** How long the main thread has waited for a core: second figure of schedstat, in nanoseconds. */
function runDelaySeconds(): number {
  try {
    return Number(readFileSync('/proc/self/schedstat', 'utf8').split(' ')[1]) / 1e9;
  } catch {
    return 0;
  }
}
