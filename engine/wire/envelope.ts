/**
 * The messages gate and engine exchange (`docs/wire.md`): a MessagePack map each, a batch's records
 * as one byte string of fixed layout (`engine/debit/codec.ts`). The one importer of msgpackr, which
 * is held to plain maps, numbers, strings and bytes; what it decodes is checked field by field.
 */
import assert from 'node:assert/strict';
import { Packr } from 'msgpackr';
import { DEBIT_BYTES, GATE_ID_PATTERN } from '../debit/record.ts';
import { type ErrorCode, errorCodes, FaregateError } from '../errors.ts';
import {
  BATCH_RECORDS_MAX,
  FRAME_BYTES_MAX,
  WIRE_NAMES_MAX,
  WIRE_TEXT_LENGTH_MAX,
} from '../limits.ts';
import { Fields, malformed } from './fields.ts';
import type { GateStatus } from './gate-status.ts';
import {
  type ParameterAnswer,
  type ParameterQuestion,
  readAnswer,
  readNewest,
  readQuestion,
} from './parameter-messages.ts';
import { checkShape } from './shape.ts';
import { readStatus } from './status-fields.ts';

export const PROTOCOL = 1;
export const SEQUENCE_MAX: number = 2 ** 48 - 1;

assert(BATCH_RECORDS_MAX * DEBIT_BYTES + 128 * 1024 <= FRAME_BYTES_MAX, 'a full batch fits');

/** A gate's first word. */
export interface Hello {
  readonly type: 'hello';
  readonly protocol: number;
  readonly gateId: string;
  /** The sequence its next debit will take. */
  readonly nextSequence: number;
}

/** The engine's answer to `hello`. */
export interface Welcome {
  readonly type: 'welcome';
  /** Highest sequence of this gate that is durably posted; 0 for none. */
  readonly acknowledgedThrough: number;
  /** The engine's clock. */
  readonly nowMs: number;
  /** The newest parameter set for this gate, 0 for none yet; absent: none are given out here. */
  readonly parameters?: number;
}

/** Debit records of consecutive sequences. */
export interface Batch {
  readonly type: 'batch';
  readonly first: number;
  readonly count: number;
  /** `count` records of DEBIT_BYTES. */
  readonly records: Uint8Array;
  readonly status: GateStatus | null;
}

/** A batch is durably posted. */
export interface Ack {
  readonly type: 'ack';
  readonly through: number;
  /** How many of the batch's records came out how. */
  readonly outcomes: Readonly<Record<string, number>>;
  /** As in `Welcome`. */
  readonly parameters?: number;
  /** The engine's clock; null from an engine that does not tell it. */
  readonly nowMs: number | null;
}

/** The engine takes nothing more on this connection; the last batch was not posted. */
export interface Refuse {
  readonly type: 'refuse';
  readonly code: ErrorCode;
  readonly message: string;
}

/** A sign of life from a gate with nothing to upload. */
export interface Heartbeat {
  readonly type: 'status';
  readonly status: GateStatus;
}

export type GateMessage = Hello | Batch | Heartbeat | ParameterQuestion;
export type EngineMessage = Welcome | Ack | Refuse | ParameterAnswer;

const packr = new Packr({
  useRecords: false,
  mapsAsObjects: true,
  variableMapSize: true,
  int64AsType: 'number',
  moreTypes: false,
  structuredClone: false,
  bundleStrings: false,
});

/** A message as a frame's body. */
export function encodeMessage(message: GateMessage | EngineMessage): Uint8Array {
  return packr.pack(message);
}

/**
 * What a gate sent. A batch's records are a view of `body`.
 * @throws FaregateError UPLOAD_MALFORMED naming the byte or field.
 */
export function decodeGateMessage(body: Uint8Array): GateMessage {
  const fields = decodeFields(body);
  const type = fields.text('type', WIRE_TEXT_LENGTH_MAX);
  if (type === 'batch') return readBatch(fields);
  if (type === 'status') return { type, status: readStatus(fields.nested('status')) };
  if (type === 'ask' || type === 'fetch') return readQuestion(type, fields);
  if (type !== 'hello') throw malformed(`field type is ${JSON.stringify(type)}`);
  return {
    type,
    protocol: fields.whole('protocol', 1, 0xffff),
    gateId: fields.matching('gateId', GATE_ID_PATTERN),
    nextSequence: fields.whole('nextSequence', 1, SEQUENCE_MAX),
  };
}

/**
 * What an engine sent.
 * @throws FaregateError UPLOAD_MALFORMED naming the byte or field.
 */
export function decodeEngineMessage(body: Uint8Array): EngineMessage {
  const fields = decodeFields(body);
  const type = fields.text('type', WIRE_TEXT_LENGTH_MAX);
  if (type === 'welcome') {
    return {
      type,
      acknowledgedThrough: fields.whole('acknowledgedThrough', 0, SEQUENCE_MAX),
      nowMs: fields.whole('nowMs', 0, SEQUENCE_MAX),
      ...readNewest(fields),
    };
  }
  if (type === 'ack') {
    return {
      type,
      through: fields.whole('through', 0, SEQUENCE_MAX),
      outcomes: fields.counts('outcomes', WIRE_NAMES_MAX, BATCH_RECORDS_MAX),
      ...readNewest(fields),
      nowMs: fields.absent('nowMs') ? null : fields.whole('nowMs', 0, SEQUENCE_MAX),
    };
  }
  if (type === 'set' || type === 'piece') return readAnswer(type, fields);
  if (type !== 'refuse') throw malformed(`field type is ${JSON.stringify(type)}`);
  const code = fields.text('code', WIRE_TEXT_LENGTH_MAX);
  if (!Object.hasOwn(errorCodes, code)) throw malformed(`field code is ${JSON.stringify(code)}`);
  return { type, code: code as ErrorCode, message: fields.text('message', WIRE_TEXT_LENGTH_MAX) };
}

/** An error as the refusal that tells the gate; its text is cut to what a message may hold. */
export function refusal(error: FaregateError): Refuse {
  return {
    type: 'refuse',
    code: error.code,
    message: error.message.slice(0, WIRE_TEXT_LENGTH_MAX),
  };
}

function readBatch(fields: Fields): Batch {
  const first = fields.whole('first', 1, SEQUENCE_MAX);
  const count = fields.whole('count', 1, 0xffff_ffff);
  if (count > BATCH_RECORDS_MAX) {
    throw new FaregateError(
      'UPLOAD_TOO_LARGE',
      `a batch of ${count} records; at most ${BATCH_RECORDS_MAX} are allowed`,
    );
  }
  const records = fields.bytes('records');
  if (records.length !== count * DEBIT_BYTES) {
    throw malformed(`field records has ${records.length} bytes, not ${count} times ${DEBIT_BYTES}`);
  }
  if (first + count - 1 > SEQUENCE_MAX) throw malformed(`field first is ${first}`);
  return { type: 'batch', first, count, records, status: readOptionalStatus(fields) };
}

function readOptionalStatus(fields: Fields): GateStatus | null {
  return fields.absent('status') ? null : readStatus(fields.nested('status'));
}

function decodeFields(body: Uint8Array): Fields {
  checkShape(body);
  let value: unknown;
  try {
    value = packr.unpack(body);
  } catch (cause) {
    throw new FaregateError('UPLOAD_MALFORMED', 'message: not MessagePack', { cause });
  }
  return new Fields('', value);
}
