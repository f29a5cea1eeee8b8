/**
 * The ledger's one writer. Batches that arrive while a commit is under way share the next one: the
 * disk is asked once for all of them. What memory holds (heads, gates) runs ahead of the disk by
 * the transactions under way, so a transaction that fails is the end: nothing is posted any more,
 * and the program starts anew from what the disk really holds.
 */
import assert from 'node:assert/strict';
import { FaregateError } from '../errors.ts';
import {
  GATES_MAX,
  LEDGER_CHECKPOINT_ROWS,
  LEDGER_GROUP_RECORDS_MAX,
  LEDGER_POSTS_WAITING_MAX,
} from '../limits.ts';
import { BlockBuilder } from './block.ts';
import type { Blocks } from './blocks.ts';
import { Books, readTotal } from './books.ts';
import { saveSegment } from './checkpoint.ts';
import { type ReceivedEvent, receiveEvent } from './events.ts';
import { postColumns } from './fast-lane.ts';
import { GateHold } from './gate-hold.ts';
import { type Heads, SEGMENTS } from './heads.ts';
import { raiseLayout } from './layout.ts';
import type { Outcome } from './outcomes.ts';
import { Posting } from './posting.ts';
import type { ReceivedBatch, ReceivedDebit } from './received.ts';
import { idKey, u48 } from './rows.ts';
import type { LedgerStore, StoreReader, StoreWriter } from './store.ts';
import { ViewWriter } from './view.ts';

export interface PostOutcome {
  /** One for each debit given, in the same order. */
  readonly outcomes: readonly Outcome[];
  /** Highest sequence of the gate up to which everything is held durably; 0 for none. */
  readonly acknowledgedThrough: number;
}

/** One gate's batch: as columns, or as objects, which the general rules take one by one. */
export type Upload =
  | { readonly gateId: string; readonly columns: ReceivedBatch }
  | { readonly gateId: string; readonly debits: readonly ReceivedDebit[] };

interface Waiting {
  readonly upload: Upload;
  readonly resolve: (outcome: PostOutcome) => void;
  readonly reject: (error: unknown) => void;
}

export class Poster {
  readonly #store: LedgerStore;
  readonly #heads: Heads;
  readonly #blocks: Blocks;
  readonly #checkpointRows: number;
  readonly #gates = new Map<string, GateHold>();
  #queue: Waiting[] = [];
  /** A transaction is asked for that has not begun. */
  #asked = false;
  #failed: FaregateError | undefined;
  /** What the store must show as the next transaction begins: grows with whatever is posted. */
  #posted: number;
  /** Rows and images since a segment was saved. */
  #unsaved = 0;
  /** Where blocks are built, one after another. */
  blockRoom: Uint8Array = new Uint8Array(0);

  /** @param heads and blocks as the store has them. */
  constructor(store: LedgerStore, heads: Heads, blocks: Blocks, checkpointRows?: number) {
    this.#store = store;
    this.#heads = heads;
    this.#blocks = blocks;
    this.#checkpointRows = checkpointRows ?? LEDGER_CHECKPOINT_ROWS;
    this.#posted = store.read(postedMark);
  }

