/**
 * Every bound of faregate in one place, but for cards' own (`card-limits.ts`): sizes, depths and
 * counts. A structure that could grow takes its bound from here, so that reading this page tells
 * what the worst case is.
 */
import assert from 'node:assert/strict';
import { APDU_RESPONSE_BYTES_MAX } from './card-limits.ts';

/** A profile file read from disk. */
export const PROFILE_FILE_BYTES_MAX = 64 * 1024;
/** A key file, sealed or in clear: as many keys of every use as it may have, each named in full. */
export const KEY_FILE_BYTES_MAX = 256 * 1024;
/** Master keys of one use a key ring holds (indexes, versions and issuers). */
export const KEYS_PER_USE_MAX = 256;
/** Cards whose keys a station keeps, a morning's riders in 4.7 MB; and the most it may be told. */
export const CARD_KEYS_STATION = 16_384;
export const CARD_KEYS_STATION_MAX = 1_048_576;
/** Card keys derived ahead in one go: some 50 us, which a tap may have to wait. */
export const CARD_KEYS_SLICE = 32;
/** A passphrase that opens a key file. */
export const PASSPHRASE_BYTES_MAX = 1024;
/** Largest and smallest cost of scrypt a sealed key file may ask for, as log2 N (r 8): 128 MiB. */
export const KEY_FILE_SCRYPT_LOG2N_MAX = 17;
export const KEY_FILE_SCRYPT_LOG2N_MIN = 10;

/** Events of a gate that wait for a tap to end or for room in the journal. */
export const EVENTS_WAITING_MAX = 64;
/** Records after which a gate closes its shift, and the most the engine compares of one. */
export const SHIFT_RECORDS_MAX = 100_000;
/** Records read from the journal at a time to be counted. */
export const SHIFT_READ_RECORDS = 256;
/** How often a station looks at its clock, its shifts and what waits for its journals. */
export const STATION_LOOK_MS = 1000;
/** Gates it looks at in one turn of its event loop. */
export const STATION_LOOK_GATES = 8;
export const SHIFT_SPAN_MAX = 2 * SHIFT_RECORDS_MAX;
/** Ranges of missing sequences that are named of one shift. */
export const SHIFT_GAPS_MAX = 20;
/** Periods of modes one gate knows, of all stations: 400 stations at ten a week. */
export const MODE_PERIODS_MAX = 4096;
/** Cards whose debit awaits its proof, per station. */
export const UNCONFIRMED_MAX = 10_000;
/** The same, of one gate, in its file: 176 KB. */
export const UNCONFIRMED_PER_GATE_MAX = 1000;

/** Stations in one fare set: the matrix of one rider class then takes 4 MiB. */
export const FARE_STATIONS_MAX = 1024;
/** Rider classes in one fare set. */
export const FARE_RIDERS_MAX = 32;
/** Fare versions held by one gate: the one in force, the next, and some history. */
export const FARE_VERSIONS_MAX = 8;
/** Metres of a link between two stations: 1,023 of them in a row are still a 32-bit number. */
export const FARE_LINK_METRES_MAX = 2_000_000;
/** Metres of any other distance of a tariff. */
export const FARE_METRES_MAX = 100_000_000;
/** A fare matrix CSV: 1,024 stations squared at some 100 bytes a row. */
export const FARE_CSV_BYTES_MAX = 256 * 1024 * 1024;
/** One row of it; what is longer is an open quote. */
export const FARE_CSV_ROW_BYTES_MAX = 64 * 1024;
/** One fare, in minor units: what a 32-bit matrix cell holds. */
export const FARE_AMOUNT_MINOR_MAX = 0x7fff_ffff;
/** Characters of a station's id or name and of a rider class. */
export const FARE_NAME_LENGTH_MAX = 200;
/** The document of a fare set: 1,024 stations with their names. */
export const FARE_DOCUMENT_BYTES_MAX = 4 * 1024 * 1024;
/** Findings of one GTFS feed's check that are named before they only count. */
export const GTFS_FINDINGS_MAX = 10_000;
/** A GTFS feed as a zip file, and one of its files that fares read, unpacked. */
export const GTFS_ZIP_BYTES_MAX = 512 * 1024 * 1024;
export const GTFS_FILE_BYTES_MAX = 64 * 1024 * 1024;
/** The files of a feed that fares read, together; and how many entries a zip may list. */
export const GTFS_FEED_BYTES_MAX = 128 * 1024 * 1024;
export const GTFS_ENTRIES_MAX = 10_000;
/** Rows of one file of a feed. */
export const GTFS_ROWS_MAX = 2_000_000;
/** Prices of a feed: products, for each rider category and fare medium. Sixteen bytes each. */
export const GTFS_PRICES_MAX = 4_000_000;
/** Networks by boarding by alighting areas of which lists of leg rules are made ahead. */
export const GTFS_LEG_CELLS_MAX = 1024 * 1024;
/** Days between the first and the last day of services that timeframes name: two hundred years. */
export const GTFS_DAYS_MAX = 73_050;

