/** What `faregate-gate tap` prints of a tap: plain data for JSON, and lines for a person. */
import { toHex } from '../../engine/bytes.ts';
import { readBankPayload } from '../../engine/card/qpboc/evidence-payload.ts';
import type { TacVerifier } from '../../engine/crypto/tac.ts';
import { encodeDebit } from '../../engine/debit/codec.ts';
import {
  type EvidenceEvent,
  EvidenceFamily,
  encodeEvent,
  evidenceFamilyOf,
} from '../../engine/debit/event.ts';
import {
  DEBIT_BYTES,
  type Debit,
  DebitKind,
  DebitState,
  Evidence,
  type InForce,
  TapKind,
} from '../../engine/debit/record.ts';
import { type TacVerdict, tacCodes } from '../../engine/ledger/received.ts';
import type { BankVerifier } from '../../engine/operator/bank-evidence.ts';
import type { DesfireVerifier } from '../../engine/operator/desfire-evidence.ts';
import { debitIn } from '../../engine/tap/decision.ts';
import { type Reason, reasons } from '../../engine/tap/reasons.ts';
import type { TapReport } from '../controller.ts';
import type { Stage } from '../driver.ts';
import { maskedNumber, maskNumbers } from './mask-numbers.ts';

export interface CommandReport {
  readonly command: string;
  readonly apdu: string;
  /** Data and status word; null when the card had gone. */
  readonly answer: string | null;
  /** Host time before the command was handed over, and card and link time until its answer. */
  readonly hostUs: number;
  readonly cardUs: number;
}

export interface DebitReport extends InForce {
  readonly kind: string;
  readonly state: string;
  readonly evidence: string;
  readonly tap: string;
  readonly gateId: string;
  readonly gateSequence: number;
  readonly instant: string;
  readonly dateTime: string;
  readonly terminalId: string;
  readonly terminalSequence: number;
  readonly issuer: string;
  /** Of a bank card for people, unless it is wanted as it is in the record. */
  readonly cardNumber: string;
  readonly keyIndex: number;
  readonly keyVersion: number;
  readonly algorithm: number;
  readonly transactionType: number;
  readonly offlineCounter: number;
  readonly balanceBeforeMinor: number;
  readonly amountMinor: number;
  readonly currency: number;
  readonly random: string;
  readonly tac: string;
  /** What the key file's key of TAC, transaction MAC or cryptogram says of it; `none`: no proof. */
  readonly tacVerdict: TacVerdict;
  /** How the gate knew a bank card for genuine; null: of other cards. */
  readonly authenticated: string | null;
  /** The 160 bytes as they are stored and uploaded. */
  readonly record: string;
  /** The evidence event behind it; null where there is none. */
  readonly evidenceRecord: string | null;
}

export interface TapDescription {
  readonly open: boolean;
  readonly reason: Reason;
  readonly shown: string;
  readonly detail: string;
  readonly amountMinor: number;
  readonly balanceMinor: number | null;
  readonly tapMs: number;
  readonly hostUs: number;
  readonly commands: readonly CommandReport[];
  readonly debit: DebitReport | null;
}

/** What verifies debits, by the card's family. */
export interface Verifiers {
  readonly tac: TacVerifier;
  readonly desfire: DesfireVerifier;
  readonly bank: BankVerifier;
}

/** @param isMasked bank cards' numbers are hidden */
export function describeTap(
  report: TapReport,
  verifiers: Verifiers,
  isMasked: boolean,
): TapDescription {
  const { decision } = report;
  const hides = isMasked && report.isBank;
  const commands = report.stages.map(describeStage);
  const debit = debitIn(decision) ?? decision.closed[0];
  return {
    open: decision.open,
    reason: decision.reason,
    shown: reasons[decision.reason],
    detail: decision.detail,
    amountMinor: decision.amountMinor,
    balanceMinor: decision.balanceMinor,
    tapMs: tenths(report.tapUs / 1000),
    hostUs: tenths(report.hostUs),
    commands: hides ? maskCommands(commands) : commands,
    debit: debit ? describeDebit(debit, decision.evidence, verifiers, hides) : null,
  };
}

function maskCommands(commands: readonly CommandReport[]): CommandReport[] {
  const texts = maskNumbers(commands.flatMap(({ apdu, answer }) => [apdu, answer ?? '']));
  return commands.map((each, i) => ({
    ...each,
    apdu: texts[2 * i]!,
    answer: each.answer === null ? null : texts[2 * i + 1]!,
  }));
}

