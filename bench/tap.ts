/**
 * What does the host compute for one exit tap? Everything between the card's answers of a CAPP
 * purchase (DESIGN: "One tap"): selection, card checks, denylist, fare, key derivation, session
 * key, MAC1, journey record, the intent's layout, MAC2; against the same tap as one would write it
 * with node:crypto, a Set and a nested Map. The card's answers are recorded, so nothing of the card
 * is measured; nor is sealing the intent, which happens while the card works.
 */
import { createCipheriv, createHash, createHmac } from 'node:crypto';
import { readU16, readU32, writeU16, writeU32 } from '../engine/bytes.ts';
import type { GatePlace } from '../engine/card/journey-form.ts';
import { GateBuffers } from '../engine/card/purse/command-buffers.ts';
import { compileProfile } from '../engine/card/purse/compile.ts';
import { builtInProfile } from '../engine/card/purse/profiles.ts';
import { Keyring } from '../engine/crypto/keyring.ts';
import { cmacKey } from '../engine/crypto/mac.ts';
import { encodeDebit } from '../engine/debit/codec.ts';
import { DEBIT_BYTES, type Debit } from '../engine/debit/record.ts';
import { Denylist } from '../engine/denylist/denylist.ts';
import { sampleFareBook } from '../engine/fare/sample-city.ts';
import { CARD_KEYS_STATION } from '../engine/limits.ts';
import type { TapSetting } from '../engine/tap/setting.ts';
import { tap } from '../engine/tap/tap.ts';
import { writeLocalDateTime, Zone } from '../engine/time.ts';
import { systemClock } from '../gate/clock.ts';
import { GateInForce } from '../gate/in-force.ts';
import { ModesInForce } from '../gate/modes.ts';
import { VirtualCard } from '../gate/reader/virtual/card.ts';
import { issueCard } from '../gate/reader/virtual/card-state.ts';
import { KeyringHolder } from '../gate/sam/keyring-holder.ts';
import { StationKeys } from '../gate/sam/station-keys.ts';
import type { Benchmark, Question } from './harness.ts';

const MASTER = { index: 1, version: 1, master: new Uint8Array(16).map((_, i) => 17 * i) };
const HASH_KEY = new Uint8Array(16).fill(0x5a);
const NOW_MS = Date.UTC(2026, 2, 2, 1, 0);
const ENTERED_MS = NOW_MS - 25 * 60_000;
const TERMINAL = Uint8Array.of(4, 9, 0, 1, 0, 1);
const STOPPED_CARDS = 10_000;
const SEQUENCE = 4711;

export const tapBenchmark: Benchmark = {
  name: 'tap',
  questions(smoke) {
    const stoppedCards = smoke ? 100 : STOPPED_CARDS;
    const world = makeWorld(stoppedCards, CARD_KEYS_STATION);
    // Eight keys are kept and more cards come, so that each card's has to be derived again.
    const forgetful = makeWorld(stoppedCards, 8);
    const cards = Array.from({ length: smoke ? 16 : 64 }, (_, i) => recordCard(world, i));
    return [
      exitTap('new card', forgetful, cards),
      exitTap('key kept', world, cards),
      exitTap('key at hand', world, cards.slice(0, 1)),
    ];
  },
};

interface World {
  readonly setting: TapSetting;
  readonly keys: KeyringHolder;
  readonly stopped: readonly Uint8Array[];
}

/** The card's answers to SELECT, READ RECORD, INITIALIZE, UPDATE and DEBIT. */
interface Recording {
  readonly answers: readonly Uint8Array[];
}

function makeWorld(stoppedCards: number, keptCards: number): World {
  const keyring = new Keyring([{ use: 'purchase', algorithm: '3des', ...MASTER }]);
  const keys = new KeyringHolder(new StationKeys(keyring, keptCards));
  const fares = sampleFareBook();
  const stopped = Array.from({ length: stoppedCards }, (_, i) => numberOf(1_000_000 + i));
  const place = placeOf(fares.at(NOW_MS)!.stations[20]!.code);
  const denylist = Denylist.build(cmacKey(HASH_KEY), stopped);
  const modes = new ModesInForce(systemClock, null, null);
  const setting: TapSetting = {
    gateId: 'B1',
    side: 'exit',
    place,
    terminalId: TERMINAL,
    profiles: [compileProfile(builtInProfile('tunion'))],
    fares,
    denylist,
    zone: new Zone('Asia/Shanghai'),
    buffers: new GateBuffers(place),
    findUnconfirmed: () => null,
    prepareKey: (key) => keys.prepare(key),
    modes,
    inForce: new GateInForce({ denylist, modes, clockQuality: () => 0, parametersVersion: 0 }),
  };
  return { setting, keys, stopped };
}

