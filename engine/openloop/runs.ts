/**
 * Files to the acquirer, in two phases. First the entries of a run are chosen, in one transaction
 * that takes their charges out of reach; then the file is written whole, under the name it was
 * asked for; then the run is marked. A run that a crash cut off between is finished before anything
 * else: with the same entries and the same bytes, so that no charge is in two files or in none.
 */
import type { BankProof } from '../card/qpboc/evidence-payload.ts';
import { FaregateError } from '../errors.ts';
import { invariant } from '../invariant.ts';
import { OPEN_LOOP_PROOFS_TRIED, OPEN_LOOP_RUN_ENTRIES_MAX } from '../limits.ts';
import { chargeFile, type FileEntry } from './charge-file.ts';
import { kindOf, presentCharge, presentDay } from './charges.ts';
import type { EvidenceSource } from './evidence.ts';
import { HeldCard } from './held.ts';
import {
  outstandingMinor,
  type Presentment,
  presentmentId,
  type Run,
  verificationId,
} from './model.ts';
import type { OpenLoopSettings } from './policy.ts';
import { verifyDay } from './risk.ts';
import {
  chargeKey,
  dayKey,
  eachRow,
  getRow,
  lastRun,
  type OpenLoopReader,
  type OpenLoopStore,
  type OpenLoopWriter,
  putRow,
  runKey,
} from './rows.ts';

/** Where files lie. */
export interface ChargeFiles {
  /** The file's text, or null where there is none. */
  read(path: string): Promise<string | null>;
  /** Writes it whole or not at all, and makes it last. */
  write(path: string, text: string): Promise<void>;
}

export interface Presented {
  /** null: there was nothing to present, and no file was written. */
  readonly run: Run | null;
  /** The run before, if a crash had cut it off; it was finished first. */
  readonly finished: Run | null;
  /** Cards whose charges wait: no tap of theirs has a readable proof. */
  readonly noEvidence: readonly string[];
  /** Entries that wait for the next file. */
  readonly left: number;
}

/** What might be presented. */
interface Candidate {
  readonly card: string;
  /** Of the charge; null for a verification. */
  readonly charge: { readonly day: number; readonly number: number } | null;
  /** Taps that may stand for it, best first. */
  readonly taps: readonly string[];
}

export class RunDesk {
  readonly #store: OpenLoopStore;
  readonly #settings: OpenLoopSettings;
  readonly #files: ChargeFiles;
  readonly #evidence: EvidenceSource;

  constructor(
    store: OpenLoopStore,
    settings: OpenLoopSettings,
    files: ChargeFiles,
    evidence: EvidenceSource,
  ) {
    this.#store = store;
    this.#settings = settings;
    this.#files = files;
    this.#evidence = evidence;
  }

