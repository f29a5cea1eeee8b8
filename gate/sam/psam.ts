/**
 * The key holder in a PSAM: a chip card of the scheme in a reader slot that holds the purchase
 * master keys and its own terminal sequence, and computes MAC1 and checks MAC2 inside (PBOC PSAM,
 * INITIALIZE FOR PURCHASE 80 70 and CREDIT SAM 80 72; grade [2]: two independent gate programs
 * agree on the commands, the specification is not public). Two exchanges a tap; the SAM answers
 * after some 14 ms each.
 *
 * The terminal sequence belongs to the SAM and rises with every MAC1, so it has gaps where a tap is
 * given up. The gate's own sequence, which is a debit's identity, does not come from here.
 */
import assert from 'node:assert/strict';
import { copyBytes, readU32, toHex, writeU16, writeU32 } from '../../engine/bytes.ts';
import { buildCommand, dataLength, NO_LE, statusWord, withLe } from '../../engine/card/apdu.ts';
import type { CardKeyRef, Mac1Answer, Mac1Ask } from '../../engine/card/dialogue.ts';
import { SW_OK } from '../../engine/card/status.ts';
import { APDU_FOLLOW_UPS_MAX } from '../../engine/card-limits.ts';
import { FaregateError } from '../../engine/errors.ts';
import type { CardSession } from '../reader/reader.ts';
import type { KeyHolder } from './key-holder.ts';

/** What differs between schemes' PSAMs. */
export interface PsamOptions {
  /** For messages: the slot. */
  readonly name: string;
  /** Application to select, 5 to 16 bytes. */
  readonly aid: Uint8Array;
  /**
   * Short file id of the file that begins with the SAM's terminal id (6 bytes), or null: then it is
   * not read, and the gate's configured id must be the SAM's [U: no public source names the file].
   */
  readonly terminalIdSfi: number | null;
}

/** T-Union's PSAM: `A0000006324D4F542E435053414D3031`. */
export const T_UNION_PSAM_AID: Uint8Array = Uint8Array.of(
  ...[0xa0, 0x00, 0x00, 0x06, 0x32, 0x4d, 0x4f, 0x54, 0x2e, 0x43, 0x50, 0x53, 0x41, 0x4d],
  ...[0x30, 0x31],
);

const TERMINAL_ID_BYTES = 6;
const CITY_CODE_BYTES = 9;
/** random4 ‖ counter2 ‖ amount4 ‖ type1 ‖ date4 ‖ time3 ‖ key version1 ‖ algorithm1. */
const PURCHASE_BYTES = 20;
/** terminal sequence4 ‖ MAC1 of 4. */
const ANSWER_BYTES = 8;
const MAC_BYTES = 4;

const SW_MAC_WRONG = 0x9302;
/** The SAM has no key of that version or algorithm. */
const unknownKeyWords: ReadonlySet<number> = new Set([0x9403, 0x6a88]);

export class Psam implements KeyHolder {
  /** 6 bytes, as the SAM has it; null where it was not read. */
  readonly terminalId: Uint8Array | null;
  readonly #link: CardSession;
  readonly #name: string;
  #busy = false;
  #session = false;

  private constructor(link: CardSession, name: string, terminalId: Uint8Array | null) {
    this.#link = link;
    this.#name = name;
    this.terminalId = terminalId;
  }

  /**
   * Selects the SAM's application and reads its terminal id. The link belongs to this holder from
   * here on: a SAM has one session, and another user between MAC1 and MAC2 would break it.
   * @throws FaregateError SAM_FAILED naming the slot and what it answered.
   */
  static async open(link: CardSession, options: PsamOptions): Promise<Psam> {
    const { name, aid, terminalIdSfi } = options;
    assert(aid.length >= 5 && aid.length <= 16, 'an AID has 5 to 16 bytes');
    const select = buildCommand(0x00, 0xa4, 0x04, 0x00, aid, NO_LE);
    await must(link, name, 'SELECT', select);
    if (terminalIdSfi === null) return new Psam(link, name, null);
    const read = buildCommand(0x00, 0xb0, 0x80 | terminalIdSfi, 0x00, null, TERMINAL_ID_BYTES);
    const answer = await must(link, name, 'READ BINARY', read);
    if (dataLength(answer) < TERMINAL_ID_BYTES) {
      throw failed(name, `READ BINARY: ${dataLength(answer)} bytes of terminal id`);
    }
    return new Psam(link, name, answer.slice(0, TERMINAL_ID_BYTES));
  }

  /** Nothing: the SAM derives the card's key within MAC1. */
  prepare(_key: CardKeyRef): void {}