function placeOf(station: Uint8Array): GatePlace {
  return {
    station,
    stationRest: new Uint8Array(3),
    terminal: TERMINAL,
    city: new Uint8Array(2),
    institution: new Uint8Array(8),
  };
}

function numberOf(index: number): Uint8Array {
  const number = Uint8Array.of(3, 0x10, 0x51, 0x70, 0, 0, 0, 0, 0, 0);
  writeU32(number, 6, index);
  return number;
}

/** Rides in at station 3, then records what the card says at the exit. */
function recordCard(world: World, index: number): Recording {
  const state = issueCard(
    'tunion',
    { purchase: MASTER, tac: MASTER },
    {
      cardNumber: numberOf(index),
      balanceMinor: 10_000,
    },
  );
  const card = new VirtualCard({
    state,
    randomBytes: (length) => new Uint8Array(length).map((_, i) => 31 * index + i),
  });
  const fares = world.setting.fares;
  const station = fares.at(NOW_MS)!.stations[3]!.code;
  const place = placeOf(station);
  const buffers = new GateBuffers(place);
  const entry = { ...world.setting, side: 'entry' as const, place, buffers };
  play(world, entry, ENTERED_MS, (apdu) => card.transmit(apdu));
  card.power();
  const answers: Uint8Array[] = [];
  const debit = play(world, world.setting, NOW_MS, (apdu) => {
    const answer = card.transmit(apdu);
    answers.push(answer);
    return answer;
  });
  if (!debit) throw new Error('the card to be recorded was refused');
  return { answers };
}

/** Drives one tap without waiting for anything; the debit that was closed, or null if refused. */
function play(
  { keys }: World,
  setting: TapSetting,
  nowMs: number,
  card: (apdu: Uint8Array) => Uint8Array,
): Debit | null {
  const dialogue = tap(setting, nowMs, SEQUENCE);
  let step = dialogue.next(null);
  while (step.done !== true) {
    const ask = step.value;
    if (ask.ask === 'card') {
      ask.meanwhile?.();
      step = dialogue.next(card(ask.apdu));
    } else if (ask.ask === 'mac1') {
      step = dialogue.next(keys.mac1(ask));
    } else if (ask.ask === 'mac2') {
      step = dialogue.next(keys.mac2(ask.mac2));
    } else if (ask.ask === 'intent') {
      encodeDebit(ask.debit, record, 0);
      step = dialogue.next(null);
    } else {
      step = dialogue.next('go');
    }
  }
  return step.value.open ? step.value.closed[0]! : null;
}

const record = new Uint8Array(DEBIT_BYTES);

/** What both contenders give: amount, MAC1 as sent and TAC as received, a card each. */
function summaryOf(amounts: Uint8Array): Uint8Array {
  return new Uint8Array(createHash('sha256').update(amounts).digest());
}

/** Every tap is the next card's. */
function exitTap(name: string, world: World, cards: readonly Recording[]): Question {
  let next = 0;
  let at = 0;
  let sent: Uint8Array = new Uint8Array(0);
  let answers = cards[0]!.answers;
  const answering = (apdu: Uint8Array): Uint8Array => {
    sent = apdu;
    return answers[at++]!;
  };
  const ours = (): number => {
    answers = cards[next]!.answers;
    next = (next + 1) % cards.length;
    at = 0;
    return play(world, world.setting, NOW_MS, answering)?.amountMinor ?? -1;
  };
  const nodeTap = makeNodeTap(world);
  let nodeNext = 0;
  const nodes = (): { amountMinor: number; mac1: Uint8Array } => {
    const result = nodeTap(cards[nodeNext]!.answers);
    nodeNext = (nodeNext + 1) % cards.length;
    return result;
  };
  const gather = (one: () => { amountMinor: number; mac1: Uint8Array }): Uint8Array => {
    const all = new Uint8Array(8 * cards.length);
    for (let i = 0; i < cards.length; i++) {
      const { amountMinor, mac1 } = one();
      writeU32(all, 8 * i, amountMinor);
      all.set(mac1, 8 * i + 4);
    }
    return summaryOf(all);
  };
  return {
    name: `exit tap, ${name}`,
    operations: 1,
    contenders: [
      {
        name: 'faregate',
        // The last command sent is DEBIT, and MAC1 its last four bytes before Le.
        answer: () => gather(() => ({ amountMinor: ours(), mac1: sent.subarray(16, 20) })),
        run: () => void ours(),
      },
      { name: 'node:crypto per call', answer: () => gather(nodes), run: () => void nodes() },
    ],
    goal: 4,
  };
}

