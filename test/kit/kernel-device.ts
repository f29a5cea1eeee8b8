/**
 * A simulated reader with a certified kernel, as an integrator would build one
 * (docs/kernel-reader.md): virtual cards are held to it, and our own e-cash dialogue with its
 * authentication stands for the kernel. It keeps approvals until the gate has taken them, and can
 * be told to misbehave.
 */
import { fromHex, toHex } from '../../engine/bytes.ts';
import { authenticate } from '../../engine/card/qpboc/oda/authenticate.ts';
import { tag } from '../../engine/card/qpboc/tags.ts';
import {
  beginPurchase,
  completePurchase,
  type EcashResult,
  type EcashTransaction,
} from '../../engine/card/qpboc/transaction.ts';
import type { HeldCard } from '../../gate/reader/virtual/held-card.ts';
import type { PluggedDevice } from './device-hosts.ts';
import { accepted, driveWith, formsOf, lenient, testIssuers } from './ecash-cards.ts';
import { encodeElements } from './ecash-disguise.ts';

export type Line = Readonly<Record<string, unknown>>;

/** Our test CA's certificates are good on this day, whatever day it is. */
const DAY = 2026_03_02;

const cardTags = [
  tag.aip,
  tag.atc,
  tag.cryptogram,
  tag.iad,
  tag.track2,
  tag.panSequence,
  tag.expiry,
  tag.availableBalance,
];
const terminalTags = [
  tag.amount,
  tag.amountOther,
  tag.country,
  tag.verificationResults,
  tag.currency,
  tag.date,
  tag.time,
  tag.transactionType,
  tag.unpredictableNumber,
  tag.terminalQualifiers,
];
const information: Readonly<Record<string, string>> = { TC: '40', ARQC: '80', AAC: '00' };

interface Held {
  readonly card: HeldCard;
  readonly gone: () => void;
  /** Commands after which the card is pulled away. */
  commands: number;
}

export class KernelDevice implements PluggedDevice {
  hello: Line = { kernel: 'SIM', certificate: 'T-1', schemes: ['qpboc'], apdu: true };
  /** What the gate has said on all links, but pings. */
  readonly heard: Line[] = [];
  /** Outcomes in the order in which the kernel made them. */
  readonly outcomes: Line[] = [];
  /** Approvals that no gate has taken. */
  readonly owed: Map<string, Line> = new Map();
  /** Keeps its outcomes to itself, until it is asked again who it is. */
  isMute = false;
  isDeaf = false;
  /** What is sent in place of a message; null: nothing. */
  edit: (message: Line) => string | null = (message) => JSON.stringify(message);
  #send: ((text: string) => void) | null = null;
  #rest = '';
  #start: Line | null = null;
  readonly #waiting: Held[] = [];
  #held: Held | null = null;
  #numbers = 0;

  /** Holds a card to the reader until the gate is done with it, or the link is lost. */
  present(card: HeldCard, commands: number = Number.POSITIVE_INFINITY): Promise<void> {
    return new Promise((gone) => {
      this.#waiting.push({ card, gone, commands });
      this.#look();
    });
  }

