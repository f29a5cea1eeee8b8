/** Lets things go wrong while the riders travel, as the scenario says, each in its own rhythm. */
import type { Chance } from '../../gate/demo/chance.ts';
import type { SimCard } from './cards.ts';
import type { SimCity } from './city.ts';
import type { EngineNode } from './engine-node.ts';
import type { Network } from './network.ts';
import type { Publisher } from './parameters.ts';
import type { FaultName, Scenario } from './scenario.ts';
import type { StationNode } from './station-node.ts';
import type { VirtualTime } from './virtual-time.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

export interface FaultParts {
  readonly time: VirtualTime;
  readonly scenario: Scenario;
  readonly chance: Chance;
  readonly city: SimCity;
  readonly network: Network;
  readonly publisher: Publisher | null;
  readonly engine: EngineNode;
  readonly stations: readonly StationNode[];
  readonly cards: readonly SimCard[];
  /** Ids of gates that came in the place of others. */
  readonly successors: string[];
}

const FIRST_SUCCESSOR = 101;

/** What each fault does when its time has come; some take a while and clean up themselves. */
type Deeds = Partial<Record<FaultName, (parts: FaultParts) => Promise<void> | void>>;

const deeds: Deeds = {
  kill: (parts) => restart(parts, false),
  powerCut: (parts) => restart(parts, true),
  cutAtOpen: ({ chance, stations }) => {
    chance.pick(stations).cutAtOpen = true;
  },
  cutAtWrite: ({ chance, stations }) => {
    chance.pick(stations).cutAtStep = 1 + chance.below(40);
  },
  inTap: (parts) => {
    const { chance, stations } = parts;
    const station = chance.pick(stations);
    const deed = chance.pick(deedsInTap);
    station.inTap(1 + chance.below(12), () => deed(parts, station));
  },
  certificateExpiry: async ({ time, scenario, chance, network, engine, stations }) => {
    const station = chance.pick(stations);
    const { gateId } = chance.pick(station.gates);
    network.expire(engine.certificateOf(gateId));
    await time.sleep(chance.fraction() * 2 * scenario.pauseMsMax);
    engine.renewCertificate(gateId);
    // Somebody has to bring it there.
    await time.sleep(chance.fraction() * 10 * MINUTE_MS);
    station.kill(false);
    await station.start();
  },
  replacement: async (parts) => {
    const { time, scenario, chance, stations } = parts;
    const station = chance.pick(stations);
    const { gateId, side } = chance.pick(station.gates);
    const number = FIRST_SUCCESSOR + parts.successors.length;
    const successor = { gateId: `G${number}`, number, side, journalKey: chance.bytes(32) };
    const retired = station.replace(gateId, successor);
    if (!retired) return;
    parts.successors.push(successor.gateId);
    await time.sleep(chance.fraction() * MINUTE_MS);
    await station.start();
    await time.sleep(chance.fraction() * 2 * scenario.pauseMsMax);
    await retired.readOut();
  },
  engineKill: async ({ time, chance, engine }) => {
    if (chance.happens(0.5)) engine.killAtPost = true;
    else engine.kill();
    await time.sleep(chance.fraction() * 5 * MINUTE_MS);
    if (!engine.running) await engine.start();
  },
  partition: async ({ time, scenario, chance, network, stations }) => {
    const who = chance.happens(0.3) ? '*' : chance.pick(stations).name;
    network.partition(who);
    await time.sleep(chance.fraction() * Math.max(10 * MINUTE_MS, scenario.pauseMsMax * 2));
    network.rejoin(who);
  },
  clockJump: ({ chance, stations }) => {
    const size = chance.pick([1000, MINUTE_MS, HOUR_MS, 24 * HOUR_MS]);
    chance.pick(stations).setSkew((chance.fraction() * 2 - 1) * size);
  },
  parameters: ({ time, publisher }) => publisher?.publishNext(time.trueMs),
  denylistSwitch: ({ chance, city, engine, cards }) => {
    const stopped = cards
      .filter(() => chance.happens(0.2))
      .flatMap(({ applications }) => applications.map(({ cardNumber }) => cardNumber));
    city.stop(engine.hashKey, stopped);
  },
};

