/**
 * The life of a card account as pure rules: issue, block, lost and found, give back and re-issue,
 * replacement. Each answers the next account with its postings, or a refusal; told again what holds
 * already, each answers that nothing changes.
 */
import type { Posting } from './books.ts';
import {
  type CardAccount,
  type CardExceptionCode,
  type CardKind,
  type CardStanding,
  type Refused,
  refuse,
} from './model.ts';

export interface CardChange {
  readonly card: CardAccount;
  readonly postings: readonly Posting[];
  readonly exception?: CardExceptionCode;
}

/** What is said of a card when it is issued. */
export interface NewCard {
  readonly card: string;
  readonly lastDigits: string;
  readonly issuer: string;
  readonly profile: string;
  readonly currency: number;
  readonly holder: string | null;
}

/** A card is issued without money; its first order brings it. */
export function issueCard(
  held: CardAccount | undefined,
  fresh: NewCard,
  nowMs: number,
): CardAccount | Refused {
  const kind: CardKind = fresh.holder === null ? 'anonymous' : 'named';
  if (held) {
    const same =
      held.issuer === fresh.issuer &&
      held.profile === fresh.profile &&
      held.currency === fresh.currency &&
      held.holder === fresh.holder;
    return same ? held : refuse('cardExists');
  }
  return {
    ...fresh,
    kind,
    standing: 'issued',
    sinceMs: nowMs,
    generation: 1,
    initialMinor: 0,
    loadedMinor: 0,
    everLoadedMinor: 0,
    nextCounter: null,
    seen: null,
    visit: null,
    visits: 0,
    openOrder: null,
    stampMs: 0,
    day: { day: 0, creditedMinor: 0 },
    replacedBy: null,
  };
}

function stand(card: CardAccount, standing: CardStanding, nowMs: number): CardChange {
  if (card.standing === standing) return { card, postings: [] };
  return { card: { ...card, standing, sinceMs: nowMs }, postings: [] };
}

/** The operator stops the card: suspected, damaged, in debt. */
export function blockCard(card: CardAccount, nowMs: number): CardChange | Refused {
  const can = card.standing === 'issued' || card.standing === 'blocked';
  return can ? stand(card, 'blocked', nowMs) : refuse('wrongStanding');
}

export function unblockCard(card: CardAccount, nowMs: number): CardChange | Refused {
  const can = card.standing === 'blocked' || card.standing === 'issued';
  return can ? stand(card, 'issued', nowMs) : refuse('wrongStanding');
}

/** Its holder reports it; the settling period of a replacement starts here. */
export function loseCard(card: CardAccount, nowMs: number): CardChange | Refused {
  if (card.kind !== 'named') return refuse('notNamed');
  const can = card.standing !== 'returned' && card.standing !== 'replaced';
  if (!can) return refuse('wrongStanding');
  const change = stand(card, 'lost', nowMs);
  if (card.standing === 'lost') return change;
  return { ...change, card: { ...change.card, beforeLost: card.standing } };
}

/** It stands again as before it was lost: a card that the operator blocked stays blocked. */
export function findCard(card: CardAccount, nowMs: number): CardChange | Refused {
  if (card.kind !== 'named') return refuse('notNamed');
  if (card.standing === 'lost') return stand(card, card.beforeLost ?? 'issued', nowMs);
  const isFound = card.standing === 'issued' || card.standing === card.beforeLost;
  return isFound ? { card, postings: [] } : refuse('wrongStanding');
}

/**
 * An anonymous card is given back: the till pays its balance, and the card keeps it in the drawer,
 * for a purse (EP) has no unload. The balance is the one its MAC1 proved within `freshMs`.
 */
export function giveBack(card: CardAccount, nowMs: number, freshMs: number): CardChange | Refused {
  if (card.kind !== 'anonymous') return refuse('notAnonymous');
  if (card.standing === 'returned') return { card, postings: [] };
  if (card.standing !== 'issued') return refuse('wrongStanding');
  if (card.openOrder !== null) return refuse('outcomeUnknown');
  if (card.seen === null || nowMs - card.seen.atMs > freshMs) return refuse('notSeen');
  const amountMinor = card.seen.balanceMinor;
  return {
    card: { ...card, standing: 'returned', sinceMs: nowMs, visit: null },
    postings: [{ to: 'stock', from: 'cash', amountMinor, why: 'given back' }],
  };
}

/** The next rider pays for what is on the card; nothing of the rider before goes with it. */
export function reissue(card: CardAccount, nowMs: number): CardChange | Refused {
  if (card.kind !== 'anonymous') return refuse('notAnonymous');
  if (card.standing !== 'returned' || card.seen === null) return refuse('wrongStanding');
  const amountMinor = card.seen.balanceMinor;
  return {
    card: {
      ...card,
      standing: 'issued',
      sinceMs: nowMs,
      generation: card.generation + 1,
      initialMinor: amountMinor,
      loadedMinor: 0,
      visit: null,
      day: { day: 0, creditedMinor: 0 },
    },
    postings: [{ to: 'cash', from: 'stock', amountMinor, why: 're-issued' }],
  };
}

/**
 * Ends a lost or blocked card for another one of its holder. What it is worth is what was put on it
 * less what the ledger has of its debits, once those that gates still hold had time to arrive.
 * @param spentMinor posted debits of the card.
 */
export function replaceCard(
  card: CardAccount,
  by: CardAccount,
  spentMinor: number,
  nowMs: number,
  settlingMs: number,
): (CardChange & { readonly balanceMinor: number }) | Refused {
  if (card.kind !== 'named') return refuse('notNamed');
  if (card.standing !== 'lost' && card.standing !== 'blocked') return refuse('wrongStanding');
  if (by.standing !== 'issued') return refuse('cardNotIssued');
  const fits =
    by.card !== card.card &&
    by.holder === card.holder &&
    by.issuer === card.issuer &&
    by.currency === card.currency;
  if (!fits) return refuse('wrongCard');
  if (nowMs - card.sinceMs < settlingMs) return refuse('notSettled');
  const balanceMinor = card.initialMinor + card.loadedMinor - spentMinor;
  return {
    card: {
      ...card,
      standing: 'replaced',
      sinceMs: nowMs,
      visit: null,
      openOrder: null,
      replacedBy: by.card,
    },
    balanceMinor: Math.max(0, balanceMinor),
    postings: [],
    ...(balanceMinor < 0 && { exception: 'overspent' as const }),
  };
}
