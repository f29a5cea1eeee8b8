/**
 * Blank DESFire cards made into purses: whole, torn away at every command and put on again, with
 * wrong and forged answers, and cards that are refused. A gate takes each by its ordinary tap.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromHex, toHex } from '../../../engine/bytes.ts';
import { compileDesfireProfile } from '../../../engine/card/desfire/compile.ts';
import {
  type IssuingEnd,
  type IssuingRefusal,
  type IssuingStep,
  issuingSteps,
} from '../../../engine/card/desfire/issuing/personalise.ts';
import { issuingPlan } from '../../../engine/card/desfire/issuing/plan.ts';
import { desfireProfile } from '../../../engine/card/desfire/profiles.ts';
import type { VirtualDesfireCard } from '../../../gate/reader/virtual/desfire/card.ts';
import {
  blankDesfire,
  type DesfireState,
  issueDesfire,
} from '../../../gate/reader/virtual/desfire/state.ts';
import { DesfireKit, masters, UID } from '../../kit/desfire-kit.ts';
import { cardOf, IssuingKit, issuerMasters } from '../../kit/issuing-kit.ts';

const NAMES = ['desfire-ev1', 'desfire-ev2'] as const;

function issued(end: IssuingEnd): IssuingEnd & { outcome: 'issued' } {
  assert(end.outcome === 'issued', JSON.stringify(end));
  return end;
}

/** That the card is what the operator's gates and load terminals know. */
function assertPurse(name: (typeof NAMES)[number], card: VirtualDesfireCard): void {
  const gate = new DesfireKit(name);
  const { valueMinor, newest, uid } = gate.open(card);
  assert.equal(valueMinor, 0);
  assert.deepEqual(newest, new Uint8Array(48));
  assert.deepEqual(uid, UID);
  assert.equal(gate.open(card, 'load').valueMinor, 0);
  assert.equal(gate.tap(card, 0, gate.record(3, 1)).fault, null);
}

