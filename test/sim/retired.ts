/**
 * A gate that was taken away for good: somebody brings its disk to a desk with a network and reads
 * it out there, as `faregate-gate upload` does.
 */
import { at } from '../../engine/debit/codec.ts';
import { DebitState } from '../../engine/debit/record.ts';
import { silentLog } from '../../engine/log/log.ts';
import { openJournal } from '../../gate/journal/journal.ts';
import { TapCounts } from '../../gate/tap-counts.ts';
import { Uplink } from '../../gate/uplink/uplink.ts';
import type { SimDisk } from '../sim-disk.ts';
import { uplinkTiming } from './scenario.ts';
import type { GateIdentity, StationParts } from './station-node.ts';
import { SimProcess } from './virtual-time.ts';

const LOOK_MS = 60_000;

export class RetiredGate {
  readonly gateId: string;
  readonly #identity: GateIdentity;
  readonly #disk: SimDisk;
  readonly #parts: StationParts;
  /** The last sequence it gave out; known once it is read out. */
  through: number | null = null;

  constructor(identity: GateIdentity, disk: SimDisk, parts: StationParts) {
    this.gateId = identity.gateId;
    this.#identity = identity;
    this.#disk = disk;
    this.#parts = parts;
    // The faults of the station's power are no longer its own.
    delete disk.hooks.before;
    delete disk.hooks.after;
  }

  /** Uploads what its journal still holds. */
  async readOut(): Promise<void> {
    const { time, engine, network, witness, chance, scenario } = this.#parts;
    const { gateId } = this;
    const desk = new SimProcess(`desk of ${gateId}`);
    const failed = (error: unknown): void => witness.broken(`${desk.name}: ${error}`);
    await time.within(desk, async () => {
      const journal = await openJournal({
        disk: this.#disk,
        gateId,
        key: this.#identity.journalKey,
        random: (length) => chance.bytes(length),
        failed,
      });
      // Ends that were not yet on the disk as it was taken away: the engine settles them.
      for (const record of journal.open()) {
        const copy = record.slice();
        if (copy[at.state] === DebitState.intended) copy[at.state] = DebitState.unconfirmed;
        journal.close(copy);
      }
      this.through = journal.nextSequence - 1;
      const counts = new TapCounts(gateId, '', time.wallMs());
      const certificate = (): string => engine.certificateOf(gateId);
      const uplink = new Uplink({
        gateId,
        transport: network.transport('desk', gateId, certificate, desk),
        journal,
        status: () => counts.status(journal.backlog, 0),
        log: silentLog,
        random: () => chance.fraction(),
        onFailure: failed,
        timing: uplinkTiming(scenario),
      });
      uplink.start();
      while (journal.backlog > 0) await time.sleep(LOOK_MS);
      desk.kill();
    });
  }
}
