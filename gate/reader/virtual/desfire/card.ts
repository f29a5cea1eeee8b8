/**
 * A virtual DESFire card: the interpreter of one purse application on an EV1, EV2/EV3 or Light card
 * with AES keys. It holds what the card keeps (`DesfireState`) and what it loses with its power or
 * at any error (selection's session, what waits for commit, a chain of frames).
 */
import { answer as answered, parseCommand } from '../command.ts';
import type { HeldCard } from '../held-card.ts';
import { type Begun, begin, finish, type Kind } from './authentication.ts';
import { type CardCommand, commandOf, type Done, isIsoChained, Status } from './commands.ts';
import { join } from './crypto.ts';
import { type CardSide, wireLength } from './session.ts';
import type { DesfireState } from './state.ts';
import { Pending } from './transaction.ts';

export interface VirtualDesfireOptions {
  readonly state: DesfireState;
  /** The card's random source. */
  readonly randomBytes: (length: number) => Uint8Array;
  /** Makes a state durable; the card answers when it returns. */
  readonly commit?: (state: DesfireState) => void;
}

interface Outcome {
  readonly response: Uint8Array;
  readonly state?: DesfireState;
}

const NOTHING = new Uint8Array(0);
/** Data of one native frame from the card. */
const FRAME_BYTES = 59;
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
  #selected = false;
  #side: CardSide | null = null;
  #pending = new Pending();
  #begun: Begun | null = null;
  /** A command of which frames are missing, and frames of an answer that wait. */
  #incoming: { readonly ins: number; readonly body: Uint8Array } | null = null;
  #outgoing: Uint8Array[] = [];
  readonly #failures = new Map<number, number>();

  constructor(options: VirtualDesfireOptions) {
    this.#state = options.state;
    this.#randomBytes = options.randomBytes;
    this.#commit = options.commit ?? (() => {});
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
    this.#selected = false;
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
    this.#pending = new Pending();
    this.#begun = null;
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
    if (this.#begun || this.#incoming || this.#outgoing.length > 0) {
      return this.#fail(Status.aborted);
    }
    if (ins === 0x5a) return this.#select(data);
    const kind = KINDS.get(ins);
    if (kind) return this.#authenticate(kind, data);
    return this.#receive(ins, data);
  }

  #select(data: Uint8Array): Outcome {
    // A Light is selected by DF name alone.
    if (this.#state.generation === 'light') return this.#fail(Status.illegalCommand);
    if (data.length !== 3) return this.#fail(Status.length);
    this.#selected = Buffer.compare(data, this.#state.application.aid) === 0;
    this.#drop();
    return this.#selected
      ? { response: Uint8Array.of(0x91, Status.ok) }
      : this.#fail(Status.noSuchApplication);
  }

  /** SELECT by DF name; 6283 where the transactions with a MAC are used up. */
  #selectByName(p1: number, data: Uint8Array): Outcome {
    const { dfName, transactionMac } = this.#state.application;
    this.#drop();
    if (p1 !== 4 || dfName === null || Buffer.compare(data, dfName) !== 0) {
      return { response: Uint8Array.of(0x6a, 0x82) };
    }
    this.#selected = true;
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
    const key = this.#selected ? application.keys[keyNumber] : undefined;
    if (!key) return this.#fail(Status.noSuchKey);
    this.#side = null;
    this.#begun = begin(kind, keyNumber, key, this.#randomBytes(16), before);
    // EV2First begins a new transaction, EV2NonFirst goes on with it.
    if (kind !== 'ev2NonFirst') this.#pending = new Pending();
    return { response: join(this.#begun.challenge, Uint8Array.of(0x91, Status.more)) };
  }

  #goOn(data: Uint8Array): Outcome {
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
    if (!this.#selected && ins !== 0x60) return this.#fail(Status.illegalCommand);
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
    const scene = { state: this.#state, side, pending: this.#pending };
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
