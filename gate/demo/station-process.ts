/**
 * The station's process of the demo: all gates, their journals and uplinks, and the riders who
 * come. Speaks JSON lines on stdout to its supervisor. Killed at any instant and started again it
 * goes on: cards, riders and journals are in files.
 */
import { mkdirSync } from 'node:fs';
import { compileProfile } from '../../engine/card/purse/compile.ts';
import { Keyring } from '../../engine/crypto/keyring.ts';
import { cmacKey } from '../../engine/crypto/mac.ts';
import { Denylist } from '../../engine/denylist/denylist.ts';
import type { CompiledFares } from '../../engine/fare/fares.ts';
import { createLog } from '../../engine/log/log.ts';
import { openFares } from '../../engine/operator/fare-files.ts';
import { loadKeyFile } from '../../engine/operator/key-files.ts';
import type { CardFamily } from '../../engine/tap/setting.ts';
import { Zone } from '../../engine/time.ts';
import { VirtualReader } from '../reader/virtual/reader.ts';
import { Station } from '../station.ts';
import type { PlannedBank } from '../station-bank.ts';
import { gateAesKeyring } from '../station-desfire.ts';
import { warmUp } from '../warm-up.ts';
import { BankCards } from './bank-cards.ts';
import { CardFile } from './card-file.ts';
import { Chance } from './chance.ts';
import { City, type GateSlot } from './city.ts';
import { CityClock } from './city-clock.ts';
import { type CityCounts, CountsFile } from './counts-file.ts';
import { type Masters, readMasters } from './masters.ts';
import { type DemoPlan, demoFiles, planDistrict, planGates, readPlan } from './plan.ts';
import { familyOf, makeRider, type RiderHabits } from './population.ts';
import {
  acceptedBank,
  acceptedDesfire,
  acceptedProfiles,
  cardNumbersOf,
  makeCard,
  terminalIdOf,
} from './riders.ts';

/** How often the counts are kept in a file: what a kill loses of the latencies at most. */
const COUNTS_MS = 250;
/** Rounds of taps that settle what is unconfirmed at the end: a slow machine is late for some. */
const SETTLING_ROUNDS = 20;
/** Pairs of entry and exit before the first rider. */
const WARM_UP_TAPS = 1500;
/** Gates are up before the first train; without the engine they open all the same. */
const CONNECT_MS = 5000;
const JOURNAL_SEGMENT_BYTES = 256 * 1024;

const DAY_MS = 86_400_000;
const CITY_CODE = Uint8Array.of(0x10, 0x00);
/** A citizen card pays with its purse. */
const FAMILY_ORDER: readonly CardFamily[] = ['purse', 'desfire', 'bank'];
const INSTITUTION = Uint8Array.of(0x01, 0x01, 0x10, 0x00, 0xff, 0xff, 0xff, 0xff);

/** What the process tells its supervisor, a JSON line each. */
export type StationWord =
  | { readonly word: 'progress'; readonly taps: number; readonly backlog: number }
  | { readonly word: 'done'; readonly unconfirmed: number; readonly counts: CityCounts };

