/** Bounds of card accounts and loads, beside all others in `engine/limits.ts`. */

/** Id of a load order, as the caller makes it; and a reference of a bank, a till or a holder. */
export const LOAD_ORDER_ID_LENGTH_MAX = 32;
export const CARD_REFERENCE_LENGTH_MAX = 64;
/** Attempts at one order, each another reading of its card. */
export const LOAD_ATTEMPTS_MAX = 64;
/** The random amount of a look, which a card takes as one to load: up to 99.99. */
export const LOAD_LOOK_AMOUNT_MAX = 9999;
/** An authorised order without a TAC counts as unknown after this. */
export const LOAD_UNKNOWN_AFTER_MS = 5 * 60_000;
/** A funded order that nobody puts on its card is refunded after this. */
export const LOAD_REFUND_AFTER_MS = 24 * 3_600_000;
/** An order that nobody pays for is cancelled after this. */
export const LOAD_CANCEL_AFTER_MS = 24 * 3_600_000;
/** A balance read this long ago still is that of a card in the clerk's hand. */
export const CARD_SEEN_FRESH_MS = 10 * 60_000;
/** Days until the debits of a stopped card have arrived from every gate. */
export const CARD_SETTLING_DAYS = 7;
/** Limits of an issuer that sets none: 1,000 yuan a purse, as Ningbo's. */
export const LOAD_LIMIT_MINOR = 100_000;
/** One request of a load machine, and its answer. */
export const LOAD_MESSAGE_BYTES_MAX = 4096;
/** Load machines connected to one engine. */
export const LOAD_MACHINES_MAX = 4096;
/** How often a load machine asks the engine before it gives up. */
export const LOAD_HOST_TRIES = 3;
/** How long a load machine waits for the engine's answer. */
export const LOAD_ANSWER_MS_MAX = 10_000;
/** A bank's statement of payments for orders, and its rows. */
export const BANK_STATEMENT_BYTES_MAX = 256 * 1024 * 1024;