for (const name of NAMES) {
  test(`${name}: from the factory to a purse, with every step told`, () => {
    const kit = new IssuingKit(name);
    const card = kit.blank();
    assert.deepEqual(kit.run(card, { isLook: true }), {
      outcome: 'lacks',
      next: 'card key',
      done: [],
      uid: UID,
    });
    assert.deepEqual(card.state, blankDesfire(kit.generation, UID), 'a look changes nothing');
    const end = issued(kit.run(card));
    assert.deepEqual(end.done, issuingSteps(kit.plan));
    assert.deepEqual([end.valueMinor, end.used, end.uid], [0, false, UID]);
    // The same card as an issuer makes it who knows nothing of this one.
    const { application, issuing } = card.state;
    const wanted = issueDesfire(kit.generation, UID, masters).application;
    assert.deepEqual(application.keys.slice(2, 4), wanted.keys.slice(2, 4));
    assert.equal(application.keys.length, 4);
    assert.deepEqual(application.keys[0], application.keys[1], 'no key is left to the factory');
    const withChange = <F extends { rights: object }>(file: F) => ({
      ...file,
      rights: { ...file.rights, change: 0 },
    });
    assert.deepEqual(application.value, withChange(wanted.value));
    assert.deepEqual(application.record, withChange(wanted.record));
    if (wanted.transactionMac) {
      const { keyVersion, tmc, tmv, ...file } = application.transactionMac!;
      const { tmc: _, tmv: _v, ...other } = wanted.transactionMac;
      assert.deepEqual(file, withChange(other));
      assert.deepEqual([keyVersion, tmc], [1, 1]);
    } else assert.equal(application.transactionMac, null);
    assert.equal(issuing!.cardKey.kind, 'aes');
    assert.deepEqual([...new Set([issuing!.cardKey.version, ...issuing!.keyVersions])], [1]);
    const before = card.state;
    const again = issued(kit.run(card));
    assert.deepEqual([again.done, again.used], [[], false]);
    assert.equal(card.state, before, 'put on again nothing changes');
    assertPurse(name, card);
    assert.equal(issued(kit.run(card)).used, true);
  });

  test(`${name}: torn away at every command, then put on again`, () => {
    const kit = new IssuingKit(name);
    kit.run(kit.blank());
    const commands = kit.sent.length;
    const steps = issuingSteps(kit.plan);
    assert(commands > 40);
    let resumed = 0;
    for (let command = 1; command <= commands; command++) {
      // To the card, before and during are one: it did nothing. The test after this one has both.
      for (const when of ['during', 'after'] as const) {
        const card = kit.blank();
        const torn = kit.run(card, { tear: { command, when } });
        assert(torn.outcome === 'fault' && torn.fault.fault === 'gone', `${command} ${when}`);
        const looked = kit.run(card, { isLook: true });
        const end = issued(kit.run(card));
        // What was under way is done once: before, or now.
        const { during } = torn;
        const known = [...torn.done, ...end.done];
        const lost = during !== null && !known.includes(during) ? [during] : [];
        assert.deepEqual([...torn.done, ...lost, ...end.done], steps, `${command} ${when}`);
        if (looked.outcome === 'lacks') assert.equal(looked.next, end.done[0]);
        else assert.deepEqual([looked.outcome, end.done], ['issued', []]);
        assertPurse(name, card);
        resumed += 1;
      }
    }
    console.log(`${name}: ${commands} commands, ${resumed} tears, each card good afterwards`);
  });

  test(`${name}: torn away again and again`, () => {
    const kit = new IssuingKit(name);
    for (let seed = 1; seed <= 20; seed++) {
      const card = kit.blank();
      let state = seed;
      const chance = () => (state = (state * 1103515245 + 12345) & 0x7fffffff) / 0x7fffffff;
      const done = new Set<IssuingStep>();
      let tries = 0;
      let end: IssuingEnd;
      do {
        const when = (['before', 'during', 'after'] as const)[Math.floor(chance() * 3)]!;
        const tear = { command: 1 + Math.floor(chance() * 60), when };
        end = kit.run(card, { tear });
        for (const step of end.done) {
          assert(!done.has(step), `seed ${seed}: ${step} twice`);
          done.add(step);
        }
        tries += 1;
        assert(tries < 500, `seed ${seed}`);
      } while (end.outcome !== 'issued');
      assertPurse(name, card);
    }
  });

  test(`${name}: every wrong answer ends with a name, and the card is good afterwards`, () => {
    const kit = new IssuingKit(name);
    kit.run(kit.blank());
    const commands = kit.sent.length;
    const flipped = (at: number) => (answer: Uint8Array) =>
      answer.map((byte, i) => (i === at || i === answer.length + at ? byte ^ 0x01 : byte));
    const wrong: Readonly<Record<string, (answer: Uint8Array) => Uint8Array>> = {
      flippedFirst: flipped(0),
      flippedLastOfMac: flipped(-3),
      flippedStatus: flipped(-1),
      truncated: (answer) => answer.slice(1),
      overlong: (answer) => Uint8Array.of(0, ...answer),
      empty: () => new Uint8Array(0),
      bare: () => fromHex('9100'),
      more: () => fromHex('91AF'),
      wrongKey: () => fromHex('91AE'),
      memory: () => fromHex('91EE'),
      foreign: () => fromHex('6D00'),
    };
    const ends = new Map<string, number>();
    for (let nth = 1; nth <= commands; nth++) {
      for (const [what, change] of Object.entries(wrong)) {
        const card = kit.blank();
        const end = kit.run(card, {
          tamper: (answer, _, n) => (n === nth ? change(answer) : answer),
        });
        const shown = end.outcome === 'fault' ? end.fault.fault : end.outcome;
        ends.set(shown, (ends.get(shown) ?? 0) + 1);
        const after = issued(kit.run(card));
        assert.equal(after.valueMinor, 0, `${what} ${nth}`);
      }
    }
    console.log(`${name}: ${JSON.stringify(Object.fromEntries(ends))}`);
    assert((ends.get('forged') ?? 0) > 40);
    assert((ends.get('malformed') ?? 0) > 40);
    assert((ends.get('status') ?? 0) > 40);
  });

  test(`${name}: answers of a session are believed with their MAC alone`, () => {
    const kit = new IssuingKit(name);
    kit.run(kit.blank());
    const commands = [...kit.sent];
    // From the first command of the first session on, but for authentications and selections.
    const from = commands.indexOf('GetApplicationIDs', commands.indexOf('ChangeKey'));
    let forged = 0;
    for (let nth = from + 1; nth <= commands.length; nth++) {
      const command = commands[nth - 1]!;
      if (/^(Authenticate|SelectApplication)/.test(command)) continue;
      const card = kit.blank();
      const end = kit.run(card, {
        tamper: (answer, _, n) =>
          n === nth && answer.length > 2
            ? answer.map((byte, i) => (i === answer.length - 4 ? byte ^ 0x80 : byte))
            : answer,
      });
      // The key of the session was changed, or nothing is open yet: such answers have no MAC.
      if (end.outcome === 'issued' || command === 'GetKeyVersion') continue;
      assert(end.outcome === 'fault' && end.fault.fault === 'forged', `${nth} ${command}`);
      assert.equal(end.fault.command, command);
      forged += 1;
    }
    assert(forged >= 8, `${forged}`);
  });
}

