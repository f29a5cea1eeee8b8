/**
 * Which banks' issuers a station knows, over a restart: their keys are there before the first card,
 * expiry and revocation are asked of each card all the same, and a bad file costs warmth alone.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromHex } from '../../engine/bytes.ts';
import { CaKeys } from '../../engine/card/qpboc/oda/ca-keys.ts';
import { Issuers } from '../../engine/card/qpboc/oda/issuers.ts';
import { tag } from '../../engine/card/qpboc/tags.ts';
import { ISSUER_CERTIFICATE_BYTES_MAX, ISSUER_KEYS_KEPT } from '../../engine/card-limits.ts';
import { Keyring } from '../../engine/crypto/keyring.ts';
import { CARD_LIST_KEEP_MS } from '../../engine/durations.ts';
import { FaregateError } from '../../engine/errors.ts';
import { silentLog } from '../../engine/log/log.ts';
import { IssuerKeeper } from '../../gate/issuer-keeper.ts';
import { StationKeys } from '../../gate/sam/station-keys.ts';
import { StationMemory } from '../../gate/station-memory.ts';
import { caKeyOf, ownChain, ownKeys, TODAY } from '../kit/ecash-cards.ts';
import { SimDisk, seeded } from '../sim-disk.ts';

const RID = fromHex('A000000333');
const PAN = '6228000100001117';
const SLOT_BYTES = 2 + ISSUER_CERTIFICATE_BYTES_MAX;
const HEAD_BYTES = 16;
const keys = ownKeys();

const indexes = { rsa: '01', sm2: '02' } as const;
type Algorithm = keyof typeof indexes;

/** Under CA 01 (RSA) and 02 (SM2). @param more members of the file, of the RSA key. */
function issuersOf(more: { revoked?: object[]; lastDay?: string; without?: Algorithm } = {}) {
  const { revoked = [], lastDay, without } = more;
  const found = (['rsa', 'sm2'] as const)
    .filter((algorithm) => algorithm !== without)
    .map((algorithm) => ({
      ...caKeyOf(keys[algorithm].ca, indexes[algorithm]),
      ...(lastDay ? { lastDay } : {}),
    }));
  return new Issuers(CaKeys.parse(JSON.stringify({ keys: found, revoked }), 'our CAs'));
}

/** What a card of the issuer whose certificate has this serial number brings. */
function cardOf(serial: number, algorithm: Algorithm = 'rsa'): Map<number, Uint8Array> {
  const issuerSerial = Uint8Array.of(0, 0, serial);
  const caIndex = Number(indexes[algorithm]);
  const chain = ownChain(keys, algorithm, { issuerSerial, caIndex });
  const elements = new Map<number, Uint8Array>([
    [tag.caIndex, Uint8Array.of(caIndex)],
    [tag.issuerCertificate, chain.issuerCertificate],
  ]);
  if (chain.issuerRemainder) elements.set(tag.issuerRemainder, chain.issuerRemainder);
  if (chain.issuerExponent) elements.set(tag.issuerExponent, chain.issuerExponent);
  return elements;
}

const cards = [cardOf(1), cardOf(2), cardOf(3, 'sm2'), cardOf(4)];
const ask = (issuers: Issuers, card: Map<number, Uint8Array>, day = TODAY) =>
  issuers.keyOf(RID, card, PAN, day);

function unexpected(error: unknown): never {
  throw error;
}

/** A disk on which a station has kept the issuers of all four cards. */
async function evening(): Promise<SimDisk> {
  const disk = new SimDisk();
  const issuers = issuersOf();
  const keeper = await IssuerKeeper.open(issuers, disk, unexpected);
  for (const card of cards) assert.equal(typeof ask(issuers, card), 'object');
  assert.equal(issuers.recovered, cards.length);
  await keeper.end();
  return disk;
}

/** How many keys are there before the first card; each that is not is recovered then. */
async function morning(disk: SimDisk, issuers = issuersOf()): Promise<number> {
  const keeper = await IssuerKeeper.open(issuers, disk, unexpected);
  const warm = issuers.recovered;
  for (const card of cards) assert.equal(typeof ask(issuers, card), 'object');
  assert.equal(issuers.recovered, cards.length);
  await keeper.end();
  return warm;
}