  receive(chunk: Uint8Array, send: (bytes: number[]) => void): void {
    if (this.isDeaf) return;
    this.#send = (text) => send([...Buffer.from(`${text}\n`)]);
    const lines = (this.#rest + Buffer.from(chunk).toString()).split('\n');
    this.#rest = lines.pop()!;
    for (const line of lines) if (line !== '') this.#heed(JSON.parse(line) as Line);
  }

  reset(): void {
    this.#send = null;
    this.#rest = '';
    this.#start = null;
    this.#leave();
  }

  say(message: Line): void {
    const text = this.edit(message);
    if (text !== null) this.#send?.(text);
  }

  /** Sends a line as it is. */
  sayRaw(text: string): void {
    this.#send?.(text);
  }

  heardOf(type: string): Line[] {
    return this.heard.filter((line) => line.type === type);
  }

  #heed(line: Line): void {
    if (line.type === 'ping') {
      this.say({ type: 'pong' });
      return;
    }
    this.heard.push(line);
    const { tap } = line;
    if (line.type === 'hello') {
      this.#start = null;
      this.say({ type: 'hello', protocol: 1, session: line.session, ...this.hello });
      for (const outcome of this.owed.values()) this.say(outcome);
    } else if (line.type === 'start') {
      this.#start = line;
      this.#look();
    } else if (line.type === 'taken') this.owed.delete(tap as string);
    else if (this.#start?.tap === tap) this.#heedTap(line);
  }

  #heedTap(line: Line): void {
    const { type, tap } = line;
    if (type === 'cancel') {
      if (!this.#held) this.#start = null;
      this.say({ type: 'cancelled', tap });
    } else if (type === 'kernel') this.#runKernel();
    else if (type === 'apdu') {
      const answer = this.#transmit(fromHex(line.data as string));
      this.say({ type: 'apdu', tap, number: line.number, data: answer && toHex(answer) });
    } else if (type === 'done') {
      this.#start = null;
      this.say({ type: 'removed', tap });
      this.#leave();
    }
  }

  #leave(): void {
    const held = this.#held;
    this.#held = null;
    held?.gone();
  }

  #look(): void {
    if (!this.#start || this.#held) return;
    this.#held = this.#waiting.shift() ?? null;
    if (!this.#held) return;
    this.#held.card.power();
    this.say({ type: 'card', tap: this.#start.tap, uid: toHex(this.#held.card.uid) });
    if ((this.#start.order as string[])[0] === 'kernel') this.#runKernel();
  }

  #transmit(apdu: Uint8Array): Uint8Array | null {
    if (!this.#held) return null;
    this.#held.commands -= 1;
    return this.#held.commands < 0 ? null : this.#held.card.transmit(apdu);
  }

  #runKernel(): void {
    const { tap, amountMinor, country, currency, dateTime } = this.#start!;
    this.#held!.card.power();
    this.#numbers += 1;
    const purchase = {
      amountMinor: amountMinor as number,
      unpredictableNumber: Uint8Array.of(1, 2, 3, this.#numbers),
      date: fromHex((dateTime as string).slice(2, 8)),
      time: fromHex((dateTime as string).slice(8)),
    };
    const forms = formsOf({ country: country as number, currency: currency as number });
    const transmit = (apdu: Uint8Array) => this.#transmit(apdu);
    const means = { forms, readsOnline: amountMinor === 0 };
    const begun = driveWith(beginPurchase(accepted, means, purchase), transmit);
    const result =
      begun.result === 'pending' ? driveWith(completePurchase(begun), transmit) : begun;
    const outcome = { type: 'outcome', tap, ...outcomeOf(result) };
    this.outcomes.push(outcome);
    if (outcome.verdict === 'approved') this.owed.set(tap as string, outcome);
    if (!this.isMute) this.say(outcome);
  }
}

function outcomeOf(result: EcashResult): {
  verdict: string;
  elements: string;
  authentication: string;
} {
  const end = (verdict: string) => ({ verdict, elements: '', authentication: 'none' });
  switch (result.result) {
    case 'approved':
    case 'online': {
      const verdict = result.result;
      const { transaction } = result;
      const found = authenticate(transaction, testIssuers(), lenient, DAY);
      const authentication = 'failed' in found ? 'failed' : 'passed';
      return { verdict, elements: toHex(elementsOf(transaction)), authentication };
    }
    case 'declined':
      return end('declined');
    case 'refused':
      if (result.reason === 'applicationMissing') return end('noApplication');
      return end(result.reason === 'otherInterface' ? 'otherInterface' : 'ended');
    default:
      return end('tryAgain');
  }
}

function elementsOf({ aid, options, elements, terminal }: EcashTransaction): Uint8Array {
  const name = (number: number) => number.toString(16).toUpperCase().padStart(2, '0');
  const given: [string, string][] = [
    ['84', toHex(aid)],
    ['9F27', information[options.kind]!],
  ];
  for (const [from, wanted] of [
    [elements, cardTags],
    [terminal, terminalTags],
  ] as const) {
    for (const each of wanted) {
      const value = from.get(each);
      if (value) given.push([name(each), toHex(value)]);
    }
  }
  return encodeElements(given);
}
