/** What the forms of `fares diff` have in common: files, CSV, amounts and lists in words. */
import { writeFile } from 'node:fs/promises';
import { FaregateError, systemText } from '../errors.ts';
import type { Currency } from '../fare/currencies.ts';
import type { OnlyIn } from '../fare/diff.ts';
import { formatMinor } from '../fare/money.ts';

/** Things of only one side that are named. */
const NAMED_MAX = 8;

/** @throws FaregateError FILE_UNWRITABLE. */
export async function write(file: string, text: string): Promise<void> {
  try {
    await writeFile(file, text);
  } catch (cause) {
    const message = `${file}: ${systemText(cause)}`;
    throw new FaregateError('FILE_UNWRITABLE', message, { cause });
  }
}

/** A row of texts: RFC 4180, 2.6 and 2.7. */
export function csvRow(texts: readonly string[]): string {
  return texts
    .map((text) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text))
    .join();
}

/** Before, after and the change as decimals; what has no price is empty. */
export function amountTexts(before: number | null, after: number | null, of: Currency): string[] {
  const change = before === null || after === null ? null : after - before;
  return [before, after, change].map((minor) =>
    minor === null ? '' : formatMinor(minor, of.decimals),
  );
}

/** `40 dearer (by 1.40 at most), 2 cheaper (by 0.20 at most)`. */
export function changesText(
  sums: {
    readonly dearer: number;
    readonly cheaper: number;
    readonly riseMinor: number;
    readonly fallMinor: number;
  },
  { decimals }: Currency,
): string {
  const by = (count: number, minor: number) =>
    count > 0 ? ` (by ${formatMinor(minor, decimals)} at most)` : '';
  const { dearer, cheaper, riseMinor, fallMinor } = sums;
  return `${dearer} dearer${by(dearer, riseMinor)}, ${cheaper} cheaper${by(cheaper, fallMinor)}`;
}

/** `stations no more: ...` and `stations new: ...`. */
export function onlyInTexts(what: string, { before, after }: OnlyIn): string[] {
  const named = (ids: readonly string[]) =>
    `${ids.slice(0, NAMED_MAX).join(', ')}${ids.length > NAMED_MAX ? ', ...' : ''}`;
  return [
    ...(before.length > 0 ? [`${what} no more: ${named(before)}`] : []),
    ...(after.length > 0 ? [`${what} new: ${named(after)}`] : []),
  ];
}