type DeedInTap = (parts: FaultParts, station: StationNode) => void;

const deedsInTap: readonly DeedInTap[] = [
  (_, station) => station.kill(false),
  (_, station) => station.kill(true),
  (parts) => void deeds.denylistSwitch!(parts),
  ({ time, city }) => city.raiseFares(Math.floor(time.trueMs)),
  ({ chance }, station) => station.setSkew((chance.fraction() * 2 - 1) * 2 * DAY_MS),
];

/** How often each deed happens: a mean pause, of the riders' own. */
const pauses: Partial<Record<FaultName, number>> = {
  kill: 0.6,
  powerCut: 0.6,
  cutAtOpen: 0.4,
  cutAtWrite: 0.3,
  inTap: 0.2,
  certificateExpiry: 0.8,
  replacement: 0.5,
  engineKill: 0.7,
  partition: 1,
  clockJump: 0.2,
  denylistSwitch: 0.5,
  parameters: 0.3,
};

export class Faults {
  readonly #parts: FaultParts;
  /** Deeds that have begun. */
  readonly #underWay = new Set<Promise<void>>();
  #over = false;

  constructor(parts: FaultParts) {
    this.#parts = parts;
  }

  start(): void {
    const { scenario, chance, engine, stations, time } = this.#parts;
    for (const name of scenario.faults) if (deeds[name]) void this.#repeat(name);
    if (scenario.faults.has('clockDrift')) {
      // Up to half a minute a day, for ever.
      for (const station of stations) void drift(time, station, (chance.fraction() - 0.5) * 7e-4);
    }
    for (const node of [engine, ...stations]) void this.#supervise(node);
  }

  /** No more of it: everything is up, connected and calm again. */
  async end(): Promise<void> {
    this.#over = true;
    const { city, engine, network, stations } = this.#parts;
    network.heal();
    this.#parts.publisher?.calm();
    engine.calm();
    city.stop(engine.hashKey, []);
    if (!engine.running) await engine.start();
    await Promise.all(this.#underWay);
    network.heal();
    if (!engine.running) await engine.start();
    for (const station of stations) {
      station.calm();
      station.setSkew(0);
      // Its gates may have certificates that were renewed in the meantime.
      station.kill(false);
      await station.start();
    }
  }

  async #repeat(name: FaultName): Promise<void> {
    const { time, scenario, chance } = this.#parts;
    for (;;) {
      await time.sleep(2 * chance.fraction() * pauses[name]! * scenario.pauseMsMax);
      if (this.#over) return;
      const deed = Promise.resolve(deeds[name]!(this.#parts));
      this.#underWay.add(deed);
      await deed;
      this.#underWay.delete(deed);
    }
  }

  /** The service manager: starts a program again some seconds after it has died. */
  async #supervise(node: StationNode | EngineNode): Promise<void> {
    const { time, chance } = this.#parts;
    while (!this.#over) {
      await node.death;
      await time.sleep(1000 + chance.fraction() * 20_000);
      if (!this.#over && !node.running) await node.start();
    }
  }
}

async function restart({ chance, stations, time }: FaultParts, power: boolean): Promise<void> {
  const station = chance.pick(stations);
  station.kill(power);
  await time.sleep(chance.fraction() * 2 * MINUTE_MS);
  if (!station.running) await station.start();
}

async function drift(time: VirtualTime, station: StationNode, rate: number): Promise<void> {
  const STEP_MS = 10 * MINUTE_MS;
  for (;;) {
    await time.sleep(STEP_MS);
    station.setSkew(station.skewMs + rate * STEP_MS);
  }
}