test('the keys of yesterday’s issuers are there before the first card, RSA and SM2', async () => {
  const disk = await evening();
  for (let day = 0; day < 3; day++) assert.equal(await morning(disk), cards.length);
});

test('what is kept gives the same keys as cards do', async () => {
  const before = issuersOf();
  for (const card of cards) ask(before, card);
  const after = issuersOf();
  for (const bytes of before.certificates()) assert.equal(after.recover(bytes), true);
  for (const card of cards) assert.deepEqual(ask(after, card), ask(before, card));
  assert.equal(after.recovered, cards.length);
});

test('expiry, revocation and the CA’s last day are asked of cards of warm keys too', async () => {
  const disk = await evening();
  const open = async (issuers: Issuers) => {
    await (await IssuerKeeper.open(issuers, disk, unexpected)).end();
    assert.equal(issuers.recovered, cards.length);
    return issuers;
  };
  const issuers = await open(issuersOf());
  assert.equal(ask(issuers, cards[0]!, 2031_01_01), 'issuerCertificateExpired');
  assert.equal(
    issuers.keyOf(RID, cards[0]!, '6217000100001117', TODAY),
    'issuerCertificateIdentifier',
  );
  const revoked = [{ rid: 'A000000333', index: '01', serial: '000002' }];
  const revoking = await open(issuersOf({ revoked }));
  assert.equal(ask(revoking, cards[1]!), 'issuerCertificateRevoked');
  assert.equal(typeof ask(revoking, cards[0]!), 'object');
  const expired = await open(issuersOf({ lastDay: '2020-11-29' }));
  for (const card of cards) assert.equal(ask(expired, card), 'caKeyExpired');
});

test('issuers of a CA that is known no more are lost, and leave the list', async () => {
  const disk = await evening();
  const issuers = issuersOf({ without: 'sm2' });
  await (await IssuerKeeper.open(issuers, disk, unexpected)).end();
  assert.equal(issuers.recovered, 3);
  assert.equal(ask(issuers, cards[2]!), 'caKeyUnknown');
  assert.equal(await morning(disk), 3);
});

test('any byte changed costs at most its own issuer, and nobody’s authentication', async () => {
  const disk = await evening();
  const whole = disk.bytesOf('issuers');
  const draw = seeded(11);
  for (let at = 0; at < HEAD_BYTES + cards.length * SLOT_BYTES; at += 1 + draw(150)) {
    const changed = whole.slice();
    changed[at]! ^= 1 << draw(8);
    const spoilt = new SimDisk();
    spoilt.put('issuers', changed);
    const warm = await morning(spoilt);
    if (at >= HEAD_BYTES) assert(warm >= cards.length - 1, `byte ${at}: ${warm}`);
    assert.equal(await morning(spoilt), cards.length, 'mended by the evening');
  }
});

test('files that are cut, too long, nonsense or of another version are empty lists', async () => {
  const whole = (await evening()).bytesOf('issuers');
  const version = whole.slice();
  version[4] = 9;
  const draw = seeded(12);
  for (const bytes of [
    new Uint8Array(0),
    whole.slice(0, whole.length - 1),
    new Uint8Array(Buffer.concat([whole, Uint8Array.of(0)])),
    whole.map(() => draw(256)),
    whole.map(() => 0xff),
    version,
  ]) {
    const disk = new SimDisk();
    disk.put('issuers', bytes);
    assert.equal(await morning(disk), 0);
    assert.equal(await morning(disk), cards.length);
  }
});

test('nonsense is not recovered, whatever its lengths say', () => {
  const issuers = issuersOf();
  const draw = seeded(13);
  const [whole] = (() => {
    const others = issuersOf();
    ask(others, cards[0]!);
    return others.certificates();
  })();
  for (let length = 0; length < whole!.length; length += 1 + draw(8)) {
    assert.equal(issuers.recover(whole!.slice(0, length)), false);
  }
  for (const at of [0, 5, 6, 7, 8, whole!.length - 1]) {
    const changed = whole!.slice();
    changed[at]! ^= 1;
    assert.equal(issuers.recover(changed), false, `byte ${at}`);
  }
  assert.equal(issuers.recovered, 0);
  assert.deepEqual(issuers.certificates(), []);
});

