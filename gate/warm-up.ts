/**
 * Runs a gate's whole path before the first rider comes: taps of a made-up issuer's virtual card
 * over a journal in memory. Node compiles the code it has seen run some hundred times; without this
 * the first riders of the morning would wait for it. It also proves at start that the path works.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { compileGateProfile } from '../engine/card/desfire/compile.ts';
import { desfireProfile } from '../engine/card/desfire/profiles.ts';
import { GateBuffers } from '../engine/card/purse/command-buffers.ts';
import { compileProfile } from '../engine/card/purse/compile.ts';
import { builtInProfile } from '../engine/card/purse/profiles.ts';
import { AesKeyring } from '../engine/crypto/aes-keyring.ts';
import { Keyring } from '../engine/crypto/keyring.ts';
import { cmacKey } from '../engine/crypto/mac.ts';
import { Denylist } from '../engine/denylist/denylist.ts';
import type { FareBook } from '../engine/fare/fares.ts';
import type { TapSetting } from '../engine/tap/setting.ts';
import type { Zone } from '../engine/time.ts';
import { CountingBarrier } from './barrier/barrier.ts';
import { systemClock } from './clock.ts';
import { Gate } from './controller.ts';
import { MemoryJournal } from './journal/memory.ts';
import { VirtualCard } from './reader/virtual/card.ts';
import { issueCard } from './reader/virtual/card-state.ts';
import { VirtualDesfireCard } from './reader/virtual/desfire/card.ts';
import { issueDesfire } from './reader/virtual/desfire/state.ts';
import { VirtualReader } from './reader/virtual/reader.ts';
import { KeyringHolder } from './sam/keyring-holder.ts';
import { StationKeys } from './sam/station-keys.ts';
import { completeDesfire, StationDesfire } from './station-desfire.ts';
import { UnconfirmedDebits } from './unconfirmed.ts';

const random = (length: number): Uint8Array => new Uint8Array(randomBytes(length));

/** One tap in so many is an AES card's, where the station takes such: its code is the same each. */
const DESFIRE_EVERY = 4;

/**
 * @param taps pairs of entry and exit.
 * @param nowMs an instant at which `fares` are in force.
 * @param takesDesfire whether AES cards come too.
 */
export async function warmUp(
  taps: number,
  fares: FareBook,
  zone: Zone,
  nowMs: number,
  takesDesfire = false,
): Promise<void> {
  const { station, profile, desfireCard } = madeUpDesfire();
  const key = { index: 1, version: 1, master: random(16) };
  const keyring = new Keyring([{ use: 'purchase', algorithm: '3des', ...key }]);
  const keys = new KeyringHolder(new StationKeys(keyring, 8));
  const state = issueCard('tunion', { purchase: key, tac: key }, { balanceMinor: 0x3fffffff });
  const card = new VirtualCard({ state, randomBytes: random });
  const gates = (['entry', 'exit'] as const).map((side, i) => {
    const reader = new VirtualReader({ name: 'warm-up' });
    const terminalId = Uint8Array.of(0, 0, 0, 0, 0, i);
    const place = {
      station: fares.at(nowMs)!.stations[i]!.code,
      stationRest: new Uint8Array(3),
      terminal: terminalId,
      city: new Uint8Array(2),
      institution: new Uint8Array(8),
    };
    const aesKeys = station.holder();
    const setting: TapSetting = {
      gateId: 'warm-up',
      side,
      place,
      terminalId,
      profiles: [compileProfile(builtInProfile('tunion'))],
      fares,
      denylist: Denylist.build(cmacKey(random(16)), [random(10)]),
      zone,
      buffers: new GateBuffers(place),
      findUnconfirmed: () => null,
      prepareKey: (ref) => keys.prepare(ref),
      ...(takesDesfire
        ? { desfire: completeDesfire({ profiles: [profile] }, place, aesKeys) }
        : {}),
    };
    const gate = new Gate({
      gateId: 'warm-up',
      station: '',
      setting: () => setting,
      reader,
      keys,
      aesKeys,
      journal: new MemoryJournal(),
      barrier: new CountingBarrier(),
      unconfirmed: new UnconfirmedDebits(systemClock),
      clock: { ...systemClock, nowMs: () => nowMs },
    });
    return { gate, reader, cards: reader.cards() };
  });
  for (let i = 0; i < taps; i++) {
    for (const { gate, reader, cards } of gates) {
      const held = takesDesfire && i % DESFIRE_EVERY === 0 ? desfireCard : card;
      const gone = reader.present(held, { kbitps: 106 });
      const session = (await cards.next()).value;
      assert(session);
      await gate.tap(session);
      await session.release();
      await gone;
    }
  }
}

/** An issuer of AES cards, and one of its cards. */
function madeUpDesfire() {
  const master = random(16);
  const masters = { debit: master, load: master, transactionMac: master };
  const details = { valueMinor: 0x3fff_ffff, upperLimit: 0x7fff_ffff };
  const state = issueDesfire('ev2', Uint8Array.of(4, 0, 0, 0, 0, 0, 0), masters, details);
  return {
    station: new StationDesfire(new AesKeyring([{ use: 'debit', version: 1, master }])),
    profile: compileGateProfile(desfireProfile('desfire-ev2'), 'warm-up'),
    desfireCard: new VirtualDesfireCard({ state, randomBytes: random }),
  };
}
