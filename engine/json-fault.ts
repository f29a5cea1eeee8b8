/**
 * Where a text stops being JSON (RFC 8259). The parser's own message quotes the text, which may be
 * a key, and often names no place.
 */

import { type ErrorCode, FaregateError } from './errors.ts';

/**
 * What the text of a file says, with or without a byte-order mark.
 * @throws FaregateError `code`, with `what` (a file name) and the place; no part of the text.
 */
export function parseJson(text: string, code: ErrorCode, what: string): unknown {
  const json = text.replace(/^\ufeff/, '');
  try {
    return JSON.parse(json);
  } catch {
    throw new FaregateError(code, `${what}: ${jsonFault(json) ?? 'not JSON'}`);
  }
}

/** What may come next: the words for it, and where they stand. */
type Expected = 'value' | 'valueOrEnd' | 'name' | 'nameOrEnd' | 'colon' | 'more';

const WORDS: Readonly<Record<Exclude<Expected, 'more'>, string>> = {
  value: 'a value',
  valueOrEnd: 'a value or ]',
  name: 'a name in double quotes',
  nameOrEnd: 'a name in double quotes or }',
  colon: 'a colon',
};

const BLANK = /[ \t\r\n]*/y;
/** What stands in a text as it is: `unescaped` of RFC 8259, 7. */
const PLAIN = /[ !#-[\]-\uffff]*/y;
const ESCAPE = /\\(?:["\\/bfnrt]|u[0-9A-Fa-f]{4})/y;
const SCALAR = /(?:-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)(?![\w.+-])/y;

/**
 * `not JSON at line 2, column 7: a colon was expected`, without the line where there is one alone;
 * null for a text that is JSON. Columns count from 1, and nothing of the text is quoted.
 */
export function jsonFault(text: string): string | null {
  if (text.trim() === '') return 'not JSON: it is empty';
  const fault = findFault(text);
  if (!fault) return null;
  const before = text.slice(0, fault.at);
  const column = `column ${fault.at - before.lastIndexOf('\n')}`;
  const isOneLine = !text.trimEnd().includes('\n');
  const place = isOneLine ? column : `line ${before.split('\n').length}, ${column}`;
  return `not JSON at ${place}: ${fault.what}`;
}

interface Fault {
  readonly at: number;
  readonly what: string;
}

function findFault(text: string): Fault | null {
  const open: ('{' | '[')[] = [];
  let expected: Expected = 'value';
  let at = 0;
  for (;;) {
    at = after(BLANK, text, at);
    const inside = open.at(-1);
    const sign = text.charAt(at);
    const next = nextOf(expected, sign, inside);
    if (next === 'end') return null;
    if (next === 'close') open.pop();
    if (next === 'open') open.push(sign as '{' | '[');
    if (next === null) return { at, what: unexpected(expected, inside, at >= text.length) };
    if (next === 'text') {
      const end = textEnd(text, at);
      if (typeof end !== 'number') return end;
      at = end;
      expected = expected.startsWith('name') ? 'colon' : 'more';
    } else if (next === 'scalar') {
      const end = after(SCALAR, text, at);
      if (end < 0) return { at, what: unexpected(expected, inside, false) };
      at = end;
      expected = 'more';
    } else {
      at += 1;
      expected = AFTER_SIGN[sign]!;
      if (sign === ',') expected = inside === '{' ? 'name' : 'value';
    }
  }
}

/** What is expected after a sign; after a comma it depends on what it stands in. */
const AFTER_SIGN: Readonly<Record<string, Expected>> = {
  '{': 'nameOrEnd',
  '[': 'valueOrEnd',
  '}': 'more',
  ']': 'more',
  ':': 'value',
  ',': 'value',
};

type Next = 'text' | 'scalar' | 'open' | 'close' | 'sign' | 'end' | null;

/** What `sign` begins, or null where it may not stand there; '' is the end of the text. */
function nextOf(expected: Expected, sign: string, inside: '{' | '[' | undefined): Next {
  if (expected === 'colon') return sign === ':' ? 'sign' : null;
  if (expected === 'more') {
    if (inside === undefined) return sign === '' ? 'end' : null;
    if (sign === ',') return 'sign';
    return sign === (inside === '{' ? '}' : ']') ? 'close' : null;
  }
  if (sign === '"') return 'text';
  if (expected === 'name') return null;
  if (expected === 'nameOrEnd') return sign === '}' ? 'close' : null;
  if (expected === 'valueOrEnd' && sign === ']') return 'close';
  if (sign === '{' || sign === '[') return 'open';
  return /[-\w]/.test(sign) ? 'scalar' : null;
}

function unexpected(expected: Expected, inside: '{' | '[' | undefined, isEnd: boolean): string {
  let words: string;
  if (expected !== 'more') words = WORDS[expected];
  else if (inside === undefined) words = 'the end';
  else words = inside === '{' ? 'a comma or }' : 'a comma or ]';
  return isEnd ? `it ends where ${words} was expected` : `${words} was expected`;
}

/** Where a text in quotes ends, or what is wrong within. */
function textEnd(text: string, start: number): number | Fault {
  let at = start + 1;
  for (;;) {
    at = after(PLAIN, text, at);
    const sign = text.charAt(at);
    if (sign === '"') return at + 1;
    if (sign === '') return { at: start, what: 'a text has no closing quote' };
    if (sign !== '\\') return { at, what: 'a control character stands in a text' };
    const end = after(ESCAPE, text, at);
    if (end < 0) return { at, what: 'a backslash begins nothing that JSON has' };
    at = end;
  }
}

/** Where a match that begins at `at` ends, or -1. */
function after(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at;
  return pattern.test(text) ? pattern.lastIndex : -1;
}
