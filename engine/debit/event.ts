/**
 * The event record: what happened at a gate beside its debits, in the same journal and under the
 * same sequence, so that a missing one shows. 160 bytes like a debit, `kind` 3, no card and no
 * amount to post: head and what was in force stand where a debit has them (`codec.ts`), the rest is
 * the event's own. `docs/wire.md` has the table.
 */
import assert from 'node:assert/strict';
import { copyBytes, readU16, readU32, readU48, writeU16, writeU32, writeU48 } from '../bytes.ts';
import { FaregateError } from '../errors.ts';
import { at, readGateId, readInForce, writeId, writeInForce } from './codec.ts';
import {
  DEBIT_BYTES,
  DEBIT_LAYOUT_VERSION,
  DESFIRE_TRANSACTION,
  type DebitId,
  DebitKind,
  DebitState,
  ECASH_TRANSACTION,
  type InForce,
  OPEN_LOOP_TRANSACTION,
} from './record.ts';

/** Modes that an event has room to count people under: the low bits of `mode`. */
export const EVENT_MODES = 10;

/** Stands in the byte `kind`, where debits have 1 and settlements 2. */
export const EVENT_KIND = 3;

export const EventCode = { modeChange: 1, clockJump: 2, shiftClosed: 3, evidence: 4 } as const;

/** Count and amount of one kind of record. */
export interface ShiftTally {
  readonly count: number;
  readonly amountMinor: number;
}

/** What a gate counted in one shift. */
export interface ShiftCounts {
  readonly confirmed: ShiftTally;
  readonly unconfirmed: ShiftTally;
  readonly void: ShiftTally;
  readonly settlement: ShiftTally;
  /** Taps refused; they leave no record. */
  readonly denied: number;
  /** People let through under each mode, by bit of `mode`; EVENT_MODES of them. */
  readonly underMode: readonly number[];
}

export interface ModeChanged {
  readonly event: 'modeChange';
  readonly modeBefore: number;
  readonly modeAfter: number;
}

export interface ClockJumped {
  readonly event: 'clockJump';
  /** How far the wall clock left what passed; negative: it was set back. */
  readonly jumpMs: number;
  /** Time that passed since the wall clock was looked at before. */
  readonly sinceMs: number;
}

export interface ShiftClosed {
  readonly event: 'shiftClosed';
  /** From 1, without gaps. */
  readonly shift: number;
  readonly openedMs: number;
  /** The records counted; the event itself comes after them. `last` is below `first` where none. */
  readonly first: number;
  readonly last: number;
  readonly counts: ShiftCounts;
}

/**
 * What bears out the debit of the sequence before, where its record has no room for it: under the
 * very next sequence, and final before the debit is.
 */
export interface DebitEvidence {
  readonly event: 'evidence';
  /** Whose payload it is. */
  readonly family: EvidenceFamily;
  /** EVIDENCE_BYTES, as the family lays them out; zeros first where the card proved nothing. */
  readonly payload: Uint8Array;
}

/** Families of cards by the byte that names them in an evidence event. */
export const EvidenceFamily = { desfire: 1, bank: 2 } as const;
export type EvidenceFamily = (typeof EvidenceFamily)[keyof typeof EvidenceFamily];

export const EVIDENCE_BYTES = 109;

/** Whose evidence is behind a debit of this transaction type; null: its proof is its TAC. */
export function evidenceFamilyOf(transactionType: number): EvidenceFamily | null {
  switch (transactionType) {
    case DESFIRE_TRANSACTION:
      return EvidenceFamily.desfire;
    case ECASH_TRANSACTION:
    case OPEN_LOOP_TRANSACTION:
      return EvidenceFamily.bank;
    default:
      return null;
  }
}

export type EventBody = ModeChanged | ClockJumped | ShiftClosed | DebitEvidence;

/** What every event has. */
export interface EventHead extends DebitId, InForce {
  readonly instantMs: number;
  /** As in a debit: 7 BCD bytes of the operator's zone. */
  readonly dateTime: Uint8Array;
  /** 4-byte code of the gate's station. */
  readonly station: Uint8Array;
}

