/**
 * Commands of a value file: GetValue 6C, Debit DC, Credit 0C and LimitedCredit 1C. Amounts are four
 * bytes, least significant first, and wait for CommitTransaction.
 */
import type { CommMode, DesfireDialogue, DesfireFault } from '../asks.ts';
import { type Channel, exchange } from '../channel.ts';
import { desfireCommand } from '../statuses.ts';
import { readLittle, type TransactionInput, writeLittle } from '../transaction-input.ts';

export const getValue = desfireCommand('GetValue', 0x6c);
export const debit = desfireCommand('Debit', 0xdc, true);
export const credit = desfireCommand('Credit', 0x0c, true);
export const limitedCredit = desfireCommand('LimitedCredit', 0x1c, true);

/** A value file and how it is spoken with. */
export interface ValueFile {
  readonly number: number;
  readonly mode: CommMode;
}

/** The value in minor units; below 0 where the file's lower limit is. */
export function* readValue(
  channel: Channel,
  file: ValueFile,
  input: TransactionInput,
): DesfireDialogue<number | DesfireFault> {
  channel.buffer[5] = file.number;
  const data = yield* exchange(channel, getValue, 1, 0, file.mode, 4);
  if ('fault' in data) return data;
  const value = readLittle(data, 0);
  input.addValue(getValue.ins, file.number, value);
  return value;
}

/** Changes the value by `amountMinor` (31 bits), once it is committed. */
export function* changeValue(
  channel: Channel,
  command: typeof debit,
  file: ValueFile,
  amountMinor: number,
  input: TransactionInput,
): DesfireDialogue<null | DesfireFault> {
  channel.buffer[5] = file.number;
  writeLittle(channel.buffer, 6, 4, amountMinor);
  const data = yield* exchange(channel, command, 1, 4, file.mode, 0);
  if ('fault' in data) return data;
  input.addValue(command.ins, file.number, amountMinor);
  return null;
}
