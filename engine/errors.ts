/**
 * Operating errors: disk, network, configuration, bad files. One class, one table of codes. What a
 * rider, a card or a rule can cause is a value (`engine/tap/reasons.ts`), and our own mistakes are
 * assertions; neither belongs here. `docs/errors.md` lists the same codes (kept equal by a test).
 */

/** Code -> what it means and what to do. */
export const errorCodes = {
  USAGE: 'The command line is wrong. See --help.',
  CONFIG_INVALID: 'The configuration does not fit its schema. Correct the field named.',
  FILE_UNREADABLE: 'A file could not be read. Check that it exists and its permissions.',
  FILE_UNWRITABLE: 'A file could not be written. Check the folder and its permissions.',
  PROFILE_INVALID: 'The scheme profile does not fit its schema. Correct the field named.',
  KEYS_INVALID: 'The clear key file does not fit its schema. Correct the field named.',
  KEYS_REFUSED: 'The sealed key file did not open: wrong passphrase, or the file was changed.',
  KEYS_MISSING: 'No key of that use, index and version. Import it with `faregate-engine keys`.',
  CA_KEYS_INVALID:
    'The file of CA keys does not fit its schema or its hashes. Correct the key named.',
  FARES_CSV_INVALID: 'The fare table is malformed. Correct the line and column named.',
  FARES_INVALID: 'The fare set is incomplete or was changed. Import it again.',
  FARES_GTFS_INVALID:
    'The GTFS feed has errors, or cannot be read. Correct the file, line and field named.',
  FARES_UNKNOWN_STATION: 'The fare set has no such station.',
  FARES_UNKNOWN_RIDER: 'The fare set has no such rider class.',
  FARES_UNKNOWN_MEDIA: 'The fare set has no such fare medium.',
  FARES_UNKNOWN_NETWORK: 'The fare set has no such network or route.',
  FARES_UNKNOWN_FARE: 'No rule of the fare set prices the journey.',
  FARES_NO_DISTANCE: 'The fare set has no distances, which a rule prices by. Import a tariff.',
  FARES_NO_VERSION: 'No fare version is in force at that instant.',
  MODE_INVALID: 'A mode is unknown, or does not combine with another. Correct the one named.',
  CONTROL_FAILED:
    'The station could not be asked, or could not write down what it was told. It may be in force.',
  JOURNEY_INVALID: 'The journey is malformed. Correct the field named.',
  TAP_INVALID: 'The tap is malformed, or one too many. Correct the line and field named.',
  FARES_UNKNOWN_PASS: 'The fare set has no such pass.',
  FARES_UNKNOWN_PRODUCT: 'The fare set has no such product.',
  SALE_INVALID: 'The sale does not fit its product. Correct what is named.',
  JOURNAL_FULL: 'The journal holds as many unacknowledged debits as it may. Restore the uplink.',
  JOURNAL_CORRUPT: 'A journal segment is damaged beyond its tail. Keep the file for the operator.',
  JOURNAL_REFUSED: 'The journal is of another gate, key or version. Nothing in it was changed.',
  JOURNAL_IN_USE: 'Another process has this journal open. Stop it first.',
  DISK_FULL: 'The disk is full. Free space; nothing was written over.',
  DISK_FAILED: 'The disk failed a write or a sync. The process stops and reads what is there.',
  PORT_IN_USE: 'Another program listens on that port. Choose another by the option or field named.',
  READER_FAILED: 'The reader could not be opened or stopped answering.',
  SAM_FAILED:
    'The SAM is missing, is another one, or stopped answering. Check its slot and its id.',
  CARD_STATE_INVALID: 'The file of a virtual card is damaged. Remove it to issue the card again.',
  GATE_REFUSED: 'The engine refused this gate: certificate missing, unknown or revoked.',
  UPLINK_FAILED: 'The engine could not be reached. Debits stay in the journal and are retried.',
  UPLOAD_MALFORMED: 'A frame or batch is not well-formed. Nothing of it was posted.',
  UPLOAD_TOO_LARGE: 'A frame or batch is over its bound. Nothing of it was posted.',
  ENROLMENT_REFUSED: 'The gate cannot be enrolled as asked.',
  LEDGER_BROKEN: 'The ledger does not add up. The entries named disagree.',
  SELF_TEST_FAILED:
    'The gate found something wrong before it opened. See `faregate-gate run --check`.',
  PROCESS_ENDED: 'A process of the demo ended by itself; what it said stands before this line.',
  STORE_FAILED: 'The ledger store failed. Nothing was acknowledged.',
  CARD_REFUSED:
    'The card or the order does not allow it; nothing was changed. See docs/card-life.md.',
  CARDS_MISSING:
    'The folder has no card accounts. `cards issue`, `cards reconcile` or `cards serve` makes them.',
  CARDS_BROKEN: 'The card accounts do not add up. What disagrees is named.',
  OPEN_LOOP_REFUSED: 'The books do not allow it; nothing was changed. See docs/open-loop.md.',
  OPEN_LOOP_RESULTS_INVALID:
    "The acquirer's file is malformed; nothing of it was taken. Correct the line and field named.",
  OPEN_LOOP_BROKEN: 'The open-loop books do not add up. What disagrees is named.',
  DENYLIST_CARDS_INVALID: 'The file of stopped cards is malformed. Correct the line named.',
  DENYLIST_REFUSED: 'The denylist is damaged, foreign or too large. The one in force stays.',
  DENYLIST_GAP: 'The delta builds on another list. Apply those between, or a full list.',
  PARAMETERS_REFUSED:
    'The parameter set is damaged, foreign or does not fit. The one in force stays.',
  POOL_FULL: 'The crypto pool holds as many batches as it may. Send fewer at a time, or later.',
  POOL_FAILED: 'A batch failed each time a worker thread began it. The cause is in the message.',
  POOL_CLOSED: 'The crypto pool was closed. The batch was not done.',
} as const;

