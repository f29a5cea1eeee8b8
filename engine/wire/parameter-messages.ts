/**
 * The messages by which a gate fetches parameter sets over its uplink (`docs/parameters.md`): it
 * asks, the engine answers, one question at a time. An engine that has none to give does not name
 * their number in its welcome, and is not asked.
 */
import {
  MANIFEST_BYTES_MAX,
  PARAMETER_ITEM_BYTES_MAX,
  PARAMETER_ITEMS_MAX,
  PARAMETER_PIECE_BYTES,
  PARAMETERS_VERSION_MAX,
} from '../limits.ts';
import { type Fields, malformed } from './fields.ts';

/** Asks for the manifest of the next set after a version. */
export interface SetQuestion {
  readonly type: 'ask';
  /** 0 for any. */
  readonly after: number;
}

/** Asks for a piece of an item. */
export interface PieceQuestion {
  readonly type: 'fetch';
  readonly set: number;
  /** Its place in the manifest. */
  readonly item: number;
  readonly offset: number;
  /** 1 to PARAMETER_PIECE_BYTES. */
  readonly length: number;
}

export interface SetAnswer {
  readonly type: 'set';
  /** 0 where there is no further set. */
  readonly version: number;
  /** The signed manifest; empty where there is none. */
  readonly manifest: Uint8Array;
}

export interface PieceAnswer {
  readonly type: 'piece';
  readonly set: number;
  readonly item: number;
  readonly offset: number;
  /** As many bytes as were asked for; none where the engine has not got them any more. */
  readonly bytes: Uint8Array;
}

export type ParameterQuestion = SetQuestion | PieceQuestion;
export type ParameterAnswer = SetAnswer | PieceAnswer;

/** Reads `ask` or `fetch`. @throws FaregateError UPLOAD_MALFORMED naming the field. */
export function readQuestion(type: 'ask' | 'fetch', fields: Fields): ParameterQuestion {
  if (type === 'ask') return { type, after: fields.whole('after', 0, PARAMETERS_VERSION_MAX) };
  return {
    type,
    ...readPlace(fields),
    length: fields.whole('length', 1, PARAMETER_PIECE_BYTES),
  };
}

/** Reads `set` or `piece`. @throws FaregateError UPLOAD_MALFORMED naming the field. */
export function readAnswer(type: 'set' | 'piece', fields: Fields): ParameterAnswer {
  const bounded = (name: string, bytesMax: number): Uint8Array => {
    const bytes = fields.bytes(name);
    if (bytes.length > bytesMax) throw malformed(`field ${name} is over ${bytesMax} bytes`);
    return bytes;
  };
  if (type === 'set') {
    const version = fields.whole('version', 0, PARAMETERS_VERSION_MAX);
    return { type, version, manifest: bounded('manifest', MANIFEST_BYTES_MAX) };
  }
  return { type, ...readPlace(fields), bytes: bounded('bytes', PARAMETER_PIECE_BYTES) };
}

function readPlace(fields: Fields) {
  return {
    set: fields.whole('set', 1, PARAMETERS_VERSION_MAX),
    item: fields.whole('item', 0, PARAMETER_ITEMS_MAX - 1),
    offset: fields.whole('offset', 0, PARAMETER_ITEM_BYTES_MAX),
  };
}

/** The newest set's number in a welcome or an acknowledgement; nothing where it is absent. */
export function readNewest(fields: Fields): { readonly parameters?: number } {
  if (fields.absent('parameters')) return {};
  return { parameters: fields.whole('parameters', 0, PARAMETERS_VERSION_MAX) };
}
