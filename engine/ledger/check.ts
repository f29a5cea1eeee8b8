/**
 * Recomputes the ledger from its debits and postings and compares everything else with that: books,
 * indexes, chains, heads, counts. One read transaction, so it may run beside the engine; memory is
 * bounded by accounts, gates and the purses of one pass over the chains.
 */
import { readU48, toHex } from '../bytes.ts';
import type { DebitId } from '../debit/record.ts';
import { FaregateError } from '../errors.ts';
import { LEDGER_GAPS_MAX } from '../limits.ts';
import { Blocks } from './blocks.ts';
import {
  AccountKind,
  accountKey,
  accountOf,
  counterAccount,
  decodeBalance,
  decodePosting,
  isPassedThrough,
  type PostingRow,
  readTotal,
  standingTotal,
} from './books.ts';
import { type ChainReport, checkChains } from './check-chains.ts';
import { checkChanges, checkRecordKept } from './check-changes.ts';
import { eventIds, holdsEvent } from './events.ts';
import { Findings, nameOf } from './findings.ts';
import { Heads } from './heads.ts';
import { allHeld } from './held.ts';
import { requireLayout } from './layout.ts';
import { exceptionCodes, type OpenItem } from './outcomes.ts';
import {
  type DebitRow,
  decodeGateRow,
  exceptionCodeOf,
  gateKey,
  ID_BYTES,
  idKey,
  readId,
  Standing,
} from './rows.ts';
import { isSighting } from './sightings.ts';
import type { Entry, LedgerStore, StoreReader } from './store.ts';
import { View } from './view.ts';

export interface SequenceGap {
  readonly gateId: string;
  readonly from: number;
  readonly to: number;
}

export interface CheckReport {
  readonly ok: boolean;
  /** The first LEDGER_FINDINGS_MAX disagreements. */
  readonly findings: readonly string[];
  /** All of them. */
  readonly findingsCount: number;
  readonly debits: number;
  readonly postings: number;
  readonly exceptions: number;
  readonly accounts: readonly { name: string; currency: number; balanceMinor: number }[];
  /** Missing sequences and counters are counted one by one. */
  readonly open: Readonly<Record<OpenItem, number>>;
  /** The first LEDGER_GAPS_MAX gaps, by gate. */
  readonly sequenceGaps: readonly SequenceGap[];
}

export interface CheckOptions {
  /** Passes over the blocks; as many as bound the memory, unless a test asks for more. */
  readonly passes?: number;
}

/** @throws FaregateError STORE_FAILED for a store of another layout. */
export function checkLedger(store: LedgerStore, options: CheckOptions = {}): CheckReport {
  return store.read((reader) => {
    requireLayout(reader);
    return new Checker(reader, options).run();
  });
}

/** @throws FaregateError LEDGER_BROKEN naming the first findings, if there are any. */
export function requireSound(report: CheckReport): void {
  if (report.ok) return;
  const more = report.findingsCount - report.findings.length;
  const tail = more > 0 ? `; and ${more} more` : '';
  throw new FaregateError('LEDGER_BROKEN', `${report.findings.join('; ')}${tail}`);
}

/** A gate's sequences as they are met, in order. */
interface GateTally {
  gateId: string;
  through: number;
  highest: number;
  count: number;
}

class Checker {
  readonly #reader: StoreReader;
  readonly #passes: number | undefined;
  /** Asked for debits only, so that it needs no heads. */
  readonly #view: View;
  readonly #findings = new Findings();
  readonly #balances = new Map<string, number>();
  readonly #standings = new Map<Standing, number>();
  readonly #gaps: SequenceGap[] = [];
  #gate: GateTally | undefined;
  #gates = 0;
  #debits = 0;
  #sightings = 0;
  #packed = 0;
  #passedThrough = 0;
  #postings = 0;
  #sequencesMissing = 0;

  constructor(reader: StoreReader, options: CheckOptions) {
    this.#reader = reader;
    this.#passes = options.passes;
    const last = readTotal(reader, 'blocks');
    this.#view = new View(reader, new Heads(), new Blocks(), last);
  }

  run(): CheckReport {
    this.#checkDebits();
    const accounts = this.#checkAccounts();
    const chains = this.#checkChains();
    this.#findings.equal('sightings', chains.sightings, this.#sightings);
    const waiting = this.#checkWaiting();
    const exceptions = this.#checkExceptions(chains.balanceBreaks);
    this.#checkTotals(waiting);
    checkChanges(this.#reader, this.#stand(Standing.posted) - this.#packed, this.#findings);
    return {
      ok: this.#findings.count === 0,
      findings: this.#findings.texts,
      findingsCount: this.#findings.count,
      debits: this.#debits,
      postings: this.#postings,
      exceptions,
      accounts,
      open: {
        unconfirmed: this.#stand(Standing.unconfirmed),
        settlementUnknown: waiting,
        sequenceGap: this.#sequencesMissing,
        counterGap: chains.countersMissing,
      },
      sequenceGaps: this.#gaps,
    };
  }

  #checkChains(): ChainReport {
    return checkChains(
      this.#reader,
      this.#findings,
      (standing) => this.#stand(standing),
      this.#passes,
    );
  }