  /** @throws FaregateError STORE_FAILED. */
  post(upload: Upload): Promise<PostOutcome> {
    if (this.#failed) return Promise.reject(this.#failed);
    assert(this.#queue.length < LEDGER_POSTS_WAITING_MAX, 'posts wait without end');
    return new Promise((resolve, reject) => {
      this.#queue.push({ upload, resolve, reject });
      this.#ask();
    });
  }

  /** What of a gate is on disk, where it posted since the start. */
  durableThrough(gateId: string): number | undefined {
    return this.#gates.get(gateId)?.durable;
  }

  #ask(): void {
    if (this.#asked || this.#failed || this.#queue.length === 0) return;
    this.#asked = true;
    let group: Waiting[] = [];
    const work = (writer: StoreWriter) => {
      this.#asked = false;
      group = this.#nextGroup();
      // The rest asks for a transaction of its own once this one's work is done.
      if (this.#queue.length > 0) queueMicrotask(() => this.#ask());
      return new Group(writer, this.#heads, this.#blocks, this).run(group);
    };
    this.#store.transaction(work).then(
      (done) => this.#onDurable(group, done),
      (error: unknown) => this.#onFailed(group, error),
    );
  }

  #nextGroup(): Waiting[] {
    let records = 0;
    let size = 0;
    for (const { upload } of this.#queue) {
      records += 'columns' in upload ? upload.columns.count : upload.debits.length;
      size++;
      if (records >= LEDGER_GROUP_RECORDS_MAX) break;
    }
    return this.#queue.splice(0, size);
  }

  #onDurable(group: readonly Waiting[], done: GroupDone): void {
    this.#blocks.durableThrough(done.block);
    for (const [i, { upload, resolve }] of group.entries()) {
      const outcome = done.outcomes[i]!;
      const gate = this.#gates.get(upload.gateId);
      if (gate) gate.durable = Math.max(gate.durable, outcome.acknowledgedThrough);
      resolve(outcome);
    }
  }

  #onFailed(group: readonly Waiting[], error: unknown): void {
    const why = error instanceof Error ? error.message : String(error);
    this.#failed ??= new FaregateError('STORE_FAILED', `the ledger failed before: ${why}`, {
      cause: error,
    });
    for (const { reject } of group) reject(error);
    for (const { reject } of this.#queue) reject(this.#failed);
    this.#queue = [];
  }

  /**
   * For the transaction that begins.
   * @throws FaregateError STORE_FAILED where an earlier one did not reach the store.
   */
  begin(books: Books): void {
    if (markOf((name) => books.total(name)) !== this.#posted) {
      throw new FaregateError('STORE_FAILED', 'the store does not hold what was posted before');
    }
    raiseLayout(books);
  }

  /** At the end of a transaction: saves what is due. @param rows and images it wrote. */
  end(books: Books, writer: StoreWriter, rows: number): void {
    this.#unsaved += rows;
    for (; this.#unsaved >= this.#checkpointRows; this.#unsaved -= this.#checkpointRows) {
      const segment = books.total('checkpoints') % SEGMENTS;
      saveSegment(writer, this.#heads, segment, books.total('blocks'));
      books.count('checkpoints', 1);
    }
    this.#posted = markOf((name) => books.total(name));
  }

  gate(reader: StoreReader, gateId: string): GateHold {
    let gate = this.#gates.get(gateId);
    if (!gate) {
      gate = new GateHold(reader, gateId);
      assert(this.#gates.size < GATES_MAX, 'more gates than may be enrolled');
      this.#gates.set(gateId, gate);
    }
    return gate;
  }
}

/** Rises with every new record and every exception, that is with all that a transaction changes. */
function markOf(total: (name: string) => number): number {
  return total('debits') + total('events') + total('exceptions');
}

function postedMark(reader: StoreReader): number {
  return markOf((name) => readTotal(reader, name));
}

interface GroupDone {
  readonly outcomes: readonly PostOutcome[];
  /** The last block there is now. */
  readonly block: number;
}

/** One transaction. */
class Group {
  readonly #writer: StoreWriter;
  readonly #view: ViewWriter;
  readonly #heads: Heads;
  readonly #blocks: Blocks;
  readonly #poster: Poster;
  readonly #books: Books;
  #rows = 0;

  constructor(writer: StoreWriter, heads: Heads, blocks: Blocks, poster: Poster) {
    this.#writer = writer;
    this.#view = new ViewWriter(writer, heads, blocks);
    this.#heads = heads;
    this.#blocks = blocks;
    this.#poster = poster;
    this.#books = new Books(this.#view);
  }

  run(uploads: readonly { upload: Upload }[]): GroupDone {
    this.#poster.begin(this.#books);
    const outcomes = uploads.map(({ upload }) => this.#post(upload));
    this.#poster.end(this.#books, this.#writer, this.#rows);
    this.#books.finish();
    return { outcomes, block: this.#books.total('blocks') };
  }

  #post(upload: Upload): PostOutcome {
    const columns = 'columns' in upload ? upload.columns : noColumns(upload.gateId);
    const gate = this.#poster.gate(this.#writer, upload.gateId);
    const posting = new Posting(this.#view, this.#books, gate);
    const number = this.#books.total('blocks') + 1;
    const block = new BlockBuilder(number, columns, this.#poster.blockRoom);
    this.#poster.blockRoom = block.room;
    this.#view.begin(block);
    const hearEvent = (event: ReceivedEvent) => receiveEvent(event, this.#view, this.#books, gate);
    const lane = { heads: this.#heads, books: this.#books, gate, posting, block, hearEvent };
    const outcomes =
      'columns' in upload
        ? postColumns(columns, { ...lane, view: this.#view })
        : upload.debits.map((debit) => posting.receive(debit));
    this.#keep(block, this.#view.images(), columns.sealed);
    gate.finish(this.#writer);
    return { outcomes, acknowledgedThrough: gate.through };
  }

  #keep(block: BlockBuilder, images: readonly Uint8Array[], sealed: Uint8Array): void {
    if (block.rows === 0 && images.length === 0) return;
    const bytes = block.finish(images);
    const key = u48(block.number);
    this.#blocks.addEarly(block.number, bytes);
    this.#heads.through = block.number;
    this.#writer.put('blocks', key, bytes);
    if (block.rows > 0) {
      this.#writer.put('blockIndex', idKey(block.idOf(0)), key);
      this.#writer.put('sealed', key, sealed);
    }
    this.#books.count('blocks', 1);
    this.#books.count('rows', block.rows);
    this.#rows += block.rows + images.length;
  }
}

function noColumns(gateId: string): ReceivedBatch {
  const none = new Uint8Array(0);
  return {
    gateId,
    firstSequence: 0,
    count: 0,
    records: none,
    cards: none,
    tacs: none,
    digests: none,
    sealed: none,
    debitAt: () => assert.fail('no columns'),
  };
}
