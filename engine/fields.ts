/** What a line of JSON from elsewhere (RFC 8259) holds, before anything of it is believed. */
import { jsonFault } from './json-fault.ts';

/** A JSON object of unknown members. */
export type Fields = Readonly<Record<string, unknown>>;

export function isFields(data: unknown): data is Fields {
  return typeof data === 'object' && data !== null && !Array.isArray(data);
}

/** The object that `text` is, or what is wrong with it. */
export function parseFields(text: string): Fields | string {
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch {
    return jsonFault(text) ?? 'not JSON';
  }
  return isFields(data) ? data : 'not a JSON object';
}