/** The tap as one would write it straight down, with the standard library. */
function makeNodeTap(world: World) {
  const stopped = new Set(world.stopped.map(nodeHash));
  const fares = world.setting.fares.at(NOW_MS)!;
  const prices = new Map(
    fares.stations.map((from, i) => [
      hex(from.code),
      new Map(fares.stations.map((to, j) => [hex(to.code), fares.fareMinor(i, j, 0)])),
    ]),
  );
  return (answers: readonly Uint8Array[]): { amountMinor: number; mac1: Uint8Array } => {
    const [select, journey, init, , debit] = answers.map((answer) => Buffer.from(answer));
    const publicFile = select!.subarray(select!.indexOf('9f0c1e', 'hex') + 3).subarray(0, 30);
    const number = publicFile.subarray(10, 20);
    const dateTime = Buffer.alloc(7);
    writeLocalDateTime(world.setting.zone, NOW_MS, dateTime, 0);
    const today = dateTime.subarray(0, 4).toString('hex');
    if (publicFile[8] !== 2 || publicFile[9] !== 1) throw new Error('purse flag');
    if (publicFile.subarray(20, 24).toString('hex') > today) throw new Error('not yet valid');
    if (publicFile.subarray(24, 28).toString('hex') < today) throw new Error('expired');
    if (stopped.has(nodeHash(number))) throw new Error('stopped');
    const from = journey!.subarray(10, 14).toString('hex').toUpperCase();
    const to = hex(world.setting.place.station);
    const amountMinor = prices.get(from)?.get(to);
    if (amountMinor === undefined) throw new Error('no fare');
    const byNumber = nodeDiversify(MASTER.master, number.subarray(2));
    const cardKey = nodeDiversify(byNumber, publicFile.subarray(0, 8));
    const sessionInput = Buffer.alloc(8);
    init!.copy(sessionInput, 0, 11, 15);
    init!.copy(sessionInput, 4, 4, 6);
    writeU16(sessionInput, 6, SEQUENCE);
    const session = nodeEde(cardKey, sessionInput);
    const amount = Buffer.alloc(4);
    amount.writeUInt32BE(amountMinor);
    const mac1 = nodeMac(session, Buffer.concat([amount, Buffer.of(9), TERMINAL, dateTime]));
    const next = Buffer.from(journey!.subarray(0, 48));
    next[0] = 4;
    next.writeUInt32BE(amountMinor, 17);
    next.writeUInt32BE(readU32(init!, 0) - amountMinor, 21);
    dateTime.copy(next, 25);
    const intent = Buffer.concat([number, publicFile.subarray(0, 8), amount, mac1, dateTime, next]);
    if (intent.length === 0 || readU16(init!, 4) > 0xffff) throw new Error('intent');
    if (!nodeMac(session, amount).equals(debit!.subarray(4, 8))) throw new Error('MAC2');
    return { amountMinor, mac1 };
  };
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex').toUpperCase();
}

function nodeHash(number: Uint8Array): string {
  return createHmac('sha256', HASH_KEY).update(number).digest('base64');
}

function nodeEde(key: Uint8Array, data: Uint8Array): Buffer {
  const cipher = createCipheriv('des-ede', key, null).setAutoPadding(false);
  return Buffer.concat([cipher.update(data), cipher.final()]);
}

function nodeDiversify(key: Uint8Array, factor: Uint8Array): Buffer {
  const inverse = Buffer.from(factor).map((byte) => ~byte & 0xff);
  return nodeEde(key, Buffer.concat([factor, inverse]));
}

function nodeMac(key: Uint8Array, data: Uint8Array): Buffer {
  const padded = Buffer.alloc((data.length + 8) & ~7);
  padded.set(data);
  padded[data.length] = 0x80;
  const cipher = createCipheriv('des-ede3-cbc', Buffer.concat([key, key, key]), Buffer.alloc(8));
  const blocks = cipher.setAutoPadding(false).update(padded);
  return blocks.subarray(blocks.length - 8, blocks.length - 4);
}