function describeStage(stage: Stage): CommandReport {
  return {
    command: stage.command,
    apdu: stage.apdu ? toHex(stage.apdu) : '',
    answer: stage.answer ? toHex(stage.answer) : null,
    hostUs: tenths(stage.hostUs),
    cardUs: tenths(stage.cardUs),
  };
}

function describeDebit(
  debit: Debit,
  evidence: EvidenceEvent | null,
  verifiers: Verifiers,
  hides: boolean,
): DebitReport {
  const records = new Uint8Array((evidence ? 2 : 1) * DEBIT_BYTES);
  encodeDebit(debit, records, 0);
  if (evidence) encodeEvent(evidence, records, DEBIT_BYTES);
  const cardNumber = toHex(debit.cardNumber);
  const record = toHex(records.subarray(0, DEBIT_BYTES));
  return {
    kind: nameOf(DebitKind, debit.kind),
    state: nameOf(DebitState, debit.state),
    evidence: nameOf(Evidence, debit.evidence),
    tap: nameOf(TapKind, debit.tapKind),
    gateId: debit.gateId,
    gateSequence: debit.gateSequence,
    instant: new Date(debit.instantMs).toISOString(),
    dateTime: toHex(debit.dateTime),
    terminalId: toHex(debit.terminalId),
    terminalSequence: debit.terminalSequence,
    issuer: toHex(debit.issuer),
    cardNumber: hides ? maskedNumber(debit.cardNumber) : cardNumber,
    keyIndex: debit.keyIndex,
    keyVersion: debit.keyVersion,
    algorithm: debit.algorithm,
    transactionType: debit.transactionType,
    offlineCounter: debit.offlineCounter,
    balanceBeforeMinor: debit.balanceBeforeMinor,
    amountMinor: debit.amountMinor,
    currency: debit.currency,
    random: toHex(debit.random),
    tac: toHex(debit.tac),
    mode: debit.mode,
    denylistVersion: debit.denylistVersion,
    clockQuality: debit.clockQuality,
    parametersVersion: debit.parametersVersion,
    tacVerdict: verdictOf(debit, records, verifiers),
    authenticated: authenticatedIn(debit, evidence),
    record: hides ? record.replace(cardNumber, '*'.repeat(cardNumber.length)) : record,
    evidenceRecord: evidence ? toHex(records.subarray(DEBIT_BYTES)) : null,
  };
}

function authenticatedIn(debit: Debit, evidence: EvidenceEvent | null): string | null {
  if (evidence?.family !== EvidenceFamily.bank) return null;
  return readBankPayload(evidence.payload, debit)?.authenticated.method ?? null;
}

function verdictOf(debit: Debit, records: Uint8Array, verifiers: Verifiers): TacVerdict {
  if (debit.state !== DebitState.confirmed) return 'none';
  const family = evidenceFamilyOf(debit.transactionType);
  if (family === null) return verifiers.tac.verify(records, 0);
  if (debit.kind === DebitKind.settlement) return 'none';
  const verifier = family === EvidenceFamily.bank ? verifiers.bank : verifiers.desfire;
  const verdicts = new Uint8Array(2);
  verifier.verify(records, records.length / DEBIT_BYTES, verdicts);
  return tacCodes[verdicts[0]!]!;
}

export function printTap(tap: TapDescription): string[] {
  const lines = tap.commands.flatMap((each) => [
    `${each.command}`,
    `  > ${each.apdu}`,
    `  < ${each.answer ?? 'the card has gone'}   ${ms(each.cardUs)} card, ${each.hostUs} us host`,
  ]);
  lines.push('', `${tap.open ? 'OPEN' : 'CLOSED'} (${tap.reason}): ${tap.shown}`);
  if (tap.detail) lines.push(`  ${tap.detail}`);
  const balance = tap.balanceMinor === null ? '' : `, balance ${tap.balanceMinor}`;
  lines.push(`  debited ${tap.amountMinor}${balance}; ${tap.tapMs} ms, host ${tap.hostUs} us`);
  if (tap.debit) {
    lines.push('', 'debit record');
    for (const [name, value] of Object.entries(tap.debit)) lines.push(`  ${name}: ${value}`);
  }
  return lines;
}

function nameOf(table: Readonly<Record<string, number>>, value: number): string {
  return Object.entries(table).find(([, each]) => each === value)?.[0] ?? String(value);
}

function tenths(value: number): number {
  return Math.round(value * 10) / 10;
}

function ms(us: number): string {
  return `${tenths(us / 1000)} ms`;
}
