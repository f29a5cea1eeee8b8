/**
 * What must hold for bank cards after every run. Their counter moves with every tap and their
 * balance is loaded elsewhere, so that each debit is looked at by itself: it is posted if the card
 * made it and somebody has seen the card since, and never posted if the card did not.
 */
import { toHex } from '../../engine/bytes.ts';
import { DebitKind, ECASH_TRANSACTION, OPEN_LOOP_TRANSACTION } from '../../engine/debit/record.ts';
import { Findings } from '../../engine/ledger/findings.ts';
import { allHeld } from '../../engine/ledger/held.ts';
import { type DebitRow, Standing } from '../../engine/ledger/rows.ts';
import type { LedgerStore } from '../../engine/ledger/store.ts';
import { hashCard } from '../../engine/operator/engine.ts';
import { BankApplication, type Committed } from './applications.ts';
import type { SimCard } from './cards.ts';
import type { EngineNode } from './engine-node.ts';
import type { Opening, Witness } from './invariants.ts';

/** Debits of bank cards that the ledger holds, by the card's keyed hash, and each by its gate. */
class HeldDebits {
  readonly byCard = new Map<string, DebitRow[]>();
  readonly byId = new Map<string, DebitRow>();

  constructor(store: LedgerStore) {
    store.read((reader) => {
      for (const { id, row } of allHeld(reader, new Findings())) {
        if (row?.kind !== DebitKind.debit || !isBank(row)) continue;
        const card = toHex(row.card);
        this.byCard.set(card, [...(this.byCard.get(card) ?? []), row]);
        this.byId.set(`${id.gateId} ${id.gateSequence}`, row);
      }
    });
  }
}

function isBank({ transactionType }: Pick<DebitRow, 'transactionType'>): boolean {
  return transactionType === ECASH_TRANSACTION || transactionType === OPEN_LOOP_TRANSACTION;
}

function isPosted({ standing }: DebitRow): boolean {
  return standing === Standing.posted || standing === Standing.presumedPosted;
}

/** @returns debits that cards made and that stay open, for nobody has seen the card since */
export function checkBanks(
  witness: Witness,
  engine: EngineNode,
  cards: readonly SimCard[],
): number {
  const held = new HeldDebits(engine.store);
  let open = 0;
  for (const card of cards) {
    for (const application of card.applications) {
      if (!(application instanceof BankApplication)) continue;
      const hash = toHex(hashCard(engine.hashKey, application.cardNumber));
      const rows = held.byCard.get(hash) ?? [];
      open += checkCard(witness, card.index, application, rows);
    }
  }
  for (const opening of witness.openings) {
    if (isBank(opening)) checkOpening(witness, held, opening);
  }
  return open;
}

function checkCard(
  witness: Witness,
  index: number,
  application: BankApplication,
  rows: readonly DebitRow[],
): number {
  const committed = new Map(application.committed.map((one) => [one.offlineCounter, one]));
  const posted = new Set<number>();
  for (const row of rows) {
    const { offlineCounter, amountMinor, transactionType } = row;
    if (transactionType === OPEN_LOOP_TRANSACTION && amountMinor > 0) {
      witness.broken(`card ${index}: ${amountMinor} posted of a tap that is charged later`);
    }
    if (!isPosted(row)) continue;
    if (posted.has(offlineCounter)) {
      witness.broken(`card ${index}: counter ${offlineCounter} is posted twice`);
    }
    posted.add(offlineCounter);
    const isMade = committed.get(offlineCounter)?.amountMinor === amountMinor;
    if (amountMinor > 0 && !isMade) {
      witness.broken(`card ${index}: ${amountMinor} at ${offlineCounter} posted, not committed`);
    }
  }
  let open = 0;
  for (const one of application.committed) {
    if (one.amountMinor === 0 || posted.has(one.offlineCounter)) continue;
    if (isUndecidable(application, one, rows)) open += 1;
    else {
      witness.broken(
        `card ${index}: committed ${one.amountMinor} at ${one.offlineCounter}, not posted`,
      );
    }
  }
  return open;
}

/**
 * Whether nobody can tell that the card made this debit: it was not seen since, or what it told
 * since does not say. The debit is held all the same.
 */
function isUndecidable(
  { loadedAt }: BankApplication,
  { offlineCounter }: Committed,
  rows: readonly DebitRow[],
): boolean {
  const own = rows.find((row) => row.offlineCounter === offlineCounter);
  if (own?.standing !== Standing.unconfirmed) return false;
  if (own.balanceBeforeMinor === 0) return true;
  const above = rows
    .filter((row) => row.offlineCounter > offlineCounter)
    .sort((a, b) => a.offlineCounter - b.offlineCounter);
  const told = above.find((row) => row.balanceBeforeMinor > 0 || row.amountMinor > 0);
  if (!told || told.balanceBeforeMinor === 0) return true;
  // What came to the balance between the two hides what left the card.
  return loadedAt.some((at) => at >= offlineCounter && at < told.offlineCounter);
}

/**
 * What a gate opened for is in the ledger, and nothing there speaks against it. A tap that is
 * charged later is posted as soon as its card was seen again.
 */
function checkOpening(
  witness: Witness,
  { byId, byCard }: HeldDebits,
  { gateId, gateSequence }: Opening,
): void {
  const row = byId.get(`${gateId} ${gateSequence}`);
  if (row && isPosted(row)) return;
  if (row?.standing === Standing.unconfirmed) {
    const seen = byCard.get(toHex(row.card))!;
    const isSeen = seen.some(({ offlineCounter }) => offlineCounter > row.offlineCounter);
    if (row.transactionType !== OPEN_LOOP_TRANSACTION || !isSeen) return;
  }
  const standing = row
    ? Object.entries(Standing).find(([, of]) => of === row.standing)![0]
    : 'lost';
  witness.broken(`${gateId} opened for ${gateSequence}, which is ${standing}`);
}
