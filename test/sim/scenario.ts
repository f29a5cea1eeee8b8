/**
 * What one seed means: how many gates and riders, how long, where, and which faults at what rate.
 * A run is told again by its seed; a failing one is shrunk by taking faults and journeys away.
 */
import { UPLINK_PAUSE_MS_MAX } from '../../engine/durations.ts';
import { Chance } from '../../gate/demo/chance.ts';
import type { UplinkTiming } from '../../gate/uplink/uplink.ts';

/** Everything that can go wrong; each is in force in about half of the seeds. */
export const faultNames = [
  /** Cards are pulled away before, during or after any command. */
  'tear',
  /** Gates read through real link code and a simulated device; else from the air. */
  'line',
  /** Such a reader is unplugged at any byte, and comes back. */
  'readerLoss',
  /** Its frames are damaged, lost and repeated. */
  'lineNoise',
  /** Two cards are held to it at once. */
  'severalCards',
  /** A station's process is killed and started again: what was written is there. */
  'kill',
  /** Its power is cut: of what was not synced anything may be there. */
  'powerCut',
  /** The power goes in the instant in which a gate opens. */
  'cutAtOpen',
  /** It goes as the disk does anything to a file: in the middle of a write too. */
  'cutAtWrite',
  /** Between two commands of a tap the process dies, the clock jumps, or fares or lists change. */
  'inTap',
  /** A gate is taken away for good and another put in its place; its disk is read out. */
  'replacement',
  /** The engine is killed: what was not committed is gone. */
  'engineKill',
  /** The network is away, for minutes or days. */
  'partition',
  /** Connections break with messages under way. */
  'linkLoss',
  /** Messages that arrive hours or days late, when their sender has long connected anew. */
  'linkStall',
  /** A gate's certificate runs out, and is renewed some time later. */
  'certificateExpiry',
  /** Messages repeated and reordered, as only a broken transport would. */
  'linkGarble',
  /** A disk answers late. */
  'diskSlow',
  /** A disk has no space for another file. */
  'diskFull',
  /** Clocks of stations run off. */
  'clockDrift',
  /** They jump, both ways, also in the middle of a tap. */
  'clockJump',
  /** Another fare version comes into force. */
  'fareSwitch',
  /** Cards are stopped and freed again. */
  'denylistSwitch',
  /** Parameter sets are published; they arrive late, forged, cut, damaged and twice. */
  'parameters',
  /** Riders who do not come back after a torn tap, and leave by the side door. */
  'giveUp',
] as const;
export type FaultName = (typeof faultNames)[number];

/** Bugs that can be planted, to see that the simulation finds them. */
export const canaryNames = [
  /** The disk says that it has synced, and has not. */
  'lyingSync',
  /** The engine acknowledges before its commit is durable. */
  'earlyAck',
  /** The gate forgets the debits whose outcome it does not know. */
  'forgetUnconfirmed',
  /** The gate takes a lost answer to DEBIT for a debit that was not made. */
  'tornIsVoid',
  /** The gate goes on before the intent is durable. */
  'openEarly',
  /** The gate opens for a bank card before that has paid and was authenticated. */
  'openUnproven',
  /** The station remembers a debit that it has settled, and lets its rider through again. */
  'recoverTwice',
] as const;
export type CanaryName = (typeof canaryNames)[number];

export interface Scenario {
  readonly seed: number;
  readonly faults: ReadonlySet<FaultName>;
  readonly canary: CanaryName | null;
  readonly startMs: number;
  readonly zone: string;
  readonly stations: number;
  /** Gates of one station for each direction; the first station has one for single rides too. */
  readonly gatesPerSide: number;
  readonly riders: number;
  readonly journeys: number;
  /** Pause between a rider's journeys, at most. */
  readonly pauseMsMax: number;
  /** How often an idle uplink looks at its journal, and at most waits before it tries again. */
  readonly pollMs: number;
  /** Shifts are short, so that many are closed. */
  readonly shiftMs: number;
  /** Probability of a tear, for one tap. */
  readonly tearRate: number;
}

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/** Starts that are likely to hurt: change of day, month, year, leap day, daylight saving. */
const starts: readonly (readonly [string, string])[] = [
  ['2026-03-02T00:30:00Z', 'Asia/Shanghai'],
  ['2026-03-31T15:40:00Z', 'Asia/Shanghai'],
  ['2028-02-28T15:50:00Z', 'Asia/Shanghai'],
  ['2026-12-31T22:40:00Z', 'Europe/Berlin'],
  ['2026-03-29T00:20:00Z', 'Europe/Berlin'],
  ['2026-10-25T00:10:00Z', 'Europe/Berlin'],
];

export interface ScenarioOptions {
  readonly canary?: CanaryName | null;
  /** Instead of the seed's own choice. */
  readonly faults?: readonly FaultName[];
  readonly riders?: number;
  readonly journeys?: number;
}

export function makeScenario(seed: number, options: ScenarioOptions = {}): Scenario {
  const chance = new Chance(seed);
  const chosen = faultNames.filter(() => chance.happens(0.5));
  const [start, zone] = chance.pick(starts);
  const long = chance.happens(0.3);
  const riders = 3 + chance.below(8);
  const journeys = 2 + chance.below(3);
  const places = { stations: 2 + chance.below(2), gatesPerSide: 1 + chance.below(2) };
  const tearRate = 0.05 + 0.4 * chance.fraction();
  // Over days shifts of an hour, or most of what happens is their ends; now and then none the less,
  // for long backlogs.
  const isHourly = long && chance.happens(0.9);
  return {
    seed,
    faults: new Set(options.faults ?? chosen),
    canary: options.canary ?? null,
    startMs: Date.parse(start),
    zone,
    ...places,
    riders: options.riders ?? riders,
    journeys: options.journeys ?? journeys,
    pauseMsMax: long ? 20 * HOUR_MS : 30 * MINUTE_MS,
    pollMs: long ? 10 * MINUTE_MS : 20_000,
    shiftMs: isHourly ? HOUR_MS : 10 * MINUTE_MS,
    tearRate,
  };
}

/** Its uplinks, which a partition of days does not keep busy. */
export function uplinkTiming({ pollMs }: Scenario): Partial<UplinkTiming> {
  return { pollMs, heartbeatMs: 3 * pollMs, pauseMaxMs: Math.max(pollMs, UPLINK_PAUSE_MS_MAX) };
}
