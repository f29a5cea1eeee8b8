/** What a tap wants debited, and how that ended, whatever the card's family. */
import type { JourneyWriter } from '../card/journey-form.ts';
import type { EvidenceEvent } from '../debit/event.ts';
import type { Debit, InForce, TapKind } from '../debit/record.ts';
import type { Reason } from './reasons.ts';

/** What the tap wants debited; everything but what the card says last is known. */
export interface DebitRequest {
  readonly gateId: string;
  readonly tapKind: TapKind;
  readonly sequence: number;
  readonly instantMs: number;
  readonly dateTime: Uint8Array;
  readonly terminalId: Uint8Array;
  readonly amountMinor: number;
  /** Balance that must be left after the debit; below 0 for cards whose value can be. */
  readonly minimumBalanceMinor: number;
  readonly fromStation: Uint8Array;
  readonly toStation: Uint8Array;
  readonly entryInstantMs: number;
  readonly fareVersion: number;
  readonly rider: number;
  /** Writes the journey record for the balance after the debit; null for a plain purchase. */
  readonly journey: JourneyWriter | null;
  /** 10 bytes. */
  readonly cardNumber: Uint8Array;
  /** An earlier debit of this card whose outcome is unknown. */
  readonly pending: Debit | null;
  readonly inForce: InForce;
  /** The card's journey record is the one that it wrote. */
  readonly pendingOnCard: boolean;
}

/** How it ended. `closed` are the final records of the intents appended, in their order. */
export interface DebitOutcome {
  readonly reason: Reason;
  readonly detail: string;
  readonly balanceMinor: number | null;
  readonly closed: readonly Debit[];
  /** As in a decision. */
  readonly evidence: EvidenceEvent | null;
  readonly unconfirmed: Debit | null;
  readonly settled: Debit | null;
}
