/** The PSAM in a slot: the suite of key holders, a whole tap over it, and SAMs that misbehave. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromHex } from '../../../engine/bytes.ts';
import type { Mac1Ask } from '../../../engine/card/dialogue.ts';
import { Keyring } from '../../../engine/crypto/keyring.ts';
import { FaregateError } from '../../../engine/errors.ts';
import type { CardSession } from '../../../gate/reader/reader.ts';
import {
  VIRTUAL_PSAM_TERMINAL_SFI,
  VirtualPsam,
  type VirtualPsamOptions,
} from '../../../gate/reader/virtual/psam.ts';
import { KeyringHolder } from '../../../gate/sam/keyring-holder.ts';
import { Psam, T_UNION_PSAM_AID } from '../../../gate/sam/psam.ts';
import { StationKeys } from '../../../gate/sam/station-keys.ts';
import { StationKit } from '../../kit/station-kit.ts';
import { keyHolderSuite } from '../../suites/key-holder.ts';

const TERMINAL = fromHex('040900000007');
const slot = { name: 'slot 1', aid: T_UNION_PSAM_AID, terminalIdSfi: VIRTUAL_PSAM_TERMINAL_SFI };

function virtual(
  master: Uint8Array,
  terminalId: Uint8Array,
  more: Partial<VirtualPsamOptions> = {},
): VirtualPsam {
  const keys = [{ index: 1, version: 1, master }];
  return new VirtualPsam({ aid: T_UNION_PSAM_AID, terminalId, keys, ...more });
}

const sample: Mac1Ask = {
  ask: 'mac1',
  key: {
    keyIndex: 1,
    keyVersion: 1,
    algorithm: 0,
    factors: new Uint8Array(16),
    factorLevels: 1,
    issuer: new Uint8Array(8),
  },
  random: new Uint8Array(4),
  offlineCounter: 1,
  terminalSequence: 77,
  amountMinor: 100,
  transactionType: 9,
  terminalId: TERMINAL,
  dateTime: fromHex('20260302090000'),
  cityCode: null,
};

keyHolderSuite('keyring', (master) =>
  Promise.resolve(
    new KeyringHolder(
      new StationKeys(
        new Keyring([{ use: 'purchase', index: 1, version: 1, algorithm: '3des', master }]),
        8,
      ),
    ),
  ),
);
keyHolderSuite('PSAM', (master, terminalId) => Psam.open(virtual(master, terminalId), slot));
keyHolderSuite('PSAM over T=0', (master, terminalId) =>
  Psam.open(virtual(master, terminalId, { t0: true }), slot),
);

test('the terminal sequence is the SAM’s own, and rises with every MAC1, given up or not', async () => {
  const kept: number[] = [];
  const commit = (next: number): void => void kept.push(next);
  const sam = virtual(new Uint8Array(16), TERMINAL, { terminalSequence: 500, commit });
  const holder = await Psam.open(sam, slot);
  const sequences: number[] = [];
  for (let i = 0; i < 3; i++) {
    const answer = await holder.mac1(sample);
    assert('mac1' in answer);
    sequences.push(answer.terminalSequence);
  }
  assert.deepEqual(sequences, [500, 501, 502]);
  assert.deepEqual(kept, [501, 502, 503], 'durable before it is given out');
});

test('a rider pays at a gate whose keys are in a PSAM, and the TAC is over its sequence', async () => {
  for (const personality of ['tunion', 'city-union'] as const) {
    const kit = new StationKit();
    const terminalId = Uint8Array.of(4, 9, 0, 0, 0, 1);
    const sam = new VirtualPsam({
      aid: T_UNION_PSAM_AID,
      terminalId,
      keys: [kit.masters.purchase],
      terminalSequence: 9000,
    });
    const entry = kit.gate('entry', 3, { keys: await Psam.open(sam, slot) });
    const card = kit.card({}, personality);
    const { decision } = await entry.tap(card);
    assert.equal(decision.reason, 'open', decision.detail);
    const [debit] = decision.closed;
    assert.equal(debit?.terminalSequence, 9000);
    assert.equal(debit?.gateSequence, 1, 'the identity is the gate’s');
    assert.equal(kit.verify(debit!), 'valid');
  }
});

test('a SAM of another terminal, another scheme, pulled out or talking nonsense is named', async () => {
  const refused = (what: RegExp) => (error: unknown) =>
    error instanceof FaregateError && error.code === 'SAM_FAILED' && what.test(error.message);
  const stranger = await Psam.open(virtual(new Uint8Array(16), fromHex('040900000008')), slot);
  await assert.rejects(stranger.mac1(sample), refused(/slot 1.*040900000008.*040900000007/));

  const otherAid = virtual(new Uint8Array(16), TERMINAL, { aid: fromHex('A000000003') });
  await assert.rejects(Psam.open(otherAid, slot), refused(/SELECT: answered 6A82/));

  const sam = virtual(new Uint8Array(16), TERMINAL);
  const holder = await Psam.open(sam, slot);
  assert('mac1' in (await holder.mac1(sample)));
  sam.present = false;
  await assert.rejects(holder.mac2(new Uint8Array(4)), refused(/no answer/));
  await assert.rejects(holder.mac1(sample), refused(/no answer/));

  const asking = (answer: string): CardSession => ({
    uid: new Uint8Array(0),
    modelledUs: 0,
    transceive: async () => fromHex(answer),
    release: async () => {},
  });
  await assert.rejects(Psam.open(asking('6110'), slot), refused(/again and again/));
  await assert.rejects(Psam.open(asking('9000'), slot), refused(/0 bytes of terminal id/));
  const mute = await Psam.open(asking('9000'), { ...slot, terminalIdSfi: null });
  await assert.rejects(mute.mac1(sample), refused(/INITIALIZE.*9000 and 0 bytes/));
});
