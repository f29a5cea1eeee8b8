/**
 * `faregate-engine denylist`: build a signed list of stopped cards, make a delta of two lists,
 * verify what gates would take, and look cards up.
 */
import { createPublicKey } from 'node:crypto';
import { createInterface } from 'node:readline';
import { fromHex, isHex } from '../bytes.ts';
import { hasCards, openCards } from '../cards/open.ts';
import { stoppedCardsOf } from '../cards/register.ts';
import { type CmacKey, cmacKey } from '../crypto/mac.ts';
import { CARD_NUMBER_BYTES, hashKeyCheck } from '../denylist/card-hash.ts';
import { Denylist } from '../denylist/denylist.ts';
import { fileBytes } from '../denylist/list-head.ts';
import { type ListParts, writeDelta, writeFullList } from '../denylist/list-writer.ts';
import { RANGE_BYTES } from '../denylist/ranges.ts';
import { keysOf } from '../denylist/rebuild.ts';
import { printDigest } from '../denylist/set-digest.ts';
import { signer } from '../denylist/signing.ts';
import { compareKeys, digestOf } from '../denylist/sorted-keys.ts';
import { FaregateError } from '../errors.ts';
import { deniedCards, hasOpenLoop, openOpenLoop } from '../openloop/open.ts';
import { CardHashing } from '../operator/card-hashing.ts';
import {
  createSigningKey,
  readListChain,
  readPublicKey,
  readSigningKey,
} from '../operator/denylist-files.ts';
import { readStoppedCards } from '../operator/stopped-cards.ts';
import { writeWhole } from '../pki/files.ts';
import type { Args, Command, Io, Option } from './command.ts';
import { keySetFrom } from './key-file.ts';

/** A list holds keyed hashes only: whoever carries it to gates may read it. */
const LIST_MODE = 0o644;
const VERSION_MAX = 2 ** 48 - 1;
const PROGRESS_LINES = 1_000_000;

const json: Option = { type: 'boolean', about: 'one JSON object' };
const signingKey: Option = {
  type: 'string',
  value: 'FILE',
  required: true,
  about: "the operator's signing key, of `denylist key`",
};
const publicKey: Option = {
  type: 'string',
  value: 'FILE',
  required: true,
  about: 'the public key beside the signing key',
};
const keys: Option = {
  type: 'string',
  value: 'FILE',
  required: true,
  about: 'sealed key file; card numbers are hashed under its cardHash',
};
const passphrase: Option = {
  type: 'string',
  value: 'FILE',
  about: 'file with the passphrase; FAREGATE_PASSPHRASE goes before it, FILE.pass after it',
};
const out: Option = { type: 'string', value: 'FILE', required: true, about: 'the file to write' };

export const denylistCommands: readonly Command[] = [
  {
    name: 'denylist key',
    about: 'Makes a key to sign lists with, and the public key gates are given.',
    options: { out },
    run: makeKey,
  },
  {
    name: 'denylist build',
    about: 'Makes a signed full list of files of card numbers and ranges, and of blocked cards.',
    rest: '[CARDS...]',
    options: {
      keys,
      accounts: {
        type: 'string',
        value: 'DIR',
        about: 'data folder of the engine: cards blocked, lost, replaced or in debt there too',
      },
      'passphrase-file': passphrase,
      'signing-key': signingKey,
      version: {
        type: 'string',
        value: 'N',
        required: true,
        about: 'above that of every list before',
      },
      out,
      json,
    },
    run: build,
  },
  {
    name: 'denylist diff',
    about: 'Makes a signed delta that makes one list of another.',
    options: {
      from: { type: 'string', value: 'FILE', multiple: true, about: 'full list, then its deltas' },
      to: { type: 'string', value: 'FILE', multiple: true, about: 'the newer list, likewise' },
      'signing-key': signingKey,
      out,
      json,
    },
    run: diff,
  },
  {
    name: 'denylist verify',
    about: 'Says whether gates would take a full list and the deltas after it.',
    rest: 'FILE...',
    options: { 'public-key': publicKey, json },
    run: verify,
  },
  {
    name: 'denylist lookup',
    about: 'Says whether cards are stopped; numbers from standard input where none is given.',
    rest: '[NUMBER...]',
    options: {
      list: { type: 'string', value: 'FILE', multiple: true, about: 'full list, then its deltas' },
      'public-key': publicKey,
      keys,
      'passphrase-file': passphrase,
      json,
    },
    run: lookup,
  },
];

