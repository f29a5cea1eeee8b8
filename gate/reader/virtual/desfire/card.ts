/**
 * A virtual DESFire card: the interpreter of one purse application on an EV1, EV2/EV3 or Light card
 * with AES keys, which a card from the factory (`blankDesfire`) is yet to be given. It holds what the card keeps (`DesfireState`) and what it loses with its power or
 * at any error (selection's session, what waits for commit, a chain of frames).
 */
import { answer as answered, parseCommand } from '../command.ts';
import type { HeldCard } from '../held-card.ts';
import { type Begun, begin, finish, type Kind } from './authentication.ts';
import { type CardCommand, type Done, type Level, Status } from './command.ts';
import { commandOf, isIsoChained } from './commands.ts';
import { join } from './crypto.ts';
import { beginFactory, type FactoryBegun, type FactorySide, finishFactory } from './factory.ts';
import { changeKey } from './key-change.ts';
import { type CardSide, wireLength } from './session.ts';
import type { DesfireState } from './state.ts';
import { Pending } from './transaction.ts';

export interface VirtualDesfireOptions {
  readonly state: DesfireState;
  /** The card's random source. */
  readonly randomBytes: (length: number) => Uint8Array;
  /** Makes a state durable; the card answers when it returns. */
  readonly commit?: (state: DesfireState) => void;
  /** Refuses AuthenticateISO (1A), as some cards do whose key is the factory's. */
  readonly refusesIso?: boolean;
}

interface Outcome {
  readonly response: Uint8Array;
  readonly state?: DesfireState;
}

const NOTHING = new Uint8Array(0);
/** Data of one native frame from the card. */
const FRAME_BYTES = 59;
const CARD_AID = new Uint8Array(3);
const CHANGE_KEY = 0xc4;
const AUTHENTICATE_ISO = 0x1a;
const AUTHENTICATE_LEGACY = 0x0a;
const KINDS: ReadonlyMap<number, Kind> = new Map([
  [0xaa, 'ev1'],
  [0x71, 'ev2First'],
  [0x77, 'ev2NonFirst'],
]);

export class VirtualDesfireCard implements HeldCard {
  readonly #randomBytes: (length: number) => Uint8Array;
  readonly #commit: (state: DesfireState) => void;
  #state: DesfireState;
  #uid: Uint8Array;
  #level: Level | null = null;
  #side: CardSide | null = null;
  /** Under the factory's key. */
  #factorySide: FactorySide | null = null;
  #pending = new Pending();
  #begun: Begun | null = null;
  #factoryBegun: FactoryBegun | null = null;
  /** A command of which frames are missing, and frames of an answer that wait. */
  #incoming: { readonly ins: number; readonly body: Uint8Array } | null = null;
  #outgoing: Uint8Array[] = [];
  readonly #failures = new Map<number, number>();
  readonly #refusesIso: boolean;

  constructor(options: VirtualDesfireOptions) {
    this.#state = options.state;
    this.#randomBytes = options.randomBytes;
    this.#commit = options.commit ?? (() => {});
    this.#refusesIso = options.refusesIso ?? false;
    this.#uid = options.state.uid;
    this.power();
  }

  get state(): DesfireState {
    return this.#state;
  }

  get uid(): Uint8Array {
    return this.#uid;
  }

  power(): void {
    this.#level = this.#state.issuing ? 'card' : null;
    this.#drop();
    if (this.#state.hidesUid) this.#uid = join(Uint8Array.of(0x08), this.#randomBytes(3));
  }

  /** The next command `ins` is answered 91 `status`, as by a card whose memory or files are damaged. */
  failNext(ins: number, status: number): void {
    this.#failures.set(ins, status);
  }

  transmit(apdu: Uint8Array): Uint8Array {
    const outcome = this.#perform(apdu);
    if (outcome.state) {
      this.#commit(outcome.state);
      this.#state = outcome.state;
    }
    return outcome.response;
  }

  loseDuring(apdu: Uint8Array): void {
    this.#perform(apdu);
    this.power();
  }

  /** Ends session, transaction and chains. */
  #drop(): void {
    this.#side = null;
    this.#factorySide = null;
    this.#pending = new Pending();
    this.#begun = null;
    this.#factoryBegun = null;
    this.#incoming = null;
    this.#outgoing = [];
  }

