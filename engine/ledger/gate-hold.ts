/** What is held of one gate while its batches are posted, kept between transactions. */
import { decodeGateRow, encodeGateRow, gateKey, idKey, readId } from './rows.ts';
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
   * filled; all of that has rows in `debits`, for nothing is put in a block while there is a gap.
   */
  finish(writer: StoreWriter): void {
    const { gateId, through, highest } = this;
    if (through < highest) {
      const from = idKey({ gateId, gateSequence: through + 1 });
      const to = idKey({ gateId, gateSequence: highest + 1 });
      for (const { key } of writer.range('debits', { from, to })) {
        if (readId(key, 0).gateSequence !== this.through + 1) break;
        this.through++;
      }
    }
    if (this.#count === 0) return;
    const row = { through: this.through, highest: this.highest, count: this.#count };
    writer.put('gates', gateKey(gateId), encodeGateRow(row));
  }
}