/** Prices that `fares diff` works out over two feeds: those of stops that rules tell apart. */
export const FARE_DIFF_PRICES_MAX = 2_000_000;
/** A file of journeys that two versions are compared over. */
export const FARE_DIFF_JOURNEYS_BYTES_MAX = 256 * 1024 * 1024;

/** Minutes of a rule of fares, and days of a cap's span: a week, three months. */
export const FARE_MINUTES_MAX = 10_080;
/** Products of a fare set, steps of one of them, and days that one stay is priced for. */
export const FARE_PRODUCTS_MAX = 256;
export const FARE_PRODUCT_STEPS_MAX = 64;
export const FARE_STAY_DAYS_MAX = 366;
export const FARE_WINDOW_DAYS_MAX = 92;
/** Days since 1970 whose daylight saving an operator's calendar knows: 2000 to 2099. */
export const FARE_CALENDAR_DAYS: { readonly first: number; readonly last: number } = {
  first: 10_957,
  last: 47_482,
};
/** Networks and transfer rows that six bytes of a card's journey record can name. */
export const CARD_NETWORKS_MAX = 14;
export const CARD_TRANSFERS_MAX = 15;
/** Rides that a rule of fares counts: those of a cap, a bundle, a journey. */
export const FARE_RIDES_MAX = 10_000;
/** Taps of one account that are priced together: a quarter at a hundred a day. */
export const ACCOUNT_TAPS_MAX = 10_000;
/** Taps of all accounts that one run of `account` holds: some 300 bytes each. */
export const ACCOUNT_INPUT_TAPS_MAX = 5_000_000;
/** Passes that one account holds. */
export const ACCOUNT_PASSES_MAX = 64;
/** A file of switches, and one of settled accounts. */
export const SWITCHES_BYTES_MAX = 1024 * 1024;
export const SETTLED_BYTES_MAX = 256 * 1024 * 1024;
/** Lowest and highest fares of stops that a GTFS fare version keeps: some 100 bytes each. */
export const FARE_EXTREMES_KEPT = 20_000;

/** Legs of one journey to be quoted. */
export const JOURNEY_LEGS_MAX = 64;
/** Stops that one leg of it passes. */
export const JOURNEY_VIA_MAX = 256;
/** One journey to be quoted, as a line of JSON. */
export const JOURNEY_LINE_BYTES_MAX = 64 * 1024;

