/**
 * One run of the kill test: riders tap without a pause at the gates of a real process, which is
 * killed again and again and started on what it left; the engine lives in this process. In the end
 * everything is uploaded and compared.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { cmacKey } from '../../engine/crypto/mac.ts';
import { silentLog } from '../../engine/log/log.ts';
import { type RunningEngine, startEngine } from '../../engine/operator/engine.ts';
import { enrolGate } from '../../engine/operator/enrolment.ts';
import { Chance } from '../../gate/demo/chance.ts';
import { Life } from './life.ts';
import {
  bundleDir,
  type CanaryName,
  gates,
  HASH_KEY,
  journalDir,
  journalsDir,
  type KillPlan,
  killCity,
} from './plan.ts';
import { Reckoning } from './reckoning.ts';
import { Rider } from './riders.ts';

const RIDERS = 6;
const LIFE_MS_MAX = 100;
/** Processes that have loaded their modules and wait for their turn. */
const WAITING = 2;
const COMMANDS_MAX = 60;
/** A process that is killed while it opens its gates; it comes on top of the kills asked for. */
const EARLY_KILLS = 0.1;
const EARLY_MS_MAX = 40;
const OFFLINE = 0.3;
/** Nobody listens there. */
const NO_PORT = 9;

export interface KillOptions {
  readonly seed: number;
  /** Kills while a card is in a reader's field. */
  readonly kills: number;
  /** An empty folder on a real disk. */
  readonly dir: string;
  readonly canary: CanaryName | null;
  /** Told after each kill. */
  readonly onKill?: (kills: number) => void;
}

export interface KillResult {
  readonly kills: number;
  /** Kills at other moments: while it opened its gates, or between two taps. */
  readonly otherKills: number;
  readonly taps: number;
  readonly openings: number;
  /** What did not hold. */
  readonly violations: readonly string[];
}

export async function runKills(options: KillOptions): Promise<KillResult> {
  const { seed, dir } = options;
  for (const { gateId } of gates) {
    await enrolGate(join(dir, 'engine'), { gateId, outDir: bundleDir(dir, gateId) });
    await mkdir(journalDir(journalsDir(dir), gateId), { recursive: true });
  }
  const reckoning = new Reckoning();
  const engine = await startEngine({
    dataDir: join(dir, 'engine'),
    keyring: killCity(seed).keyring,
    cardHash: cmacKey(HASH_KEY),
    host: '127.0.0.1',
    names: [],
    uplinkPort: 0,
    httpPort: 0,
    city: 'killed',
    currency: 'CNY',
    log: silentLog,
    onFailure: (error) => reckoning.broken(`the engine failed: ${error}`),
  });
  const run = new KillRun(options, reckoning, engine);
  try {
    await run.live();
  } finally {
    run.killAll();
    await engine.stop();
  }
  if (reckoning.violations.length === 0) await reckoning.settleAccounts(dir, run.riders);
  return {
    ...run.counts,
    taps: run.riders.reduce((sum, rider) => sum + rider.taps, 0),
    openings: reckoning.openings,
    violations: reckoning.violations,
  };
}

class KillRun {
  readonly riders: readonly Rider[];
  readonly counts = { kills: 0, otherKills: 0 };
  readonly #options: KillOptions;
  readonly #reckoning: Reckoning;
  readonly #uplinkPort: number;
  readonly #chance: Chance;
  readonly #next: Life[] = [];
  readonly #lives = new Set<Life>();
  #life: Life | null = null;
  #arrivals: ((life: Life) => void)[] = [];
  /** Kills at the card's command that brings it to 0. */
  #commandsLeft = 0;
  #killAnswered = false;
  #struck: () => void = () => {};
  #over = false;

  constructor(options: KillOptions, reckoning: Reckoning, engine: RunningEngine) {
    this.#options = options;
    this.#reckoning = reckoning;
    this.#uplinkPort = engine.uplinkPort;
    this.#chance = new Chance(options.seed);
    for (let i = 0; i < WAITING; i++) this.#spawn();
    const { masters } = killCity(options.seed);
    const queues = new Map<string, Promise<void>>();
    this.riders = Array.from({ length: RIDERS }, (_, index) => {
      return new Rider(index, masters.purse, {
        queues,
        life: () => this.#serving(),
        onCommand: (answered) => this.#onCommand(answered),
        broken: (what) => reckoning.broken(what),
      });
    });
  }

