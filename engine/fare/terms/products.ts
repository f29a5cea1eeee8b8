/** The tables of products: their schema, what lies between their fields, and how they are read. */
import {
  FARE_MINUTES_MAX,
  FARE_NAME_LENGTH_MAX,
  FARE_PRODUCT_STEPS_MAX,
  FARE_PRODUCTS_MAX,
} from '../../limits.ts';
import type { Tables } from '../gtfs/columns.ts';
import { parseWhole } from '../gtfs/fields.ts';
import type { Findings } from '../gtfs/findings.ts';
import { type FieldSpec, type FileSpec, oneOf, refers, required, text } from '../gtfs/spec.ts';
import type { Row } from '../gtfs/table.ts';
import { parseAmount } from '../money.ts';
import type { FareProducts, Product, ProductStep } from '../product.ts';
import type { FareTerms } from './terms.ts';

const PRODUCTS = 'faregate_products.txt';
const STEPS = 'faregate_product_steps.txt';
const MINUTE_MS = 60_000;

function whole(isRequired: boolean, least: number, most: number): FieldSpec {
  return { type: 'whole', isRequired, least, most };
}

const amount: FieldSpec = { type: 'amount', isRequired: false };

export const productSpecs: Readonly<Record<string, FileSpec>> = {
  [PRODUCTS]: {
    key: ['product_id'],
    fields: {
      product_id: required,
      product_number: whole(true, 1, 0xffff),
      product_name: text,
      kind: oneOf(true, 'fixed', 'by_time', 'open'),
      amount,
      free_minutes: whole(false, 0, FARE_MINUTES_MAX),
      span: oneOf(false, 'day', 'from_first'),
      maximum: amount,
    },
  },
  [STEPS]: {
    key: [],
    fields: {
      product_id: refers(true, `${PRODUCTS}:product_id`),
      upto_minutes: whole(false, 1, FARE_MINUTES_MAX),
      every_minutes: whole(true, 1, FARE_MINUTES_MAX),
      amount: { type: 'amount', isRequired: true },
    },
  },
};

/** Which fields each kind needs, and which mean nothing to it. */
const fieldsOf: Readonly<Record<string, { readonly needs: string[]; readonly not: string[] }>> = {
  fixed: { needs: ['amount'], not: ['free_minutes', 'span', 'maximum'] },
  open: { needs: ['maximum'], not: ['amount', 'free_minutes', 'span'] },
  by_time: { needs: [], not: ['amount'] },
};

/** Checks what lies between fields and rows. Values and references were judged before. */
export function checkProducts(tables: Tables, findings: Findings): void {
  const products = tables.get(PRODUCTS)?.rows ?? [];
  const steps = stepsOf(tables);
  if (products.length > FARE_PRODUCTS_MAX) {
    const message = `${products.length} products, at most ${FARE_PRODUCTS_MAX}`;
    findings.error('number_of_rows_out_of_range', { file: PRODUCTS }, message);
  }
  const numbers = new Map<string, Row>();
  for (const row of products) {
    checkProduct(row, steps.get(row.get('product_id')) ?? [], findings);
    const earlier = numbers.get(row.get('product_number'));
    if (earlier) {
      const message = `is the number of the product on line ${earlier.line} too`;
      findings.error('duplicate_key', row.at('product_number'), message);
    } else numbers.set(row.get('product_number'), row);
  }
}