  #stand(standing: Standing): number {
    return this.#standings.get(standing) ?? 0;
  }

  /** Debits and postings lie in the same order, so that one walk meets each debit with its own. */
  #checkDebits(): void {
    const postings = this.#reader.range('postings', {})[Symbol.iterator]();
    let next = postings.next();
    const events = eventIds(this.#reader);
    let event = events.next();
    for (const { key, id, row, inBlock } of allHeld(this.#reader, this.#findings)) {
      const own: Entry[] = [];
      while (!next.done && Buffer.compare(next.value.key.subarray(0, ID_BYTES), key) <= 0) {
        if (Buffer.compare(next.value.key.subarray(0, ID_BYTES), key) === 0) own.push(next.value);
        else this.#orphan(next.value);
        next = postings.next();
      }
      this.#debits++;
      for (; !event.done && Buffer.compare(idKey(event.value), key) < 0; event = events.next()) {
        this.#meetSequence(event.value);
      }
      this.#meetSequence(id);
      if (inBlock) this.#checkPacked(id, row!, own);
      else if (row) this.#checkDebit(id, row, own);
      else this.#findings.add(`${nameOf(id)}: the row is cut short`);
    }
    for (; !event.done; event = events.next()) this.#meetSequence(event.value);
    for (; !next.done; next = postings.next()) this.#orphan(next.value);
    this.#leaveGate();
    this.#findings.equal('gates', [...this.#reader.range('gates', {})].length, this.#gates);
    const rows = readTotal(this.#reader, 'rows');
    this.#findings.equal('count of debits in blocks', rows, this.#packed);
  }

  /** A debit of a block is posted, by one posting that is not stored. */
  #checkPacked(id: DebitId, row: DebitRow, own: readonly Entry[]): void {
    this.#packed++;
    this.#standings.set(row.standing, this.#stand(row.standing) + 1);
    for (const entry of own) this.#book(decodePosting(entry.value));
    if (own.length > 0) this.#findings.add(`${nameOf(id)}: in a block, with postings of its own`);
    const { issuer, currency, amountMinor } = row;
    if (isPassedThrough(row)) this.#passedThrough++;
    const from = counterAccount(row)!;
    const to = AccountKind.receivable;
    if (amountMinor > 0) this.#book({ to, from, issuer, currency, amountMinor });
  }

  #orphan(entry: Entry): void {
    this.#findings.add(`posting of ${nameOf(readId(entry.key, 0))}: there is no such debit`);
    this.#book(decodePosting(entry.value));
  }

  #checkDebit(id: DebitId, row: DebitRow, own: readonly Entry[]): void {
    const name = nameOf(id);
    checkRecordKept(this.#reader, id, row, this.#findings);
    if (isSighting(row)) this.#sightings++;
    this.#standings.set(row.standing, this.#stand(row.standing) + 1);
    this.#findings.equal(`${name}, number of postings`, row.postings, own.length);
    const nets = new Map<AccountKind, number>();
    for (const [n, { key, value }] of own.entries()) {
      const posting = decodePosting(value);
      this.#book(posting);
      const { amountMinor, to, from, currency, issuer } = posting;
      nets.set(to, (nets.get(to) ?? 0) + amountMinor);
      nets.set(from, (nets.get(from) ?? 0) - amountMinor);
      const fits = currency === row.currency && Buffer.compare(issuer, row.issuer) === 0;
      if (!fits || key[ID_BYTES] !== n) this.#findings.add(`${name}: posting ${n} is another's`);
    }
    if (isPassedThrough(row)) this.#passedThrough++;
    const against = counterAccount(row);
    const owed = against ? row.amountMinor : 0;
    for (const kind of Object.values(AccountKind)) {
      const due = kind === AccountKind.receivable ? owed : kind === against ? -owed : 0;
      const account = accountOf(accountKey(kind, row.issuer, row.currency)).name;
      this.#findings.equal(`${name}, posted to ${account}`, nets.get(kind) ?? 0, due);
    }
  }

  #book({ to, from, issuer, currency, amountMinor }: PostingRow): void {
    this.#postings++;
    this.#add(accountKey(to, issuer, currency), amountMinor);
    this.#add(accountKey(from, issuer, currency), -amountMinor);
  }

  #add(account: Uint8Array, amountMinor: number): void {
    const name = toHex(account);
    this.#balances.set(name, (this.#balances.get(name) ?? 0) + amountMinor);
  }

  #meetSequence(id: DebitId): void {
    if (this.#gate?.gateId !== id.gateId) {
      this.#leaveGate();
      this.#gate = { gateId: id.gateId, through: 0, highest: 0, count: 0 };
      this.#gates++;
    }
    const gate = this.#gate!;
    const missing = id.gateSequence - gate.highest - 1;
    if (missing > 0) {
      this.#sequencesMissing += missing;
      const gap = { gateId: id.gateId, from: gate.highest + 1, to: id.gateSequence - 1 };
      if (this.#gaps.length < LEDGER_GAPS_MAX) this.#gaps.push(gap);
    } else if (gate.through === gate.highest) {
      gate.through = id.gateSequence;
    }
    gate.highest = id.gateSequence;
    gate.count++;
  }

  #leaveGate(): void {
    const gate = this.#gate;
    if (!gate) return;
    const stored = decodeGateRow(this.#reader.get('gates', gateKey(gate.gateId)));
    this.#findings.equal(`gate ${gate.gateId}, held through`, stored.through, gate.through);
    this.#findings.equal(`gate ${gate.gateId}, highest sequence`, stored.highest, gate.highest);
    this.#findings.equal(`gate ${gate.gateId}, records`, stored.count, gate.count);
  }

  #checkAccounts(): CheckReport['accounts'] {
    const sums = new Map<number, number>();
    const accounts = [...this.#reader.range('accounts', {})].map(({ key, value }) => {
      const account = accountOf(key);
      const balanceMinor = decodeBalance(value);
      const computed = this.#balances.get(toHex(key)) ?? 0;
      this.#balances.delete(toHex(key));
      this.#findings.equal(`account ${account.name}`, balanceMinor, computed);
      sums.set(account.currency, (sums.get(account.currency) ?? 0) + balanceMinor);
      return { ...account, balanceMinor };
    });
    for (const [currency, sum] of sums) {
      this.#findings.equal(`sum of all accounts in currency ${currency}`, sum, 0);
    }
    for (const [key, computed] of this.#balances) {
      const { name } = accountOf(Buffer.from(key, 'hex'));
      this.#findings.add(`account ${name}: not stored, computed ${computed}`);
    }
    return accounts;
  }

  /** Whether a record is held, in whichever way. */
  #isHeld(id: DebitId): boolean {
    try {
      return this.#view.get('debits', idKey(id)) !== undefined || holdsEvent(this.#reader, id);
    } catch (error) {
      if (!(error instanceof FaregateError)) throw error;
      this.#findings.add(`${nameOf(id)}: ${error.message}`);
      return false;
    }
  }

  #checkWaiting(): number {
    let count = 0;
    for (const { key } of this.#reader.range('waiting', {})) {
      count++;
      const target = readId(key, 0);
      const settlement = readId(key, ID_BYTES);
      if (this.#isHeld(target)) {
        this.#findings.add(`settlement ${nameOf(settlement)} waits for ${nameOf(target)}, held`);
      }
      if (!this.#isHeld(settlement)) {
        this.#findings.add(`settlement ${nameOf(settlement)} waits but is not held`);
      }
    }
    return count;
  }

  #checkExceptions(balanceBreaks: number): number {
    const counts = new Map<string, number>();
    let number = 0;
    for (const { key, value } of this.#reader.range('exceptions', {})) {
      number++;
      this.#findings.equal('number of an exception', readU48(key, 0), number);
      const code = exceptionCodeOf(value) ?? 'unknown';
      counts.set(code, (counts.get(code) ?? 0) + 1);
      const id = readId(value, 1);
      if (!this.#isHeld(id)) {
        this.#findings.add(`exception ${number} (${code}): ${nameOf(id)} is not held`);
      }
    }
    for (const code of exceptionCodes) {
      const stored = readTotal(this.#reader, `exception.${code}`);
      this.#findings.equal(`count of exceptions ${code}`, stored, counts.get(code) ?? 0);
    }
    this.#findings.equal('count of exceptions', readTotal(this.#reader, 'exceptions'), number);
    const conflicts = [...this.#reader.range('conflicts', {})].length;
    this.#findings.equal('identity conflicts', conflicts, counts.get('identityConflict') ?? 0);
    const reported = counts.get('balanceBreak') ?? 0;
    this.#findings.equal('balance breaks in the chains', reported, balanceBreaks);
    return number;
  }

  #checkTotals(waiting: number): void {
    this.#findings.equal('count of debits', readTotal(this.#reader, 'debits'), this.#debits);
    const events = [...this.#reader.range('events', {})].length;
    this.#findings.equal('count of events', readTotal(this.#reader, 'events'), events);
    this.#findings.equal('settlements waiting', readTotal(this.#reader, 'waiting'), waiting);
    const passedThrough = readTotal(this.#reader, 'passedThrough');
    this.#findings.equal('count of debits passed through', passedThrough, this.#passedThrough);
    for (const [name, standing] of Object.entries(Standing)) {
      const stored = readTotal(this.#reader, standingTotal(standing));
      this.#findings.equal(`count of debits ${name}`, stored, this.#stand(standing));
    }
  }
}