/** Runs until the wanted taps are done or `stop` resolves, then drains. */
export async function runStation(
  dir: string,
  stop: Promise<void>,
  tell: (word: StationWord) => void,
): Promise<void> {
  const plan = readPlan(dir);
  const files = demoFiles(dir);
  const zone = new Zone(plan.zone);
  const fareBook = await openFares(plan.fares);
  const fares = fareBook.at(plan.startMs) ?? fareBook.versions[0]!;
  const keySet = await loadKeyFile(files.keys, {});
  const district = planDistrict(plan, fares);
  const riders = Array.from({ length: plan.riders }, (_, i) =>
    makeRider(plan.seed, i, district, fares.riders.length),
  );
  const masters = readMasters(files.masters, files.bankKeys);
  const cards = openCards(plan, files.cards, masters, riders, zone);
  const clock = new CityClock(
    Math.max(plan.startMs, cards.clockMs),
    plan.pace === 'real' ? plan.speed : null,
  );
  const chance = new Chance((plan.seed ^ cards.taps) >>> 0);
  const station = new Station({
    engine: { host: '127.0.0.1', port: plan.uplinkPort },
    keyring: new Keyring(keySet.keys),
    aesKeyring: gateAesKeyring(keySet),
    log: createLog('station', 'warn'),
    clock,
    journalSegmentBytes: JOURNAL_SEGMENT_BYTES,
    sharedLogDir: files.sharedLog,
    uplinks: 'thread',
  });
  const stopped = riders.filter((rider) => rider.oddity === 'denylisted').flatMap(cardNumbersOf);
  const denylist = Denylist.build(cmacKey(keySet.cardHash), stopped);
  const bank = await acceptedBank(fares, files.caKeys);
  const shared = { fares: fareBook, denylist, zone, chance, bank };
  const slots = await addGates(station, plan, dir, fares, shared);
  const counts = new CountsFile(files.counts, clock.nowMs());
  const city = new City({
    slots,
    cards,
    masters,
    banks: new BankCards(masters.bank, riders),
    riders,
    clock,
    zone,
    chance,
    pace: plan.pace,
    taps: plan.taps ?? Number.POSITIVE_INFINITY,
    tearing: plan.tearing,
    onTap: (report, { index }) => counts.add(familyOf(index), report),
  });
  const progress = setInterval(() => {
    counts.keep();
    tell({ word: 'progress', taps: cards.taps, backlog: station.backlog });
  }, COUNTS_MS);
  void stop.then(() => city.stop());

  await warmUp(WARM_UP_TAPS, fareBook, zone, plan.startMs, true);
  await station.connect(CONNECT_MS);
  const serving = station.serve();
  const living = city.run().then(() => settleAll(station, city, riders));
  await Promise.race([living, serving.then(() => living)]);
  await station.drained();
  clearInterval(progress);
  const unconfirmed = station.unconfirmed.size;
  await station.stop();
  cards.close();
  tell({ word: 'done', unconfirmed, counts: counts.keep() });
}

function openCards(
  plan: DemoPlan,
  path: string,
  masters: Masters,
  riders: readonly RiderHabits[],
  zone: Zone,
): CardFile {
  const midnightMs = plan.startMs - ((plan.startMs + zone.offsetMs(plan.startMs)) % DAY_MS);
  return CardFile.open(path, plan.seed, plan.riders, masters, (index) => {
    const rider = riders[index]!;
    const todayMs = midnightMs + rider.morningMs;
    // Who has gone by when the run begins comes tomorrow.
    const nextMs = todayMs < plan.startMs ? todayMs + DAY_MS : todayMs;
    return { state: makeCard(rider, masters), progress: { step: 0, tries: 0, nextMs } };
  });
}

async function addGates(
  station: Station,
  plan: DemoPlan,
  dir: string,
  fares: CompiledFares,
  shared: {
    readonly fares: Awaited<ReturnType<typeof openFares>>;
    readonly denylist: Denylist;
    readonly zone: Zone;
    readonly chance: Chance;
    readonly bank: PlannedBank;
  },
): Promise<GateSlot[]> {
  const files = demoFiles(dir);
  const profiles = acceptedProfiles(fares).map(compileProfile);
  const desfire = { profiles: [acceptedDesfire(fares)] };
  const slots: GateSlot[] = [];
  for (const { gateId, number, side, station: index, stationName } of planGates(plan, fares)) {
    const reader = new VirtualReader({ name: gateId, chance: () => shared.chance.fraction() });
    const slot: GateSlot = { station: index, side, reader, onTap: () => {} };
    const terminalId = terminalIdOf(number);
    const journalDir = files.journal(gateId);
    mkdirSync(journalDir, { recursive: true });
    await station.add({
      gateId,
      station: stationName,
      reader,
      bundleDir: files.gate(gateId),
      journalDir,
      setting: {
        gateId,
        side,
        place: {
          station: fares.stations[index]!.code,
          stationRest: Uint8Array.of(number >>> 8, number, 0),
          terminal: terminalId,
          city: CITY_CODE,
          institution: INSTITUTION,
        },
        terminalId,
        profiles,
        desfire,
        bank: shared.bank,
        families: FAMILY_ORDER,
        fares: shared.fares,
        denylist: shared.denylist,
        zone: shared.zone,
      },
      onTap: (report) => slot.onTap(report),
    });
    slots.push(slot);
  }
  return slots;
}

/** Riders whose debit is unconfirmed come back once more, as they would. */
async function settleAll(
  station: Station,
  city: City,
  riders: readonly RiderHabits[],
): Promise<void> {
  const byCard = new Map(
    riders.flatMap((rider) =>
      cardNumbersOf(rider).map((number) => [number.join(), rider.index] as const),
    ),
  );
  for (let round = 0; round < SETTLING_ROUNDS && station.unconfirmed.size > 0; round++) {
    for (const debit of [...station.unconfirmed.all()]) {
      const rider = byCard.get(debit.cardNumber.join());
      if (rider !== undefined) await city.settle(rider);
    }
  }
}