  /**
   * As the port says. `terminalSequence` of the answer is the SAM's.
   * @throws FaregateError SAM_FAILED where the SAM does not answer, or not as it must.
   */
  async mac1(ask: Mac1Ask): Promise<Mac1Answer> {
    this.#checkTerminal(ask.terminalId);
    return this.#alone(async () => {
      this.#session = false;
      if (ask.cityCode) {
        assert.equal(ask.cityCode.length, CITY_CODE_BYTES);
        const code = buildCommand(0x80, 0xca, 0x00, 0x00, ask.cityCode, NO_LE);
        await must(this.#link, this.#name, 'SET CITY CODE', code);
      }
      const answer = await exchange(this.#link, this.#name, initialize(ask));
      const sw = statusWord(answer);
      if (unknownKeyWords.has(sw)) return { refused: 'unknownKey' };
      if (sw !== SW_OK || dataLength(answer) !== ANSWER_BYTES) {
        throw failed(this.#name, `INITIALIZE FOR PURCHASE: ${told(answer)}`);
      }
      this.#session = true;
      return { terminalSequence: readU32(answer, 0), mac1: answer.slice(4, 4 + MAC_BYTES) };
    });
  }

  /** A PSAM has no such keys. */
  recordMac(): 'unknownKey' {
    return 'unknownKey';
  }

  async mac2(mac2: Uint8Array): Promise<boolean> {
    if (!this.#session) assert.fail('mac2 without a purchase whose MAC1 was answered');
    if (mac2.length !== MAC_BYTES) return false;
    return this.#alone(async () => {
      const check = buildCommand(0x80, 0x72, 0x00, 0x00, mac2, NO_LE);
      const answer = await exchange(this.#link, this.#name, check);
      const sw = statusWord(answer);
      if (sw === SW_OK) return true;
      if (sw === SW_MAC_WRONG) return false;
      throw failed(this.#name, `CREDIT SAM FOR PURCHASE: ${told(answer)}`);
    });
  }

  /** A debit says which terminal made it; the SAM's MAC1 is over its own id. */
  #checkTerminal(terminalId: Uint8Array): void {
    const own = this.terminalId;
    if (!own || own.every((byte, i) => byte === terminalId[i])) return;
    throw failed(
      this.#name,
      `its terminal id is ${toHex(own)}, the gate's configuration says ${toHex(terminalId)}`,
    );
  }

  async #alone<T>(work: () => Promise<T>): Promise<T> {
    assert(!this.#busy, 'one tap at a time has the SAM');
    this.#busy = true;
    try {
      return await work();
    } finally {
      this.#busy = false;
    }
  }
}

/** 80 70 00 00 1C|24: the purchase, then the card's diversification factors. */
function initialize(ask: Mac1Ask): Uint8Array {
  const { factors, factorLevels, keyVersion, algorithm } = ask.key;
  assert(factorLevels === 1 || factorLevels === 2);
  const data = new Uint8Array(PURCHASE_BYTES + 8 * factorLevels);
  copyBytes(ask.random, 0, data, 0, 4);
  writeU16(data, 4, ask.offlineCounter);
  writeU32(data, 6, ask.amountMinor);
  data[10] = ask.transactionType;
  copyBytes(ask.dateTime, 0, data, 11, 7);
  data[18] = keyVersion;
  data[19] = algorithm;
  copyBytes(factors, 0, data, PURCHASE_BYTES, 8 * factorLevels);
  return buildCommand(0x80, 0x70, 0x00, 0x00, data, ANSWER_BYTES);
}

async function must(
  link: CardSession,
  name: string,
  command: string,
  apdu: Uint8Array,
): Promise<Uint8Array> {
  const answer = await exchange(link, name, apdu);
  if (statusWord(answer) !== SW_OK) throw failed(name, `${command}: ${told(answer)}`);
  return answer;
}

/** A SAM in a contact slot speaks T=0: 61xx is fetched, 6Cxx asked again. */
async function exchange(link: CardSession, name: string, apdu: Uint8Array): Promise<Uint8Array> {
  let command = apdu;
  for (let followUps = 0; followUps <= APDU_FOLLOW_UPS_MAX; followUps++) {
    const answer = await link.transceive(command);
    if (!answer || answer.length < 2) throw failed(name, 'no answer: is the SAM in its slot?');
    const sw1 = answer[answer.length - 2]!;
    const le = answer[answer.length - 1]! || 256;
    if (sw1 === 0x6c) command = withLe(command, le);
    else if (sw1 === 0x61 && answer.length === 2) {
      command = buildCommand(0x00, 0xc0, 0x00, 0x00, null, le);
    } else return answer;
  }
  throw failed(name, 'it asks for another command again and again');
}

function told(answer: Uint8Array): string {
  const sw = statusWord(answer).toString(16).toUpperCase().padStart(4, '0');
  return `answered ${sw} and ${dataLength(answer)} bytes`;
}

function failed(name: string, what: string): FaregateError {
  return new FaregateError('SAM_FAILED', `SAM in ${name}: ${what}`);
}
