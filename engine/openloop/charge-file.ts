/**
 * The file of charges for the acquirer: JSON lines, a head and one line an entry, the same bytes
 * whenever it is made of the same entries. It has card numbers in clear, as it must: it is made for
 * its owner only, and nothing of it stays in the books (`docs/open-loop.md`, "Files").
 */
import { toHex } from '../bytes.ts';
import type { BankProof } from '../card/qpboc/evidence-payload.ts';
import { formatInstant } from '../fare/instant.ts';
import type { Presentment, Run } from './model.ts';

const DAY_MS = 86_400_000;
const LAYOUT = 'faregate-open-loop-1';

export interface FileEntry {
  readonly entry: Presentment;
  readonly proof: BankProof;
}

/** @param currency ISO 4217 number */
export function chargeFile(
  { run, madeMs }: Run,
  entries: readonly FileEntry[],
  currency: number,
): string {
  const amountMinor = entries.reduce((sum, { entry }) => sum + entry.amountMinor, 0);
  const head = {
    ...{ layout: LAYOUT, run, made: formatInstant(madeMs), currency },
    ...{ entries: entries.length, amountMinor },
  };
  return [head, ...entries.map(entryLine)].map((line) => `${JSON.stringify(line)}\n`).join('');
}

function entryLine({ entry, proof }: FileEntry): object {
  const { id, kind, card, day, attempt, amountMinor } = entry;
  const { evidence, authenticated } = proof;
  const hex = (bytes: Uint8Array | null) => bytes && toHex(bytes);
  return {
    ...{ id, kind, attempt, amountMinor, day: day === null ? null : formatDay(day), card },
    ...{ pan: evidence.card.pan, panSequence: evidence.card.panSequence },
    ...{ expiry: hex(evidence.expiry), aid: hex(evidence.aid) },
    authenticated: authenticated.method,
    // The tap that stands for all of them; its amount is its own, not the charge's.
    tap: {
      '9F26': hex(evidence.cryptogram),
      '9F27': hex(Uint8Array.of(evidence.cryptogramInformation)),
      '9F10': hex(evidence.iad),
      '9F36': evidence.atc.toString(16).toUpperCase().padStart(4, '0'),
      '9F37': hex(evidence.unpredictableNumber),
      '82': hex(evidence.aip),
      '95': hex(evidence.verificationResults),
      '9A': hex(evidence.date),
      '9F21': hex(evidence.time),
      '9C': hex(Uint8Array.of(evidence.transactionType)),
      '9F02': hex(evidence.amount),
      '9F03': hex(evidence.amountOther),
      '9F1A': hex(evidence.country),
      '5F2A': hex(evidence.currency),
      '9F66': hex(evidence.terminalQualifiers),
    },
  };
}

/** A service day as YYYY-MM-DD. */
export function formatDay(day: number): string {
  return new Date(day * DAY_MS).toISOString().slice(0, 10);
}

/** NaN for what is no day. */
export function parseDay(text: string): number {
  const ms = /^\d{4}-\d\d-\d\d$/.test(text) ? Date.parse(`${text}T00:00:00Z`) : Number.NaN;
  const day = ms / DAY_MS;
  return !Number.isNaN(day) && formatDay(day) === text ? day : Number.NaN;
}
