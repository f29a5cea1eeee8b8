/** The debit record's fixed layout. Offsets are the contract between gates and engines. */
import assert from 'node:assert/strict';
import { copyBytes, readU16, readU32, readU48, writeU16, writeU32, writeU48 } from '../bytes.ts';
import { FaregateError } from '../errors.ts';
import { invariant } from '../invariant.ts';
import {
  DEBIT_BYTES,
  DEBIT_LAYOUT_VERSION,
  DEBIT_LAYOUT_VERSION_BEFORE,
  type Debit,
  type DebitId,
  type DebitKind,
  type DebitState,
  type Evidence,
  GATE_ID_PATTERN,
  type InForce,
  NOTHING_IN_FORCE,
  type TapKind,
} from './record.ts';

/** Byte offset of every field. */
export const at = {
  version: 0,
  kind: 1,
  state: 2,
  evidence: 3,
  gateId: 4,
  gateSequence: 16,
  instantMs: 22,
  dateTime: 28,
  tapKind: 35,
  terminalId: 36,
  terminalSequence: 42,
  issuer: 46,
  cardNumber: 54,
  factors: 64,
  keyIndex: 80,
  keyVersion: 81,
  algorithm: 82,
  transactionType: 83,
  offlineCounter: 84,
  balanceBeforeMinor: 86,
  amountMinor: 90,
  currency: 94,
  random: 96,
  tac: 100,
  fromStation: 104,
  toStation: 108,
  entryInstantMs: 112,
  fareVersion: 118,
  rider: 122,
  factorLevels: 123,
  tapMs: 124,
  hostUs: 128,
  refGateId: 132,
  refGateSequence: 144,
  mode: 150,
  denylistVersion: 152,
  clockQuality: 156,
  parametersVersion: 157,
} as const;

/** Writes `debit` as 160 bytes at `out[offset]`. */
export function encodeDebit(debit: Debit, out: Uint8Array, offset: number): void {
  invariant(out.length - offset >= DEBIT_BYTES, 'room for the record');
  out.fill(0, offset, offset + DEBIT_BYTES);
  out[offset + at.version] = DEBIT_LAYOUT_VERSION;
  out[offset + at.kind] = debit.kind;
  out[offset + at.state] = debit.state;
  out[offset + at.evidence] = debit.evidence;
  writeId(debit, out, offset + at.gateId, offset + at.gateSequence);
  writeU48(out, offset + at.instantMs, debit.instantMs);
  copyBytes(debit.dateTime, 0, out, offset + at.dateTime, debit.dateTime.length);
  out[offset + at.tapKind] = debit.tapKind;
  copyBytes(debit.terminalId, 0, out, offset + at.terminalId, debit.terminalId.length);
  writeU32(out, offset + at.terminalSequence, debit.terminalSequence);
  copyBytes(debit.issuer, 0, out, offset + at.issuer, debit.issuer.length);
  copyBytes(debit.cardNumber, 0, out, offset + at.cardNumber, debit.cardNumber.length);
  copyBytes(debit.factors, 0, out, offset + at.factors, debit.factors.length);
  out[offset + at.keyIndex] = debit.keyIndex;
  out[offset + at.keyVersion] = debit.keyVersion;
  out[offset + at.algorithm] = debit.algorithm;
  out[offset + at.transactionType] = debit.transactionType;
  writeU16(out, offset + at.offlineCounter, debit.offlineCounter);
  writeU32(out, offset + at.balanceBeforeMinor, debit.balanceBeforeMinor);
  writeU32(out, offset + at.amountMinor, debit.amountMinor);
  writeU16(out, offset + at.currency, debit.currency);
  copyBytes(debit.random, 0, out, offset + at.random, debit.random.length);
  copyBytes(debit.tac, 0, out, offset + at.tac, debit.tac.length);
  copyBytes(debit.fromStation, 0, out, offset + at.fromStation, debit.fromStation.length);
  copyBytes(debit.toStation, 0, out, offset + at.toStation, debit.toStation.length);
  writeU48(out, offset + at.entryInstantMs, debit.entryInstantMs);
  writeU32(out, offset + at.fareVersion, debit.fareVersion);
  out[offset + at.rider] = debit.rider;
  out[offset + at.factorLevels] = debit.factorLevels;
  writeU16(out, offset + at.tapMs, Math.min(debit.tapMs, 0xffff));
  writeU32(out, offset + at.hostUs, debit.hostUs);
  if (debit.refersTo) {
    writeId(debit.refersTo, out, offset + at.refGateId, offset + at.refGateSequence);
  }
  writeInForce(debit, out, offset);
}

/** Writes what was in force into the record at `out[offset]`. */
export function writeInForce(inForce: InForce, out: Uint8Array, offset: number): void {
  writeU16(out, offset + at.mode, inForce.mode);
  writeU32(out, offset + at.denylistVersion, inForce.denylistVersion);
  out[offset + at.clockQuality] = inForce.clockQuality;
  out[offset + at.parametersVersion] = inForce.parametersVersion >>> 16;
  writeU16(out, offset + at.parametersVersion + 1, inForce.parametersVersion & 0xffff);
}

