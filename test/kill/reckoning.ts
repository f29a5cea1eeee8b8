/**
 * Compares what the parent saw with what the killed process left: after each kill the journals, and
 * at the end the ledger. The journals are opened as a copy, so that the next process meets them as
 * the kill left them.
 */
import { randomBytes } from 'node:crypto';
import { cp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { toHex } from '../../engine/bytes.ts';
import { cmacKey } from '../../engine/crypto/mac.ts';
import { decodeDebit } from '../../engine/debit/codec.ts';
import { DEBIT_BYTES, type Debit } from '../../engine/debit/record.ts';
import { FaregateError } from '../../engine/errors.ts';
import { checkLedger } from '../../engine/ledger/check.ts';
import { Findings, nameOf } from '../../engine/ledger/findings.ts';
import { allHeld } from '../../engine/ledger/held.ts';
import { Ledger } from '../../engine/ledger/ledger.ts';
import { LmdbStore } from '../../engine/ledger/lmdb-store.ts';
import { type DebitRow, Standing } from '../../engine/ledger/rows.ts';
import { hashCard } from '../../engine/operator/engine.ts';
import { openJournal } from '../../gate/journal/journal.ts';
import { StationDisks } from '../../gate/journal/shared/station-disks.ts';
import { readJournalKey } from '../../gate/station.ts';
import type { Shown, ShownDebit } from './life.ts';
import {
  bundleDir,
  gates,
  HASH_KEY,
  journalDir,
  journalsDir,
  type KillPlan,
  sharedLogDir,
} from './plan.ts';
import type { Rider } from './riders.ts';

const READ_RECORDS = 1000;

export class Reckoning {
  readonly violations: string[] = [];
  /** Every debit a gate opened on, by its name. */
  readonly #opened = new Map<string, ShownDebit>();
  /** Card, counter and amount of every sequence that was ever found durable. */
  readonly #durable = new Map<string, string>();
  readonly #through = new Map<string, number>();

  broken(what: string): void {
    if (this.violations.length < 20) this.violations.push(what);
  }

  get openings(): number {
    return this.#opened.size;
  }

  /** A barrier showed this. */
  saw({ gateId, open, debit }: Shown): void {
    if (!open) return;
    if (!debit) {
      this.broken(`${gateId} opened without a debit`);
      return;
    }
    const name = nameOf(debit);
    if (this.#opened.has(name)) this.broken(`${gateId} opened twice on ${name}`);
    this.#opened.set(name, debit);
  }

  /** What the process that has just died left on its disk. */
  async compareJournals(plan: KillPlan): Promise<void> {
    const copy = join(plan.dir, 'copy');
    await cp(journalsDir(plan.dir), copy, { recursive: true });
    const disks = new StationDisks({
      sharedLogDir: sharedLogDir(copy, plan.shared),
      failed: (error) => this.broken(`the copy: ${error.message}`),
    });
    try {
      for (const { gateId } of gates) {
        const journal = await openJournal({
          disk: await disks.open(journalDir(copy, gateId)),
          gateId,
          key: await readJournalKey(bundleDir(plan.dir, gateId)),
          random: (length) => new Uint8Array(randomBytes(length)),
        });
        const debits = journal.open().map((record) => decodeDebit(record, 0));
        const { acknowledged, nextSequence } = journal;
        for (let from = acknowledged + 1; ; ) {
          const { records, count } = await journal.read(from, READ_RECORDS);
          for (let i = 0; i < count; i++) debits.push(decodeDebit(records, i * DEBIT_BYTES));
          if (count === 0) break;
          from += count;
        }
        await journal.end();
        this.#compare(gateId, acknowledged, nextSequence - 1, debits);
      }
      await disks.end();
    } catch (error) {
      if (!(error instanceof FaregateError)) throw error;
      this.broken(`a journal did not open: ${error.code}: ${error.message}`);
    }
    await rm(copy, { recursive: true });
  }

  /** @param acknowledged so far the records have left the journal. */
  #compare(gateId: string, acknowledged: number, through: number, debits: readonly Debit[]): void {
    const former = this.#through.get(gateId) ?? 0;
    if (through < former) this.broken(`${gateId}: ${former} sequences, now ${through}`);
    this.#through.set(gateId, Math.max(former, through));
    const found = new Map(debits.map((debit) => [debit.gateSequence, debit]));
    for (let sequence = acknowledged + 1; sequence <= through; sequence++) {
      const debit = found.get(sequence);
      if (!debit) {
        this.broken(`${gateId}/${sequence}: no record`);
        continue;
      }
      const { cardNumber, offlineCounter, amountMinor } = debit;
      const content = `${toHex(cardNumber)} ${offlineCounter} ${amountMinor}`;
      const known = this.#durable.get(nameOf(debit));
      if (known !== undefined && known !== content) {
        this.broken(`${nameOf(debit)}: was ${known}, is ${content}`);
      }
      this.#durable.set(nameOf(debit), content);
    }
    for (const opening of this.#opened.values()) {
      if (opening.gateId !== gateId || opening.gateSequence <= acknowledged) continue;
      const debit = found.get(opening.gateSequence);
      const { offlineCounter, amountMinor } = opening;
      if (debit?.offlineCounter === offlineCounter && debit.amountMinor === amountMinor) continue;
      this.broken(`${gateId} opened on ${nameOf(opening)}: no record of it`);
    }
  }

  /** Cards against ledger, once everything is uploaded and the engine has closed. */
  async settleAccounts(dir: string, riders: readonly Rider[]): Promise<void> {
    const store = LmdbStore.open(join(dir, 'engine', 'ledger'), { readOnly: true });
    try {
      const { findings, open } = checkLedger(store);
      for (const finding of findings) this.broken(`ledger check: ${finding}`);
      for (const [item, count] of Object.entries(open)) {
        if (count > 0) this.broken(`the ledger leaves open: ${count} ${item}`);
      }
      const ledger = await Ledger.open(store);
      for (const [code, count] of Object.entries(ledger.summary().exceptions)) {
        if (count > 0) this.broken(`${count} exceptions ${code}`);
      }
      for (const [gateId, through] of this.#through) {
        const held = ledger.acknowledgedThrough(gateId);
        if (held !== through) this.broken(`${gateId}: made ${through}, the ledger has ${held}`);
      }
      const rows = store.read((reader) => [...allHeld(reader, new Findings())]);
      this.#checkOpenings(new Map(rows.map(({ id, row }) => [nameOf(id), row])));
      this.#checkCards(ledger, riders);
    } finally {
      await store.close();
    }
  }

  #checkOpenings(held: ReadonlyMap<string, DebitRow | undefined>): void {
    const paid: ReadonlySet<number | undefined> = new Set([
      Standing.posted,
      Standing.presumedPosted,
    ]);
    for (const [name, opening] of this.#opened) {
      const row = held.get(name);
      const same =
        row?.offlineCounter === opening.offlineCounter && row.amountMinor === opening.amountMinor;
      if (!same || !paid.has(row.standing)) {
        this.broken(`opened on ${name}: ${row ? `standing ${row.standing}` : 'nobody has it'}`);
      }
    }
  }

  #checkCards(ledger: Ledger, riders: readonly Rider[]): void {
    const key = cmacKey(HASH_KEY);
    for (const { card, committed } of riders) {
      const hash = hashCard(key, card.state.cardNumber);
      let posted = 0;
      let postedMinor = 0;
      for (const total of ledger.cardTotals([hash])) {
        posted += total.debits;
        postedMinor += total.postedMinor;
      }
      const spentMinor = committed.reduce((sum, one) => sum + one.amountMinor, 0);
      if (posted !== committed.length || postedMinor !== spentMinor) {
        this.broken(
          `card ${toHex(card.state.cardNumber)}: committed ${committed.length} debits of ` +
            `${spentMinor}, posted ${posted} of ${postedMinor}`,
        );
      }
    }
  }
}
