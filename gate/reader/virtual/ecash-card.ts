/**
 * A virtual bank card with contactless e-cash (qPBOC): PPSE, GET PROCESSING OPTIONS in which it
 * decides, READ RECORD by its file locator, fDDA v00 and v01 by RSA and SM2. It keeps its balance
 * and its counter (ATC), takes the money when its last record is read, and forgets an unfinished
 * purchase with its power. The same to a reader as the purse card of `card.ts`.
 */
import { equalBytes, readU16 } from '../../../engine/bytes.ts';
import { answer, type Command, parseCommand } from './command.ts';
import { cardCryptogram, retailMac } from './ecash-crypto.ts';
import {
  type CappRecord,
  commitCapp,
  type ExtendedPersonality,
  type ExtendedState,
  moneyAfter,
  type OpenService,
  readCapp,
  type Service,
  serviceRefusal,
  updateCapp,
} from './ecash-extended.ts';
import type { EcashChain } from './ecash-issuing.ts';
import {
  bcdAmount,
  dynamicSignature,
  type EcashPersonality,
  type EcashQuirks,
  numberOfBcd,
  plainEcash,
  recordsOf,
  tlv,
} from './ecash-personality.ts';

/** What the card keeps without power. */
export interface EcashState {
  readonly balanceMinor: number;
  readonly atc: number;
  /** Of a card with the extended application. */
  readonly extended?: ExtendedState;
}

export interface EcashCardOptions {
  readonly personality: EcashPersonality;
  readonly state: EcashState;
  /** The card's random source: `randomBytes` of node:crypto, or a seeded one. */
  readonly randomBytes: (length: number) => Uint8Array;
  /** Makes a state durable; the card answers when it returns. */
  readonly commit?: (state: EcashState) => void;
  readonly quirks?: Partial<EcashQuirks>;
}

/** A purchase that the card approved and whose records are being read. */
interface Open {
  readonly records: ReadonlyMap<number, Uint8Array>;
  /** Record that ends it, as P1 ‖ P2 of READ RECORD. */
  readonly last: number;
  readonly balanceAfterMinor: number;
  /** Of a card with the extended application. */
  readonly service: OpenService | null;
}

const PPSE = Buffer.from('2PAY.SYS.DDF01', 'latin1');
const ATC_MAX = 0xffff;
/** CVR byte 2 by decision. */
const decisions = { TC: 0x90, ARQC: 0xa0, AAC: 0x80 } as const;
const informationOf = { TC: 0x40, ARQC: 0x80, AAC: 0x00 } as const;
type Decision = keyof typeof decisions;

/** Answer, and what to commit before it goes out. */
interface Effect {
  readonly response: Uint8Array;
  readonly state?: EcashState;
  /** Absent: the command ends an open purchase. */
  readonly open?: Open | null;
  readonly selected?: boolean;
  /** Absent: the record that READ CAPP DATA gave is forgotten. */
  readonly read?: CappRecord;
}

function status(sw: number): Effect {
  return { response: Uint8Array.of(sw >> 8, sw) };
}

export class EcashCard {
  /** 7 bytes, made from the card number. */
  readonly uid: Uint8Array;
  readonly #personality: EcashPersonality;
  readonly #quirks: EcashQuirks;
  readonly #randomBytes: (length: number) => Uint8Array;
  readonly #commit: (state: EcashState) => void;
  #state: EcashState;
  #selected = false;
  #open: Open | null = null;
  #read: CappRecord | null = null;

  constructor(options: EcashCardOptions) {
    this.#personality = options.personality;
    this.#quirks = { ...plainEcash, ...options.quirks };
    this.#state = options.state;
    this.#randomBytes = options.randomBytes;
    this.#commit = options.commit ?? (() => {});
    const tail = options.personality.pan.padStart(12, '0').slice(-12);
    this.uid = Uint8Array.of(0x04, ...Buffer.from(tail, 'hex'));
  }

  /** What the card keeps without power. */
  get state(): EcashState {
    return this.#state;
  }

  /** Power was lost or came back: everything volatile is forgotten. */
  power(): void {
    this.#selected = false;
    this.#open = null;
    this.#read = null;
  }

