/**
 * The acquirer's answers: JSON lines of `{id, result, amountMinor?, code?, reference?}`, or CSV
 * with the header `id,result,amountMinor,code,reference`. A file is taken whole or refused whole
 * where it is malformed; an answer that is unknown or contradicts another is named and changes
 * nothing. A file may be taken again.
 */
import { FaregateError } from '../errors.ts';
import { type Fields, parseFields } from '../fields.ts';
import { CARD_REFERENCE_LENGTH_MAX } from '../limits.ts';
import type { AcquirerResult } from './model.ts';

export interface ResultLine {
  /** From 1. */
  readonly line: number;
  readonly id: string;
  readonly result: AcquirerResult;
  /** undefined where the acquirer does not repeat it. */
  readonly amountMinor: number | undefined;
  readonly code: string;
  readonly reference: string;
}

const HEADER = 'id,result,amountMinor,code,reference';
const FIELDS = HEADER.split(',');
const ID = /^[0-9a-f]{32}-\d{1,6}$/;

/** @throws FaregateError OPEN_LOOP_RESULTS_INVALID naming file, line and field. */
export function parseResults(text: string, what: string): ResultLine[] {
  const lines = text.replace(/^\ufeff/, '').split(/\r?\n/);
  const isJson =
    lines
      .find((line) => line.trim() !== '')
      ?.trimStart()
      .startsWith('{') ?? true;
  const found: ResultLine[] = [];
  for (const [index, line] of lines.entries()) {
    const number = index + 1;
    const fault = (message: string) =>
      new FaregateError('OPEN_LOOP_RESULTS_INVALID', `${what}:${number}: ${message}`);
    if (line.trim() === '') continue;
    if (!isJson && index === 0) {
      if (line !== HEADER) throw fault(`the header is not ${HEADER}`);
      continue;
    }
    const fields = isJson ? parseFields(line) : csvFields(line);
    const checked = typeof fields === 'string' ? fields : checkLine(fields, number);
    if (typeof checked === 'string') throw fault(checked);
    found.push(checked);
  }
  return found;
}

function csvFields(line: string): Fields | string {
  const cells = line.split(',');
  if (cells.length !== FIELDS.length) return `${cells.length} fields, not ${FIELDS.length}`;
  const entries = FIELDS.map((name, i) => [name, cells[i]!] as const);
  const filled = entries.filter(([, cell]) => cell !== '');
  return Object.fromEntries(
    filled.map(([name, cell]) =>
      name === 'amountMinor' && /^-?\d{1,15}$/.test(cell) ? [name, Number(cell)] : [name, cell],
    ),
  );
}

function checkLine(fields: Fields, line: number): ResultLine | string {
  const { id, result, amountMinor, code = '', reference = '' } = fields;
  if (typeof id !== 'string' || !ID.test(id)) return 'field id is not that of an entry';
  if (result !== 'approved' && result !== 'declined') {
    return 'field result is not "approved" or "declined"';
  }
  if (amountMinor !== undefined && !Number.isSafeInteger(amountMinor)) {
    return 'field amountMinor is not a whole number';
  }
  for (const [name, value] of [
    ['code', code],
    ['reference', reference],
  ] as const) {
    const isText = typeof value === 'string' && /^[ -~]*$/.test(value);
    if (!isText || value.length > CARD_REFERENCE_LENGTH_MAX) {
      return `field ${name} is not a text of up to ${CARD_REFERENCE_LENGTH_MAX} characters`;
    }
  }
  const texts = { code: code as string, reference: reference as string };
  return { line, id, result, amountMinor: amountMinor as number | undefined, ...texts };
}