test('a card that refuses AuthenticateISO is asked by the first generation', () => {
  for (const name of NAMES) {
    const kit = new IssuingKit(name);
    const card = kit.blank(UID, true);
    assert.deepEqual(issued(kit.run(card)).done, issuingSteps(kit.plan));
    assert(kit.sent.includes('AuthenticateISO') && kit.sent.includes('Authenticate'));
    assertPurse(name, card);
    for (let command = 1; command <= 12; command++) {
      for (const when of ['before', 'during', 'after'] as const) {
        const torn = kit.blank(UID, true);
        kit.run(torn, { tear: { command, when } });
        issued(kit.run(torn));
        assertPurse(name, torn);
      }
    }
  }
});

/** What is said of a card, which must stay as it is. */
function refusalOf(kit: IssuingKit, state: DesfireState): [IssuingRefusal, string] {
  const card = cardOf(state);
  const end = kit.run(card, { isForeign: true });
  assert(end.outcome === 'refused', JSON.stringify(end));
  assert.deepEqual(end.done, []);
  assert.equal(card.state, state);
  return [end.why, end.detail];
}

test('cards that are no blank ones are refused by a name, and stay as they are', () => {
  const kit = new IssuingKit('desfire-ev2');
  const blank = blankDesfire('ev2', UID);
  const whole = kit.blank();
  issued(kit.run(whole));
  const good = whole.state;
  const issuing = good.issuing!;
  assert.deepEqual(refusalOf(kit, blankDesfire('light', UID)), ['light', 'type 08, version 30']);
  assert.deepEqual(refusalOf(kit, blankDesfire('ev1', UID)), ['generation', 'type 01, version 01']);
  assert.deepEqual(refusalOf(kit, { ...blank, hidesUid: true }), ['uidHidden', '']);
  const linkUid = UID.map((byte, i) => (i === 6 ? byte ^ 1 : byte));
  const end = kit.run(cardOf(blank), { linkUid });
  assert(end.outcome === 'refused' && end.why === 'uidDiffers');
  assert.equal(kit.run(cardOf(blank), { linkUid: UID.slice(3), isLook: true }).outcome, 'lacks');
  const others = [fromHex('332211'), fromHex('3042F5')];
  assert.deepEqual(refusalOf(kit, blankDesfire('ev2', UID, others)), ['notBlank', '332211 3042F5']);
  const cardKey = { ...issuing.cardKey, version: 7 };
  assert.deepEqual(refusalOf(kit, { ...good, issuing: { ...issuing, cardKey } }), [
    'foreignKey',
    'version 7',
  ]);
  const another = { ...issuing.cardKey, key: new Uint8Array(16).fill(9) };
  assert.deepEqual(refusalOf(kit, { ...good, issuing: { ...issuing, cardKey: another } }), [
    'wrongKey',
    'key 0',
  ]);
  const des = { kind: 'des', key: new Uint8Array(8).fill(2), version: 0 } as const;
  assert.deepEqual(refusalOf(kit, { ...blank, issuing: { ...blank.issuing!, cardKey: des } }), [
    'wrongKey',
    'version 0',
  ]);
});

test('an application that is not of this profile is refused, and stays as it is', () => {
  const kit = new IssuingKit('desfire-ev2');
  const whole = kit.blank();
  issued(kit.run(whole));
  const good = whole.state;
  const issuing = good.issuing!;
  const withVersions = (...keyVersions: number[]) => ({
    ...good,
    issuing: { ...issuing, keyVersions },
  });
  const foreign = (state: DesfireState, detail: string) =>
    assert.deepEqual(refusalOf(kit, state), ['foreignApplication', detail]);
  foreign(withVersions(2, 1, 1, 1), 'key 0 has version 2');
  foreign(withVersions(1, 1, 3, 1), 'key 2 has version 3');
  foreign(withVersions(0, 1, 1, 1), 'key 0');
  foreign(withVersions(1, 1, 0, 1), 'key 2');
  foreign(withVersions(1, 1, 1), 'no key 3');
  const keys = good.application.keys.map((key, i) => (i === 3 ? new Uint8Array(16) : key));
  foreign({ ...good, application: { ...good.application, keys } }, 'key 3');
  const differs = (change: object, detail: RegExp) => {
    const [why, said] = refusalOf(kit, {
      ...good,
      application: { ...good.application, ...change },
    });
    assert.equal(why, 'filesDiffer');
    assert.match(said, detail);
  };
  const { value, record, transactionMac } = good.application;
  differs({ value: { ...value, upperLimit: 5 } }, /^file 3: 0203/);
  differs({ value: { ...value, mode: 'plain' } }, /^file 3: 0200/);
  differs({ value: { ...value, rights: { ...value.rights, readWrite: 2 } } }, /^file 3: 02032023/);
  differs({ value: { ...value, limitedCreditEnabled: false } }, /^file 3/);
  differs({ record: { ...record, size: 9 } }, /^file 4: 0403/);
  differs({ record: { ...record, number: 9 } }, /^file 9$/);
  differs({ transactionMac: { ...transactionMac!, keyVersion: 3 } }, /^file 15: 0501F02F0203/);
  differs({ transactionMac: { ...transactionMac!, number: 7 } }, /^file 7$/);
});