async function makeKey(args: Args, io: Io): Promise<number> {
  const path = args.need('out');
  await createSigningKey(path, io.env);
  io.out(`${path} signs lists: keep it away from gates. ${path}.pub is for them.`);
  return 0;
}

async function build(args: Args, io: Io): Promise<number> {
  const accounts = args.text('accounts');
  if (args.rest.length === 0 && accounts === undefined) {
    throw new FaregateError('USAGE', 'denylist build takes CARDS... or --accounts');
  }
  const version = wholeVersion(args);
  const keys = await keySetFrom(args, io);
  const key = cmacKey(keys.cardHash);
  const sign = signer(await readSigningKey(args.need('signing-key'), io.env));
  let told = 0;
  const progress = (lines: number) => {
    if (!io.terminal || lines < told + PROGRESS_LINES) return;
    told = lines;
    io.err(`${lines.toLocaleString('en')} lines read`);
  };
  const blocked = accounts === undefined ? [] : await stoppedAccounts(accounts, key);
  const hashing = new CardHashing(keys);
  const hash = (numbers: Uint8Array) => hashing.hash(numbers);
  const content = await readStoppedCards(args.rest, hash, progress, blocked).finally(() =>
    hashing.close(),
  );
  const origin = { issuedMs: Date.now(), keyCheck: hashKeyCheck(key), sign };
  if (io.terminal) io.err('signing and writing');
  const parts = writeFullList({ version, ...content }, origin);
  await writeWhole(args.need('out'), parts, LIST_MODE);
  report(args, io, {
    file: args.need('out'),
    version,
    cards: content.keys.length / 2,
    ranges: content.ranges.length / RANGE_BYTES,
    bytes: sizeOf(parts),
    digest: printDigest(digestOf(content.keys)),
  });
  return 0;
}

/**
 * Keyed hashes of the cards that the accounts and the open-loop books say are stopped. An engine
 * may have either alone; a folder with neither is another's, and its empty list would let all
 * stopped cards ride again.
 * @throws FaregateError CARDS_MISSING where there is neither.
 */
async function stoppedAccounts(dataDir: string, key: CmacKey): Promise<Uint8Array[]> {
  const denied = hasOpenLoop(dataDir) ? await deniedBankCards(dataDir) : null;
  if (denied && !hasCards(dataDir)) return denied.map(fromHex);
  const store = await openCards(dataDir, key, { mustExist: true });
  try {
    const stopped = store.read((reader) => [...stoppedCardsOf(reader)]);
    return [...stopped, ...(denied ?? [])].map(fromHex);
  } finally {
    await store.close();
  }
}

async function deniedBankCards(dataDir: string): Promise<string[]> {
  const store = await openOpenLoop(dataDir);
  try {
    return store.read((reader) => [...deniedCards(reader)]);
  } finally {
    await store.close();
  }
}