test('an SM2 certificate has one name, whatever else a card sends', () => {
  const issuers = issuersOf();
  for (let extra = 0; extra < 5; extra++) {
    const card = new Map(cards[2]!);
    card.set(tag.issuerRemainder, new Uint8Array(extra));
    card.set(tag.issuerExponent, Uint8Array.of(3));
    assert.equal(typeof ask(issuers, card), 'object');
  }
  assert.equal(issuers.recovered, 1);
});

test('after a power cut at any write the list opens, and costs warmth alone', async () => {
  const whole = (await evening()).bytesOf('issuers');
  for (let seed = 1; seed <= 12; seed++) {
    const choose = seeded(seed);
    const disk = new SimDisk();
    disk.put('issuers', whole);
    const issuers = issuersOf();
    const keeper = await IssuerKeeper.open(issuers, disk, unexpected);
    ask(issuers, cardOf(100 + seed));
    await keeper.end();
    const warm = await morningAfter(disk.crash(choose));
    // What was there before is written again as it was.
    assert(warm === cards.length || warm === cards.length + 1, `seed ${seed}: ${warm}`);
  }
});

/** Keys found; those of the four cards come right in any case. */
async function morningAfter(disk: SimDisk): Promise<number> {
  const issuers = issuersOf();
  await (await IssuerKeeper.open(issuers, disk, unexpected)).end();
  const warm = issuers.recovered;
  for (const card of cards) assert.equal(typeof ask(issuers, card), 'object');
  return warm;
}

test('as many as are kept fit in the file; the oldest goes', async () => {
  const issuers = issuersOf();
  const disk = new SimDisk();
  const keeper = await IssuerKeeper.open(issuers, disk, unexpected);
  ask(issuers, cards[0]!);
  // The first of all is issuer 1 again.
  for (let serial = 0; serial < ISSUER_KEYS_KEPT; serial++) ask(issuers, cardOf(serial));
  assert.equal(issuers.recovered, ISSUER_KEYS_KEPT);
  const [oldest] = issuers.certificates();
  ask(issuers, cards[2]!);
  await keeper.end();
  const certificates = issuers.certificates();
  assert.equal(certificates.length, ISSUER_KEYS_KEPT);
  assert(!certificates.some((one) => Buffer.from(one).equals(oldest!)));
  const next = issuersOf();
  await (await IssuerKeeper.open(next, disk, unexpected)).end();
  assert.deepEqual(next.certificates(), certificates);
});

test('the list is kept every hour, and a write that fails is told, not thrown', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const disk = new SimDisk();
  const told: unknown[] = [];
  const issuers = issuersOf();
  const keeper = await IssuerKeeper.open(issuers, disk, (error) => told.push(error));
  for (const card of cards) ask(issuers, card);
  t.mock.timers.tick(CARD_LIST_KEEP_MS);
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(await morningAfter(disk), cards.length);
  const full = new FaregateError('DISK_FAILED', 'issuers: gone');
  disk.hooks.before = (operation) => {
    if (operation === 'write') throw full;
  };
  await keeper.end();
  assert.deepEqual(told, [full]);
});

test('a station remembers cards and issuers; one without bank cards keeps no issuers', async () => {
  const random = (length: number) => new Uint8Array(length).fill(1);
  const open = async (disk: SimDisk, issuers: Issuers | null) => {
    const memory = new StationMemory(new StationKeys(new Keyring([]), 64), silentLog);
    const storage = { disk, key: new Uint8Array(32).fill(7), random };
    await memory.open(storage, issuers);
    // As each further gate of the station does.
    await memory.open(storage, issuers);
    return memory;
  };
  const without = new SimDisk();
  await (await open(without, null)).end();
  assert.deepEqual(without.names(), ['cards']);
  const disk = new SimDisk();
  const first = issuersOf();
  const memory = await open(disk, first);
  for (const card of cards) ask(first, card);
  await memory.end();
  const second = issuersOf();
  await (await open(disk, second)).end();
  assert.equal(second.recovered, cards.length);
});