  async live(): Promise<void> {
    const { kills, onKill } = this.#options;
    const riding = Promise.all(this.riders.map((rider) => this.#ride(rider)));
    let lives = 0;
    while (this.counts.kills < kills && this.#reckoning.violations.length === 0) {
      const plan = this.#plan(this.#chance.happens(OFFLINE) || this.#options.canary !== null);
      await this.#liveOnce(plan, riding);
      lives += 1;
      // Copies of the shared log are large; what was seen before is compared all the same.
      if (!plan.shared || lives % 5 === 0) await this.#reckoning.compareJournals(plan);
      onKill?.(this.counts.kills);
    }
    if (this.#reckoning.violations.length === 0) await this.#drain(riding);
  }

  /** Whatever the run came to, no process outlives it. */
  killAll(): void {
    for (const life of this.#lives) life.kill();
  }

  /** One process, from its first tap to its death. @param riding riders stop at a violation. */
  async #liveOnce(plan: KillPlan, riding: Promise<unknown>): Promise<void> {
    const life = this.#spawn();
    await life.loaded();
    if (this.#chance.happens(EARLY_KILLS)) {
      const opening = life.open(plan);
      await sleep(this.#chance.fraction() * EARLY_MS_MAX);
      life.kill();
      await opening;
      this.counts.otherKills += 1;
    } else if (await life.open(plan)) {
      const struck = this.#nextMoment();
      this.#life = life;
      for (const arrive of this.#arrivals.splice(0)) arrive(life);
      await Promise.race([struck, life.ended, riding]);
      const isTap = this.riders.some((rider) => rider.inHand);
      life.kill();
      this.counts[isTap ? 'kills' : 'otherKills'] += 1;
    }
    this.#life = null;
    await life.ended;
    if (life.complaint !== '') this.#reckoning.broken(life.complaint);
  }

  /** All journeys are finished and every debit is settled and uploaded. */
  async #drain(riding: Promise<unknown>): Promise<void> {
    this.#over = true;
    const life = this.#spawn();
    const plan = this.#plan(false);
    await life.open(plan);
    this.#life = life;
    for (const arrive of this.#arrivals.splice(0)) arrive(life);
    const riders = riding.then(() => true);
    // Riders wait for a process that serves them; there will be none any more.
    if (!(await Promise.race([riders, life.ended.then(() => false)]))) {
      this.#reckoning.broken(`the last process is gone: ${life.complaint}`);
      return;
    }
    for (const rider of this.riders) await rider.pass(gates[0]!);
    life.finish();
    await life.ended;
    if (life.complaint !== '') this.#reckoning.broken(life.complaint);
    await this.#reckoning.compareJournals(plan);
  }

  #plan(offline: boolean): KillPlan {
    const { seed, dir, canary } = this.#options;
    const uplinkPort = offline ? NO_PORT : this.#uplinkPort;
    return { seed, dir, shared: seed % 2 === 0, canary, uplinkPort };
  }

  /** Starts another process; the one that has waited longest is next. */
  #spawn(): Life {
    const life = new Life((shown) => this.#reckoning.saw(shown));
    this.#lives.add(life);
    void life.ended.then(() => this.#lives.delete(life));
    this.#next.push(life);
    return this.#next.length > WAITING ? this.#next.shift()! : this.#next[0]!;
  }

  async #ride(rider: Rider): Promise<void> {
    while (!this.#over && this.#reckoning.violations.length === 0) await rider.ride();
  }

  #serving(): Promise<Life> {
    if (this.#life?.serving) return Promise.resolve(this.#life);
    return new Promise((resolve) => {
      this.#arrivals.push(resolve);
    });
  }

  /** Half of the kills come by the clock, half as a card takes or answers a command. */
  #nextMoment(): Promise<void> {
    const chance = this.#chance;
    this.#commandsLeft = 0;
    if (chance.happens(0.5)) return sleep(chance.fraction() * LIFE_MS_MAX);
    this.#commandsLeft = 1 + chance.below(COMMANDS_MAX);
    this.#killAnswered = chance.happens(0.5);
    return new Promise((resolve) => {
      this.#struck = resolve;
    });
  }

  #onCommand(answered: boolean): void {
    if (answered !== this.#killAnswered || this.#commandsLeft === 0) return;
    this.#commandsLeft -= 1;
    if (this.#commandsLeft > 0) return;
    // At once: the card's answer has not been sent yet.
    this.#life?.kill();
    this.#struck();
  }
}