async function diff(args: Args, io: Io): Promise<number> {
  const privateKey = await readSigningKey(args.need('signing-key'), io.env);
  const publicSide = createPublicKey(privateKey);
  const from = await readListChain(needList(args, 'from'), publicSide, null);
  if (io.terminal) io.err('the older list is read');
  const to = await readListChain(needList(args, 'to'), publicSide, null);
  if (io.terminal) io.err('the newer list is read');
  const before = from.list.name();
  const after = to.list.name();
  const keyCheck = to.heads.at(-1)!.keyCheck;
  if (from.heads.at(-1)!.keyCheck !== keyCheck) {
    throw new FaregateError('DENYLIST_REFUSED', 'the lists are hashed under different keys');
  }
  if (after.version <= before.version) {
    const versions = `${before.version} to ${after.version}`;
    throw new FaregateError('DENYLIST_REFUSED', `--to is not newer than --from: ${versions}`);
  }
  const changes = compareKeys(keysOf(from.list), keysOf(to.list));
  const origin = { issuedMs: Date.now(), keyCheck, sign: signer(privateKey) };
  const parts = writeDelta(before, { ...after, ranges: to.list.ranges() }, changes, origin);
  await writeWhole(args.need('out'), parts, LIST_MODE);
  report(args, io, {
    file: args.need('out'),
    from: before.version,
    version: after.version,
    added: changes.added.length / 2,
    removed: changes.removed.length / 2,
    bytes: sizeOf(parts),
    digest: printDigest(after.digest),
  });
  return 0;
}

async function verify(args: Args, io: Io): Promise<number> {
  if (args.rest.length === 0) throw new FaregateError('USAGE', 'denylist verify takes FILE...');
  const publicSide = await readPublicKey(args.need('public-key'));
  const { list, heads } = await readListChain(args.rest, publicSide, null);
  const { version, entries, digest } = list.name();
  report(args, io, {
    files: heads.map((head, i) => ({
      file: args.rest[i],
      kind: head.kind,
      version: head.version,
      issued: new Date(head.issuedMs).toISOString(),
      added: head.added,
      removed: head.removed,
      bytes: fileBytes(head),
    })),
    version,
    cards: entries,
    ranges: list.ranges().length / RANGE_BYTES,
    digest: printDigest(digest),
  });
  return 0;
}

async function lookup(args: Args, io: Io): Promise<number> {
  const key = await readHashKey(args, io);
  const publicSide = await readPublicKey(args.need('public-key'));
  const { list } = await readListChain(needList(args, 'list'), publicSide, hashKeyCheck(key));
  const denylist = new Denylist(key, list);
  const answer = (number: string, place: string) => {
    if (!isHex(number, CARD_NUMBER_BYTES)) {
      const message = `${place} is not ${2 * CARD_NUMBER_BYTES} hexadecimal digits`;
      throw new FaregateError('DENYLIST_CARDS_INVALID', message);
    }
    const stopped = denylist.has(fromHex(number), 0);
    if (args.flag('json')) io.out(JSON.stringify({ number, stopped }));
    else io.out(`${number} ${stopped ? 'stopped' : 'not stopped'}`);
  };
  for (const [i, number] of args.rest.entries()) answer(number, `number ${i + 1}`);
  if (args.rest.length > 0) return 0;
  let line = 0;
  for await (const text of createInterface({ input: io.input })) {
    line += 1;
    if (text.trim() !== '') answer(text.trim(), `standard input:${line}`);
  }
  return 0;
}

function wholeVersion(args: Args): number {
  args.need('version');
  return args.whole('version', 0, 1, VERSION_MAX);
}

function needList(args: Args, name: string): readonly string[] {
  const files = args.list(name);
  if (files.length === 0) throw new FaregateError('USAGE', `--${name} is required`);
  return files;
}

async function readHashKey(args: Args, io: Io) {
  return cmacKey((await keySetFrom(args, io)).cardHash);
}

function sizeOf(parts: ListParts): number {
  return parts.reduce((sum, part) => sum + part.length, 0);
}

/** As JSON, or a line for each field; files in a line of their own. */
function report(args: Args, io: Io, fields: Readonly<Record<string, unknown>>): void {
  if (args.flag('json')) {
    io.out(JSON.stringify(fields));
    return;
  }
  for (const [name, value] of Object.entries(fields)) {
    if (!Array.isArray(value)) {
      io.out(`${name.padEnd(8)} ${value}`);
      continue;
    }
    for (const each of value as readonly object[]) {
      const words = Object.entries(each).map(([word, of]) =>
        word === 'file' ? of : `${word} ${of}`,
      );
      io.out(words.join('  '));
    }
  }
}