/** The gate id that was checked last: a gate writes its own again and again. */
let knownGateId = '';

export function writeId(id: DebitId, out: Uint8Array, gateAt: number, sequenceAt: number): void {
  if (id.gateId !== knownGateId) {
    assert(GATE_ID_PATTERN.test(id.gateId), `not a gate id: ${id.gateId}`);
    knownGateId = id.gateId;
  }
  for (let i = 0; i < id.gateId.length; i++) out[gateAt + i] = id.gateId.charCodeAt(i);
  writeU48(out, sequenceAt, id.gateSequence);
}

/**
 * Reads the record at `bytes[offset]`; byte fields are copies.
 * @throws FaregateError UPLOAD_MALFORMED naming the field that cannot be.
 */
export function decodeDebit(bytes: Uint8Array, offset: number): Debit {
  if (bytes.length - offset < DEBIT_BYTES) throw malformed('length', bytes.length - offset);
  const version = bytes[offset + at.version]!;
  if (!isLayoutVersion(version)) throw malformed('version', version);
  const slice = (from: number, length: number) =>
    bytes.slice(offset + from, offset + from + length);
  const refersTo = bytes[offset + at.refGateId] !== 0;
  const kind = ranged('kind', bytes[offset + at.kind]!, 1, 2) as DebitKind;
  if ((kind === 2) !== refersTo) throw malformed('refersTo', kind);
  return {
    kind,
    state: ranged('state', bytes[offset + at.state]!, 0, 3) as DebitState,
    evidence: ranged('evidence', bytes[offset + at.evidence]!, 0, 5) as Evidence,
    tapKind: ranged('tapKind', bytes[offset + at.tapKind]!, 1, 3) as TapKind,
    gateId: readGateId(bytes, offset + at.gateId),
    gateSequence: readU48(bytes, offset + at.gateSequence),
    instantMs: readU48(bytes, offset + at.instantMs),
    dateTime: slice(at.dateTime, 7),
    terminalId: slice(at.terminalId, 6),
    terminalSequence: readU32(bytes, offset + at.terminalSequence),
    issuer: slice(at.issuer, 8),
    cardNumber: slice(at.cardNumber, 10),
    factors: slice(at.factors, 16),
    factorLevels: ranged('factorLevels', bytes[offset + at.factorLevels]!, 1, 2),
    keyIndex: bytes[offset + at.keyIndex]!,
    keyVersion: bytes[offset + at.keyVersion]!,
    algorithm: bytes[offset + at.algorithm]!,
    transactionType: bytes[offset + at.transactionType]!,
    offlineCounter: readU16(bytes, offset + at.offlineCounter),
    balanceBeforeMinor: readU32(bytes, offset + at.balanceBeforeMinor),
    amountMinor: readU32(bytes, offset + at.amountMinor),
    currency: readU16(bytes, offset + at.currency),
    random: slice(at.random, 4),
    tac: slice(at.tac, 4),
    fromStation: slice(at.fromStation, 4),
    toStation: slice(at.toStation, 4),
    entryInstantMs: readU48(bytes, offset + at.entryInstantMs),
    fareVersion: readU32(bytes, offset + at.fareVersion),
    rider: bytes[offset + at.rider]!,
    tapMs: readU16(bytes, offset + at.tapMs),
    hostUs: readU32(bytes, offset + at.hostUs),
    refersTo: refersTo
      ? {
          gateId: readGateId(bytes, offset + at.refGateId),
          gateSequence: readU48(bytes, offset + at.refGateSequence),
        }
      : null,
    ...(version === DEBIT_LAYOUT_VERSION ? readInForce(bytes, offset) : NOTHING_IN_FORCE),
  };
}

/** Whether records of this layout are understood. */
export function isLayoutVersion(version: number): boolean {
  return version === DEBIT_LAYOUT_VERSION || version === DEBIT_LAYOUT_VERSION_BEFORE;
}

/** What was in force, from the record of layout 2 at `bytes[offset]`. */
export function readInForce(bytes: Uint8Array, offset: number): InForce {
  return {
    mode: readU16(bytes, offset + at.mode),
    denylistVersion: readU32(bytes, offset + at.denylistVersion),
    clockQuality: bytes[offset + at.clockQuality]!,
    parametersVersion:
      bytes[offset + at.parametersVersion]! * 0x1_0000 +
      readU16(bytes, offset + at.parametersVersion + 1),
  };
}

export function readGateId(bytes: Uint8Array, from: number): string {
  let text = '';
  for (let i = from; i < from + 12 && bytes[i] !== 0; i++) text += String.fromCharCode(bytes[i]!);
  if (!GATE_ID_PATTERN.test(text)) throw malformed('gateId', JSON.stringify(text));
  return text;
}

function ranged(field: string, value: number, low: number, high: number): number {
  if (value < low || value > high) throw malformed(field, value);
  return value;
}

function malformed(field: string, value: number | string): FaregateError {
  return new FaregateError('UPLOAD_MALFORMED', `debit record: field ${field} is ${value}`);
}