export type GateEvent = EventHead & EventBody;
export type EvidenceEvent = EventHead & DebitEvidence;

/** Offsets of an event's own fields; `event` stands where a debit has its `tapKind`. */
export const eventAt = {
  event: at.tapKind,
  station: 36,
  modeBefore: 40,
  modeAfter: 42,
  back: 40,
  jumpMs: 41,
  sinceMs: 47,
  shift: 40,
  first: 44,
  last: 50,
  openedMs: 56,
  tallies: 62,
  denied: 102,
  underMode: 106,
  family: 40,
  payload: 41,
} as const;

const TALLY_BYTES = 10;
const tallyNames = ['confirmed', 'unconfirmed', 'void', 'settlement'] as const;
const COUNT_MAX = 0xffff_ffff;
const AMOUNT_MAX = 2 ** 48 - 1;

assert(eventAt.tallies + tallyNames.length * TALLY_BYTES === eventAt.denied);
assert(eventAt.underMode + 4 * EVENT_MODES <= at.mode);
assert(eventAt.payload + EVIDENCE_BYTES <= at.mode);

/** Whether the record at `bytes[offset]` is an event. */
export function isEvent(bytes: Uint8Array, offset: number): boolean {
  return bytes[offset + at.kind] === EVENT_KIND;
}

/**
 * Whether the debit at `records[offset]` has its proof in the event behind it. Of a bank card that
 * left, the cryptogram came before: an unconfirmed debit has it there too.
 */
export function wantsEvidence(records: Uint8Array, offset: number): boolean {
  const family = evidenceFamilyOf(records[offset + at.transactionType]!);
  const state = records[offset + at.state];
  const isTorn = family === EvidenceFamily.bank && state === DebitState.unconfirmed;
  return (
    family !== null &&
    records[offset + at.kind] === DebitKind.debit &&
    (state === DebitState.confirmed || isTorn)
  );
}

/** Writes `event` as 160 bytes at `out[offset]`. */
export function encodeEvent(event: GateEvent, out: Uint8Array, offset: number): void {
  assert(out.length - offset >= DEBIT_BYTES);
  out.fill(0, offset, offset + DEBIT_BYTES);
  out[offset + at.version] = DEBIT_LAYOUT_VERSION;
  out[offset + at.kind] = EVENT_KIND;
  out[offset + at.state] = DebitState.confirmed;
  writeId(event, out, offset + at.gateId, offset + at.gateSequence);
  writeU48(out, offset + at.instantMs, event.instantMs);
  copyBytes(event.dateTime, 0, out, offset + at.dateTime, 7);
  out[offset + eventAt.event] = EventCode[event.event];
  copyBytes(event.station, 0, out, offset + eventAt.station, 4);
  writeInForce(event, out, offset);
  if (event.event === 'modeChange') {
    writeU16(out, offset + eventAt.modeBefore, event.modeBefore);
    writeU16(out, offset + eventAt.modeAfter, event.modeAfter);
  } else if (event.event === 'clockJump') {
    out[offset + eventAt.back] = event.jumpMs < 0 ? 1 : 0;
    writeU48(out, offset + eventAt.jumpMs, Math.abs(event.jumpMs));
    writeU48(out, offset + eventAt.sinceMs, event.sinceMs);
  } else if (event.event === 'evidence') {
    assert(event.payload.length === EVIDENCE_BYTES);
    out[offset + eventAt.family] = event.family;
    copyBytes(event.payload, 0, out, offset + eventAt.payload, EVIDENCE_BYTES);
  } else {
    writeShift(event, out, offset);
  }
}

function writeShift(event: ShiftClosed, out: Uint8Array, offset: number): void {
  const { counts } = event;
  writeU32(out, offset + eventAt.shift, event.shift);
  writeU48(out, offset + eventAt.first, event.first);
  writeU48(out, offset + eventAt.last, event.last);
  writeU48(out, offset + eventAt.openedMs, event.openedMs);
  for (const [i, name] of tallyNames.entries()) {
    const { count, amountMinor } = counts[name];
    const from = offset + eventAt.tallies + i * TALLY_BYTES;
    writeU32(out, from, Math.min(count, COUNT_MAX));
    writeU48(out, from + 4, Math.min(amountMinor, AMOUNT_MAX));
  }
  writeU32(out, offset + eventAt.denied, Math.min(counts.denied, COUNT_MAX));
  for (const [i, people] of counts.underMode.entries()) {
    writeU32(out, offset + eventAt.underMode + 4 * i, Math.min(people, COUNT_MAX));
  }
}

