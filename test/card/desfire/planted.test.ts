/**
 * Between the card's key and its application a blank DESFire card lets anybody make an application
 * of the operator's AID: one with other settings or further keys is no purse. And what a desk with
 * key files of several applications issues.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromHex } from '../../../engine/bytes.ts';
import { cardKeyRef } from '../../../engine/card/desfire/compile.ts';
import { IssuingKeys } from '../../../engine/crypto/desfire/issuing-keys.ts';
import type { DesfireState } from '../../../gate/reader/virtual/desfire/state.ts';
import { UID } from '../../kit/desfire-kit.ts';
import { cardOf, IssuingKit, issuerMasters } from '../../kit/issuing-kit.ts';

const NAMES = ['desfire-ev1', 'desfire-ev2'] as const;
const SETTINGS = 0x0b;
const KEYS = 4;

/** A card torn away at the command that makes its application, and put on again with this one. */
function planted(kit: IssuingKit, settings: number, count: number): DesfireState {
  kit.run(kit.blank());
  const command = kit.sent.indexOf('CreateApplication') + 1;
  const torn = kit.blank();
  kit.run(torn, { tear: { command, when: 'before' } });
  const { state } = torn;
  assert.equal(state.issuing!.hasApplication, false);
  const keys = Array.from({ length: count }, () => new Uint8Array(16));
  return {
    ...state,
    application: { ...state.application, aid: kit.plan.aid, keys },
    issuing: { ...state.issuing!, hasApplication: true, settings, keyVersions: keys.map(() => 0) },
  };
}

/** The same after its purse was issued: what nobody could do, but then it is known. */
function altered(kit: IssuingKit, settings: number, count: number): DesfireState {
  const card = kit.blank();
  kit.run(card);
  const { state } = card;
  const { application, issuing } = state;
  const more = Array.from({ length: count - KEYS }, () => new Uint8Array(16));
  return {
    ...state,
    application: { ...application, keys: [...application.keys, ...more] },
    issuing: {
      ...issuing!,
      settings,
      keyVersions: [...issuing!.keyVersions, ...more.map(() => 0)],
    },
  };
}

for (const name of NAMES) {
  test(`${name}: an application with other settings or a key to spare is refused as it is`, () => {
    for (const [settings, count, detail] of [
      [0x0f, KEYS, 'key settings 0F84'],
      [0x09, KEYS, 'key settings 0984'],
      [0x1b, KEYS, 'key settings 1B84'],
      [SETTINGS, KEYS + 1, 'key settings 0B85'],
      [SETTINGS, 14, 'key settings 0B8E'],
    ] as const) {
      for (const make of [planted, altered]) {
        for (const isLook of [false, true]) {
          const kit = new IssuingKit(name);
          const state = make(kit, settings, count);
          const card = cardOf(state);
          const end = kit.run(card, { isForeign: true, isLook });
          assert(end.outcome === 'refused', `${detail} ${JSON.stringify(end)}`);
          assert.deepEqual([end.why, end.detail], ['foreignApplication', detail]);
          assert.deepEqual(end.done, []);
          assert.equal(card.state, state);
        }
      }
    }
    const kit = new IssuingKit(name);
    const few = kit.run(cardOf(planted(kit, SETTINGS, KEYS - 1)), { isForeign: true });
    assert(few.outcome === 'refused' && few.detail === 'key settings 0B83');
  });

  test(`${name}: an application that is as ours would be is taken over`, () => {
    const kit = new IssuingKit(name);
    const card = cardOf(planted(kit, SETTINGS, KEYS));
    const end = kit.run(card);
    assert.equal(end.outcome, 'issued');
    assert(!end.done.includes('application') && end.done.includes('key 0'));
  });

  test(`${name}: key settings are believed with their MAC alone`, () => {
    const kit = new IssuingKit(name);
    const state = planted(kit, 0x0f, KEYS);
    const end = kit.run(cardOf(state), {
      isForeign: true,
      tamper: (answer, command) =>
        command === 'GetKeySettings'
          ? answer.map((byte, i) => (i === 0 ? SETTINGS : byte))
          : answer,
    });
    assert(end.outcome === 'fault' && end.fault.fault === 'forged', JSON.stringify(end));
    assert.equal(end.fault.command, 'GetKeySettings');
  });

  test(`${name}: a key file of a second application issues the cards of the first as before`, () => {
    const application = fromHex('AAAAAA');
    const master = new Uint8Array(16).fill(9);
    const others = issuerMasters.map((key) => ({ ...key, master, application }));
    const alone = new IssuingKit(name).blank();
    new IssuingKit(name).run(alone);
    for (const keys of [
      [...issuerMasters, ...others],
      [...others, ...issuerMasters],
    ]) {
      const kit = new IssuingKit(name, {}, keys);
      const card = kit.blank();
      assert.equal(kit.run(card).outcome, 'issued');
      assert.deepEqual(card.state.application.keys, alone.state.application.keys);
      const { number } = kit.plan.profile.settings.keys.debit;
      const gate = new IssuingKeys(issuerMasters).bytes(cardKeyRef(kit.plan.profile, 'debit', UID));
      assert.deepEqual(card.state.application.keys[number], gate);
    }
  });
}
