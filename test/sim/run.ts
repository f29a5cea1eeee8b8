/** One whole-system run from one seed. */
import { Chance } from '../../gate/demo/chance.ts';
import { heldCryptograms } from './banks.ts';
import { type CardKind, cardKinds, SimCard, TURNS } from './cards.ts';
import { SimCity } from './city.ts';
import { EngineNode } from './engine-node.ts';
import { Faults } from './faults.ts';
import { checkRun, Witness } from './invariants.ts';
import { Network } from './network.ts';
import { Publisher } from './parameters.ts';
import { Rider } from './riders.ts';
import type { Scenario } from './scenario.ts';
import { type GateIdentity, StationNode } from './station-node.ts';
import { VirtualTime } from './virtual-time.ts';

export interface KindCounts {
  readonly cards: number;
  readonly taps: number;
  readonly passages: number;
  readonly debits: number;
}

export interface RunResult {
  readonly seed: number;
  /** What did not hold; empty for a run that passed. */
  readonly violations: readonly string[];
  readonly taps: number;
  readonly debits: number;
  /** The same by kinds of cards. */
  readonly byKind: Readonly<Record<CardKind, KindCounts>>;
  /** Debits of bank cards that stay open, for the card was not seen again. */
  readonly openBanks: number;
  /** Things that happened in it: equal in every telling of one seed. */
  readonly events: number;
}

const time = new VirtualTime();
let installed = false;
/** What is left when the faults have ended is uploaded within this simulated time. */
const DRAIN_MS = 24 * 3600_000;

/** Runs a scenario to its end. The process's timers and clocks are simulated from then on. */
export async function runScenario(scenario: Scenario): Promise<RunResult> {
  if (!installed) time.install();
  installed = true;
  time.begin(scenario.startMs);
  const witness = new Witness();
  const world = makeWorld(scenario, witness);
  let openBanks = 0;
  const running = live(world, witness).then((open) => {
    openBanks = open;
  });
  const living = running.catch((error: unknown) => {
    witness.broken(`the run ended early: ${(error as Error)?.stack ?? error}`);
  });
  let over = false;
  void living.then(() => {
    over = true;
  });
  try {
    await time.run(() => over);
  } catch (error) {
    witness.broken(String(error));
  }
  return {
    seed: scenario.seed,
    violations: witness.violations,
    taps: world.riders.reduce((sum, rider) => sum + rider.taps, 0),
    debits: world.cards.reduce((sum, card) => sum + card.committed.length, 0),
    byKind: countKinds(world.riders),
    openBanks,
    events: time.events,
  };
}

function countKinds(riders: readonly Rider[]): RunResult['byKind'] {
  const counted = cardKinds.map((kind) => {
    const own = riders.filter(({ card }) => card.kind === kind);
    const taps = own.reduce((sum, rider) => sum + rider.taps, 0);
    const debits = own.reduce((sum, { card }) => sum + card.committed.length, 0);
    const passages = own.reduce((sum, rider) => sum + rider.passages, 0);
    return [kind, { cards: own.length, taps, passages, debits }] as const;
  });
  return Object.fromEntries(counted) as RunResult['byKind'];
}

function makeWorld(scenario: Scenario, witness: Witness) {
  const chance = new Chance(scenario.seed ^ 0x5eed);
  const hashless = new Chance(chance.bits());
  const engine = new EngineNode(time, scenario, new Chance(chance.bits()), witness);
  const city = new SimCity(scenario, hashless, engine.hashKey);
  engine.trust(city.keyring, city.desfireScheme, heldCryptograms());
  const network = new Network(time, scenario, new Chance(chance.bits()), engine);
  engine.onKilled = () => network.engineDied();
  const hasParameters = scenario.faults.has('parameters');
  const publisher = hasParameters ? new Publisher(new Chance(chance.bits())) : null;
  engine.parameters = publisher;
  let number = 0;
  const stations = Array.from({ length: scenario.stations }, (_, index) => {
    const gates: GateIdentity[] = [];
    const single = index === 0 ? (['single'] as const) : [];
    for (const side of ['entry', 'exit', ...single] as const) {
      for (let i = 0; i < (side === 'single' ? 1 : scenario.gatesPerSide); i++) {
        number += 1;
        gates.push({ gateId: `G${number}`, number, side, journalKey: chance.bytes(32) });
      }
    }
    const own = { chance: new Chance(chance.bits()) };
    const parts = { ...own, time, scenario, city, engine, network, publisher, witness };
    return new StationNode(index, gates, parts);
  });
  const firstTurn = chance.below(TURNS);
  const cards = Array.from({ length: scenario.riders }, (_, index) => {
    const { masters, families } = city;
    const parts = { time, chance: new Chance(chance.bits()), masters, families };
    return new SimCard(index, firstTurn + index, parts);
  });
  const riders = cards.map(
    (card) =>
      new Rider(card, { time, scenario, chance: new Chance(chance.bits()), stations, witness }),
  );
  const parts = { time, scenario, chance: new Chance(chance.bits()) };
  const nodes = { publisher, city, network, engine, stations, cards };
  const faults = new Faults({ ...parts, ...nodes, successors: [] });
  return { scenario, chance, engine, stations, cards, riders, faults };
}

async function live(world: ReturnType<typeof makeWorld>, witness: Witness): Promise<number> {
  const { chance, engine, stations, cards, riders, faults } = world;
  await engine.start();
  for (const station of stations) await station.start();
  faults.start();
  await Promise.all(riders.map((rider) => rider.live()));
  await faults.end();
  // Most come back another day; the others leave their last debit in the dark.
  const returning = riders.filter(() => chance.happens(0.7));
  for (const rider of returning) await rider.settle();
  const untilMs = time.trueMs + DRAIN_MS;
  const isLate = (station: StationNode) => station.backlog > 0 || !station.isUpToDate;
  while (stations.some(isLate) && time.trueMs < untilMs) {
    await time.sleep(60_000);
  }
  for (const station of stations) {
    if (!station.isUpToDate) witness.broken(`${station.name} works by an old parameter set`);
    if (station.backlog > 0) witness.broken(`${station.name} did not get its records through`);
  }
  const isUp = stations.every((station) => station.running);
  const openBanks = isUp ? checkRun(witness, engine, stations, cards) : 0;
  for (const station of stations) station.kill(false);
  engine.kill();
  return openBanks;
}
