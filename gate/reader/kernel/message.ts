/**
 * The lines between a gate and a certified kernel (docs/kernel-reader.md): one JSON object each,
 * flat, told apart by `type`. What a reader says is checked member by member; members that are not
 * known are passed over, and a reason names the member and never its value.
 */
import { fromHex, isHex, toHex } from '../../../engine/bytes.ts';
import {
  type KernelOutcome,
  type KernelVerdict,
  kernelVerdicts,
} from '../../../engine/card/qpboc/kernel.ts';
import {
  APDU_RESPONSE_BYTES_MAX,
  KERNEL_ELEMENTS_BYTES_MAX,
  KERNEL_SCHEMES_MAX,
  KERNEL_TEXT_LENGTH_MAX,
} from '../../../engine/card-limits.ts';
import type { Signal } from '../../barrier/signals.ts';

export const KERNEL_PROTOCOL = 1;

/** What a gate wants done with a card, in this order: the kernel, commands of the gate's own. */
export type KernelStep = 'kernel' | 'apdu';

/** `start` without its tap and its date: the same as long as nothing has changed. */
export interface StartTerms {
  readonly order: readonly KernelStep[];
  readonly amountMinor: number | null;
  readonly currency: number | null;
  readonly country: number | null;
  readonly transactionType: number | null;
  readonly qualifiers: string | null;
  readonly terminalId: string;
  readonly deadlineMs: number;
}

export type GateMessage =
  | { readonly type: 'hello'; readonly protocol: number; readonly session: string }
  | ({ readonly type: 'start'; readonly tap: string; readonly dateTime: string } & StartTerms)
  | { readonly type: 'cancel' | 'kernel' | 'done' | 'taken'; readonly tap: string }
  | {
      readonly type: 'apdu';
      readonly tap: string;
      readonly number: number;
      readonly data: string;
    }
  | ({
      readonly type: 'show';
      readonly tap: string;
      readonly open: boolean;
      readonly reason: string;
    } & Signal)
  | { readonly type: 'ping' };

export interface KernelHello {
  readonly type: 'hello';
  readonly session: string;
  readonly kernel: string;
  readonly certificate: string;
  readonly schemes: readonly string[];
  /** Whether the gate may exchange commands with a card itself. */
  readonly apdu: boolean;
}

export type ReaderMessage =
  | KernelHello
  | { readonly type: 'card'; readonly tap: string; readonly uid: Uint8Array }
  | {
      readonly type: 'apdu';
      readonly tap: string;
      readonly number: number;
      /** Null: the card has gone. */
      readonly data: Uint8Array | null;
    }
  | ({ readonly type: 'outcome'; readonly tap: string } & KernelOutcome)
  | { readonly type: 'removed' | 'cancelled'; readonly tap: string }
  | { readonly type: 'health'; readonly kernel: boolean; readonly text: string }
  | { readonly type: 'error'; readonly code: ErrorKind; readonly text: string }
  | { readonly type: 'pong' };

const errorKinds = ['severalCards', 'unreadable', 'device'] as const;
export type ErrorKind = (typeof errorKinds)[number];

const authentications = ['passed', 'failed', 'none'] as const;

const TAP = /^[0-9a-f]{16}-\d{1,10}$/;
const SESSION = /^[0-9a-f]{16}$/;
const UID_BYTES_MAX = 10;

type Members = Readonly<Record<string, unknown>>;

/** The member that is wrong. */
class Unfit {
  readonly member: string;

  constructor(member: string) {
    this.member = member;
  }
}

/**
 * The message of a line, or what is wrong with it; null: of a type that this version does not know.
 */
export function readMessage(line: string): ReaderMessage | string | null {
  let data: unknown;
  try {
    data = JSON.parse(line);
  } catch {
    return 'a line that is not JSON';
  }
  if (typeof data !== 'object' || data === null || Array.isArray(data)) {
    return 'a line that is no JSON object';
  }
  const members = data as Members;
  const { type } = members;
  if (typeof type !== 'string') return 'member type';
  const read = Object.hasOwn(readers, type) ? readers[type] : undefined;
  if (!read) return null;
  try {
    return read(members);
  } catch (error) {
    if (error instanceof Unfit) return `member ${error.member} of ${type}`;
    throw error;
  }
}

