/**
 * What a load machine says to the engine and hears, in frames of `wire/frame.ts` over TLS: one JSON
 * object each, bytes in hexadecimal, one answer to each request in order. `docs/card-life.md`.
 */
import { fromHex, toHex } from '../bytes.ts';
import { LOAD_INIT_BYTES } from '../card/purse/commands/initialize-for-load.ts';
import { FaregateError } from '../errors.ts';
import { LOAD_MESSAGE_BYTES_MAX, LOAD_ORDER_ID_LENGTH_MAX } from '../limits.ts';
import { parseChecked } from '../schema/check.ts';
import type { LoadHost } from './host-port.ts';
import type { ShownCard } from './shown-card.ts';

export const ORDER_ID_PATTERN = `^[A-Za-z0-9._-]{1,${LOAD_ORDER_ID_LENGTH_MAX}}$`;

interface Shown {
  readonly profile: string;
  readonly publicFile: string;
}

export type LoadRequest =
  | ({
      readonly op: 'begin';
      readonly orderId: string | null;
      readonly terminalId: string;
    } & Shown)
  | ({ readonly op: 'present'; readonly visit: number; readonly init: string } & Shown)
  | ({
      readonly op: 'confirm';
      readonly orderId: string;
      readonly visit: number;
      readonly tac: string;
    } & Shown)
  | { readonly op: 'unknown'; readonly orderId: string; readonly visit: number };

/** An answer of the desk, or why there is none. */
export type LoadAnswer =
  | { readonly answer: unknown }
  | { readonly error: { readonly code: string; readonly message: string } };

const hex = (bytes: number) => ({ type: 'string', pattern: `^[0-9A-Fa-f]{${2 * bytes}}$` });
const orderId = { type: 'string', pattern: ORDER_ID_PATTERN };
const visit = { type: 'integer', minimum: 1, maximum: 2 ** 48 };
const shown = {
  profile: { type: 'string', maxLength: 32 },
  publicFile: { type: 'string', pattern: '^([0-9A-Fa-f]{2}){8,255}$' },
};

function request(op: string, properties: Record<string, object>): object {
  const all = { op: { const: op }, ...properties };
  return {
    type: 'object',
    properties: all,
    required: Object.keys(all),
    additionalProperties: false,
  };
}

const schemas: Readonly<Record<LoadRequest['op'], object>> = {
  begin: request('begin', {
    ...shown,
    orderId: { type: ['string', 'null'], pattern: ORDER_ID_PATTERN },
    terminalId: hex(6),
  }),
  present: request('present', { ...shown, visit, init: hex(LOAD_INIT_BYTES) }),
  confirm: request('confirm', { ...shown, orderId, visit, tac: hex(4) }),
  unknown: request('unknown', { orderId, visit }),
};
const anyRequest = {
  type: 'object',
  properties: { op: { enum: Object.keys(schemas) } },
  required: ['op'],
};

/** @throws FaregateError UPLOAD_TOO_LARGE, UPLOAD_MALFORMED naming the field. */
export function decodeRequest(bytes: Uint8Array): LoadRequest {
  if (bytes.length > LOAD_MESSAGE_BYTES_MAX) {
    throw new FaregateError('UPLOAD_TOO_LARGE', `a load request of ${bytes.length} bytes`);
  }
  const text = new TextDecoder().decode(bytes);
  const what = 'load request';
  const { op } = parseChecked<LoadRequest>(anyRequest, text, 'UPLOAD_MALFORMED', what);
  return parseChecked<LoadRequest>(schemas[op], text, 'UPLOAD_MALFORMED', what);
}

export function encodeMessage(message: LoadRequest | LoadAnswer): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(message));
}

/** Does what a request asks of the host. */
export function perform(host: LoadHost, asked: LoadRequest): Promise<unknown> {
  if (asked.op === 'unknown') return host.unknown(asked.orderId, asked.visit);
  const card: ShownCard = { profile: asked.profile, publicFile: fromHex(asked.publicFile) };
  switch (asked.op) {
    case 'begin':
      return host.begin(card, asked.orderId, fromHex(asked.terminalId));
    case 'present':
      return host.present(card, asked.visit, fromHex(asked.init));
    case 'confirm':
      return host.confirm(card, asked.orderId, asked.visit, fromHex(asked.tac));
  }
}

/** The card of a request as it goes over the wire. */
export function shownInHex({ profile, publicFile }: ShownCard): Shown {
  return { profile, publicFile: toHex(publicFile) };
}
