/**
 * Hides bank cards' numbers in the bytes that `faregate-gate tap` prints: of a PAN its first six
 * and last four digits stay (PCI DSS 3.4), of track 2 nothing behind it. An SM2 certificate of a
 * card has its number in clear, so that a number once seen is hidden wherever it stands.
 */
import { cardOfNumber } from '../../engine/card/qpboc/card-data.ts';

const SHOWN_FIRST = 6;
const SHOWN_LAST = 4;
/** 57 and 5A in hexadecimal, with the lengths that they may have. */
const TRACK2 = { tag: '57', bytesMin: 7, bytesMax: 19, form: /^(\d{13,19})D([0-9A-F]*)$/ };
const PAN = { tag: '5A', bytesMin: 7, bytesMax: 10, form: /^(\d{13,19})(F*)$/ };

/** An element in a hexadecimal text, which an answer that is cut short may end in. */
interface Found {
  readonly from: number;
  readonly pan: string;
  /** Digits behind the separator of track 2. */
  readonly behind: number;
}

/** The PAN with a star for each digit that is hidden. */
function masked(pan: string): string {
  const hidden = '*'.repeat(Math.max(0, pan.length - SHOWN_FIRST - SHOWN_LAST));
  return pan.slice(0, SHOWN_FIRST) + hidden + pan.slice(-SHOWN_LAST);
}

function* found(hex: string): Generator<Found> {
  for (let at = 0; at + 4 <= hex.length; at += 2) {
    for (const { tag, bytesMin, bytesMax, form } of [TRACK2, PAN]) {
      const bytes = Number.parseInt(hex.slice(at + 2, at + 4), 16);
      if (!hex.startsWith(tag, at) || bytes < bytesMin || bytes > bytesMax) continue;
      const from = at + 4;
      const parts = form.exec(hex.slice(from, from + 2 * bytes));
      if (parts) yield { from, pan: parts[1]!, behind: tag === '57' ? parts[2]!.length : 0 };
    }
  }
}

/**
 * Hexadecimal texts of a bank card's tap, commands and answers, with its number hidden; each is as
 * long as it was.
 */
export function maskNumbers(texts: readonly string[]): string[] {
  const pans = new Set(texts.flatMap((hex) => [...found(hex)].map(({ pan }) => pan)));
  return texts.map((hex) => {
    let text = hex;
    for (const { from, pan, behind } of found(hex)) {
      const start = from + pan.length + 1;
      if (behind > 0)
        text = `${text.slice(0, start)}${'*'.repeat(behind)}${text.slice(start + behind)}`;
    }
    for (const pan of pans) text = text.replaceAll(pan, masked(pan));
    return text;
  });
}

/** A debit record's card number, 10 bytes, for people: PAN hidden, and sequence. */
export function maskedNumber(cardNumber: Uint8Array): string {
  const card = cardOfNumber(cardNumber);
  if (card === null) return '*'.repeat(2 * cardNumber.length);
  return `${masked(card.pan)} ${String(card.panSequence).padStart(2, '0')}`;
}