/** Bytes of one journal segment file, preallocated. */
export const JOURNAL_SEGMENT_BYTES = 1024 * 1024;
/** Segments of one gate's journal: with 1 MiB segments 128 MiB, some 300,000 taps. */
export const JOURNAL_SEGMENTS_MAX = 128;
/** Payload of one journal frame. */
export const JOURNAL_FRAME_BYTES_MAX = 4096;
/** Intents without a final record one journal holds, in memory and in room kept for their ends. */
export const JOURNAL_OPEN_MAX = 1024;
/** Records of one tap: a debit, its evidence, and the settlement of an earlier one. */
export const JOURNAL_TAP_RECORDS = 3;
/** Final records a journal keeps in memory for the uplink, besides the disk: 10 KiB. */
export const JOURNAL_RECENT_RECORDS = 64;
/** Records whose seals are opened before taps have their turn: some 0.1 ms. */
export const JOURNAL_READ_SLICE_RECORDS = 32;
/** One read of a segment while records are fetched for the uplink. */
export const JOURNAL_READ_BYTES = 64 * 1024;

/** Debit records in one uploaded batch. */
export const BATCH_RECORDS_MAX = 4096;
/** One frame between gate and engine. */
export const FRAME_BYTES_MAX = 1024 * 1024;
/** Frames a connection may have waiting in the engine before it stops reading the socket. */
export const FRAMES_WAITING_PER_GATE_MAX = 4;
/** Gates connected to one engine. */
export const GATES_MAX = 20_000;

/** Nesting of a message between gate and engine; a status with its histograms uses four. */
export const WIRE_DEPTH_MAX = 6;
/** Values in one message: two full histograms are some 3,600. */
export const WIRE_ITEMS_MAX = 8192;
/** Texts of a message: names of stations, reasons of a refusal. */
export const WIRE_TEXT_LENGTH_MAX = 500;
/** Names in one map of a message: denials by reason, outcomes. */
export const WIRE_NAMES_MAX = 64;
/** Frames of all gates together that the engine holds before it stops reading any socket. */
export const INGEST_BYTES_MAX = 64 * 1024 * 1024;
/** Records checked for their TACs at a time, copied into the bitsliced cipher's memory: 160 KiB. */
export const TAC_CHUNK_RECORDS = 1024;
/** TACs of one key from which 128 bitsliced lanes pay, however many of them stay empty. */
export const TAC_LANES_MIN = 12;
/** The same of card keys to derive, which are less work. */
export const CARD_KEY_LANES_MIN = 24;
/** Records a gate puts in one batch: 80 KiB. */
export const UPLINK_BATCH_RECORDS = 512;
/** Batches a gate has sent and not yet seen acknowledged. */
export const UPLINK_WINDOW = 2;
/** Answers a gate holds before it stops reading the engine's socket. */
export const UPLINK_ANSWERS_WAITING_MAX = 16;
/** Handshakes a station makes at a time: some 3 ms of computing each, here and at the engine. */
export const UPLINK_HANDSHAKES_MAX = 4;
/** Priority of a gate's taps, as `nice` has it, where the system lets the process. */
export const GATE_NICE = -10;
/** Priority of the uplinks' thread, below that of the taps. */
export const UPLINK_THREAD_NICE = 10;
/** Turns to upload that wait in one station. */
export const STATION_TURNS_WAITING_MAX = 1024;
/** The registry of enrolled gates: 20,000 gates at some 300 bytes. */
export const GATES_FILE_BYTES_MAX = 16 * 1024 * 1024;
/** A certificate signing request, in PEM. */
export const CSR_BYTES_MAX = 16 * 1024;

