/** A station whose disk does not give its lists: it warns, and a journal opens all the same. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CaKeys } from '../../engine/card/qpboc/oda/ca-keys.ts';
import { Issuers } from '../../engine/card/qpboc/oda/issuers.ts';
import { Keyring } from '../../engine/crypto/keyring.ts';
import { FaregateError } from '../../engine/errors.ts';
import { type Log, silentLog } from '../../engine/log/log.ts';
import { openJournal } from '../../gate/journal/journal.ts';
import { StationKeys } from '../../gate/sam/station-keys.ts';
import { StationMemory } from '../../gate/station-memory.ts';
import { caKeyOf, ownKeys } from '../kit/ecash-cards.ts';
import { SimDisk, seeded } from '../sim-disk.ts';

const CAPACITY = 64;
/** A list of the version before, whose identities had 20 bytes: too short for this one's. */
const FORMER_BYTES = 32 + Math.ceil(CAPACITY / 63) * (63 * 20 + 16);

function issuers(): Issuers {
  const keys = [caKeyOf(ownKeys().rsa.ca, '01')];
  return new Issuers(CaKeys.parse(JSON.stringify({ keys, revoked: [] }), 'our CAs'));
}

function station(): { memory: StationMemory; warned: string[] } {
  const warned: string[] = [];
  const log: Log = { ...silentLog, warn: (_: object, message: string) => warned.push(message) };
  return { memory: new StationMemory(new StationKeys(new Keyring([]), CAPACITY), log), warned };
}

/** A gate's journal and its storage; the random bytes differ at each opening. */
function world() {
  const disk = new SimDisk();
  const draw = seeded(3);
  const random = (n: number) => Uint8Array.from({ length: n }, () => draw(256));
  const storage = { disk, key: new Uint8Array(32).fill(7), random };
  return { disk, storage, journal: () => openJournal({ ...storage, gateId: 'G1' }) };
}

test('after an upgrade on a full disk the station warns once a list, and its journal opens', async () => {
  const { disk, storage, journal } = world();
  const former = new Uint8Array(FORMER_BYTES);
  former.set([0x46, 0x47, 0x43, 0x4c, 1]);
  disk.put('cards', former);
  await (await journal()).end();
  disk.hooks.before = (operation, name) => {
    if (operation === 'preallocate') throw new FaregateError('DISK_FULL', name);
  };
  const { memory, warned } = station();
  await memory.open(storage, issuers());
  await memory.open(storage, issuers());
  assert.deepEqual(warned, [
    'the list of cards is not kept: cards',
    "the list of banks' issuers is not kept: issuers",
  ]);
  await (await journal()).end();
  await memory.end();
  disk.hooks.before = () => {};
  const next = station();
  await next.memory.open(storage, issuers());
  await next.memory.end();
  assert.deepEqual(next.warned, []);
  assert(disk.names().includes('cards') && disk.names().includes('issuers'));
});

test('a mistake of our own is not passed off as the disk’s', async () => {
  const { disk, storage } = world();
  disk.hooks.before = () => {
    throw new TypeError('a mistake');
  };
  const { memory, warned } = station();
  await assert.rejects(memory.open(storage, null), TypeError);
  assert.deepEqual(warned, []);
  await memory.end();
});
