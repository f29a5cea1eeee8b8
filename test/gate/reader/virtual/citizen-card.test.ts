/** A card of many applications: selection between them, power, both purses, and a look at it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromHex, toHex } from '../../../../engine/bytes.ts';
import { isFault } from '../../../../engine/card/dialogue.ts';
import { lookAtCard } from '../../../../engine/card/look.ts';
import { compileProfile } from '../../../../engine/card/purse/compile.ts';
import { builtInProfile } from '../../../../engine/card/purse/profiles.ts';
import { select as selectPayment } from '../../../../engine/card/qpboc/commands/select.ts';
import { purchaseEcash } from '../../../../engine/card/qpboc/transaction.ts';
import { noServices, parseServices } from '../../../../engine/card/services.ts';
import {
  type CitizenTestCard,
  citizenTestCard,
  testServices,
} from '../../../../gate/reader/virtual/citizen-test-card.ts';
import type { EcashState } from '../../../../gate/reader/virtual/ecash-card.ts';
import { personalities } from '../../../../gate/reader/virtual/personality.ts';
import type { ServiceCard } from '../../../../gate/reader/virtual/service-card.ts';
import { accepted, approvedBy, driveWith, formsOf, purchaseOf } from '../../../kit/ecash-cards.ts';
import { StationKit } from '../../../kit/station-kit.ts';
import { type CardSetUp, cardOf } from './terminal.ts';

const tunion = compileProfile(builtInProfile('tunion'));
const table = parseServices(
  JSON.stringify({
    services: [
      ...testServices.map(({ aid, name }) => ({ aid, name })),
      { aid: 'F0000000010009', name: 'parking' },
    ],
  }),
  'services.json',
);

function citizen(setUp: CardSetUp = {}, ecash?: EcashState): CitizenTestCard {
  let count = 0;
  const random = (length: number) => new Uint8Array(length).fill(++count);
  return citizenTestCard(cardOf(setUp), random, ecash);
}

function statusOf(response: Uint8Array): string {
  return toHex(response.subarray(response.length - 2));
}

const purseAid = personalities.tunion.aid;
const ecashAid = fromHex('A000000333010101');
const getBalance = fromHex('805C000204');
const cashBalance = fromHex('80CA9F7900');

function selected(card: CitizenTestCard['card'], aid: Uint8Array): string {
  return statusOf(card.transmit(selectPayment.build(aid)));
}

test('SELECT by name goes from one application to another, in any order', () => {
  const { card, services } = citizen();
  assert.equal(statusOf(card.transmit(getBalance)), '6985', 'nothing is open');
  assert.equal(selected(card, ecashAid), '9000');
  assert.equal(statusOf(card.transmit(getBalance)), '6D00', 'e-cash has no such command');
  assert.equal(selected(card, purseAid), '9000');
  assert.equal(toHex(card.transmit(getBalance)), '000027109000');
  assert.equal(statusOf(card.transmit(cashBalance)), '6D00', 'the purse is open, not the e-cash');
  const library = services[1]!;
  const fci = card.transmit(selectPayment.build(library.aid));
  assert.equal(
    toHex(fci),
    `6F148407F0000000010002A5095007${Buffer.from('LIBRARY').toString('hex').toUpperCase()}9000`,
  );
  assert.equal(statusOf(card.transmit(fromHex('00B0950000'))), '6982', 'its files are its own');
  assert.equal(selected(card, fromHex('A0000000031010')), '6A82', 'no such application');
  assert.equal(selected(card, purseAid.subarray(0, 5)), '9000', 'the first bytes of a name do');
  assert.equal(selected(card, purseAid.subarray(0, 4)), '6A82', 'fewer than five do not');
});

test('the directory lists what pays, and closes what was open', () => {
  const { card } = citizen();
  assert.equal(selected(card, purseAid), '9000');
  const directory = card.transmit(selectPayment.buildPpse());
  assert.deepEqual(selectPayment.applications(directory).map(toHex), [toHex(ecashAid)]);
  assert.equal(statusOf(card.transmit(getBalance)), '6985');
});

test('what an application had under way ends when another one is selected', () => {
  const { card } = citizen();
  selected(card, purseAid);
  const begun = card.transmit(initializeOf());
  assert.equal(statusOf(begun), '9000');
  selected(card, ecashAid);
  selected(card, purseAid);
  const debit = fromHex(`805401000F00000001${'20260601'}${'080000'}0000000008`);
  assert.equal(statusOf(card.transmit(debit)), '6985');
});

function initializeOf(): Uint8Array {
  return fromHex('805003020B01000000640409000100010F');
}

test('both purses pay on one card, each with its own money', async () => {
  const kit = new StationKit();
  const { card, purse, ecash } = citizenTestCard(kit.card(), (length) =>
    new Uint8Array(length).fill(7),
  );
  await kit.gate('entry', 0).tap(card);
  kit.pass(20);
  const left = await kit.gate('exit', 3).tap(card);
  assert.equal(left.decision.reason, 'open');
  assert.equal(purse.state.balanceMinor, 10_000 - left.decision.amountMinor);
  assert.equal(ecash.state.balanceMinor, 10_000);

  card.power();
  const dialogue = purchaseEcash(accepted, formsOf(), purchaseOf(250));
  approvedBy(driveWith(dialogue, (apdu) => card.transmit(apdu)));
  assert.equal(ecash.state.balanceMinor, 9750);
  assert.equal(purse.state.balanceMinor, 10_000 - left.decision.amountMinor);
});

test('power lost at any command of either purse: all is closed, and nothing half done', () => {
  for (let at = 1; at <= 8; at++) {
    const { card, purse, ecash } = citizen();
    let sent = 0;
    const before = { ...ecash.state };
    const result = driveWith(purchaseEcash(accepted, formsOf(), purchaseOf(250)), (apdu) => {
      if (++sent !== at) return sent < at ? card.transmit(apdu) : null;
      card.loseDuring(apdu);
      return null;
    });
    if (sent < at) {
      assert.equal(result.result, 'approved');
      break;
    }
    assert.notEqual(result.result, 'approved', `torn at ${at}`);
    assert.equal(ecash.state.balanceMinor, before.balanceMinor, `torn at ${at}`);
    assert.equal(purse.state.balanceMinor, 10_000);
    assert.equal(statusOf(card.transmit(cashBalance)), '6985', 'nothing is open');
    assert.equal(selected(card, purseAid), '9000');
  }
});

test('a purse that is locked for ever does not lock its neighbours', () => {
  const { card } = citizen({ application: 'permanentlyLocked' });
  assert.equal(selected(card, purseAid), '9303');
  assert.equal(selected(card, ecashAid), '9000');
  assert.equal(toHex(card.transmit(cashBalance)), '9F79060000000100009000');
});

function lookedAt(of: CitizenTestCard, services = table, profiles = [tunion]) {
  const sent: Uint8Array[] = [];
  const seen = driveWith(lookAtCard(profiles, services), (apdu) => {
    sent.push(Uint8Array.from(apdu));
    return of.card.transmit(apdu);
  });
  assert(!isFault(seen), JSON.stringify(seen));
  return { seen, sent };
}

test('a look names purse, e-cash and services, and touches no service', () => {
  const of = citizen({ balanceMinor: 4321 }, { balanceMinor: 777, atc: 3 });
  const { seen, sent } = lookedAt(of);
  assert.deepEqual(seen, {
    purse: {
      profile: 'tunion',
      issuer: '01011000FFFFFFFF',
      accepted: true,
      locked: false,
      balanceMinor: 4321,
    },
    ecash: [{ aid: 'A000000333010101', balanceMinor: 777 }],
    services: ['social security', 'library', 'medical'],
    others: [],
  });
  for (const { card } of of.services) assert.equal((card as ServiceCard).asked, 0);
  const writes = sent.filter(({ 1: ins }) => ![0xa4, 0xca, 0x5c].includes(ins!));
  assert.deepEqual(writes.map(toHex), [], 'SELECT, GET DATA and GET BALANCE alone');
  const text = JSON.stringify(seen);
  assert(!text.includes(toHex(of.purse.state.cardNumber)) && !text.includes('6228000100001117'));
});

test('a look at a card of another issuer, a locked one, and one with nothing known', () => {
  const profile = compileProfile({ ...builtInProfile('tunion'), acceptedIssuers: ['0202'] });
  const foreign = lookedAt(citizen(), noServices, [profile]).seen;
  assert.equal(foreign.purse?.accepted, false);
  assert.deepEqual(foreign.services, []);
  const locked = lookedAt(citizen({ application: 'locked' })).seen;
  assert.deepEqual([locked.purse?.locked, locked.purse?.balanceMinor], [true, null]);
  const other = compileProfile(builtInProfile('city-union'));
  assert.equal(lookedAt(citizen(), table, [other]).seen.purse, null);
});

test('a card that leaves during a look is told, at every command', () => {
  for (let at = 1; at <= 9; at++) {
    let sent = 0;
    const { card } = citizen();
    const seen = driveWith(lookAtCard([tunion], table), (apdu) =>
      ++sent === at ? null : card.transmit(apdu),
    );
    assert(isFault(seen) && seen.fault === 'gone', `command ${at}`);
  }
});

for (const [what, text] of [
  ['/services/0/aid', '{"services": [{"aid": "F0", "name": "library"}]}'],
  ['/services/0', '{"services": [{"aid": "F000000001"}]}'],
  [
    '/services/1/aid',
    '{"services": [{"aid": "F000000001", "name": "a"}, {"aid": "f000000001", "name": "b"}]}',
  ],
  ['/ecash/0', '{"services": [], "ecash": ["xyz"]}'],
  ['not JSON', '{'],
] as const) {
  test(`a table of services is refused by field: ${what}`, () => {
    assert.throws(
      () => parseServices(text, 'services.json'),
      (error: Error & { code?: string }) =>
        error.code === 'CONFIG_INVALID' && error.message.includes(what),
    );
  });
}