/**
 * Reads the event at `bytes[offset]`; byte fields are copies.
 * @throws FaregateError UPLOAD_MALFORMED naming the field that cannot be.
 */
export function decodeEvent(bytes: Uint8Array, offset: number): GateEvent {
  if (bytes.length - offset < DEBIT_BYTES) throw malformed('length', bytes.length - offset);
  const version = bytes[offset + at.version]!;
  if (version !== DEBIT_LAYOUT_VERSION) throw malformed('version', version);
  if (!isEvent(bytes, offset)) throw malformed('kind', bytes[offset + at.kind]!);
  const state = bytes[offset + at.state]!;
  if (state !== DebitState.confirmed) throw malformed('state', state);
  const head: EventHead = {
    gateId: readGateId(bytes, offset + at.gateId),
    gateSequence: readU48(bytes, offset + at.gateSequence),
    instantMs: readU48(bytes, offset + at.instantMs),
    dateTime: bytes.slice(offset + at.dateTime, offset + at.dateTime + 7),
    station: bytes.slice(offset + eventAt.station, offset + eventAt.station + 4),
    ...readInForce(bytes, offset),
  };
  const code = bytes[offset + eventAt.event]!;
  if (code === EventCode.modeChange) {
    const modeBefore = readU16(bytes, offset + eventAt.modeBefore);
    const modeAfter = readU16(bytes, offset + eventAt.modeAfter);
    return { ...head, event: 'modeChange', modeBefore, modeAfter };
  }
  if (code === EventCode.clockJump) {
    const size = readU48(bytes, offset + eventAt.jumpMs);
    const jumpMs = bytes[offset + eventAt.back] === 1 ? -size : size;
    return {
      ...head,
      event: 'clockJump',
      jumpMs,
      sinceMs: readU48(bytes, offset + eventAt.sinceMs),
    };
  }
  if (code === EventCode.evidence) return { ...head, ...readEvidence(bytes, offset) };
  if (code !== EventCode.shiftClosed) throw malformed('event', code);
  return { ...head, ...readShift(bytes, offset) };
}

function readEvidence(bytes: Uint8Array, offset: number): DebitEvidence {
  const family = bytes[offset + eventAt.family]!;
  if (family !== EvidenceFamily.desfire && family !== EvidenceFamily.bank) {
    throw malformed('family', family);
  }
  const from = offset + eventAt.payload;
  return { event: 'evidence', family, payload: bytes.slice(from, from + EVIDENCE_BYTES) };
}

function readShift(bytes: Uint8Array, offset: number): ShiftClosed {
  const tally = (i: number): ShiftTally => {
    const from = offset + eventAt.tallies + i * TALLY_BYTES;
    return { count: readU32(bytes, from), amountMinor: readU48(bytes, from + 4) };
  };
  const [confirmed, unconfirmed, voided, settlement] = tallyNames.map((_, i) => tally(i));
  return {
    event: 'shiftClosed',
    shift: readU32(bytes, offset + eventAt.shift),
    first: readU48(bytes, offset + eventAt.first),
    last: readU48(bytes, offset + eventAt.last),
    openedMs: readU48(bytes, offset + eventAt.openedMs),
    counts: {
      confirmed: confirmed!,
      unconfirmed: unconfirmed!,
      void: voided!,
      settlement: settlement!,
      denied: readU32(bytes, offset + eventAt.denied),
      underMode: Array.from({ length: EVENT_MODES }, (_, i) =>
        readU32(bytes, offset + eventAt.underMode + 4 * i),
      ),
    },
  };
}

function malformed(field: string, value: number): FaregateError {
  return new FaregateError('UPLOAD_MALFORMED', `event record: field ${field} is ${value}`);
}