const readers: Readonly<Record<string, (members: Members) => ReaderMessage>> = {
  hello: (of) => {
    if (of.protocol !== KERNEL_PROTOCOL) throw new Unfit('protocol');
    return {
      type: 'hello',
      session: matching(of, 'session', SESSION),
      kernel: textOf(of, 'kernel'),
      certificate: textOf(of, 'certificate'),
      schemes: textsOf(of, 'schemes'),
      apdu: flagOf(of, 'apdu'),
    };
  },
  card: (of) => ({ type: 'card', tap: tapOf(of), uid: bytesOf(of, 'uid', 0, UID_BYTES_MAX) }),
  apdu: (of) => ({
    type: 'apdu',
    tap: tapOf(of),
    number: countOf(of, 'number'),
    data: of.data === null ? null : bytesOf(of, 'data', 2, APDU_RESPONSE_BYTES_MAX),
  }),
  outcome: (of) => ({
    type: 'outcome',
    tap: tapOf(of),
    verdict: oneOf<KernelVerdict>(of, 'verdict', kernelVerdicts),
    elements: bytesOf(of, 'elements', 0, KERNEL_ELEMENTS_BYTES_MAX),
    authentication: oneOf(of, 'authentication', authentications),
  }),
  removed: (of) => ({ type: 'removed', tap: tapOf(of) }),
  cancelled: (of) => ({ type: 'cancelled', tap: tapOf(of) }),
  health: (of) => ({ type: 'health', kernel: flagOf(of, 'kernel'), text: textOf(of, 'text') }),
  error: (of) => ({
    type: 'error',
    code: oneOf<ErrorKind>(of, 'code', errorKinds),
    text: textOf(of, 'text'),
  }),
  pong: () => ({ type: 'pong' }),
};

/** Letters and signs that a log can show. */
function textOf(of: Members, name: string): string {
  return printable(of[name], name);
}

function printable(value: unknown, name: string): string {
  const isText = typeof value === 'string' && value.length <= KERNEL_TEXT_LENGTH_MAX;
  if (!isText || /\p{C}/u.test(value)) throw new Unfit(name);
  return value;
}

function textsOf(of: Members, name: string): readonly string[] {
  const value = of[name];
  if (!Array.isArray(value) || value.length > KERNEL_SCHEMES_MAX) throw new Unfit(name);
  return value.map((each) => printable(each, name));
}

function matching(of: Members, name: string, form: RegExp): string {
  const value = of[name];
  if (typeof value !== 'string' || !form.test(value)) throw new Unfit(name);
  return value;
}

function tapOf(of: Members): string {
  return matching(of, 'tap', TAP);
}

function flagOf(of: Members, name: string): boolean {
  const value = of[name];
  if (typeof value !== 'boolean') throw new Unfit(name);
  return value;
}

function countOf(of: Members, name: string): number {
  const value = of[name];
  if (!Number.isSafeInteger(value) || (value as number) < 1) throw new Unfit(name);
  return value as number;
}

function oneOf<T extends string>(of: Members, name: string, known: readonly T[]): T {
  const found = known.find((each) => each === of[name]);
  if (found === undefined) throw new Unfit(name);
  return found;
}

function bytesOf(of: Members, name: string, min: number, max: number): Uint8Array {
  const value = of[name];
  if (typeof value !== 'string' || value.length > max * 2) throw new Unfit(name);
  if (value !== '' && !isHex(value)) throw new Unfit(name);
  const bytes = fromHex(value);
  if (bytes.length < min) throw new Unfit(name);
  return bytes;
}

export function lineOf(message: GateMessage): Uint8Array {
  return Buffer.from(`${JSON.stringify(message)}\n`);
}

/** The hexadecimal digits of what a message carries. */
export function hexOf(bytes: Uint8Array): string {
  return toHex(bytes);
}