/** Virtual cards that wait at one virtual reader. */
export const READER_CARDS_WAITING_MAX = 256;
/** A card program's frame: the longest short response, under the vpcd protocol's length. */
export const CARD_FRAME_BYTES_MAX = APDU_RESPONSE_BYTES_MAX;
/** D4 or D5 and what follows it in one frame of a PN532. */
export const PN532_PAYLOAD_BYTES_MAX = 265;
/** Data of one message of an ACR122: the longest answer of its PN532, and the status word. */
export const ACR122_DATA_BYTES_MAX = PN532_PAYLOAD_BYTES_MAX + 2;
/** How often a command or an answer is sent before the reader counts as silent. */
export const READER_TRIES = 3;
/** Looks that find nothing, one after the other, before the field counts as empty. */
export const READER_EMPTY_LOOKS = 2;
/** Exceptions the dashboard lists. */
export const DASHBOARD_EXCEPTIONS_MAX = 12;
/** Gates of one station that upload at the same time. */
export const UPLINKS_AT_ONCE_MAX = 8;
/** Of these, gates that read their journal at a time: Node has four threads for all files. */
export const UPLINK_READS_MAX = 1;
/** A line of a barrier's own counter, and people it can speak of. */
export const PASSAGE_LINE_BYTES_MAX = 1024;
export const PASSAGE_PEOPLE_MAX = 100_000;
/** Exceptions one API page returns. */
export const EXCEPTIONS_PAGE_MAX = 200;
/** Gates the dashboard draws, those in trouble first; `/api/gates` lists them all. */
export const DASHBOARD_GATES_MAX = 240;
/** HTTP connections of dashboards, scripts and scrapers at a time. */
export const HTTP_CONNECTIONS_MAX = 512;
/** Address space mapped for the ledger's file at first: 500 million debits; lmdb adds more. */
export const LEDGER_MAP_BYTES = 64 * 1024 * 1024 * 1024;
/** Records posted in one transaction of the ledger, save for the batch that passes it. */
export const LEDGER_GROUP_RECORDS_MAX = 8192;
/** Batches that wait for a transaction; a gate's connection has one at a time. */
export const LEDGER_POSTS_WAITING_MAX = 2 * GATES_MAX;
/**
 * Debits between two saved segments of heads; a start goes through at most 1,024 times as many,
 * some ten seconds. With ten million cards a segment is half a megabyte: at half as many debits
 * that was 62 bytes a debit beside some 100 of its block.
 */
export const LEDGER_CHECKPOINT_ROWS = 16_384;
/** Blocks of the ledger kept at hand for late arrivals and cards' totals. */
export const LEDGER_BLOCK_CACHE_BYTES = 64 * 1024 * 1024;
/** Purses that `ledger check` follows in one pass over the blocks, at some 110 bytes each. */
export const LEDGER_CHECK_PURSES_MAX = 8_000_000;
/** Links out of order that it holds in one pass, at some 60 bytes each while they are sorted. */
export const LEDGER_CHECK_LINKS_MAX = 8_000_000;
/** Parts of all cards that `ledger taps` is asked for one by one. */
export const LEDGER_SHARDS_MAX = 4096;
/** Issuers' cryptogram keys in one key file. */
export const CRYPTOGRAM_KEYS_MAX = 512;
/** Counters of a bank card looked at above an unconfirmed debit until one tells the balance. */
export const LEDGER_BANK_LOOK_MAX = 16;
/**
 * Postings of a pending debit beyond which nothing more is presumed about it: a row counts up to
 * 255, and its settlement needs some. Only made-up records change one so often.
 */
export const LEDGER_PRESUMED_POSTINGS_MAX = 250;
/** Pending debits of one counter of a purse beyond which nothing more is presumed about them. */
export const LEDGER_RIVALS_MAX = 128;
/** Sightings at one counter of a purse that are heard, the first by gate and sequence. */
export const LEDGER_SIGHTINGS_MAX = 128;
/** Rows of debits read at a time by who goes through all of them. */
export const LEDGER_PAGE_ROWS = 1024;
/** Claims of a clearing run marked in one transaction. */
export const CLEARING_MARKS_MAX = 4096;
/** Disagreements `ledger check` and `openloop check` name before they only count them. */
export const LEDGER_FINDINGS_MAX = 20;
/** Gaps `ledger check` names before it only counts them. */
export const LEDGER_GAPS_MAX = 100;

