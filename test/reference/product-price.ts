/**
 * A slow, obvious twin of the price of a stay: it walks through it tick by tick, asks a calendar
 * for the local day of each, and keeps the periods that have begun as a set.
 */
import type { Product } from '../../engine/fare/product.ts';

type ByTime = Extract<Product, { kind: 'byTime' }>;

const DAY_MS = 86_400_000;

/** @param tickMs divides entry, exit, steps and the beginnings of days */
export function walkedPriceMinor(
  product: ByTime,
  timezone: string,
  dayStartMs: number,
  entryMs: number,
  exitMs: number,
  tickMs: number,
): number {
  if (exitMs - entryMs <= product.freeMs) return 0;
  const dayOf = localDays(timezone, dayStartMs);
  let total = 0;
  let spanMs = entryMs;
  let spanName = '';
  let begun = new Map<string, number>();
  const close = (): void => {
    const sum = [...begun.values()].reduce((a, b) => a + b, 0);
    total += Math.min(sum, product.maximumMinor ?? sum);
    begun = new Map();
  };
  for (let at = entryMs; at < exitMs; at += tickMs) {
    const name =
      product.span === 'day'
        ? dayOf(at)
        : product.span === 'fromFirst'
          ? String(Math.floor((at - entryMs) / DAY_MS))
          : 'one';
    if (name !== spanName) {
      close();
      spanName = name;
      spanMs = at;
    }
    const since = at - spanMs;
    const index = product.steps.findIndex(({ uptoMs }) => uptoMs === null || since < uptoMs);
    const from = product.steps[index - 1]?.uptoMs ?? 0;
    const { everyMs, amountMinor } = product.steps[index]!;
    begun.set(`${index} ${Math.floor((since - from) / everyMs)}`, amountMinor);
  }
  close();
  return total;
}

/** The date that the operator's clock showed as long ago as its day begins after midnight. */
function localDays(timezone: string, dayStartMs: number): (atMs: number) => string {
  const clock = new Intl.DateTimeFormat('en-GB', {
    timeZone: timezone,
    ...{ year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric' },
  });
  return (atMs) => {
    const parts = clock.formatToParts(atMs);
    const of = (type: string) => Number(parts.find((part) => part.type === type)!.value);
    const local = Date.UTC(of('year'), of('month') - 1, of('day'), of('hour'), of('minute'));
    return new Date(local - dayStartMs).toISOString().slice(0, 10);
  };
}
