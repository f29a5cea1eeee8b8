/** Bank cards that answer otherwise than they are: a virtual card whose answers are changed. */
import { fromHex, toHex } from '../../engine/bytes.ts';
import { parseTlv } from '../../engine/card/tlv.ts';
import type { HeldCard } from '../../gate/reader/virtual/held-card.ts';

/** The answer in place of the card's, or null: the card's own. */
export type Disguise = (apdu: Uint8Array, response: Uint8Array) => Uint8Array | null;

/** A card behind a disguise, which is asked once the card has answered. */
export function disguised(card: HeldCard, disguise: Disguise): HeldCard {
  return {
    uid: card.uid,
    power: () => card.power(),
    transmit(apdu) {
      const response = card.transmit(apdu);
      return disguise(apdu, response) ?? response;
    },
    loseDuring: (apdu) => card.loseDuring(apdu),
  };
}

export function isOptions(apdu: Uint8Array): boolean {
  return apdu[0] === 0x80 && apdu[1] === 0xa8;
}

/** Amount that GET PROCESSING OPTIONS asks for, by the list of the published test card. */
export function amountIn(apdu: Uint8Array): number {
  return Number(toHex(apdu.subarray(11, 17)));
}

export type Elements = Map<string, string>;

/** The elements of an answer's one template by tag, both in hexadecimal. */
export function elementsOf(response: Uint8Array): Elements {
  const parsed = parseTlv(response, 0, response.length - 2);
  if (!('objects' in parsed)) throw new Error('an answer of a virtual card');
  return new Map(
    parsed.objects
      .slice(1)
      .map(({ tag, at, length }) => [
        tag.toString(16).toUpperCase(),
        toHex(response.subarray(at, at + length)),
      ]),
  );
}

/** BER-TLV of elements, one behind the other. */
export function encodeElements(elements: Iterable<readonly [string, string]>): Uint8Array {
  const text = [...elements].map(([tag, value]) => {
    const bytes = value.length / 2;
    const length = bytes.toString(16).padStart(2, '0');
    return `${tag}${bytes > 127 ? `81${length}` : length}${value}`;
  });
  return fromHex(text.join(''));
}

/** An answer of status 9000 of one template. */
export function templateOf(template: string, elements: Elements): Uint8Array {
  const content = toHex(encodeElements(elements));
  return fromHex(`${toHex(encodeElements([[template, content]]))}9000`);
}

/** Changes the elements of the answers to GET PROCESSING OPTIONS of status 9000. */
export function withOptions(change: (elements: Elements, apdu: Uint8Array) => void): Disguise {
  return (apdu, response) => {
    if (!isOptions(apdu) || response.length < 4) return null;
    const elements = elementsOf(response);
    change(elements, apdu);
    return templateOf('77', elements);
  };
}

/** Makes of an approval what a card answers that wants its issuer asked. */
export function asOnline(elements: Elements): void {
  const iad = elements.get('9F10')!;
  elements.set('9F10', `${iad.slice(0, 8)}A0${iad.slice(10)}`);
  elements.set('9F27', '80');
}