/** Single cards on one denylist; a file of so many is 128 MB. */
export const DENYLIST_ENTRIES_MAX = 16_000_000;
/** Ranges of card numbers stopped as a whole. */
export const DENYLIST_RANGES_MAX = 1024;
/** Cards one delta adds, and cards it removes; more is a new list. */
export const DENYLIST_CHANGES_MAX = 200_000;
/** Deltas a gate keeps on one full list before it asks for a new one. */
export const DENYLIST_DELTAS_MAX = 1024;
/** Changes a list holds beside its table before a new one is made: fast form, small form. */
export const DENYLIST_SIDE_FAST = 131_072;
export const DENYLIST_SIDE_SMALL = 32_768;
/** Keys handled before other work has its turn while a table is made: some 0.2 ms. */
export const DENYLIST_SLICE_KEYS = 8192;
/** One line of a file of stopped cards. */
export const DENYLIST_LINE_BYTES_MAX = 4096;
/** Cards of a list hashed in line before it is worth starting threads, which take some 0.3 s. */
export const CARD_HASHES_IN_LINE_MAX = 262_144;
/** Batches of card numbers hashed while a file of stopped cards is read: half a megabyte each. */
export const DENYLIST_BATCHES_MAX = 8;

/** Each of the two files of a station's shared log: at 1,000 taps a second full in 40 s. */
export const SHARED_LOG_FILE_BYTES = 16 * 1024 * 1024;
export const SHARED_LOG_FILE_BYTES_MAX = 256 * 1024 * 1024;
/** What one sync of it makes durable. */
export const SHARED_LOG_BATCH_BYTES_MAX = 256 * 1024;
/** Bytes of one file that are in the log and kept in memory for one write to the file. */
export const SHARED_DISK_PENDING_BYTES_MAX = 32 * 1024;

/** Id of a load order, as the caller makes it; and a reference of a bank, a till or a holder. */
export const LOAD_ORDER_ID_LENGTH_MAX = 32;
export const CARD_REFERENCE_LENGTH_MAX = 64;
/** Attempts at one order, each another reading of its card. */
export const LOAD_ATTEMPTS_MAX = 64;
/** The random amount of a look, which a card takes as one to load: up to 99.99. */
export const LOAD_LOOK_AMOUNT_MAX = 9999;
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
/** Settlement runs that may overtake another before it gives up. */
export const SETTLEMENT_TRIES_MAX = 5;
/** Readings of cards and ledger for one look at the floats while an engine posts. */
export const FLOAT_READINGS_MAX = 5;
/** Operators in `cards.json`, and beginnings of gate ids that one of them has. */
export const OPERATORS_MAX = 256;
export const OPERATOR_GATES_MAX = 4096;
/** Unpaid taps of a bank card above which it is stopped, and days until its debt is given up. */
export const OPEN_LOOP_RISK_LIMIT_MINOR = 20_000;
export const OPEN_LOOP_DEBT_DAYS = 90;
/** Further attempts at a declined charge that a policy may have. */
export const OPEN_LOOP_RETRIES_MAX = 16;
/** Cards priced or closed in one transaction. */
export const OPEN_LOOP_CARDS_AT_ONCE = 64;
/** Entries of one file to the acquirer; the others wait for the next. */
export const OPEN_LOOP_RUN_ENTRIES_MAX = 100_000;
/** Taps of a day whose evidence is looked at for a cryptogram. */
export const OPEN_LOOP_PROOFS_TRIED = 8;
/** A file of the acquirer's results, and lines of it that are taken in one transaction. */
export const OPEN_LOOP_RESULTS_BYTES_MAX = 256 * 1024 * 1024;
export const OPEN_LOOP_RESULTS_AT_ONCE = 256;
/** Taps above which a card's history begins anew, and days tried for it. */
export const OPEN_LOOP_HISTORY_TAPS = 5000;
export const OPEN_LOOP_HISTORY_TRIES = 31;
/** A bank's statement of payments for orders, and its rows. */
export const BANK_STATEMENT_BYTES_MAX = 256 * 1024 * 1024;

