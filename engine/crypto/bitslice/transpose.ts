/**
 * Rows of bytes into slices of bits and back: 128 lanes of 16 bytes are 128 slices of 128 bits.
 * First blocks of 16 by 16 bytes are turned, by four times interleaving the first eight vectors
 * with the last eight; then blocks of 8 by 8 bits, by exchanging bits between vectors. Both are
 * their own inverse. Lane `16g + j` of the rows ends as bit g, from the left, of byte j of each
 * slice: an odd order, but the same for all, and known to who reads the result.
 */
import { at } from '../../debit/codec.ts';
import { FACTORS, FIRST, KEY_ROWS, KEYS, ROWS, SECOND, SLICE_BYTES } from './layout.ts';
import { FunctionCode } from './wasm.ts';

const ROWS_AT_ONCE = 16;
const GROUPS = 8;
/** Bytes of one column of 128 rows. */
const COLUMN_BYTES = GROUPS * SLICE_BYTES;
const LOW_HALVES = Array.from({ length: 16 }, (_, i) => (i >> 1) + (i & 1 ? 16 : 0));
const HIGH_HALVES = LOW_HALVES.map((lane) => lane + 8);

/** Turns 16 locals of 16 bytes; returns the locals that hold the columns. */
function turnBytes(code: FunctionCode, rows: readonly number[], spare: readonly number[]) {
  let from = rows;
  let to = spare;
  for (let step = 0; step < 4; step++) {
    for (let i = 0; i < 8; i++) {
      for (const [half, lanes] of [LOW_HALVES, HIGH_HALVES].entries()) {
        code.get(from[i]!);
        code.get(from[i + 8]!);
        code.shuffle(lanes);
        code.set(to[2 * i + half]!);
      }
    }
    [from, to] = [to, from];
  }
  return from;
}

/**
 * Reads 128 rows of 16 bytes by the addresses in ROWS and writes their columns of bytes at
 * `columns`. `load` turns a row's address, in a local, into its 16 bytes on the stack.
 */
function readRows(columns: number, load: (code: FunctionCode, address: number) => void) {
  const code = new FunctionCode([]);
  const group = code.local('i32');
  const list = code.local('i32');
  const address = code.local('i32');
  const rows = code.locals('v128', ROWS_AT_ONCE);
  const spare = code.locals('v128', ROWS_AT_ONCE);
  code.repeat(() => {
    for (const [i, row] of rows.entries()) {
      code.get(list);
      code.at('i32.load', ROWS + 4 * i);
      code.set(address);
      load(code, address);
      code.set(row);
    }
    for (const [column, local] of turnBytes(code, rows, spare).entries()) {
      code.get(group);
      code.get(local);
      code.at('v128.store', columns + column * COLUMN_BYTES);
    }
    step(code, list, 4 * ROWS_AT_ONCE);
    advance(code, group, SLICE_BYTES, COLUMN_BYTES);
  });
  return code;
}

function step(code: FunctionCode, counter: number, by: number): void {
  code.get(counter);
  code.i32(by);
  code.do('i32.add');
  code.set(counter);
}

/** Steps a counter and leaves whether it is short of `end`. */
function advance(code: FunctionCode, counter: number, by: number, end: number): void {
  step(code, counter, by);
  code.get(counter);
  code.i32(end);
  code.do('i32.ne');
}

/** The factors of a record: columns 0 to 15. */
export function readFactors(): FunctionCode {
  return readRows(FACTORS, (code, address) => {
    code.get(address);
    code.at('v128.load', at.factors);
  });
}

/**
 * 16 bytes of a record from its date: date and time in columns 0 to 6, terminal id in 8 to 13, and
 * the first half of the terminal sequence in 14 and 15.
 */
export function readFirst(): FunctionCode {
  return readRows(FIRST, (code, address) => {
    code.get(address);
    code.at('v128.load', at.dateTime);
  });
}

/** Column in SECOND of each further field. */
export const secondColumn = { type: 0, sequenceEnd: 6, amount: 2, tac: 12 } as const;

/**
 * 16 bytes that end with the TAC, in columns 12 to 15; the amount is in 2 to 5. Over what lies
 * between them are put the type, in column 0, and the rest of the sequence, in 6 and 7.
 */
export function readSecond(): FunctionCode {
  return readRows(SECOND, (code, address) => {
    code.get(address);
    code.get(address);
    code.get(address);
    code.at('v128.load', at.tac - secondColumn.tac);
    code.at('v128.load8_lane', at.transactionType, secondColumn.type);
    code.at('v128.load16_lane', at.terminalSequence + 2, secondColumn.sequenceEnd / 2);
  });
}

/** Turns the 16 columns at KEYS into 128 rows of 16 bytes at KEY_ROWS: keys of lanes 0 to 127. */
export function writeRows(): FunctionCode {
  const code = new FunctionCode([]);
  const group = code.local('i32');
  const to = code.local('i32');
  const columns = code.locals('v128', ROWS_AT_ONCE);
  const spare = code.locals('v128', ROWS_AT_ONCE);
  code.repeat(() => {
    for (const [i, column] of columns.entries()) {
      code.get(group);
      code.at('v128.load', KEYS + i * COLUMN_BYTES);
      code.set(column);
    }
    for (const [i, row] of turnBytes(code, columns, spare).entries()) {
      code.get(to);
      code.get(row);
      code.at('v128.store', KEY_ROWS + i * SLICE_BYTES);
    }
    step(code, to, ROWS_AT_ONCE * SLICE_BYTES);
    advance(code, group, SLICE_BYTES, COLUMN_BYTES);
  });
  return code;
}

/** Turns 16 columns of bytes at the address given, in place, into 128 slices; and back. */
export function turnBits(): FunctionCode {
  const code = new FunctionCode(['i32']);
  const column = 0;
  const count = code.local('i32');
  const swap = code.local('v128');
  const vectors = code.locals('v128', GROUPS);
  code.repeat(() => {
    // Counted from the right, as bits are: so that the leftmost bit's slice comes first.
    for (const [i, vector] of vectors.entries()) {
      code.get(column);
      code.at('v128.load', (7 - i) * SLICE_BYTES);
      code.set(vector);
    }
    for (const [distance, mask] of [
      [4, 0x0f],
      [2, 0x33],
      [1, 0x55],
    ] as const) {
      for (let i = 0; i < GROUPS; i++) {
        if ((i & distance) === 0) {
          exchange(code, vectors[i]!, vectors[i + distance]!, distance, mask, swap);
        }
      }
    }
    for (const [i, vector] of vectors.entries()) {
      code.get(column);
      code.get(vector);
      code.at('v128.store', (7 - i) * SLICE_BYTES);
    }
    code.get(column);
    code.i32(COLUMN_BYTES);
    code.do('i32.add');
    code.set(column);
    advance(code, count, 1, 16);
  });
  return code;
}

/** Exchanges the bits of `low` at `mask << distance` with those of `high` at `mask`. */
function exchange(
  code: FunctionCode,
  low: number,
  high: number,
  distance: number,
  mask: number,
  swap: number,
): void {
  code.get(low);
  code.i32(distance);
  code.do('i64x2.shr_u');
  code.get(high);
  code.do('v128.xor');
  code.splat(mask);
  code.do('v128.and');
  code.set(swap);
  code.get(high);
  code.get(swap);
  code.do('v128.xor');
  code.set(high);
  code.get(low);
  code.get(swap);
  code.i32(distance);
  code.do('i64x2.shl');
  code.do('v128.xor');
  code.set(low);
}
