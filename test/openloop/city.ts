/** The sample city with a cap of the day and one of the week, and proofs of bank cards. */
import assert from 'node:assert/strict';
import { type CardNumber, cardNumberOf } from '../../engine/card/qpboc/card-data.ts';
import { evidenceOf } from '../../engine/card/qpboc/evidence.ts';
import {
  type BankProof,
  bankPayload,
  readBankPayload,
} from '../../engine/card/qpboc/evidence-payload.ts';
import { openAccountFares } from '../../engine/cli/account-fares.ts';
import type { AccountFares } from '../../engine/fare/account/history.ts';
import { openFareSets, sampleKept } from '../../engine/operator/fare-files.ts';
import { approvedBy, buy, ecashCard } from '../kit/ecash-cards.ts';
import { fresh, run } from '../reference/fare-program.ts';
import { writeTables } from '../reference/fare-tables.ts';

export interface City {
  /** Its folder. */
  readonly dir: string;
  readonly fares: AccountFares;
  readonly stops: readonly string[];
}

/** 12.00 a day and 40.00 a week, at most. */
export async function city(): Promise<City> {
  const tables = new Map<string, string>();
  for (const [name, bytes] of sampleKept().source.bytes) {
    tables.set(name.slice('faregate_'.length, -'.txt'.length), Buffer.from(bytes).toString('utf8'));
  }
  tables.set('settings', 'timezone,service_day_start\nAsia/Shanghai,03:00:00\n');
  tables.set('discounts', 'network_id,percent\nbus,40\n');
  tables.set('caps', 'cap_id,span,amount\nday,day,12.00\nweek,week,40.00\n');
  const dir = fresh();
  const source = writeTables(fresh(), Object.fromEntries(tables));
  const ran = await run(['fares', 'import', '--tariff', source, '--currency', 'CNY', '--out', dir]);
  assert.equal(ran.code, 0, ran.err.join());
  const [set] = await openFareSets(dir);
  return { dir, fares: await openAccountFares(dir), stops: set!.stations.map(({ id }) => id) };
}

const evidence = evidenceOf(approvedBy(buy(ecashCard(), 0)));
const authenticated = { method: 'fddaV01', algorithm: 'sm2' } as const;

/** What a gate writes behind a tap of a card: 109 bytes. */
export const payload: Uint8Array = bankPayload({ evidence, authenticated, application: 0 });

/** The proof that it is read back as. */
export function proofOf(card: CardNumber, atc: number): BankProof {
  const debit = {
    cardNumber: cardNumberOf(card),
    offlineCounter: atc,
    amountMinor: 0,
    currency: 156,
    dateTime: Uint8Array.of(0x20, 0x26, 0x06, 0x01, 0x08, 0x00, 0x00),
  };
  return readBankPayload(payload, debit)!;
}
