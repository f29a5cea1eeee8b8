/**
 * Other services' applications that a citizen card may carry, as a table: the AID (ISO/IEC 7816-4,
 * 8.2.1.2) and what staff call it. They are recognised and left alone. JSON, docs/citizen-card.md.
 */
import { fromHex } from '../bytes.ts';
import { FaregateError } from '../errors.ts';
import { CARD_SERVICES_MAX } from '../limits.ts';
import { parseChecked } from '../schema/check.ts';

export interface CardService {
  /** 5 to 16 bytes. */
  readonly aid: Uint8Array;
  readonly name: string;
}

export interface CardServices {
  readonly services: readonly CardService[];
  /** Names of e-cash applications, or their first 5 bytes and more. */
  readonly ecash: readonly Uint8Array[];
}

const aid = { type: 'string', pattern: '^([0-9A-Fa-f]{2}){5,16}$' };
const schema = {
  type: 'object',
  properties: {
    services: {
      type: 'array',
      maxItems: CARD_SERVICES_MAX,
      items: {
        type: 'object',
        properties: { aid, name: { type: 'string', minLength: 1, maxLength: 64 } },
        required: ['aid', 'name'],
        additionalProperties: false,
      },
    },
    ecash: { type: 'array', maxItems: CARD_SERVICES_MAX, items: aid },
  },
  required: ['services'],
  additionalProperties: false,
};

interface ServicesFile {
  readonly services: readonly { readonly aid: string; readonly name: string }[];
  readonly ecash?: readonly string[];
}

/** UnionPay's debit, credit and quasi-credit applications, where the table names no e-cash. */
const unionPay = ['A000000333010101', 'A000000333010102', 'A000000333010103'].map(fromHex);

/** No other services, and the e-cash of UnionPay. */
export const noServices: CardServices = { services: [], ecash: unionPay };

/** @throws FaregateError CONFIG_INVALID naming `what` and the field. */
export function parseServices(text: string, what: string): CardServices {
  const file = parseChecked<ServicesFile>(schema, text, 'CONFIG_INVALID', what);
  const seen = new Set<string>();
  for (const [index, each] of file.services.entries()) {
    const name = each.aid.toUpperCase();
    if (seen.has(name)) {
      const message = `${what}: field /services/${index}/aid is another service's too`;
      throw new FaregateError('CONFIG_INVALID', message);
    }
    seen.add(name);
  }
  return {
    services: file.services.map(({ aid, name }) => ({ aid: fromHex(aid), name })),
    ecash: file.ecash?.map(fromHex) ?? unionPay,
  };
}
