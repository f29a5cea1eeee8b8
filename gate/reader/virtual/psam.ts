/**
 * A virtual PSAM: holds a scheme's purchase master keys and a terminal sequence that it keeps over
 * power cuts. Built on node:crypto only, as all virtual cards are. Commands as `gate/sam/psam.ts`
 * cites them.
 */
import { readU16, readU32, writeU32 } from '../../../engine/bytes.ts';
import type { CardSession } from '../reader.ts';
import { diversify, purchaseMac1, purchaseMac2, purchaseSessionKey } from './card-crypto.ts';
import type { MasterKey } from './card-state.ts';
import { type Command, parseCommand, status } from './command.ts';

export interface VirtualPsamOptions {
  readonly aid: Uint8Array;
  /** 6 bytes. */
  readonly terminalId: Uint8Array;
  readonly keys: readonly MasterKey[];
  /** The next sequence it gives out. */
  readonly terminalSequence?: number;
  /** Makes a sequence durable before it is given out. */
  readonly commit?: (terminalSequence: number) => void;
  /** Answers data over T=0: 61xx, and the data on GET RESPONSE. */
  readonly t0?: boolean;
}

interface Session {
  readonly key: Uint8Array;
  readonly amountMinor: number;
}

const EMPTY = new Uint8Array(0);
/** SFI of the file with the terminal id. */
export const VIRTUAL_PSAM_TERMINAL_SFI = 0x16;

export class VirtualPsam implements CardSession {
  readonly uid: Uint8Array = EMPTY;
  readonly modelledUs = 0;
  readonly #options: VirtualPsamOptions;
  #next: number;
  #selected = false;
  #session: Session | null = null;
  #cityCode: Uint8Array = EMPTY;
  #waiting: Uint8Array = EMPTY;
  /** False takes it out of its slot. */
  present = true;

  constructor(options: VirtualPsamOptions) {
    this.#options = options;
    this.#next = options.terminalSequence ?? 1;
  }

  async transceive(apdu: Uint8Array): Promise<Uint8Array | null> {
    return this.present ? this.transmit(apdu) : null;
  }

  /** Power came or went: what was selected is forgotten. */
  power(): void {
    this.#selected = false;
    this.#session = null;
  }

  /** Answers a C-APDU with data ‖ SW1 ‖ SW2. */
  transmit(apdu: Uint8Array): Uint8Array {
    const command = parseCommand(new Uint8Array(apdu));
    if (!command) return status(0x6700).response;
    const response = this.#perform(command);
    if (!this.#options.t0 || response.length === 2 || command.ins === 0xc0) return response;
    this.#waiting = response;
    return Uint8Array.of(0x61, response.length - 2);
  }

  release(): Promise<void> {
    return Promise.resolve();
  }

  #perform(command: Command): Uint8Array {
    const { cla, ins, p1, data, le } = command;
    if (cla === 0x00 && ins === 0xc0) return this.#waiting;
    if (cla === 0x00 && ins === 0xa4) return this.#select(data);
    if (!this.#selected) return sw(0x6985);
    if (cla === 0x00 && ins === 0xb0) {
      if (p1 !== (0x80 | VIRTUAL_PSAM_TERMINAL_SFI)) return sw(0x6a82);
      const { terminalId } = this.#options;
      return le === terminalId.length ? ok(terminalId) : sw(0x6c00 | terminalId.length);
    }
    if (cla !== 0x80) return sw(0x6e00);
    if (ins === 0xca) return this.#keepCityCode(data);
    if (ins === 0x70) return this.#initialize(data);
    return ins === 0x72 ? this.#check(data) : sw(0x6d00);
  }

  #select(aid: Uint8Array): Uint8Array {
    const known = Buffer.compare(aid, this.#options.aid) === 0;
    if (!known) return sw(0x6a82);
    this.#selected = true;
    this.#session = null;
    return sw(0x9000);
  }

  #keepCityCode(code: Uint8Array): Uint8Array {
    if (code.length !== 9) return sw(0x6700);
    this.#cityCode = code;
    return sw(0x9000);
  }

  #initialize(data: Uint8Array): Uint8Array {
    const cityCode = this.#cityCode;
    this.#cityCode = EMPTY;
    this.#session = null;
    if (data.length !== 28 && data.length !== 36) return sw(0x6700);
    const master = this.#options.keys.find(({ version }) => version === data[18]);
    if (!master || data[19] !== 0) return sw(0x9403);
    const factors = [data.subarray(20, 28), data.subarray(28)].filter((one) => one.length > 0);
    const terminalSequence = this.#next++;
    this.#options.commit?.(this.#next);
    const sequence = new Uint8Array(4);
    writeU32(sequence, 0, terminalSequence);
    const amountMinor = readU32(data, 6);
    const key = purchaseSessionKey(
      diversify(master.master, factors),
      data.subarray(0, 4),
      readU16(data, 4),
      sequence,
    );
    this.#session = { key, amountMinor };
    const terms = {
      amountMinor,
      transactionType: data[10]!,
      terminalId: this.#options.terminalId,
      dateTime: data.subarray(11, 18),
    };
    return ok(Buffer.concat([sequence, purchaseMac1(key, terms, cityCode)]));
  }

  #check(mac2: Uint8Array): Uint8Array {
    if (!this.#session) return sw(0x6985);
    const { key, amountMinor } = this.#session;
    return sw(Buffer.compare(mac2, purchaseMac2(key, amountMinor)) === 0 ? 0x9000 : 0x9302);
  }
}

function sw(word: number): Uint8Array {
  return status(word).response;
}

function ok(data: Uint8Array): Uint8Array {
  return Uint8Array.of(...data, 0x90, 0x00);
}
