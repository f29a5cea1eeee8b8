/**
 * `faregate-engine quote`: journeys in, one JSON object a line; prices out, in the same order. A
 * line that cannot be priced gets a line with an error; the stream goes on.
 */
import { FaregateError, systemText } from '../errors.ts';
import { quoteGtfs } from '../fare/gtfs/quote.ts';
import { type Journey, parseJourney, type RefusedJourney, refused } from '../fare/journey.ts';
import { quoteJourney } from '../fare/quote.ts';
import { JOURNEY_LINE_BYTES_MAX } from '../limits.ts';
import { openFares, SAMPLE } from '../operator/fare-files.ts';
import { holdsGtfs, loadGtfsBook } from '../operator/gtfs-fare-files.ts';
import type { Args, Command, Io } from './command.ts';
import { quoteProduct } from './quote-product.ts';

const NEWLINE = 0x0a;
/** Characters of one write: what a pipe takes, so that its reader is not woken for less. */
const WRITE_LENGTH = 64 * 1024;

/** Prices one journey by the fares that were opened; the answer is JSON. */
type Quote = (journey: Journey) => string;

export const quoteCommand: Command = {
  name: 'quote',
  about: 'Prices journeys: one JSON object a line in, one a line out, in order.',
  options: {
    fares: {
      type: 'string',
      required: true,
      value: 'DIR',
      about: 'fare set directory, or "sample" for the built-in city',
    },
    product: { type: 'string', value: 'ID', about: 'price a sale that is no ride, and stop' },
    entered: { type: 'string', value: 'INSTANT', about: 'of a product priced by time: its entry' },
    at: { type: 'string', value: 'INSTANT', about: 'of a product: when it is sold (default now)' },
    amount: { type: 'string', value: 'MINOR', about: 'of an open product: what was keyed in' },
  },
  run: quote,
};

async function quote(args: Args, io: Io): Promise<number> {
  const product = args.text('product');
  if (product !== undefined) {
    io.out(await quoteProduct(args, product));
    return 0;
  }
  const lone = ['entered', 'at', 'amount'].find((name) => args.text(name) !== undefined);
  if (lone !== undefined) throw new FaregateError('USAGE', `--${lone} is for a --product`);
  const price = await openQuote(args.need('fares'));
  let number = 0;
  for await (const lines of linesOf(io.input)) {
    let answers = '';
    for (const line of lines) {
      number++;
      if (line !== null && line.trim() === '') continue;
      const text = answer(price, line, number);
      answers = answers === '' ? text : `${answers}\n${text}`;
      if (answers.length < WRITE_LENGTH) continue;
      io.out(answers);
      answers = '';
    }
    // The answers to a chunk of input are written, and the next waits for it.
    if (answers !== '') io.out(answers);
    await io.drained?.();
  }
  return 0;
}

/** Opens a directory of either kind, or the sample city. */
async function openQuote(source: string): Promise<Quote> {
  if (source !== SAMPLE && (await holdsGtfs(source))) {
    const book = await loadGtfsBook(source);
    return (journey) => quoteGtfs(book, journey);
  }
  const book = await openFares(source);
  return (journey) => JSON.stringify(quoteJourney(book, journey));
}

function answer(price: Quote, line: string | null, number: number): string {
  const journey = line === null ? overlong() : parseJourney(line);
  if (!('error' in journey)) return price(journey);
  if (journey.id !== null) return JSON.stringify(journey);
  // Nothing else tells which line it was.
  const { code, message } = journey.error;
  return JSON.stringify(refused(null, code, `line ${number}: ${message}`));
}

function overlong(): RefusedJourney {
  return refused(null, 'JOURNEY_INVALID', `longer than ${JOURNEY_LINE_BYTES_MAX} bytes`);
}

/**
 * The lines of a stream, in batches as they arrive; null stands for one over the bound, whose bytes
 * are not kept. A byte-order mark is dropped; the last line needs no newline.
 */
export async function* linesOf(input: NodeJS.ReadableStream): AsyncGenerator<(string | null)[]> {
  let rest: Buffer = Buffer.alloc(0);
  let skipping = false;
  let first = true;
  const take = (bytes: Buffer): string | null => {
    if (skipping || bytes.length > JOURNEY_LINE_BYTES_MAX) return null;
    const text = bytes.toString('utf8');
    return first && text.charCodeAt(0) === 0xfeff ? text.slice(1) : text;
  };
  try {
    for await (const chunk of input) {
      const fresh = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
      const bytes = rest.length === 0 ? fresh : Buffer.concat([rest, fresh]);
      const lines: (string | null)[] = [];
      let at = 0;
      for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, at)) {
        lines.push(take(bytes.subarray(at, end)));
        skipping = false;
        first = false;
        at = end + 1;
      }
      rest = bytes.subarray(at);
      if (rest.length > JOURNEY_LINE_BYTES_MAX) skipping = true;
      if (skipping) rest = Buffer.alloc(0);
      yield lines;
    }
  } catch (cause) {
    const message = `standard input: ${systemText(cause)}`;
    throw new FaregateError('FILE_UNREADABLE', message, { cause });
  }
  if (rest.length > 0 || skipping) yield [take(rest)];
}
