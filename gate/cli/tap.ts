/**
 * `faregate-gate tap`: one tap on any link and any card, showing every command, its answer and its
 * time, then the decision and the debit record. With `--amount` or `--product` a plain purchase,
 * else an entry or exit by a fare set. The bytes shown hold the card's number, of a bank card with
 * most digits hidden unless asked for: a tool for the bench, not a log.
 */

import { randomBytes, randomInt } from 'node:crypto';
import { existsSync } from 'node:fs';
import { fromHex, isHex, toHex } from '../../engine/bytes.ts';
import type { GatePlace } from '../../engine/card/journey-form.ts';
import { GateBuffers } from '../../engine/card/purse/command-buffers.ts';
import { compileProfile } from '../../engine/card/purse/compile.ts';
import type { Args, Command, Io } from '../../engine/cli/command.ts';
import { keySetFrom } from '../../engine/cli/key-file.ts';
import { instantOption } from '../../engine/cli/quote-product.ts';
import { AesKeyring } from '../../engine/crypto/aes-keyring.ts';
import { CryptogramKeyring } from '../../engine/crypto/cryptogram-keyring.ts';
import type { KeySet } from '../../engine/crypto/key-set.ts';
import { Keyring } from '../../engine/crypto/keyring.ts';
import { cmacKey } from '../../engine/crypto/mac.ts';
import { TacVerifier } from '../../engine/crypto/tac.ts';
import { Denylist } from '../../engine/denylist/denylist.ts';
import { FaregateError } from '../../engine/errors.ts';
import type { FareBook } from '../../engine/fare/fares.ts';
import { BankVerifier } from '../../engine/operator/bank-evidence.ts';
import { type DesfireScheme, DesfireVerifier } from '../../engine/operator/desfire-evidence.ts';
import { openDesfireProfile } from '../../engine/operator/desfire-files.ts';
import { openFares } from '../../engine/operator/fare-files.ts';
import { readHexKey } from '../../engine/operator/hex-key.ts';
import { isDesfireProfile, openProfile } from '../../engine/operator/profile-files.ts';
import { writeWhole } from '../../engine/pki/files.ts';
import { type ProductSale, sellProduct } from '../../engine/tap/product-sale.ts';
import { purchase } from '../../engine/tap/purchase.ts';
import { RecentTaps } from '../../engine/tap/recent-taps.ts';
import type { BankSetting, TapSetting } from '../../engine/tap/setting.ts';
import { tap } from '../../engine/tap/tap.ts';
import { Zone } from '../../engine/time.ts';
import { CountingBarrier } from '../barrier/barrier.ts';
import { systemClock } from '../clock.ts';
import { Gate } from '../controller.ts';
import { openJournal } from '../journal/journal.ts';
import { MemoryJournal } from '../journal/memory.ts';
import { openNodeDisk } from '../journal/node-disk.ts';
import type { Journal } from '../journal/port.ts';
import { openReader, readerLinks } from '../reader/open.ts';
import { type CardSession, noticeText, type Reader, type ReaderNotice } from '../reader/reader.ts';
import { KeyringHolder } from '../sam/keyring-holder.ts';
import { StationKeys } from '../sam/station-keys.ts';
import { openBankFile, requireOwnMoney } from '../service/bank.ts';
import { completeBank, type PlannedBank, UnpredictableNumbers } from '../station-bank.ts';
import { completeDesfire, StationDesfire } from '../station-desfire.ts';
import { UnconfirmedDebits } from '../unconfirmed.ts';
import { ownCard, ownCardLink } from './own-card.ts';
import { describeTap, printTap, type Verifiers } from './tap-report.ts';

const GATE_ID = 'BENCH';
/** A hand on the bench is slower than a rider, but the promise stays the default. */
const DEADLINE_MS_MAX = 60_000;
const WAIT_S_MAX = 86_400;
const AMOUNT_MAX = 0xffff_ffff;

