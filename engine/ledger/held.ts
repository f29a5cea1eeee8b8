/**
 * Every held record in order of its id, whether it has a row in `debits` or is in a block: what
 * `ledger check` recomputes everything from.
 */
import { readU48 } from '../bytes.ts';
import type { DebitId } from '../debit/record.ts';
import { FaregateError } from '../errors.ts';
import { Block, sealedTail } from './block.ts';
import { type Findings, nameOf } from './findings.ts';
import { DEBIT_ROW_BYTES, type DebitRow, decodeDebitRow, idKey, readId, u48 } from './rows.ts';
import type { StoreReader } from './store.ts';

export interface Held {
  readonly key: Uint8Array;
  readonly id: DebitId;
  /** Undefined where it is cut short. */
  readonly row: DebitRow | undefined;
  /** Its posting is in the block with it. */
  readonly inBlock: boolean;
}

/** Hears `findings` of rows that disagree with the index of their block, or with each other. */
export function* allHeld(reader: StoreReader, findings: Findings): Generator<Held> {
  const packed = packedDebits(reader, findings);
  let next = packed.next();
  for (const { key, value } of reader.range('debits', {})) {
    for (; !next.done && Buffer.compare(next.value.key, key) <= 0; next = packed.next()) {
      if (Buffer.compare(next.value.key, key) === 0) {
        findings.add(`${nameOf(next.value.id)}: held in a block and by itself`);
      }
      yield next.value;
    }
    const row = value.length < DEBIT_ROW_BYTES ? undefined : decodeDebitRow(value);
    yield { key, id: readId(key, 0), row, inBlock: false };
  }
  for (; !next.done; next = packed.next()) yield next.value;
}

/** By the index; a gate's blocks do not overlap. */
function* packedDebits(reader: StoreReader, findings: Findings): Generator<Held> {
  let last: DebitId | undefined;
  for (const { key, value } of reader.range('blockIndex', {})) {
    const first = readId(key, 0);
    const number = readU48(value, 0);
    const block = readBlock(reader, number, findings);
    if (!block) continue;
    if (block.rows === 0 || Buffer.compare(idKey(block.idOf(0)), key) !== 0) {
      findings.add(`block ${number}: does not begin with ${nameOf(first)}, as its index says`);
    }
    for (let i = 0; i < block.rows; i++) {
      const id = block.idOf(i);
      if (last?.gateId === id.gateId && last.gateSequence >= id.gateSequence) {
        findings.add(`block ${number}: ${nameOf(id)} comes after ${nameOf(last)}`);
      }
      last = id;
      yield { key: idKey(id), id, row: block.debit(i), inBlock: true };
    }
  }
}

function readBlock(reader: StoreReader, number: number, findings: Findings): Block | undefined {
  const bytes = reader.get('blocks', u48(number));
  if (!bytes) {
    findings.add(`block ${number}: is missing`);
    return undefined;
  }
  const block = wholeBlock(number, bytes, findings);
  const sealed = reader.get('sealed', u48(number));
  if (block && sealed) {
    findings.equal(`block ${number}, length of its sealed batch`, block.sealedBytes, sealed.length);
    findings.equal(`block ${number}, end of it`, block.sealedTail, sealedTail(sealed));
  } else if (block) {
    findings.add(`block ${number}: its sealed batch is missing`);
  }
  return block;
}

/** @returns undefined for a damaged one, which `findings` hears of. */
export function wholeBlock(
  number: number,
  bytes: Uint8Array,
  findings: Findings | undefined,
): Block | undefined {
  try {
    return new Block(number, bytes);
  } catch (error) {
    if (!(error instanceof FaregateError)) throw error;
    findings?.add(error.message);
    return undefined;
  }
}
