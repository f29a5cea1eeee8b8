/** Cards for tests, and a terminal that knows their keys and speaks their commands. */
import { fromHex, readU16, toHex, writeU32 } from '../../../../engine/bytes.ts';
import { VirtualCard, type VirtualCardOptions } from '../../../../gate/reader/virtual/card.ts';
import {
  loadMac2,
  loadSessionKey,
  purchaseMac1,
  purchaseSessionKey,
} from '../../../../gate/reader/virtual/card-crypto.ts';
import {
  type CardDetails,
  type CardState,
  issueCard,
  type MasterKeys,
} from '../../../../gate/reader/virtual/card-state.ts';
import {
  type PersonalityName,
  personalities,
  type Quirks,
} from '../../../../gate/reader/virtual/personality.ts';

export const masters: MasterKeys = {
  purchase: { index: 1, version: 1, master: fromHex('11223344556677888877665544332211') },
  tac: { index: 2, version: 1, master: fromHex('0F1E2D3C4B5A69788796A5B4C3D2E1F0') },
};

export interface CardSetUp extends CardDetails {
  readonly personality?: PersonalityName;
  readonly quirks?: Partial<Quirks>;
  readonly commit?: (state: CardState) => void;
}

/** A card with 100.00 on it whose random is a counter. */
export function cardOf(setUp: CardSetUp = {}): VirtualCard {
  const { personality = 'tunion', quirks = {}, commit, ...details } = setUp;
  const state = issueCard(personality, masters, { balanceMinor: 10_000, ...details });
  return cardWith(state, quirks, commit);
}

export function cardWith(
  state: CardState,
  quirks: Partial<Quirks> = {},
  commit: (state: CardState) => void = () => {},
): VirtualCard {
  const options: VirtualCardOptions = { state, quirks, commit, randomBytes: countingRandom() };
  return new VirtualCard(options);
}

/** A card that always draws the random of a published example. */
export function cardWithRandom(state: CardState, random: string): VirtualCard {
  return new VirtualCard({ state, randomBytes: () => fromHex(random) });
}

function countingRandom(): (length: number) => Uint8Array {
  let count = 0;
  return (length) => {
    const bytes = new Uint8Array(Math.max(4, length));
    writeU32(bytes, 0, ++count);
    return bytes.slice(0, length);
  };
}

export const terminalId: Uint8Array = fromHex('040900010001');
export const dateTime: Uint8Array = fromHex('20240821185844');

export interface Reply {
  readonly sw: string;
  readonly data: Uint8Array;
}

/** Sends commands straight to a card. */
export class Terminal {
  readonly card: VirtualCard;
  sequence = 1;
  /** Every command sent. */
  readonly sent: Uint8Array[] = [];
  #initialized: Uint8Array = new Uint8Array(16);
  #amountMinor = 0;
  #type = 0;

  constructor(card: VirtualCard) {
    this.card = card;
  }

  send(...parts: (string | Uint8Array)[]): Reply {
    const apdu = Buffer.concat(parts.map((p) => (typeof p === 'string' ? fromHex(p) : p)));
    this.sent.push(new Uint8Array(apdu));
    const response = this.card.transmit(apdu);
    return {
      sw: toHex(response.subarray(response.length - 2)),
      data: response.subarray(0, response.length - 2),
    };
  }

  select(): Reply {
    const { aid } = personalities[this.card.state.personality];
    return this.send('00A40400', Uint8Array.of(aid.length), aid, '00');
  }

  /** `how`: 01 purchase, 03 CAPP purchase, 00 load. */
  initialize(how: '00' | '01' | '03', amountMinor: number, keyIndex = 1): Reply {
    const amount = new Uint8Array(4);
    writeU32(amount, 0, amountMinor);
    const reply = this.send('8050', how, '020B', Uint8Array.of(keyIndex), amount, terminalId);
    this.#initialized = reply.data.length > 0 ? reply.data : new Uint8Array(16);
    this.#amountMinor = amountMinor;
    this.#type = { '00': 2, '01': 6, '03': 9 }[how];
    return reply;
  }

  update(record: Uint8Array): Reply {
    return this.send('80DC00F0', Uint8Array.of(record.length), record);
  }

  debit(spoil = 0): Reply {
    return this.send(this.debitCommand(spoil));
  }

  debitCommand(spoil = 0): Uint8Array {
    const { state } = this.card;
    const sequence = new Uint8Array(4);
    writeU32(sequence, 0, this.sequence++);
    const mac1 = purchaseMac1(
      purchaseSessionKey(
        state.purchaseKey.key,
        this.#initialized.subarray(11, 15),
        readU16(this.#initialized, 4),
        sequence,
      ),
      this.#terms(),
      personalities[state.personality].cityCode ?? new Uint8Array(0),
    );
    mac1[0]! ^= spoil;
    return Buffer.concat([fromHex('805401000F'), sequence, dateTime, mac1, fromHex('08')]);
  }

  credit(spoil = 0): Reply {
    const { loadKey } = this.card.state;
    const random = this.#initialized.subarray(8, 12);
    const sessionKey = loadSessionKey(loadKey.key, random, readU16(this.#initialized, 4));
    const mac2 = loadMac2(sessionKey, this.#terms());
    mac2[0]! ^= spoil;
    return this.send('805200000B', dateTime, mac2, '04');
  }

  /** A whole CAPP purchase after SELECT; the last reply. */
  capp(amountMinor: number, record: Uint8Array): Reply {
    this.initialize('03', amountMinor);
    this.update(record);
    return this.debit();
  }

  purchase(amountMinor: number): Reply {
    this.initialize('01', amountMinor);
    return this.debit();
  }

  load(amountMinor: number): Reply {
    this.initialize('00', amountMinor);
    return this.credit();
  }

  #terms(): {
    amountMinor: number;
    transactionType: number;
    terminalId: Uint8Array;
    dateTime: Uint8Array;
  } {
    return { amountMinor: this.#amountMinor, transactionType: this.#type, terminalId, dateTime };
  }
}

export function journeyRecord(fill: number): Uint8Array {
  return new Uint8Array(48).fill(fill);
}

/** Money is neither made nor lost on the card. */
export function balances(state: CardState): boolean {
  return state.balanceMinor === state.initialMinor + state.loadedMinor - state.spentMinor;
}
