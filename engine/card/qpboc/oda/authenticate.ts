/**
 * Offline data authentication of a contactless card (fDDA; PBOC 3.0 part 12): CA key, issuer
 * certificate, card certificate, dynamic signature. A pure function of what the purchase gathered,
 * so that a gate runs it after the last record, when the rider may go.
 */
import type { Elements } from '../elements.ts';
import type { EcashReason } from '../reasons.ts';
import { tag } from '../tags.ts';
import type { EcashTransaction } from '../transaction.ts';
import { cardKeyOf, signedStaticData } from './card-key.ts';
import type { Issuers } from './issuers.ts';
import { dynamicData, staticCode } from './signatures.ts';

const AIP_DYNAMIC = 0x20;
const AIP_STATIC = 0x40;
const RID_BYTES = 5;
/** 9F66, byte 4: the terminal does fDDA version 01. */
const QUALIFIER_V01 = 0x80;
const V01 = 1;

/** What a gate accepts. */
export interface AuthenticationPolicy {
  /** Cards that sign by fDDA v00, whose signature covers no amount. */
  readonly fddaV00: boolean;
  /** Cards that only have static data signed, which anybody can copy. */
  readonly staticData: boolean;
}

export type Authentication =
  | { readonly method: 'fddaV00' | 'fddaV01' | 'static'; readonly algorithm: 'rsa' | 'sm2' }
  | { readonly failed: EcashReason };

/** @param day YYYYMMDD, by which certificates are judged */
export function authenticate(
  transaction: EcashTransaction,
  issuers: Issuers,
  policy: AuthenticationPolicy,
  day: number,
): Authentication {
  const { aid, elements, card, terminal, options } = transaction;
  const byDynamic = (options.aip[0]! & AIP_DYNAMIC) !== 0;
  const byStatic = policy.staticData && (options.aip[0]! & AIP_STATIC) !== 0;
  if (!byDynamic && !byStatic) return { failed: 'authenticationUnsupported' };

  const issuer = issuers.keyOf(aid.subarray(0, RID_BYTES), elements, card.pan, day);
  if (typeof issuer === 'string') return { failed: issuer };
  const staticData = signedStaticData(elements, transaction.staticData);
  if (typeof staticData === 'string') return { failed: staticData };
  const { algorithm } = issuer;
  if (!byDynamic) {
    const code = staticCode(issuer, elements.get(tag.staticSignature), staticData.data);
    return typeof code === 'string' ? { failed: code } : { method: 'static', algorithm };
  }

  const key = cardKeyOf(issuer, elements, staticData.data, card.pan, day);
  if (typeof key === 'string') return { failed: key };
  const version = fddaVersion(elements, terminal);
  if (version === 'fddaVersion' || (version === 'fddaV00' && !policy.fddaV00)) {
    return { failed: 'fddaVersion' };
  }
  const signed = fddaData(version, elements, terminal);
  const atc = elements.get(tag.atc)!;
  const data = dynamicData(key, elements.get(tag.dynamicSignature), signed, atc);
  return typeof data === 'string' ? { failed: data } : { method: version, algorithm };
}

/** v01 where both sides say so, v00 where one does not; a card's 9F69 of another version: none. */
function fddaVersion(
  elements: Elements,
  terminal: Elements,
): 'fddaV00' | 'fddaV01' | 'fddaVersion' {
  const related = elements.get(tag.cardAuthentication);
  const offered = (terminal.get(tag.terminalQualifiers)![3]! & QUALIFIER_V01) !== 0;
  if (related === undefined || !offered) return 'fddaV00';
  return related[0] === V01 ? 'fddaV01' : 'fddaVersion';
}

/**
 * What the terminal adds to a dynamic signature: v00 9F37; v01 9F37 ‖ 9F02 ‖ 5F2A ‖ 9F69 as the
 * card sent it [R].
 */
function fddaData(
  version: 'fddaV00' | 'fddaV01',
  elements: Elements,
  terminal: Elements,
): Uint8Array {
  const unpredictable = terminal.get(tag.unpredictableNumber)!;
  if (version === 'fddaV00') return unpredictable;
  return Buffer.concat([
    unpredictable,
    terminal.get(tag.amount)!,
    terminal.get(tag.currency)!,
    elements.get(tag.cardAuthentication)!,
  ]);
}
