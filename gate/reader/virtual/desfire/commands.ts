/**
 * Commands of a virtual DESFire card's selected application, once their protection is off: values,
 * records, the transaction MAC file, commit and abort. Each says how it is framed and protected,
 * and what it does. What makes a card's structure is in `management.ts`.
 */
import { type CardCommand, type Done, Status } from './command.ts';
import { littleEndian } from './crypto.ts';
import { managementCommands } from './management.ts';
import type { CardSide } from './session.ts';
import { type DesfireState, FREE, type Rights } from './state.ts';
import { committed, type Pending, proofBytes } from './transaction.ts';

const NOTHING = new Uint8Array(0);
const done: Done = { data: NOTHING };

function allowed(side: CardSide | null, ...rights: readonly number[]): boolean {
  return rights.some((right) => right === FREE || right === side?.keyNumber);
}

function number32(bytes: Uint8Array): number {
  return bytes[0]! | (bytes[1]! << 8) | (bytes[2]! << 16) | (bytes[3]! << 24);
}

function number24(bytes: Uint8Array, at: number): number {
  return bytes[at]! + bytes[at + 1]! * 256 + bytes[at + 2]! * 65536;
}

const valueMode: CardCommand['mode'] = ({ value }, header) =>
  header[0] === value.number ? value.mode : null;
const recordMode: CardCommand['mode'] = ({ record }, header) =>
  header[0] === record.number ? record.mode : null;
const none = () => 0;

const getValue: CardCommand = {
  headerLength: 1,
  writes: false,
  mode: valueMode,
  dataLength: none,
  run({ state, side, pending }, header, _data, ins) {
    const { value } = state.application;
    const { read, write, readWrite } = value.rights;
    if (!allowed(side, read, write, readWrite)) return Status.authentication;
    // What waits is not shown.
    const data = littleEndian(value.value >>> 0, 4);
    pending.add(ins, Uint8Array.of(header[0]!, ...data));
    return { data };
  },
};

/** Debit, Credit and LimitedCredit: who may, and what becomes of the value. */
function changing(
  who: (rights: Rights) => readonly number[],
  change: (pending: Pending, state: DesfireState, amount: number) => number | null,
): CardCommand {
  return {
    headerLength: 1,
    writes: true,
    mode: valueMode,
    dataLength: () => 4,
    run({ state, side, pending }, header, data, ins) {
      const { value } = state.application;
      if (!allowed(side, ...who(value.rights))) return Status.authentication;
      const amount = number32(data);
      if (amount < 0) return Status.parameter;
      const next = change(pending, state, amount);
      if (next === null || next < value.lowerLimit || next > value.upperLimit) {
        return Status.boundary;
      }
      pending.value = next;
      pending.add(ins, Uint8Array.of(header[0]!, ...data));
      return done;
    },
  };
}

const valueNow = (pending: Pending, state: DesfireState) =>
  pending.value ?? state.application.value.value;

const debit = changing(
  ({ read, write, readWrite }) => [read, write, readWrite],
  (pending, state, amount) => {
    pending.debits += amount;
    return valueNow(pending, state) - amount;
  },
);

const credit = changing(
  ({ readWrite }) => [readWrite],
  (pending, state, amount) => {
    pending.credits += amount;
    return valueNow(pending, state) + amount;
  },
);

const limitedCredit = changing(
  ({ write, readWrite }) => [write, readWrite],
  (pending, state, amount) => {
    pending.limitedCredits += amount;
    const { limitedCredit: most } = state.application.value;
    return pending.limitedCredits > most ? null : valueNow(pending, state) + amount;
  },
);

const readRecords: CardCommand = {
  headerLength: 7,
  writes: false,
  mode: recordMode,
  dataLength: none,
  run({ state, side, pending }, header, _data, ins) {
    const { record } = state.application;
    if (!allowed(side, record.rights.read, record.rights.readWrite)) return Status.authentication;
    const first = number24(header, 1);
    const asked = number24(header, 4);
    const there = record.records.length;
    const count = asked === 0 ? there - first : asked;
    if (count < 1 || first + count > there) return Status.boundary;
    const shown = record.records.slice(there - first - count, there - first);
    const data = new Uint8Array(Buffer.concat(shown));
    const real = Uint8Array.of(header[0]!, ...littleEndian(first, 3), ...littleEndian(count, 3));
    pending.add(ins, real, data);
    return { data };
  },
};

