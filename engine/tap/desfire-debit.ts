/**
 * Debits an AES closed-loop card: the intent, Debit and WriteRecord, which wait on the card, and
 * CommitTransaction. The intent is written while the card takes the first of them, and with it an
 * empty evidence event under the next sequence: so the journal has room for the card's proof before
 * anything is final, one sync makes both durable, and no debit is closed before its evidence.
 */
import { evidencePayload } from '../card/desfire/evidence.ts';
import { commit, didNotCommit, type OpenPurse, prepareDebit } from '../card/desfire/purse.ts';
import type { CommitAnswer } from '../card/dialogue.ts';
import { writeUint } from '../card/journey-record.ts';
import { EvidenceFamily } from '../debit/event.ts';
import { DESFIRE_TRANSACTION, type Debit } from '../debit/record.ts';
import { invariant } from '../invariant.ts';
import type { TapDialogue } from './decision.ts';
import { evidenceEvent } from './evidence-event.ts';
import { faultOutcome } from './fault.ts';
import { evidencedIntent, NO_TAC } from './intent.ts';
import { abandoned, debited, refusedDebit, unknown } from './outcome.ts';
import type { DebitOutcome, DebitRequest } from './request.ts';

/** In the byte of the card's algorithm: none of the purses'. */
const AES_128 = 0xae;

/** @param counter debits that the card has made, below 65,535. */
export function* debitDesfire(
  purse: OpenPurse,
  request: DebitRequest,
  counter: number,
): TapDialogue<DebitOutcome> {
  const { profile, newest, valueMinor } = purse;
  const { amountMinor } = request;
  const balanceAfterMinor = valueMinor - amountMinor;
  const record = new Uint8Array(profile.recordFile.length);
  request.journey!(balanceAfterMinor, record, 0);
  writeUint(record, 0, profile.layout.counter, counter + 1);
  const intent = makeIntent(purse, request, counter);
  const records = { recordBefore: newest, recordWritten: record };
  const family = EvidenceFamily.desfire;
  const unproven = evidenceEvent(request, family, evidencePayload({ ...records, proof: null }));
  yield { ask: 'intent', debit: intent };
  yield { ask: 'evidence', event: unproven };

  const prepared = yield* prepareDebit(purse, amountMinor, record);
  if (prepared === 'insufficient') {
    return { ...abandoned(intent, 'balanceTooLow'), evidence: unproven };
  }
  if (prepared) {
    return { ...abandoned(intent, 'cardFaulty'), ...faultOutcome(prepared), evidence: unproven };
  }
  const verdict = (yield { ask: 'commit', debit: intent }) as CommitAnswer;
  if (verdict === 'late') return { ...abandoned(intent, 'deadline'), evidence: unproven };
  if (verdict === 'failed') {
    const detail = 'the journal failed';
    return { ...abandoned(intent, 'gateClosed'), detail, evidence: unproven };
  }
  const said = yield* commit(purse);
  invariant(said !== 'noProof', 'a profile for gates has a transaction MAC');
  if ('fault' in said) {
    const told = faultOutcome(said);
    const outcome = didNotCommit(said) ? refusedDebit(intent, told) : unknown(intent, told);
    return { ...outcome, evidence: unproven };
  }
  const evidence = evidenceEvent(request, family, evidencePayload({ ...records, proof: said }));
  return { ...debited(intent, NO_TAC, balanceAfterMinor), evidence };
}

function makeIntent(purse: OpenPurse, request: DebitRequest, counter: number): Debit {
  const { settings, issuer } = purse.profile;
  const { number, version } = settings.keys.debit;
  return evidencedIntent(request, {
    issuer,
    keyIndex: number,
    keyVersion: version,
    algorithm: AES_128,
    transactionType: DESFIRE_TRANSACTION,
    offlineCounter: counter,
    balanceBeforeMinor: purse.valueMinor,
    currency: settings.currency,
    random: NO_TAC,
  });
}