  #fail(status: number): Outcome {
    this.#drop();
    return { response: Uint8Array.of(0x91, status) };
  }

  #perform(apdu: Uint8Array): Outcome {
    const command = parseCommand(new Uint8Array(apdu));
    if (!command) return { response: Uint8Array.of(0x67, 0x00) };
    const { cla, ins, p1, p2, data } = command;
    if (cla === 0x00 && ins === 0xa4) return this.#selectByName(p1, data);
    if (cla !== 0x90) return { response: Uint8Array.of(0x6e, 0x00) };
    if (this.#state.disabled) return this.#fail(Status.disabled);
    if (p1 !== 0 || p2 !== 0) return this.#fail(Status.parameter);
    const failure = this.#failures.get(ins);
    if (failure !== undefined) {
      this.#failures.delete(ins);
      return this.#fail(failure);
    }
    if (ins === 0xaf) return this.#goOn(data);
    if (this.#begun || this.#factoryBegun || this.#incoming || this.#outgoing.length > 0) {
      return this.#fail(Status.aborted);
    }
    if (ins === 0x5a) return this.#select(data);
    const kind = KINDS.get(ins);
    if (kind) return this.#authenticate(kind, data);
    if (ins === AUTHENTICATE_ISO || ins === AUTHENTICATE_LEGACY) {
      return this.#authenticateFactory(ins, data);
    }
    if (ins === CHANGE_KEY) return this.#changeKey(data);
    return this.#receive(ins, data);
  }

  #select(data: Uint8Array): Outcome {
    // A Light is selected by DF name alone.
    if (this.#state.generation === 'light') return this.#fail(Status.illegalCommand);
    if (data.length !== 3) return this.#fail(Status.length);
    const { issuing, application } = this.#state;
    this.#level = null;
    if (issuing && Buffer.compare(data, CARD_AID) === 0) this.#level = 'card';
    else if (Buffer.compare(data, application.aid) === 0) this.#level = 'application';
    this.#drop();
    return this.#level === null
      ? this.#fail(Status.noSuchApplication)
      : { response: Uint8Array.of(0x91, Status.ok) };
  }

  /** SELECT by DF name; 6283 where the transactions with a MAC are used up. */
  #selectByName(p1: number, data: Uint8Array): Outcome {
    const { dfName, transactionMac } = this.#state.application;
    this.#drop();
    if (p1 !== 4 || dfName === null || Buffer.compare(data, dfName) !== 0) {
      return { response: Uint8Array.of(0x6a, 0x82) };
    }
    this.#level = 'application';
    const isUsedUp = transactionMac !== null && transactionMac.tmc >= transactionMac.limit;
    return { response: isUsedUp ? Uint8Array.of(0x62, 0x83) : Uint8Array.of(0x90, 0x00) };
  }

  #authenticate(kind: Kind, data: Uint8Array): Outcome {
    const { generation, application } = this.#state;
    const isOf = generation === 'ev1' ? kind === 'ev1' : generation === 'ev2' || kind !== 'ev1';
    if (!isOf) return this.#fail(Status.illegalCommand);
    const wanted = kind === 'ev2First' ? 2 + (data[1] ?? 0) : 1;
    if (data.length !== wanted || wanted > 8) return this.#fail(Status.length);
    const before = this.#side;
    if (kind === 'ev2NonFirst' && before?.kind !== 'ev2') return this.#fail(Status.authentication);
    const keyNumber = data[0]!;
    const cardKey = this.#level === 'card' ? this.#state.issuing!.cardKey : null;
    if (cardKey && cardKey.kind !== 'aes') return this.#fail(Status.authentication);
    const keys = cardKey ? [cardKey.key] : this.#level === 'application' ? application.keys : [];
    const key = keys[keyNumber];
    if (!key) return this.#fail(Status.noSuchKey);
    this.#side = null;
    this.#begun = begin(kind, keyNumber, key, this.#randomBytes(16), before);
    // EV2First begins a new transaction, EV2NonFirst goes on with it.
    if (kind !== 'ev2NonFirst') this.#pending = new Pending();
    return { response: join(this.#begun.challenge, Uint8Array.of(0x91, Status.more)) };
  }

  #authenticateFactory(ins: number, data: Uint8Array): Outcome {
    const cardKey = this.#state.issuing?.cardKey;
    if (!cardKey || (ins === AUTHENTICATE_ISO && this.#refusesIso)) {
      return this.#fail(cardKey ? Status.integrity : Status.illegalCommand);
    }
    if (data.length !== 1) return this.#fail(Status.length);
    if (this.#level !== 'card' || data[0] !== 0 || cardKey.kind !== 'des') {
      return this.#fail(Status.authentication);
    }
    this.#drop();
    this.#factoryBegun = beginFactory(ins, cardKey.key, this.#randomBytes(8));
    return { response: join(this.#factoryBegun.challenge, Uint8Array.of(0x91, Status.more)) };
  }

  #changeKey(body: Uint8Array): Outcome {
    const side = this.#factorySide ?? this.#side;
    const changed = changeKey(this.#state, this.#level, side, body);
    if (typeof changed === 'number') return this.#fail(changed);
    const { state, isOwn } = changed;
    const sealed = isOwn ? NOTHING : this.#side!.seal(NOTHING, 'mac');
    if (isOwn) this.#drop();
    return { response: answered(sealed, 0x9100), state };
  }

  #goOn(data: Uint8Array): Outcome {
    const factory = this.#factoryBegun;
    if (factory) {
      this.#factoryBegun = null;
      const finished = finishFactory(factory, data);
      if (!finished) return this.#fail(Status.authentication);
      this.#factorySide = finished.side;
      return { response: answered(finished.proof, 0x9100) };
    }
    const begun = this.#begun;
    if (begun) {
      this.#begun = null;
      const finished = finish(begun, data, this.#randomBytes(4));
      if (!finished) return this.#fail(Status.authentication);
      this.#side = finished.side;
      return { response: answered(finished.proof, 0x9100) };
    }
    const incoming = this.#incoming;
    if (incoming) {
      this.#incoming = null;
      return this.#receive(incoming.ins, join(incoming.body, data));
    }
    if (this.#outgoing.length === 0) return this.#fail(Status.aborted);
    if (data.length > 0) return this.#fail(Status.length);
    return this.#nextFrame();
  }

  /** A command, or so much of it as has come. */
  #receive(ins: number, body: Uint8Array): Outcome {
    const { application } = this.#state;
    const command = commandOf(this.#state, ins);
    if (!command) return this.#fail(Status.illegalCommand);
    const { level = 'application' } = command;
    const isHere = level === 'both' ? this.#level !== null || ins === 0x60 : level === this.#level;
    // What the session of the factory's key makes of other commands is not modelled.
    if (!isHere || this.#factorySide) return this.#fail(Status.illegalCommand);
    const side = this.#side;
    const headerLength = this.#headerLength(command, body);
    if (body.length < headerLength) return this.#fail(Status.length);
    const header = body.subarray(0, headerLength);
    const mode = command.mode(application, header);
    if (mode === null) return this.#fail(Status.noSuchFile);
    const dataLength = command.dataLength(header);
    const isEv1 = side?.kind === 'ev1';
    const sentMode = isEv1 && !command.writes ? 'plain' : mode;
    const length = headerLength + wireLength(side, dataLength, sentMode);
    if (body.length < length && !isIsoChained(ins) && command.writes) {
      this.#incoming = { ins, body };
      return { response: Uint8Array.of(0x91, Status.more) };
    }
    if (body.length !== length) return this.#fail(Status.length);
    const clear = side?.open(ins, body, headerLength, mode, command.writes);
    if (clear === null) return this.#fail(Status.integrity);
    const data = clear?.data ?? body.subarray(headerLength);
    if (data.length !== dataLength) return this.#fail(Status.length);
    const scene = { state: this.#state, level: this.#level, side, pending: this.#pending };
    return this.#end(ins, command.run(scene, header, data, ins), mode);
  }

  /** Commit's option may be there or not. */
  #headerLength(command: CardCommand, body: Uint8Array): number {
    if (command.headerLength >= 0) return command.headerLength;
    const macLength = this.#side?.kind === 'ev2' ? 8 : 0;
    return Math.min(1, Math.max(0, body.length - macLength));
  }

  #end(ins: number, done: Done, mode: 'plain' | 'mac' | 'full'): Outcome {
    if (typeof done === 'number') return this.#fail(done);
    const sealed = this.#side ? this.#side.seal(done.data, mode) : done.data;
    if (done.ends) this.#pending = new Pending();
    this.#outgoing = isIsoChained(ins) ? [sealed] : split(ins, sealed);
    const { response } = this.#nextFrame();
    return done.state ? { response, state: done.state } : { response };
  }

  #nextFrame(): Outcome {
    const frame = this.#outgoing.shift() ?? NOTHING;
    const status = this.#outgoing.length > 0 ? Status.more : Status.ok;
    return { response: answered(frame, 0x9100 | status) };
  }
}

/** Frames of an answer: GetVersion's are 7, 7 and the rest. */
function split(ins: number, data: Uint8Array): Uint8Array[] {
  const frames: Uint8Array[] = [];
  let at = 0;
  do {
    const length = ins === 0x60 && at < 14 ? 7 : FRAME_BYTES;
    frames.push(data.slice(at, at + length));
    at += length;
  } while (at < data.length);
  return frames;
}