const writeRecord: CardCommand = {
  headerLength: 7,
  writes: true,
  mode: recordMode,
  dataLength: (header) => number24(header, 4),
  run({ state, side, pending }, header, data, ins) {
    const { record } = state.application;
    if (!allowed(side, record.rights.write, record.rights.readWrite)) return Status.authentication;
    const offset = number24(header, 1);
    if (data.length === 0) return Status.parameter;
    if (offset + data.length > record.length) return Status.boundary;
    const next = pending.record ?? new Uint8Array(record.length);
    next.set(data, offset);
    pending.record = next;
    pending.add(ins, header, data);
    return done;
  },
};

const readData: CardCommand = {
  headerLength: 7,
  writes: false,
  mode: ({ transactionMac }, header) =>
    transactionMac !== null && header[0] === transactionMac.number ? transactionMac.mode : null,
  dataLength: none,
  run({ state, side }, header) {
    const file = state.application.transactionMac!;
    if (!allowed(side, file.rights.read)) return Status.authentication;
    const offset = number24(header, 1);
    const asked = number24(header, 4);
    const bytes = proofBytes(state.application);
    const end = asked === 0 ? bytes.length : offset + asked;
    // The file does not enter its own transaction's input.
    return end > bytes.length ? Status.boundary : { data: bytes.slice(offset, end) };
  },
};

const commitTransaction: CardCommand = {
  headerLength: -1,
  writes: false,
  mode: () => 'mac',
  dataLength: none,
  run({ state, pending }, header) {
    const { transactionMac } = state.application;
    if (header.length > 0 && header[0]! > 1) return Status.parameter;
    const withMac = header[0] === 1;
    if (withMac && transactionMac === null) return Status.permissionDenied;
    if (transactionMac !== null && transactionMac.tmc >= transactionMac.limit) {
      return Status.permissionDenied;
    }
    if (pending.isEmpty) return Status.noChanges;
    const next = committed(state, pending);
    const data = withMac ? proofBytes(next.application) : NOTHING;
    return { data, state: next, ends: true };
  },
};

const abortTransaction: CardCommand = {
  headerLength: 0,
  writes: false,
  mode: () => 'mac',
  dataLength: none,
  run({ pending }) {
    return pending.isEmpty ? Status.noChanges : { data: NOTHING, ends: true };
  },
};

const getCardUid: CardCommand = {
  headerLength: 0,
  writes: false,
  mode: () => 'full',
  dataLength: none,
  run({ state, side }) {
    return side === null ? Status.authentication : { data: state.uid };
  },
};

/** Type and version of the hardware. */
const hardware: Readonly<Record<DesfireState['generation'], readonly [number, number]>> = {
  ev1: [0x01, 0x01],
  ev2: [0x01, 0x12],
  light: [0x08, 0x30],
};

const getVersion: CardCommand = {
  level: 'both',
  headerLength: 0,
  writes: false,
  mode: () => 'mac',
  dataLength: none,
  run({ state }) {
    const [type, major] = hardware[state.generation];
    const part = [0x04, type, 0x01, major, 0x00, 0x18, 0x05];
    const uid = state.hidesUid ? new Uint8Array(7) : state.uid;
    return { data: Uint8Array.of(...part, ...part, ...uid, 1, 2, 3, 4, 5, 0x20, 0x25) };
  },
};

const byIns: ReadonlyMap<number, CardCommand> = new Map([
  [0x6c, getValue],
  [0xdc, debit],
  [0x0c, credit],
  [0x1c, limitedCredit],
  [0xbb, readRecords],
  [0xab, readRecords],
  [0x3b, writeRecord],
  [0x8b, writeRecord],
  [0xbd, readData],
  [0xad, readData],
  [0xc7, commitTransaction],
  [0xa7, abortTransaction],
  [0x51, getCardUid],
  [0x60, getVersion],
]);

/** What EV1 cards do not have, and Light not in this form. */
const EV1_LACKS = [0xab, 0x8b, 0xad, 0x51];
const LIGHT_LACKS = [0xbb, 0x3b, 0xbd];

export function commandOf(state: DesfireState, ins: number): CardCommand | null {
  const { generation } = state;
  if (generation === 'ev1' && EV1_LACKS.includes(ins)) return null;
  if (generation === 'light' && LIGHT_LACKS.includes(ins)) return null;
  const managed = state.issuing && generation !== 'light' ? managementCommands.get(ins) : undefined;
  if (managed) return generation === 'ev1' && ins === 0xce ? null : managed;
  return byIns.get(ins) ?? null;
}

/** Commands whose long data comes, and goes, in one APDU. */
export function isIsoChained(ins: number): boolean {
  return ins === 0xab || ins === 0x8b || ins === 0xad;
}
