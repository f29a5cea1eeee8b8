/** In-memory ends for uplink and ingest: a journal, a ledger, and the records that go between. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { at, encodeDebit } from '../../../engine/debit/codec.ts';
import { DEBIT_BYTES, type Debit, NOTHING_IN_FORCE } from '../../../engine/debit/record.ts';
import type { Outcome } from '../../../engine/ledger/outcomes.ts';
import {
  type ReceivedBatch,
  type ReceivedDebit,
  TAC_VALID,
  tacCodes,
} from '../../../engine/ledger/received.ts';
import type { LedgerPort } from '../../../engine/operator/ingest-session.ts';
import type { RecordChecks } from '../../../engine/operator/record-checks.ts';
import type { GateStatus } from '../../../engine/wire/gate-status.ts';
import type { Journal } from '../../../gate/journal/port.ts';

export function debitOf(gateId: string, gateSequence: number, other: Partial<Debit> = {}): Debit {
  return {
    gateId,
    gateSequence,
    kind: 1,
    state: 1,
    evidence: 1,
    tapKind: 2,
    instantMs: 1_790_000_000_000 + gateSequence,
    dateTime: Uint8Array.of(0x20, 0x26, 0x09, 0x21, 0x14, 0x13, 0x20),
    terminalId: new Uint8Array(6).fill(6),
    terminalSequence: gateSequence % 0x1_0000_0000,
    issuer: new Uint8Array(8).fill(0xa8),
    cardNumber: new Uint8Array(10).fill(gateSequence % 200),
    factors: new Uint8Array(16),
    factorLevels: 1,
    keyIndex: 1,
    keyVersion: 1,
    algorithm: 0,
    transactionType: 9,
    offlineCounter: gateSequence % 0x1_0000,
    balanceBeforeMinor: 10_000,
    amountMinor: 300,
    currency: 156,
    random: new Uint8Array(4).fill(4),
    tac: goodTac,
    fromStation: new Uint8Array(4),
    toStation: new Uint8Array(4),
    entryInstantMs: 0,
    fareVersion: 1,
    rider: 0,
    tapMs: 150,
    hostUs: 300,
    refersTo: null,
    ...NOTHING_IN_FORCE,
    ...other,
  };
}

const goodTac: Uint8Array = Uint8Array.of(1, 2, 3, 4);

export function recordsOf(debits: readonly Debit[]): Uint8Array {
  const records = new Uint8Array(debits.length * DEBIT_BYTES);
  for (const [i, debit] of debits.entries()) encodeDebit(debit, records, i * DEBIT_BYTES);
  return records;
}

export function statusOf(gateId: string, other: Partial<GateStatus> = {}): GateStatus {
  return {
    gateId,
    station: 'Xidan',
    startedMs: 1,
    taps: 10,
    opened: 9,
    debits: 8,
    torn: 1,
    recovered: 0,
    denied: { balanceTooLow: 1 },
    backlog: 3,
    unconfirmed: 0,
    tapMs: { max: 190, counts: [40, 2, 60, 1] },
    hostUs: { max: 400, counts: [] },
    ...other,
  };
}

/** TAC 01020304 is right, FFFFFFFF is of a key nobody has, anything else is forged. */
export const fakeChecks: RecordChecks = {
  verifyTacs(records, count, verdicts) {
    for (let i = 0; i < count; i++) {
      const from = i * DEBIT_BYTES + at.tac;
      const tac = records.subarray(from, from + 4);
      if (tac.every((byte) => byte === 0xff)) verdicts[i] = tacCodes.indexOf('unknownKey');
      else if (tac.every((byte, j) => byte === goodTac[j])) verdicts[i] = TAC_VALID;
      else verdicts[i] = tacCodes.indexOf('invalid');
    }
  },
  hashCards: (records, count, cards) =>
    hashRecords(records, count, cards, (record) => record.subarray(at.cardNumber, at.factors)),
  digest: (records, count, digests) => hashRecords(records, count, digests, (record) => record),
  seal: (record) => record.slice(),
  sealBatch: (records) => records.slice(),
  giveBack: () => {},
};

function hashRecords(
  records: Uint8Array,
  count: number,
  out: Uint8Array,
  part: (record: Uint8Array) => Uint8Array,
): void {
  for (let i = 0; i < count; i++) {
    const record = records.subarray(i * DEBIT_BYTES, (i + 1) * DEBIT_BYTES);
    const hash = createHash('sha256').update(part(record)).digest();
    out.set(hash.subarray(0, 16), 16 * i);
  }
}

/** Holds records in memory, acknowledges contiguously, and remembers every call. */
export class MemoryLedger implements LedgerPort {
  readonly held = new Map<string, Map<number, ReceivedDebit>>();
  /** Sequences posted, in order, repeats left out. */
  readonly order: string[] = [];
  posts = 0;
  readonly #through = new Map<string, number>();
  /** Awaited before anything is posted. */
  before: () => Promise<void> = () => Promise.resolve();

  acknowledgedThrough(gateId: string): number {
    const held = this.held.get(gateId);
    let through = this.#through.get(gateId) ?? 0;
    while (held?.has(through + 1)) through += 1;
    this.#through.set(gateId, through);
    return through;
  }

  async postBatch(
    batch: ReceivedBatch,
  ): Promise<{ outcomes: Outcome[]; acknowledgedThrough: number }> {
    const { gateId, count } = batch;
    const debits = Array.from({ length: count }, (_, index) => batch.debitAt(index));
    this.posts += 1;
    await this.before();
    const held = this.held.get(gateId) ?? new Map<number, ReceivedDebit>();
    this.held.set(gateId, held);
    const outcomes = debits.map((debit): Outcome => {
      const former = held.get(debit.gateSequence);
      if (former) {
        assert.deepEqual(former.digest, debit.digest, 'a repeat differs');
        return 'exists';
      }
      held.set(debit.gateSequence, debit);
      this.order.push(`${gateId}:${debit.gateSequence}`);
      return debit.tac === 'invalid' ? 'tacInvalid' : 'posted';
    });
    return { outcomes, acknowledgedThrough: this.acknowledgedThrough(gateId) };
  }
}

/** A journal whose every record is closed and durable. */
export class MemoryJournal implements Journal {
  readonly gateId: string;
  acknowledged = 0;
  reads = 0;
  readonly #records: Uint8Array[] = [];

  constructor(gateId: string, count: number) {
    this.gateId = gateId;
    this.add(count);
  }

  get nextSequence(): number {
    return this.#records.length + 1;
  }

  get backlog(): number {
    return this.#records.length - this.acknowledged;
  }

  /** Appends `count` debits. */
  add(count: number, other: Partial<Debit> = {}): void {
    for (let i = 0; i < count; i++) {
      this.#records.push(recordsOf([debitOf(this.gateId, this.nextSequence, other)]));
    }
  }

  async read(from: number, max: number): Promise<{ records: Uint8Array; count: number }> {
    this.reads += 1;
    assert(from > this.acknowledged, 'what is acknowledged may be gone');
    const found = this.#records.slice(from - 1, from - 1 + max);
    return { records: new Uint8Array(Buffer.concat(found)), count: found.length };
  }

  acknowledge(through: number): void {
    assert(through >= this.acknowledged && through < this.nextSequence);
    this.acknowledged = through;
  }

  reserve(): void {}

  async intent(): Promise<void> {
    assert.fail('not used here');
  }

  close(): void {
    assert.fail('not used here');
  }

  open(): Uint8Array[] {
    return [];
  }

  async end(): Promise<void> {}
}
