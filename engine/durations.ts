/**
 * Every time that faregate waits, keeps or allows, in one place, beside the bounds on sizes and
 * counts (`limits.ts`).
 */

/** A station writes down which cards and issuers it knows this often, and when it stops. */
export const CARD_LIST_KEEP_MS = 60 * 60 * 1000;
/** The promise to the rider, from the card's detection to the barrier. */
export const TAP_DEADLINE_MS = 300;
/** The same of bank cards, whose RSA signature alone takes a third of it. */
export const BANK_TAP_DEADLINE_MS = 500;
/** Kept of it for the last record, which is on the card by then. */
export const BANK_DEBIT_RESERVE_MS = 30;
/** A bank card proves itself by a purchase of nothing in so long, its signature's time among it. */
export const BANK_PROOF_MS = 250;
/** Kept of the deadline for the card's own work on DEBIT: later than this, the tap is given up. */
export const TAP_DEBIT_RESERVE_MS = 60;
/** A rider who comes back within this time after a torn debit goes through on its proof. */
export const TAP_RECOVERY_WINDOW_MS = 10 * 60 * 1000;
/** The wall clock may leave the monotonic one by so much between two looks; more is a jump. */
export const CLOCK_JUMP_MS = 1000;
/** A clock further off the engine's than this is wrong. */
export const CLOCK_OFF_MS = 2000;
/** How long a comparison with the engine's clock is fresh. */
export const CLOCK_FRESH_MS = 10 * 60 * 1000;
/** Shift counters are made durable this often at most, and with them records let go. */
export const SHIFT_KEEP_MS = 10_000;
/** The longest journey that an emergency or a failure of trains is held to have cut off. */
export const MODE_JOURNEY_MS_MAX = 6 * 60 * 60 * 1000;
/** How long after a mode ended the cards it affected are treated as its rule says. */
export const MODE_HISTORY_MS = 7 * 24 * 60 * 60 * 1000;
/** How long after its entry an expired card still takes its rider out. */
export const EXPIRED_EXIT_MS_MAX = 24 * 60 * 60 * 1000;
/** An entry waits at least so long for its exit, however soon after it the service day ends. */
export const ACCOUNT_ENTRY_WAITS_MS = 6 * 60 * 60 * 1000;
/** Final records wait this long for a sync to share, then the journal starts one for them. */
export const JOURNAL_CLOSE_SYNC_MS = 100;
/** The same for an acknowledgement, whose loss only sends records again. */
export const JOURNAL_ACKNOWLEDGE_SYNC_MS = 1000;
/** A TLS handshake, from connection to the gate's certificate. */
export const HANDSHAKE_MS_MAX = 10_000;
/** How often at most an engine looks whether its list of gates or its parameter sets changed. */
export const FILES_LOOK_MS = 20;
/** Silence after which the engine drops a connection; gates speak every HEARTBEAT_MS. */
export const UPLOAD_IDLE_MS_MAX = 30_000;
/** A gate with nothing to upload sends its status this often. */
export const HEARTBEAT_MS = 1000;
/** How often an uplink looks at its journal, and how long records gather that fill no batch. */
export const UPLINK_POLL_MS = 100;
export const UPLINK_GATHER_MS = 500;
/** How long a gate waits for an acknowledgement before it connects anew. */
export const UPLINK_ANSWER_MS_MAX = 30_000;
/** First and longest pause between a gate's attempts to connect. */
export const UPLINK_PAUSE_MS_MIN = 200;
export const UPLINK_PAUSE_MS_MAX = 30_000;
/** A connection to a reader over the network, or to the PC/SC service. */
export const READER_CONNECT_MS_MAX = 2000;
/** A reader's acknowledgement, beside the time its command travels. */
export const READER_ACK_MS_MAX = 200;
/** A reader's or a card's answer. A tap's own deadline is shorter, but a debit's answer counts. */
export const READER_ANSWER_MS_MAX = 2000;
/** Silence in the middle of a frame after which it counts as cut off. */
export const READER_GAP_MS = 30;
/** Pause between two looks for a card. */
export const READER_POLL_MS = 20;
/** First and longest pause between attempts to find a reader that has gone. */
export const READER_PAUSE_MS_MIN = 100;
export const READER_PAUSE_MS_MAX = 5000;
/** A gate looks this often whether its kernel is to take something else than it was told. */
export const KERNEL_LOOK_MS = 200;
/** What a kernel was told holds so long, for it has a date and a time in it. */
export const KERNEL_RENEW_MS = 60_000;
/** An outcome that came too late and could not be recorded is tried again after this. */
export const KERNEL_LATE_PAUSE_MS = 1000;
/** Silence after which a kernel is asked whether it is still there. */
export const KERNEL_PING_MS = 5000;
/** A change in a PC/SC reader is waited for this long before the service is asked anew. */
export const PCSC_WAIT_MS = 1000;
/** Within this time pcscd, which looks every 400 ms, notices that a card has gone. */
export const PCSC_LOOK_MS = 500;
/** The dashboard's state is built anew at most this often. */
export const STATE_REFRESH_MS = 250;
/** An HTTP request must have arrived whole within this time. */
export const HTTP_REQUEST_MS = 10_000;
/** An authorised order without a TAC counts as unknown after this. */
export const LOAD_UNKNOWN_AFTER_MS = 5 * 60_000;
/** A funded order that nobody puts on its card is refunded after this. */
export const LOAD_REFUND_AFTER_MS = 24 * 3_600_000;
/** An order that nobody pays for is cancelled after this. */
export const LOAD_CANCEL_AFTER_MS = 24 * 3_600_000;
/** A balance read this long ago still is that of a card in the clerk's hand. */
export const CARD_SEEN_FRESH_MS = 10 * 60_000;
/** How long a load machine waits for the engine's answer. */
export const LOAD_ANSWER_MS_MAX = 10_000;
/** How long a station waits for the SAM in a slot at its start. */
export const SAM_WAIT_MS_MAX = 5000;
/** Pause after a piece while records wait to be uploaded: at most 1 MiB/s of parameters then. */
export const PARAMETER_PAUSE_MS = 64;
/** How often a gate asks an engine that has told it of nothing newer. */
export const PARAMETER_ASK_MS = 30_000;
/** First and longest pause before a set is asked for again that did not arrive whole. */
export const PARAMETER_RETRY_MS_MIN = 1000;
export const PARAMETER_RETRY_MS_MAX = 10 * 60 * 1000;
/** A set is made ready in memory this long before its instant. */
export const PARAMETER_LEAD_MS = 30_000;
/** The instant of the next set is looked for this often, so that a clock that jumps is seen. */
export const PARAMETER_LOOK_MS = 1000;
/** A service day of bank cards is closed this long after its end: gates upload late. */
export const OPEN_LOOP_GRACE_MS = 6 * 60 * 60 * 1000;
/** After this a ride without an exit is over by every rule. */
export const OPEN_LOOP_RIDE_OVER_MS = 3 * 24 * 60 * 60 * 1000;