  /**
   * Puts all that is due by a service day into a file.
   * @throws FaregateError FILE_UNWRITABLE where there is a file of that name already,
   *   OPEN_LOOP_REFUSED where another process has presented meanwhile, OPEN_LOOP_BROKEN where the
   *   file of a run cut off is another's.
   */
  async present(path: string, today: number, nowMs: number): Promise<Presented> {
    const finished = await this.finish();
    const before = this.#store.read(lastRun)?.run;
    if (finished?.path === path) return { run: finished, finished: null, noEvidence: [], left: 0 };
    if ((await this.#files.read(path)) !== null) {
      throw new FaregateError('FILE_UNWRITABLE', `${path} is there already; it may have been sent`);
    }
    const candidates = this.#store.read((reader) => this.#candidates(reader, today));
    const chosen = candidates.slice(0, OPEN_LOOP_RUN_ENTRIES_MAX);
    const evidence = this.#evidence(new Set(chosen.flatMap(({ taps }) => taps)));
    const proved = chosen.map((candidate) => {
      const tap = candidate.taps.find((each) => evidence.proofOf(candidate.card, each) !== null);
      return { candidate, tap };
    });
    const without = proved.filter(({ tap }) => tap === undefined);
    const noEvidence = [...new Set(without.map(({ candidate }) => candidate.card))];
    const left = candidates.length - chosen.length;
    const run = await this.#store.transaction((writer) => {
      const last = lastRun(writer);
      // Of one that is written the file may have the name that was free when it was looked at.
      if (last?.run !== before || last?.state === 'begun') {
        throw new FaregateError('OPEN_LOOP_REFUSED', 'another process is presenting');
      }
      const entries: Presentment[] = [];
      const number = (getRow(writer, 'meta', 'runs') ?? 0) + 1;
      for (const { candidate, tap } of proved) {
        const entry = tap && this.#begin(writer, candidate, tap, number, today, nowMs);
        if (entry) entries.push(entry);
      }
      if (entries.length === 0) return null;
      for (const entry of entries) putRow(writer, 'presentments', entry.id, entry);
      const ids = entries.map(({ id }) => id);
      const begun: Run = { run: number, path, madeMs: nowMs, state: 'begun', entries: ids };
      putRow(writer, 'runs', runKey(number), begun);
      putRow(writer, 'meta', 'runs', number);
      return begun;
    });
    return { run: run && (await this.#write(run)), finished, noEvidence, left };
  }

  /** Charges in the order of their cards and days, verifications last. */
  #candidates(reader: OpenLoopReader, today: number): Candidate[] {
    const found: Candidate[] = [];
    for (const { key } of eachRow(reader, 'live')) {
      const charge = getRow(reader, 'charges', key)!;
      const { card, day, number } = charge;
      const from = presentDay(charge, this.#settings);
      if (from === null || from > today) continue;
      const row = getRow(reader, 'days', dayKey(card, day))!;
      const first = getRow(reader, 'cards', card)!.firstTap;
      // What goes back for taps that were voided has no others to stand for it.
      const back = charge.amountMinor < 0 ? charge.reasons.flatMap((reason) => reason.taps) : [];
      const some = [row.taps, [first], back].flatMap((of) => of.slice(0, OPEN_LOOP_PROOFS_TRIED));
      const taps = [...new Set(some)];
      found.push({ card, charge: { day, number }, taps });
    }
    for (const { row } of eachRow(reader, 'cards')) {
      const from = verifyDay(row.verification, this.#settings);
      if (from === null || from > today) continue;
      const taps = new Set([row.firstTap]);
      for (const { row: tap } of eachRow(reader, 'taps', `${row.card} `)) {
        if (taps.size > OPEN_LOOP_PROOFS_TRIED) break;
        taps.add(tap.id);
      }
      found.push({ card: row.card, charge: null, taps: [...taps] });
    }
    return found;
  }

  /** Takes one entry out of reach; null where another process was quicker. */
  #begin(
    writer: OpenLoopWriter,
    { card, charge: of }: Candidate,
    tap: string,
    run: number,
    today: number,
    nowMs: number,
  ): Presentment | null {
    const held = HeldCard.of(writer, card, this.#settings, nowMs);
    const common = { card, run, tap, result: null, code: '', reference: '' };
    if (of === null) {
      const { verification } = held.row;
      if ((verifyDay(verification, this.#settings) ?? Number.POSITIVE_INFINITY) > today)
        return null;
      const attempt = verification.attempts + 1;
      held.change({ verification: { ...verification, state: 'presented', attempts: attempt } });
      held.finish();
      const id = presentmentId(verificationId(card), attempt);
      return { ...common, id, kind: 'verify', day: null, number: null, attempt, amountMinor: 0 };
    }
    const charge = getRow(writer, 'charges', chargeKey(card, of.day, of.number))!;
    const from = presentDay(charge, this.#settings);
    const amountMinor = outstandingMinor(charge);
    if (from === null || from > today || amountMinor === 0) return null;
    const presented = presentCharge(charge, nowMs);
    held.put(presented);
    held.finish();
    const attempt = presented.attempts;
    const id = presentmentId(charge.id, attempt);
    return { ...common, ...of, id, kind: kindOf(charge), attempt, amountMinor };
  }

  /** Brings the last run to its end, if a crash has cut it off. @returns it, or null */
  async finish(): Promise<Run | null> {
    const last = this.#store.read(lastRun);
    return last?.state === 'begun' ? this.#write(last) : null;
  }

  async #write(run: Run): Promise<Run> {
    const entries = this.#store.read((reader) =>
      run.entries.map((id) => getRow(reader, 'presentments', id)!),
    );
    const evidence = this.#evidence(new Set(entries.map(({ tap }) => tap)));
    const proofOf = ({ card, tap }: Presentment): BankProof => {
      const proof = evidence.proofOf(card, tap);
      if (proof) return proof;
      const message = `run ${run.run}: the evidence of tap ${tap} is gone`;
      throw new FaregateError('OPEN_LOOP_BROKEN', message);
    };
    const lines = entries.map((entry): FileEntry => ({ entry, proof: proofOf(entry) }));
    const text = chargeFile(run, lines, this.#settings.currency);
    const there = await this.#files.read(run.path);
    if (there !== null && there !== text) {
      const message = `${run.path} is not the file of run ${run.run}, which was cut off`;
      throw new FaregateError('OPEN_LOOP_BROKEN', message);
    }
    if (there === null) await this.#files.write(run.path, text);
    return this.#store.transaction((writer) => {
      const held = getRow(writer, 'runs', runKey(run.run));
      invariant(held !== undefined, 'a run is never removed');
      const written: Run = { ...held, state: 'written' };
      putRow(writer, 'runs', runKey(run.run), written);
      return written;
    });
  }
}