assert(JOURNAL_FRAME_BYTES_MAX * 16 <= JOURNAL_SEGMENT_BYTES, 'a segment holds many frames');

/** Gates of one station process. */
export const STATION_GATES_MAX = 512;
/** The configuration of a station: 512 gates at some 500 bytes. */
export const GATE_CONFIG_BYTES_MAX = 1024 * 1024;
/** An order to a station's control: a full history at some 100 bytes a period. */
export const CONTROL_BODY_BYTES_MAX = 1024 * 1024;
/** How long `faregate-gate mode` waits for the station. */
export const CONTROL_ANSWER_MS_MAX = 5000;
export const CONTROL_TOKEN_LENGTH_MIN = 16;
export const CONTROL_TOKEN_BYTES_MAX = 4096;
/** Connections to a station's health and metrics. */
export const HEALTH_CONNECTIONS_MAX = 32;

/** Worker threads of a crypto pool; more cores than that have other work. */
export const POOL_WORKERS_MAX = 64;
/** Batches handed to a worker thread: the one it works on and the next. */
export const POOL_BATCHES_PER_WORKER = 2;
/** Batches that wait in a crypto pool, and the bytes of their items, before callers are refused. */
export const POOL_JOBS_MAX = 1024;
export const POOL_BYTES_MAX = 64 * 1024 * 1024;
/** Items and results of one batch, and so a block of shared memory: 8,192 debit records fit. */
export const POOL_JOB_BYTES_MAX = 2 * 1024 * 1024;
/** How often a batch is begun whose worker died or threw, before its caller is told. */
export const POOL_ATTEMPTS_MAX = 3;
/** Heap of a worker thread; a job that needs more loses its worker, not the process. */
export const POOL_WORKER_HEAP_MB = 128;
/** TACs, card keys and card hashes from which handing them over costs less than doing them. */
export const POOL_TACS_MIN = 512;
export const POOL_CARD_KEYS_MIN = 512;
export const POOL_CARD_HASHES_MIN = 256;

/** Number of a parameter set: 24 bits of every debit record name the one in force. */
export const PARAMETERS_VERSION_MAX: number = 2 ** 24 - 1;
/** A signed manifest: 256 items and 4,096 gates named one by one. */
export const MANIFEST_BYTES_MAX = 256 * 1024;
export const MANIFEST_GATES_MAX = 4096;
export const PARAMETER_ITEMS_MAX = 256;
/** One item, a fare matrix or a full denylist; and all items of one set. */
export const PARAMETER_ITEM_BYTES_MAX = 160 * 1024 * 1024;
export const PARAMETER_SET_BYTES_MAX = 512 * 1024 * 1024;
/** Items other than fares and lists: a few lines of JSON. */
export const PARAMETER_TEXT_BYTES_MAX = 64 * 1024;
/** Sets an engine publishes beside each other. */
export const PARAMETER_SETS_MAX = 1024;
/** Sets a gate holds: in force, the one before, and those whose instant is to come. */
export const PARAMETER_SETS_HELD_MAX = 8;
/** What an engine sends of an item at a time, and a gate asks for. */
export const PARAMETER_PIECE_BYTES = 64 * 1024;
/** A download's progress is made durable this often; so much is fetched again after a power cut. */
export const PARAMETER_SYNC_BYTES = 1024 * 1024;
/** Degraded modes one set puts a station in. */
export const PARAMETER_MODES_MAX = 16;
/** Faults of parameters that a gate remembers for its status. */
export const PARAMETER_FAULTS_MAX = 8;

/** Buffers that an engine keeps for the next uploads: those of some 200 batches. */
export const BYTE_POOL_KEPT_BYTES_MAX = 64 * 1024 * 1024;
/**
 * How far the heap of an engine or a gate, and the buffers behind it, may grow above what lives
 * before all of it is gone through: this many hundredths of what lives, some 100 MB.
 */
export const HEAP_GROWTH_PERCENT = 400;