function checkProduct(row: Row, steps: readonly Row[], findings: Findings): void {
  const kind = row.get('kind');
  const fields = fieldsOf[kind];
  // What is no kind was told with the other values.
  if (!fields) return;
  for (const field of ['product_id', 'product_name']) {
    if (row.get(field).length <= FARE_NAME_LENGTH_MAX) continue;
    const message = `is over ${FARE_NAME_LENGTH_MAX} characters`;
    findings.error('value_too_long', row.at(field), message);
  }
  for (const field of fields.needs.filter((name) => row.get(name) === '')) {
    const message = `is empty, and kind is ${JSON.stringify(kind)}`;
    findings.error('missing_required_field', row.at(field), message);
  }
  for (const field of fields.not.filter((name) => row.get(name) !== '')) {
    const message = `means nothing where kind is ${JSON.stringify(kind)}`;
    findings.error('forbidden_field', row.at(field), message);
  }
  if (kind === 'by_time') checkSteps(row, steps, findings);
  else if (steps.length > 0) {
    const message = `is of the ${kind} product on line ${row.line}, which time does not price`;
    findings.error('forbidden_field', steps[0]!.at('product_id'), message);
  }
}

function checkSteps(product: Row, steps: readonly Row[], findings: Findings): void {
  if (steps.length === 0 || steps.length > FARE_PRODUCT_STEPS_MAX) {
    const message = `has ${steps.length} rows in ${STEPS}, not 1 to ${FARE_PRODUCT_STEPS_MAX}`;
    findings.error('missing_required_row', product.at('product_id'), message);
    return;
  }
  let before = 0;
  for (const [index, row] of steps.entries()) {
    const isLast = index === steps.length - 1;
    const value = row.get('upto_minutes');
    if (value === '' && !isLast) {
      const message = 'is empty, and another step of the product follows';
      findings.error('missing_required_field', row.at('upto_minutes'), message);
    }
    if (value !== '' && isLast) {
      const message = 'is given in the last step, which has no end';
      findings.error('forbidden_field', row.at('upto_minutes'), message);
    }
    if (value !== '' && parseWhole(value) <= before) {
      const message = `${value} does not rise above ${before}`;
      findings.error('number_out_of_range', row.at('upto_minutes'), message);
    }
    if (value !== '') before = parseWhole(value);
  }
}

function stepsOf(tables: Tables): Map<string, Row[]> {
  const steps = new Map<string, Row[]>();
  for (const row of tables.get(STEPS)?.rows ?? []) {
    const known = steps.get(row.get('product_id'));
    if (known) known.push(row);
    else steps.set(row.get('product_id'), [row]);
  }
  return steps;
}

/** @param tables without errors. */
export function readProducts(tables: Tables, decimals: number): Product[] {
  const steps = stepsOf(tables);
  const amountOf = (row: Row, field: string): number | null =>
    row.get(field) === '' ? null : (parseAmount(row.get(field), decimals) as number);
  return (tables.get(PRODUCTS)?.rows ?? []).map((row): Product => {
    const id = row.get('product_id');
    const number = parseWhole(row.get('product_number'));
    const named = { id, number, name: row.get('product_name') };
    const kind = row.get('kind');
    if (kind === 'fixed') return { ...named, kind, amountMinor: amountOf(row, 'amount')! };
    if (kind === 'open') return { ...named, kind, maximumMinor: amountOf(row, 'maximum')! };
    const span = row.get('span');
    return {
      ...named,
      kind: 'byTime',
      freeMs: parseWhole(row.get('free_minutes') || '0') * MINUTE_MS,
      span: span === '' ? null : span === 'day' ? 'day' : 'fromFirst',
      maximumMinor: amountOf(row, 'maximum'),
      steps: (steps.get(id) ?? []).map((step): ProductStep => {
        const upto = step.get('upto_minutes');
        return {
          uptoMs: upto === '' ? null : parseWhole(upto) * MINUTE_MS,
          everyMs: parseWhole(step.get('every_minutes')) * MINUTE_MS,
          amountMinor: amountOf(step, 'amount')!,
        };
      }),
    };
  });
}

/** What of an operator's terms a fare set carries for gates and counters; null: no products. */
export function productsOf({ products, settings }: FareTerms): FareProducts | null {
  if (products.length === 0) return null;
  return { timezone: settings.timezone, dayStartMs: settings.dayStartMs, products };
}