export type ErrorCode = keyof typeof errorCodes;

/** An operating error. `message` names the file, line, field or peer and says what is wrong. */
export class FaregateError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'FaregateError';
    this.code = code;
  }
}

/** The code of a system error (`ENOSPC`, `EADDRINUSE`, ...), or '' where there is none. */
export function systemCode(error: unknown): string {
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  return typeof code === 'string' ? code : '';
}

/** What system errors mean to whoever gave the path, address or port. */
const systemTexts: Readonly<Record<string, string>> = {
  ENOENT: 'no such file or folder',
  ENOTDIR: 'a file is where a folder should be',
  EISDIR: 'it is a folder, not a file',
  EEXIST: 'there is a file or folder of that name already',
  EACCES: 'this user has no right to it',
  EPERM: 'this user has no right to it',
  EROFS: 'the file system is read-only',
  ELOOP: 'a symbolic link leads back to itself',
  ENAMETOOLONG: 'the name is too long',
  ENOTEMPTY: 'the folder is not empty',
  ENOSPC: 'the disk is full',
  EDQUOT: "this user's share of the disk is full",
  EIO: 'the disk failed',
  EMFILE: 'this process has too many files open',
  ENFILE: 'the machine has too many files open',
  EADDRINUSE: 'another program listens there',
  EADDRNOTAVAIL: 'the address is none of this machine',
  ECONNREFUSED: 'nothing listens there',
  ECONNRESET: 'the other side broke the connection off',
  EHOSTUNREACH: 'no way leads to that machine',
  ENETUNREACH: 'no way leads to that network',
  ENOTFOUND: 'no machine of that name is known',
  EAI_AGAIN: 'the name could not be looked up now',
  ETIMEDOUT: 'no answer in time',
};

/** What went wrong, in words that end with the system's code; another error's own message. */
export function systemText(error: unknown): string {
  const code = systemCode(error);
  if (Object.hasOwn(systemTexts, code)) return `${systemTexts[code]} (${code})`;
  return error instanceof Error ? error.message : String(error);
}