export const tapCommand: Command = {
  name: 'tap',
  about: 'Does one tap on one card and shows all of it; exit code 0 if the gate would open.',
  options: {
    reader: {
      type: 'string',
      value: 'LINK',
      required: true,
      about: [ownCardLink, ...Object.keys(readerLinks)].join(', '),
    },
    profile: {
      type: 'string',
      value: 'NAME_OR_FILE',
      about: 'jrt0025, tunion, city-union, desfire-ev2, desfire-light, or a JSON file',
    },
    bank: {
      type: 'string',
      value: 'FILE',
      about:
        'bank cards, by the section `bank` of a station as a JSON file; after --profile if any',
    },
    keys: { type: 'string', value: 'FILE', required: true, about: 'sealed key file' },
    'passphrase-file': { type: 'string', value: 'FILE', about: 'passphrase of the key file' },
    amount: { type: 'string', value: 'MINOR', about: 'a plain purchase of this amount' },
    product: { type: 'string', value: 'ID', about: 'a plain purchase of a product of the fares' },
    entered: { type: 'string', value: 'INSTANT', about: 'entry, where it is priced by time' },
    fares: {
      type: 'string',
      value: 'DIR',
      about: 'fare set for an entry or exit (default: sample)',
    },
    station: { type: 'string', value: 'ID', about: 'station of the gate (default: the first)' },
    side: { type: 'string', value: 'SIDE', about: 'entry, exit or single (default entry)' },
    terminal: { type: 'string', value: 'HEX', about: 'terminal id, 6 bytes' },
    zone: { type: 'string', value: 'NAME', about: 'time zone (default Asia/Shanghai)' },
    journal: { type: 'string', value: 'DIR', about: 'keep debits here (default: in memory only)' },
    deadline: {
      type: 'string',
      value: 'MS',
      about: 'give up before DEBIT after this (default 300, bank cards 500)',
    },
    wait: { type: 'string', value: 'S', about: 'seconds to wait for a card (default 60)' },
    unmasked: { type: 'boolean', about: 'print numbers of bank cards and their track 2 in full' },
    json: { type: 'boolean', about: 'print one JSON object' },
  },
  run: tapOnce,
};

async function tapOnce(args: Args, io: Io): Promise<number> {
  const { profiles, desfire, bank } = await openFamilies(args);
  const keySet = await keySetFrom(args, io);
  const keyring = new Keyring(keySet.keys);
  const aesKeyring = new AesKeyring(keySet.aes);
  const fares = await openFares(args.text('fares') ?? 'sample');
  if (bank) requireOwnMoney(bank, fares, args.need('bank'), '/currency');
  const keys = new KeyringHolder(new StationKeys(keyring, 8));
  const aesKeys = new StationDesfire(aesKeyring).holder();
  const unconfirmed = new UnconfirmedDebits(systemClock);
  const amount = args.text('amount') === undefined ? null : args.whole('amount', 0, 0, AMOUNT_MAX);
  if ((amount !== null || args.text('product') !== undefined) && profiles.length === 0) {
    const message = '--amount and --product are for PBOC purses: other cards need a side';
    throw new FaregateError('USAGE', message);
  }
  const fixed = readSetting(args, fares);
  const planned = desfire && { profiles: [desfire] };
  const setting: TapSetting = {
    ...fixed,
    profiles,
    ...(planned ? { desfire: completeDesfire(planned, fixed.place, aesKeys) } : {}),
    ...(bank ? { bank: bankAt(bank, fixed.place) } : {}),
    denylist: Denylist.build(cmacKey(keySet.cardHash), []),
    buffers: new GateBuffers(fixed.place),
    findUnconfirmed: (cardNumber) => unconfirmed.find(cardNumber),
    prepareKey: (key) => keys.prepare(key),
  };
  const journal = await openTapJournal(args.text('journal'));
  const reader = await openLink(args.need('reader'), keySet, io);
  try {
    const gate = new Gate({
      gateId: GATE_ID,
      station: '',
      setting: () => setting,
      reader,
      keys,
      aesKeys,
      journal,
      barrier: new CountingBarrier(),
      unconfirmed,
      clock: systemClock,
      ...(args.text('deadline') === undefined
        ? {}
        : { deadlineMs: args.whole('deadline', 1, 1, DEADLINE_MS_MAX) }),
      keepBytes: true,
    });
    io.err(`${reader.name}: waiting for a card`);
    const card = await firstCard(reader, args.whole('wait', 60, 1, WAIT_S_MAX));
    const instantMs = Date.now();
    const sequence = journal.nextSequence;
    const sold = saleFrom(args, fares, instantMs, amount);
    const priceMinor = sold?.amountMinor ?? amount;
    const dialogue =
      priceMinor === null
        ? tap(setting, instantMs, sequence, card.uid)
        : purchase(setting, instantMs, sequence, priceMinor, sold);
    const report = await gate.drive(card, instantMs, dialogue);
    await card.release();
    const described = describeTap(report, verifiersOf(keySet, desfire), !args.flag('unmasked'));
    const lines = args.flag('json') ? [JSON.stringify(described)] : printTap(described);
    for (const line of lines) io.out(line);
    return report.decision.open ? 0 : 1;
  } finally {
    await reader.close();
    await journal.end();
  }
}