test('no space, and keys that are not there', () => {
  for (const [ins, status, detail] of [
    [0xca, 0x0e, 'application'],
    [0xca, 0xce, 'application'],
    [0xc0, 0x0e, 'file 4'],
    [0xce, 0x0e, 'file 15'],
    [0xcc, 0x0e, 'file 3'],
  ] as const) {
    const kit = new IssuingKit('desfire-ev2');
    const card = kit.blank();
    card.failNext(ins, status);
    const end = kit.run(card);
    assert(end.outcome === 'refused');
    assert.deepEqual([end.why, end.detail], ['noSpace', detail]);
    issued(kit.run(card));
    assertPurse('desfire-ev2', card);
  }
  const whole = new IssuingKit('desfire-ev2');
  const lacking = ['card', 'application', 'debit', 'load', 'transactionMac'] as const;
  for (const use of lacking) {
    const keys = issuerMasters.filter((key) => key.use !== use);
    const kit = new IssuingKit('desfire-ev2', {}, keys);
    const card = kit.blank();
    const end = kit.run(card);
    assert(end.outcome === 'fault', use);
    assert.equal(end.fault.fault, 'keyUnknown');
    issued(whole.run(card));
    assertPurse('desfire-ev2', card);
  }
});

test('another issuer with keys of the same versions has no way into the card', () => {
  const kit = new IssuingKit('desfire-ev2');
  const card = kit.blank();
  issued(kit.run(card));
  const others = issuerMasters.map((key) => ({ ...key, master: key.master.map((b) => b ^ 1) }));
  const other = new IssuingKit('desfire-ev2', {}, others);
  assert.deepEqual(refusalOf(other, card.state), ['wrongKey', 'key 0']);
});

test('a profile with a common identity key, and one without diversification', () => {
  const { keys } = desfireProfile('desfire-ev2');
  const identity = { number: 1, version: 1 };
  const kit = new IssuingKit('desfire-ev2', { keys: { ...keys, identity } });
  const card = kit.blank();
  assert.deepEqual(issued(kit.run(card)).done, issuingSteps(kit.plan));
  assert.deepEqual(card.state.application.keys[1], masters.identity, 'the same in all cards');
  const plain = new IssuingKit('desfire-ev2', { diversification: null });
  const second = plain.blank();
  issued(plain.run(second));
  assert.deepEqual(second.state.application.keys[2], masters.debit);
});

test('profiles that cannot be issued say why', () => {
  const refusal = (name: 'desfire-ev2' | 'desfire-light', change: object): string => {
    const profile = { ...desfireProfile(name), ...change };
    let message = '';
    assert.throws(
      () => issuingPlan(compileDesfireProfile(profile), 'p.json'),
      (error: Error & { code?: string }) => {
        message = error.message;
        return error.code === 'PROFILE_INVALID';
      },
    );
    return message;
  };
  const { keys, issuing } = desfireProfile('desfire-ev2');
  const debit = { number: 2, version: 1 };
  assert.match(refusal('desfire-light', {}), /^p\.json: not for issuing: field \/application has/);
  assert.match(refusal('desfire-light', { issuing }), /a DESFire Light has its files/);
  assert.match(refusal('desfire-ev2', { issuing: null }), /field \/issuing is missing/);
  assert.match(refusal('desfire-ev2', { application: { aid: '000000' } }), /\/application\/aid/);
  assert.match(refusal('desfire-ev2', { keys: { ...keys, load: null } }), /\/keys\/load is null/);
  const load = (more: object) => ({ keys: { ...keys, load: { ...debit, ...more } } });
  assert.match(refusal('desfire-ev2', load({ number: 0 })), /\/keys\/load\/number is 0/);
  assert.match(refusal('desfire-ev2', load({ number: 3, version: 0 })), /load\/version is 0/);
  assert.match(refusal('desfire-ev2', load({})), /one number twice/);
  const ev1 = { authentication: 'ev1', valueFile: { number: 3, mode: 'mac' } };
  const { recordFile } = desfireProfile('desfire-ev1');
  assert.match(refusal('desfire-ev2', { ...ev1, recordFile }), /\/transactionMac: its key/);
  assert.equal(
    toHex(issuingPlan(compileDesfireProfile(desfireProfile('desfire-ev1')), '').aid),
    '3042F5',
  );
});