  /** Answers a C-APDU with data ‖ SW1 ‖ SW2; any bytes get an answer of at least 2. */
  transmit(apdu: Uint8Array): Uint8Array {
    const effect = this.#perform(apdu);
    if (effect.state) {
      this.#commit(effect.state);
      this.#state = effect.state;
    }
    this.#open = effect.open ?? null;
    this.#read = effect.read ?? null;
    if (effect.selected !== undefined) this.#selected = effect.selected;
    return effect.response;
  }

  /** Power is lost while the card works on `apdu`: all is computed and nothing committed. */
  loseDuring(apdu: Uint8Array): void {
    this.#perform(apdu);
    this.power();
  }

  #perform(apdu: Uint8Array): Effect {
    const command = parseCommand(new Uint8Array(apdu));
    if (!command) return status(0x6700);
    const { cla, ins } = command;
    if (cla === 0x00 && ins === 0xa4) return this.#select(command);
    if (cla === 0x80 && ins === 0xa8) return this.#decide(command);
    if (cla === 0x00 && ins === 0xb2) return this.#readRecord(command);
    if (cla === 0x80 && ins === 0xca) return this.#getData(command);
    const effect =
      this.#personality.extended && this.#extended(this.#personality.extended, command);
    return effect ?? status(cla === 0x00 || cla === 0x80 ? 0x6d00 : 0x6e00);
  }

  #select({ p1, p2, data }: Command): Effect {
    const { aid, label, pdol } = this.#personality;
    if (p1 !== 0x04 || p2 !== 0x00) return status(0x6a86);
    if (equalBytes(data, PPSE)) {
      if (!this.#quirks.hasPpse) return status(0x6a82);
      const entry = tlv(0x61, tlv(0x4f, aid), tlv(0x50, label), tlv(0x87, Uint8Array.of(1)));
      const fci = tlv(0x6f, tlv(0x84, PPSE), tlv(0xa5, tlv(0xbf0c, entry)));
      return { response: answer(fci), selected: false };
    }
    const known = data.length >= 5 && equalBytes(data, aid.subarray(0, data.length));
    if (!known) return { ...status(0x6a82), selected: false };
    const { extended } = this.#personality;
    const services = extended ? tlv(0xbf0c, tlv(0xdf61, extended.services)) : none;
    const proprietary = tlv(0xa5, tlv(0x50, label), tlv(0x9f38, pdol), services);
    return { response: answer(tlv(0x6f, tlv(0x84, aid), proprietary)), selected: true };
  }

  /** 80 A8 00 00 Lc 83 len data. */
  #decide({ p1, p2, data }: Command): Effect {
    if (!this.#selected) return status(0x6985);
    if (this.#quirks.optionsStatus !== 0x9000) return status(this.#quirks.optionsStatus);
    if (p1 !== 0 || p2 !== 0) return status(0x6a86);
    const values = pdolValues(this.#personality.pdol, data);
    if (!values) return status(0x6700);
    if (this.#state.atc === ATC_MAX) return status(0x6985);
    const state = { ...this.#state, atc: this.#state.atc + 1 };
    const amountMinor = numberOfBcd(values.get(0x9f02) ?? new Uint8Array(0));
    const service = (values.get(0xdf60)?.[0] ?? 0) as Service;
    const refusal = serviceRefusal(service, this.#kept, this.#read);
    if (this.#personality.extended && refusal > 0) return { ...status(refusal), state };
    const money = this.#moneyAfter(service, amountMinor);
    const decision = this.#quirks.decision ?? this.#judge(money !== null, values);
    const approved = decision === 'TC';
    const balanceAfterMinor = approved && money ? money.balanceMinor : state.balanceMinor;
    const atc = Uint8Array.of(state.atc >> 8, state.atc);
    const related = Buffer.concat([
      Uint8Array.of(1),
      this.#randomBytes(4),
      Uint8Array.of(0x30, 0, 0),
    ]);
    const cardRelated = this.#personality.fdda === 'v01' ? related : null;
    const chain = this.#personality.chainFor(values);
    const records =
      approved && chain
        ? recordsOf(
            this.#personality,
            chain,
            cardRelated,
            this.#spoilt(this.#sign(chain, atc, values, cardRelated)),
          )
        : null;
    const iad = this.#iad(decision, atc, balanceAfterMinor);
    const cryptogram = this.#cryptogram(state.atc, values, iad);
    const { track2, panSequence, qualifiers, aip } = this.#personality;
    const said = tlv(
      0x77,
      tlv(0x82, aip),
      records ? tlv(0x94, records.locator) : none,
      tlv(0x9f36, atc),
      tlv(0x57, track2),
      tlv(0x9f10, iad),
      // A hold is approved without one [1].
      service === 2 && approved && !this.#quirks.provesHolds ? none : tlv(0x9f26, cryptogram),
      this.#quirks.saysInformation ? tlv(0x9f27, Uint8Array.of(informationOf[decision])) : none,
      tlv(0x5f34, Uint8Array.of(panSequence)),
      tlv(0x9f6c, qualifiers),
      tlv(0x9f5d, bcdAmount(balanceAfterMinor)),
    );
    const response = answer(said);
    if (!approved) return { response, state };
    // Without records the purchase ends here.
    if (!records) return { response, state: { ...state, balanceMinor: balanceAfterMinor } };
    const open = { ...records, balanceAfterMinor, service: null };
    if (!this.#personality.extended || !money) return { response, state, open };
    const opened: OpenService = {
      service,
      atc: state.atc,
      tc: cryptogram,
      read: this.#read,
      amountMinor,
      deductedAfterMinor: money.deductedMinor,
      cache: new Map(),
      fresh: true,
    };
    return { response, state, open: { ...open, service: opened } };
  }

  #moneyAfter(service: Service, amountMinor: number): ReturnType<typeof moneyAfter> {
    const { extended } = this.#personality;
    const { balanceMinor } = this.#state;
    if (extended) {
      return moneyAfter(service, amountMinor, balanceMinor, this.#kept, extended, this.#read);
    }
    if (amountMinor > balanceMinor) return null;
    return { balanceMinor: balanceMinor - amountMinor, deductedMinor: 0 };
  }

  get #kept(): ExtendedState {
    return this.#state.extended ?? { records: [], deductedMinor: 0, proof: null };
  }

  #judge(enough: boolean, values: ReadonlyMap<number, Uint8Array>): Decision {
    const qualifiers = values.get(0x9f66) ?? new Uint8Array(4);
    if ((qualifiers[1]! & 0x80) !== 0) return 'ARQC';
    if (enough) return 'TC';
    return (qualifiers[0]! & 0x08) !== 0 ? 'AAC' : 'ARQC';
  }

  #sign(
    chain: EcashChain,
    atc: Uint8Array,
    values: ReadonlyMap<number, Uint8Array>,
    cardRelated: Uint8Array | null,
  ): Uint8Array {
    const { signatureFormat } = this.#personality;
    const random = this.#randomBytes;
    return dynamicSignature(chain, signatureFormat, atc, values, cardRelated, random);
  }

  #spoilt(signature: Uint8Array): Uint8Array {
    if (!this.#quirks.spoilsSignature) return signature;
    const spoilt = Uint8Array.from(signature);
    spoilt[spoilt.length >> 1]! ^= 1;
    return spoilt;
  }

  /** 07 ‖ key index ‖ version ‖ 03 ‖ CVR(3) ‖ 01 ‖ 0A ‖ 01 ‖ balance(5) ‖ MAC(4). */
  #iad(decision: Decision, atc: Uint8Array, balanceMinor: number): Uint8Array {
    const { cryptogramVersion, macKey } = this.#personality;
    const balance = bcdAmount(balanceMinor).subarray(1);
    const mac = retailMac(macKey, Buffer.concat([atc, balance, Uint8Array.of(0)])).subarray(0, 4);
    return Buffer.concat([
      Uint8Array.of(7, 1, cryptogramVersion, 3, decisions[decision], 0, 0, 1, 0x0a, 1),
      balance,
      mac,
    ]);
  }

  #cryptogram(atc: number, values: ReadonlyMap<number, Uint8Array>, iad: Uint8Array): Uint8Array {
    const { cryptogramVersion, algorithm, cryptogramKey, aip } = this.#personality;
    const told = (tag: number, bytes: number) => values.get(tag) ?? new Uint8Array(bytes);
    const counter = Uint8Array.of(atc >> 8, atc);
    const data =
      cryptogramVersion === 1
        ? [
            told(0x9f02, 6),
            told(0x9f03, 6),
            told(0x9f1a, 2),
            told(0x95, 5),
            told(0x5f2a, 2),
            told(0x9a, 3),
            told(0x9c, 1),
            told(0x9f37, 4),
            aip,
            counter,
            iad.subarray(3, 7),
          ]
        : [told(0x9f02, 6), told(0x9f37, 4), counter, iad.subarray(4, 5)];
    return cardCryptogram(algorithm, cryptogramKey, atc, Buffer.concat(data));
  }

  /** 00 B2 record SFI<<3|4: only the records of an open purchase can be read. */
  #readRecord({ p1, p2 }: Command): Effect {
    const open = this.#open;
    if (!open) return status(0x6985);
    const name = (p1 << 8) | p2;
    const record = open.records.get(name);
    if (!record) return { ...status(0x6a83), open };
    const response = answer(record);
    const { service, balanceAfterMinor } = open;
    if (name !== open.last) {
      return { response, open: { ...open, service: service && { ...service, fresh: false } } };
    }
    const state = { ...this.#state, balanceMinor: balanceAfterMinor };
    if (service === null) return { response, state };
    const extended = commitCapp(this.#kept, service);
    return typeof extended === 'number'
      ? status(extended)
      : { response, state: { ...state, extended } };
  }

  /** Commands of the extended application, once it is selected; null: none of them. */
  #extended(personality: ExtendedPersonality, command: Command): Effect | null {
    const { cla, ins, p1, p2, data } = command;
    if (cla === 0x80 && ins === 0xb4) {
      if (!this.#selected || this.#open) return status(0x6985);
      const { sw, record, said } = readCapp(this.#kept, personality, command);
      return record && said ? { response: answer(said), read: record } : status(sw);
    }
    if (cla === 0x84 && ins === 0xde) {
      const open = this.#open;
      const { sw, open: service } = updateCapp(
        this.#kept,
        personality,
        open?.service ?? null,
        command,
      );
      // A refusal ends the transaction [U].
      return service && open ? { ...status(sw), open: { ...open, service } } : status(sw);
    }
    if (cla !== 0x80 || ins !== 0x5a) return null;
    if (p1 !== 0 || p2 !== 0) return status(0x6a86);
    if (data.length !== 2) return status(0x6700);
    const { proof } = this.#kept;
    const proven = proof !== null && readU16(data, 0) === proof.atc;
    return proven ? { response: answer(proof.tc) } : status(0x9406);
  }

  /** 80 CA: 9F79 balance, 9F36 counter; DF61 to DF63 of the extended application. */
  #getData({ p1, p2 }: Command): Effect {
    const wanted = (p1 << 8) | p2;
    const { balanceMinor, atc } = this.#state;
    const { extended } = this.#personality;
    const elements = new Map([
      [0x9f79, bcdAmount(balanceMinor)],
      [0x9f36, Uint8Array.of(atc >> 8, atc)],
    ]);
    if (extended) {
      elements.set(0xdf61, extended.services);
      elements.set(0xdf62, bcdAmount(extended.segmentLimitMinor));
      elements.set(0xdf63, bcdAmount(this.#kept.deductedMinor));
    }
    const value = elements.get(wanted);
    return value ? { response: answer(tlv(wanted, value)) } : status(0x6a88);
  }
}

const none = new Uint8Array(0);

/** The terminal's values by tag, or null where the data is not what the list asks for. */
function pdolValues(pdol: Uint8Array, data: Uint8Array): ReadonlyMap<number, Uint8Array> | null {
  const from = data[1] === 0x81 ? 3 : 2;
  if (data[0] !== 0x83 || data[from - 1] !== data.length - from) return null;
  const values = new Map<number, Uint8Array>();
  let at = from;
  for (let i = 0; i < pdol.length; ) {
    const isLong = (pdol[i]! & 0x1f) === 0x1f;
    const tag = isLong ? readU16(pdol, i) : pdol[i]!;
    i += isLong ? 2 : 1;
    const length = pdol[i++]!;
    values.set(tag, data.slice(at, at + length));
    at += length;
  }
  return at === data.length ? values : null;
}