function verifiersOf(
  { keys, aes, cryptogram }: KeySet,
  profile: DesfireScheme['profiles'][number] | null,
): Verifiers {
  const profiles = profile ? [profile] : [];
  return {
    tac: new TacVerifier(new Keyring(keys)),
    desfire: new DesfireVerifier({ keyring: new AesKeyring(aes), profiles }),
    bank: new BankVerifier(new CryptogramKeyring(cryptogram)),
  };
}

/** What `--product` sells, or null where it is absent. */
function saleFrom(
  args: Args,
  fares: FareBook,
  instantMs: number,
  amountMinor: number | null,
): ProductSale | null {
  const product = args.text('product');
  const entryMs = instantOption(args, 'entered');
  if (product === undefined) {
    if (entryMs === null) return null;
    throw new FaregateError('USAGE', '--entered is for a --product');
  }
  return sellProduct(fares, product, { instantMs, entryMs, amountMinor });
}

function bankAt(bank: PlannedBank, place: GatePlace): BankSetting {
  return completeBank(bank, place, new UnpredictableNumbers(), new RecentTaps());
}

/** What is accepted. @throws FaregateError USAGE, and as files and profiles are opened. */
async function openFamilies(args: Args) {
  const name = args.text('profile');
  const file = args.text('bank');
  const bank = file === undefined ? null : await openBankFile(file);
  if (name === undefined) {
    if (!bank) throw new FaregateError('USAGE', '--profile or --bank is needed');
    return { profiles: [], desfire: null, bank };
  }
  if (await isDesfireProfile(name)) {
    return { profiles: [], desfire: await openDesfireProfile(name), bank };
  }
  return { profiles: [compileProfile(await openProfile(name))], desfire: null, bank };
}

async function openLink(link: string, keySet: KeySet, io: Io): Promise<Reader> {
  const onNotice = (notice: ReaderNotice) => io.err(`${link}: ${noticeText(notice)}`);
  return ownCard(link, keySet) ?? (await openReader(link, { onNotice }));
}

function readSetting(
  args: Args,
  fares: FareBook,
): Pick<TapSetting, 'gateId' | 'side' | 'place' | 'terminalId' | 'fares' | 'zone'> {
  const side = args.text('side') ?? 'entry';
  if (side !== 'entry' && side !== 'exit' && side !== 'single') {
    throw new FaregateError('USAGE', `--side takes entry, exit or single, not ${side}`);
  }
  const terminal = args.text('terminal') ?? '040900000001';
  if (!isHex(terminal, 6)) {
    throw new FaregateError('USAGE', `--terminal takes 6 bytes in hexadecimal, not ${terminal}`);
  }
  const version = fares.at(Date.now());
  const id = args.text('station') ?? version?.stations[0]?.id ?? '';
  const station = version?.stations[version.stationById(id)];
  if (!version || !station) {
    const why = version ? `no station ${id}` : 'no version is in force';
    throw new FaregateError('FARES_UNKNOWN_STATION', `--station: ${why}`);
  }
  const terminalId = fromHex(terminal);
  return {
    gateId: GATE_ID,
    side,
    place: {
      station: station.code,
      stationRest: new Uint8Array(3),
      terminal: terminalId,
      city: new Uint8Array(2),
      institution: new Uint8Array(8),
    },
    terminalId,
    fares,
    zone: new Zone(args.text('zone') ?? 'Asia/Shanghai'),
  };
}

async function openTapJournal(dir: string | undefined): Promise<Journal> {
  if (dir === undefined) return new MemoryJournal(randomInt(1, 2 ** 40));
  const disk = await openNodeDisk(dir);
  const random = (length: number): Uint8Array => new Uint8Array(randomBytes(length));
  return openJournal({ disk, gateId: GATE_ID, key: await journalKey(`${dir}.key`), random });
}

/** The key the journal is sealed under, made at its first use. */
async function journalKey(path: string): Promise<Uint8Array> {
  if (!existsSync(path)) {
    await writeWhole(path, [`${toHex(new Uint8Array(randomBytes(32)))}\n`], 0o600);
  }
  return await readHexKey(path);
}

/** The next card that comes. @throws FaregateError READER_FAILED when none does in time. */
export async function firstCard(reader: Reader, waitS: number): Promise<CardSession> {
  const cards = reader.cards()[Symbol.asyncIterator]();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new FaregateError('READER_FAILED', `${reader.name}: no card in ${waitS} s`)),
      waitS * 1000,
    );
  });
  try {
    const first = await Promise.race([cards.next(), late]);
    if (first.done) throw new FaregateError('READER_FAILED', `${reader.name}: closed`);
    return first.value;
  } finally {
    clearTimeout(timer);
  }
}
