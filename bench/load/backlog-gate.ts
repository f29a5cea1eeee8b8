/**
 * A station of two gates for the backlog benchmark, as the programs compose one: its first gate's
 * journal holds what was not uploaded for days, and riders go in at one and out at the other.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { compileProfile } from '../../engine/card/purse/compile.ts';
import { builtInProfile } from '../../engine/card/purse/profiles.ts';
import { Keyring } from '../../engine/crypto/keyring.ts';
import { cmacKey } from '../../engine/crypto/mac.ts';
import { at } from '../../engine/debit/codec.ts';
import { DEBIT_BYTES, DebitState } from '../../engine/debit/record.ts';
import { Denylist } from '../../engine/denylist/denylist.ts';
import { sampleFareBook } from '../../engine/fare/sample-city.ts';
import { silentLog } from '../../engine/log/log.ts';
import { Zone } from '../../engine/time.ts';
import type { TapReport } from '../../gate/controller.ts';
import { openJournal } from '../../gate/journal/journal.ts';
import { openNodeDisk } from '../../gate/journal/node-disk.ts';
import type { Journal } from '../../gate/journal/port.ts';
import { VirtualCard } from '../../gate/reader/virtual/card.ts';
import { issueCard } from '../../gate/reader/virtual/card-state.ts';
import { VirtualReader } from '../../gate/reader/virtual/reader.ts';
import { readJournalKey, Station } from '../../gate/station.ts';
import { Debits } from './debits.ts';
import { bundleDirOf, gateIdOf, type LoadPlan } from './plan.ts';
import { RECORDS_ISSUER, RECORDS_MASTER } from './records.ts';

const MASTER = { index: 1, version: 1, master: RECORDS_MASTER };
/** Appended together, so that they share a sync. */
const FILL_RECORDS = 512;
const RIDERS = 64;
const FIRST_RIDER = 0x7000_0000;
const BALANCE_MINOR = 0x3fff_ffff;
/** Stations of the sample city. */
const STATIONS = [3, 20] as const;

const random = (length: number): Uint8Array => new Uint8Array(randomBytes(length));
const journalDirOf = (plan: LoadPlan, gate: number): string => {
  return join(plan.dir, 'journals', gateIdOf(gate));
};

/** Puts `records` valid debits into the journal of the first gate. @returns their sum. */
export async function fillJournal(plan: LoadPlan, records: number): Promise<number> {
  const debits = new Debits(plan.cards);
  const journal = await openJournal({
    disk: await openNodeDisk(journalDirOf(plan, 0)),
    gateId: gateIdOf(0),
    key: await readJournalKey(bundleDirOf(plan, 0)),
    random,
  });
  for (let done = 0; done < records; ) {
    const finals: Uint8Array[] = [];
    const intents: Promise<void>[] = [];
    while (finals.length < Math.min(FILL_RECORDS, records - done) && hasRoom(journal)) {
      const final = new Uint8Array(DEBIT_BYTES);
      debits.write(debits.take(1), 1, gateIdOf(0), done + finals.length + 1, final);
      const intent = final.slice();
      intent[at.state] = DebitState.intended;
      intent.fill(0, at.tac, at.tac + 4);
      intents.push(journal.intent(intent));
      finals.push(final);
    }
    await Promise.all(intents);
    for (const final of finals) journal.close(final);
    done += finals.length;
    if (finals.length === 0) await sleep(1);
  }
  await journal.end();
  return debits.sumMinor(0, records);
}

/** Not while the next segment is being made ready. */
function hasRoom(journal: Journal): boolean {
  try {
    journal.reserve();
    return true;
  } catch {
    return false;
  }
}

export class BacklogStation {
  readonly station: Station;
  readonly #readers: readonly VirtualReader[];
  readonly #cards: readonly VirtualCard[];
  #decided: (report: TapReport) => void = () => {};
  #next = 0;
  /** Records of riders' taps. */
  debits = 0;
  /** Taps that were given up for want of time, before the card was debited. */
  late = 0;
  debitedMinor = 0;

  static async open(plan: LoadPlan, port: number): Promise<BacklogStation> {
    const station = new Station({
      engine: { host: '127.0.0.1', port },
      keyring: new Keyring([{ use: 'purchase', algorithm: '3des', ...MASTER }]),
      log: silentLog,
    });
    const fares = sampleFareBook();
    const stations = fares.at(Date.now())!.stations;
    const readers = STATIONS.map((_, i) => new VirtualReader({ name: gateIdOf(i) }));
    const opened = new BacklogStation(station, readers);
    for (const [i, reader] of readers.entries()) {
      const terminalId = Uint8Array.of(4, 9, 0, 2, 0, i);
      await mkdir(journalDirOf(plan, i), { recursive: true });
      await station.add({
        gateId: gateIdOf(i),
        station: stations[STATIONS[i]!]!.name,
        reader,
        bundleDir: bundleDirOf(plan, i),
        journalDir: journalDirOf(plan, i),
        setting: {
          gateId: gateIdOf(i),
          side: i === 0 ? 'entry' : 'exit',
          place: {
            station: stations[STATIONS[i]!]!.code,
            stationRest: new Uint8Array(3),
            terminal: terminalId,
            city: new Uint8Array(2),
            institution: new Uint8Array(8),
          },
          terminalId,
          profiles: [compileProfile(builtInProfile('tunion'))],
          fares,
          denylist: Denylist.build(cmacKey(random(16)), []),
          zone: new Zone('Asia/Shanghai'),
        },
        onTap: (report) => opened.#decided(report),
      });
    }
    return opened;
  }

  private constructor(station: Station, readers: readonly VirtualReader[]) {
    this.station = station;
    this.#readers = readers;
    this.#cards = Array.from({ length: RIDERS }, (_, i) => {
      const number = Buffer.from('03105170000000000000', 'hex');
      number.writeUInt32BE(FIRST_RIDER + i, 6);
      const cardNumber = new Uint8Array(number);
      const details = { cardNumber, issuer: RECORDS_ISSUER, balanceMinor: BALANCE_MINOR };
      const state = issueCard('tunion', { purchase: MASTER, tac: MASTER }, details);
      return new VirtualCard({ state, randomBytes: random });
    });
  }

  /** The next rider goes in and out again. */
  async ride(): Promise<void> {
    const card = this.#cards[this.#next++ % RIDERS]!;
    for (const reader of this.#readers) await this.#pass(card, reader);
  }

  /** Taps again where the machine was too slow for the deadline. */
  async #pass(card: VirtualCard, reader: VirtualReader): Promise<void> {
    for (;;) {
      const decided = new Promise<TapReport>((resolve) => {
        this.#decided = resolve;
      });
      await reader.present(card, { kbitps: 106 });
      const { decision } = await decided;
      this.debits += decision.closed.length;
      this.debitedMinor += decision.amountMinor;
      if (decision.open) return;
      this.late += 1;
      assert.equal(decision.reason, 'deadline', decision.detail);
    }
  }
}
