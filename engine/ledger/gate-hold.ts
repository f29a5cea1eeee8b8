/** What is held of one gate while its batches are posted, kept between transactions. */
import type { DebitId } from '../debit/record.ts';
import { decodeGateRow, encodeGateRow, gateKey, idKey } from './rows.ts';
import type { StoreReader, StoreWriter } from './store.ts';

export class GateHold {
  readonly gateId: string;
  /** Everything up to here is held. */
  through: number;
  highest: number;
  #count: number;
  /** What of `through` is on disk. */
  durable: number;

  constructor(reader: StoreReader, gateId: string) {
    const row = decodeGateRow(reader.get('gates', gateKey(gateId)));
    this.gateId = gateId;
    this.through = row.through;
    this.highest = row.highest;
    this.#count = row.count;
    this.durable = row.through;
  }

  /** A record that was not held before. */
  arrive(sequence: number): void {
    this.#count++;
    if (sequence > this.highest) this.highest = sequence;
    if (sequence === this.through + 1) this.through = sequence;
  }

  /**
   * Once a batch. A record that fills a gap lets `through` pass everything that came before it was
   * filled; all of that has rows of its own, for nothing is put in a block while there is a gap.
   */
  finish(writer: StoreWriter): void {
    const { gateId, through, highest } = this;
    if (through < highest) {
      const next = { gateId, gateSequence: through + 1 };
      while (this.through < highest && isHeld(writer, next)) {
        this.through++;
        next.gateSequence++;
      }
    }
    if (this.#count === 0) return;
    const row = { through: this.through, highest: this.highest, count: this.#count };
    writer.put('gates', gateKey(gateId), encodeGateRow(row));
  }
}

function isHeld(reader: StoreReader, id: DebitId): boolean {
  const key = idKey(id);
  return reader.get('debits', key) !== undefined || reader.get('events', key) !== undefined;
}
