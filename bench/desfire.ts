/**
 * What does the host compute for one tap of an AES closed-loop purse? Everything between the
 * answers of an EV2 card, encrypted both ways: the card's key, mutual authentication, session keys,
 * GetValue, ReadRecords, Debit, WriteRecord, CommitTransaction, and the input of the transaction
 * MAC; against the same tap written straight down with node:crypto and a one-shot CMAC. The card's
 * answers are recorded, so nothing of the card is measured. The contenders must send the same bytes
 * and read the same ones.
 */
import { createCipheriv, createDecipheriv, createHash } from 'node:crypto';
import { cmac } from '@noble/ciphers/aes.js';
import { fromHex } from '../engine/bytes.ts';
import type { DesfireDialogue } from '../engine/card/desfire/asks.ts';
import { makeChannel } from '../engine/card/desfire/channel.ts';
import { compileDesfireProfile } from '../engine/card/desfire/compile.ts';
import { desfireProfile } from '../engine/card/desfire/profiles.ts';
import { commit, openPurse, type PurseGate, prepareDebit } from '../engine/card/desfire/purse.ts';
import { TransactionInput } from '../engine/card/desfire/transaction-input.ts';
import type { Answer } from '../engine/card/dialogue.ts';
import { AesKeyring } from '../engine/crypto/aes-keyring.ts';
import { VirtualDesfireCard } from '../gate/reader/virtual/desfire/card.ts';
import { issueDesfire } from '../gate/reader/virtual/desfire/state.ts';
import { AesCardKeys } from '../gate/sam/aes-card-keys.ts';
import { AesKeyringHolder } from '../gate/sam/aes-holder.ts';
import type { Benchmark, Question } from './harness.ts';

const MASTER = new Uint8Array(16).map((_, i) => 17 * i);
const RND_A = new Uint8Array(16).map((_, i) => 29 * i + 5);
const FARE_MINOR = 300;
const ZERO = Buffer.alloc(16);

export const desfireBenchmark: Benchmark = {
  name: 'desfire',
  questions(smoke) {
    const profile = compileDesfireProfile(desfireProfile('desfire-ev2'));
    const count = smoke ? 4 : 64;
    // One key is kept and more cards come, so that each card's has to be derived again.
    const forgetful = makeGate(1);
    const gate = makeGate(count);
    const cards = Array.from({ length: count }, (_, i) => recordCard(gate, profile, i));
    return [
      question('EV2 debit, new card', forgetful, profile, cards),
      question('EV2 debit, key kept', gate, profile, cards),
      question('EV2 debit, key at hand', gate, profile, cards.slice(0, 1)),
    ];
  },
};

type Profile = ReturnType<typeof compileDesfireProfile>;

interface Gate {
  readonly purse: PurseGate;
  readonly holder: AesKeyringHolder;
}

interface Recording {
  readonly uid: Uint8Array;
  readonly record: Uint8Array;
  readonly answers: readonly Uint8Array[];
}

function makeGate(keptKeys: number): Gate {
  const keyring = new AesKeyring([{ use: 'debit', version: 1, master: MASTER }]);
  // The card's answers are to fit again, so RndA is always the same.
  const holder = new AesKeyringHolder(new AesCardKeys(keyring, keptKeys), (length) =>
    Uint8Array.from({ length }, (_, i) => RND_A[i % 16]!),
  );
  const purse = {
    channel: makeChannel(),
    input: new TransactionInput(),
    prepareKey: holder.prepare.bind(holder),
  };
  return { purse, holder };
}

/** Holds a virtual card to the gate and keeps what it says. */
function recordCard(gate: Gate, profile: Profile, index: number): Recording {
  const uid = Uint8Array.of(4, 1, 2, 3, 4, index >> 8, index);
  const record = new Uint8Array(48).map((_, i) => i + index);
  record[0] = 4;
  const keys = { debit: MASTER, load: MASTER, transactionMac: MASTER };
  const state = issueDesfire('ev2', uid, keys, { valueMinor: 5000 });
  const card = new VirtualDesfireCard({
    state,
    randomBytes: (length) => new Uint8Array(length).map((_, i) => 31 * index + i),
  });
  const answers: Uint8Array[] = [];
  const said = play(gate, tap(gate, profile, uid, record), (apdu) => {
    const answer = card.transmit(apdu);
    answers.push(answer);
    return answer;
  });
  if (said === null) throw new Error('the card to be recorded was refused');
  return { uid, record, answers };
}

/** One debit; the transaction MAC value, or null where the card was refused. */
function* tap(
  { purse: gate }: Gate,
  profile: Profile,
  uid: Uint8Array,
  record: Uint8Array,
): DesfireDialogue<Uint8Array | null> {
  const purse = yield* openPurse(gate, profile, 'debit', uid);
  if ('fault' in purse || purse.valueMinor < FARE_MINOR) return null;
  if ((yield* prepareDebit(purse, FARE_MINOR, record)) !== null) return null;
  purse.input.bytes();
  const proof = yield* commit(purse);
  return proof === 'noProof' || 'fault' in proof ? null : proof.tmv;
}

function play(
  { holder }: Gate,
  dialogue: DesfireDialogue<Uint8Array | null>,
  card: (apdu: Uint8Array) => Uint8Array,
): Uint8Array | null {
  let answer: Answer = null;
  for (;;) {
    const step = dialogue.next(answer);
    if (step.done === true) return step.value;
    const ask = step.value;
    if (ask.ask === 'card') {
      ask.meanwhile?.();
      answer = card(ask.apdu);
    } else {
      answer = holder.answer(ask);
    }
  }
}

/** Every tap is the next card's; an answer is a hash of all that was sent and of the TMV. */
function question(
  name: string,
  gate: Gate,
  profile: Profile,
  cards: readonly Recording[],
): Question {
  const turn = (one: (card: Recording) => void) => {
    let next = 0;
    return () => {
      one(cards[next]!);
      next = (next + 1) % cards.length;
    };
  };
  const ours = ({ uid, record, answers }: Recording, sent: Uint8Array[] | null) => {
    let at = 0;
    const tmv = play(gate, tap(gate, profile, uid, record), (apdu) => {
      sent?.push(apdu.slice());
      return answers[at++]!;
    });
    if (tmv === null) throw new Error('refused');
    sent?.push(tmv);
  };
  const hashOf = (one: (card: Recording, sent: Uint8Array[]) => void) => () => {
    const hash = createHash('sha256');
    for (const card of cards) {
      const sent: Uint8Array[] = [];
      one(card, sent);
      for (const bytes of sent) hash.update(bytes);
    }
    return new Uint8Array(hash.digest());
  };
  return {
    name,
    operations: 1,
    contenders: [
      { name: 'faregate', answer: hashOf(ours), run: turn((card) => ours(card, null)) },
      {
        name: 'node:crypto per call, one-shot CMAC',
        answer: hashOf(nodeTap),
        run: turn((card) => nodeTap(card, [])),
      },
    ],
    goal: 4,
  };
}

/** The tap straight down: each step its own cipher object, nothing prepared. */
function nodeTap({ uid, record, answers }: Recording, sent: Uint8Array[]): void {
  const system = Buffer.from('3042F54E585020416275', 'hex');
  // 18 bytes, so that AN10922 is a plain CMAC.
  const key = cmac(Buffer.concat([Buffer.of(1), uid, system]), MASTER);
  const wrap = (ins: number, body: Uint8Array) => {
    const head = Buffer.of(0x90, ins, 0, 0, body.length);
    sent.push(Buffer.concat([head, body, Buffer.of(0)]));
  };
  wrap(0x5a, fromHex('3042F5'));
  wrap(0x71, Buffer.of(2, 0));
  const rndB = decrypt(key, ZERO, answers[1]!.subarray(0, 16));
  const turned = (random: Uint8Array) => Buffer.concat([random.subarray(1), random.subarray(0, 1)]);
  wrap(0xaf, encrypt(key, ZERO, Buffer.concat([RND_A, turned(rndB)])));
  const proof = decrypt(key, ZERO, answers[2]!.subarray(0, 32));
  if (!proof.subarray(4, 20).equals(turned(RND_A))) throw new Error('not authentic');
  const mixed = Buffer.from(RND_A.subarray(2, 8)).map((byte, i) => byte ^ rndB[i]!);
  const vector = [RND_A.subarray(0, 2), mixed, rndB.subarray(6), RND_A.subarray(8)];
  const enc = cmac(Buffer.concat([Buffer.from('a55a00010080', 'hex'), ...vector]), key);
  const mac = cmac(Buffer.concat([Buffer.from('5aa500010080', 'hex'), ...vector]), key);
  const session = { enc, mac, ti: proof.subarray(0, 4) };
  let counter = 0;
  const ask = (ins: number, header: Uint8Array, data: Uint8Array, isFull = true): Buffer => {
    let body = Buffer.concat([header, data]);
    if (data.length > 0) {
      const iv = ivOf(session, 0xa5, 0x5a, counter);
      body = Buffer.concat([header, encrypt(enc, iv, padded(data))]);
    }
    wrap(ins, Buffer.concat([body, macOf(session, ins, counter, body)]));
    counter += 1;
    const answer = answers[sent.length - 1]!;
    const end = answer.length - 10;
    const said = answer.subarray(0, end);
    const expected = macOf(session, 0, counter, said);
    if (!expected.equals(answer.subarray(end, end + 8))) throw new Error('MAC');
    if (said.length === 0 || !isFull) return Buffer.from(said);
    const plain = decrypt(enc, ivOf(session, 0x5a, 0xa5, counter), said);
    return plain.subarray(0, plain.lastIndexOf(0x80));
  };
  const amount = Buffer.alloc(4);
  amount.writeInt32LE(FARE_MINOR);
  const value = ask(0x6c, Buffer.of(3), Buffer.alloc(0));
  if (value.readInt32LE() < FARE_MINOR) throw new Error('too little');
  const newest = ask(0xab, Buffer.of(4, 0, 0, 0, 1, 0, 0), Buffer.alloc(0));
  ask(0xdc, Buffer.of(3), amount);
  ask(0x8b, Buffer.of(4, 0, 0, 0, 48, 0, 0), record);
  const input = Buffer.concat([value, newest, amount, record]);
  if (input.length === 0) throw new Error('input');
  // Its answer has a MAC and no encryption.
  sent.push(ask(0xc7, Buffer.of(1), Buffer.alloc(0), false).subarray(4));
}

interface NodeSession {
  readonly enc: Uint8Array;
  readonly mac: Uint8Array;
  readonly ti: Uint8Array;
}

function macOf(session: NodeSession, first: number, counter: number, body: Uint8Array): Buffer {
  const head = Buffer.of(first, counter & 0xff, counter >> 8);
  const mac = cmac(Buffer.concat([head, session.ti, body]), session.mac);
  return Buffer.from(mac.filter((_, i) => i % 2 === 1));
}

function ivOf(session: NodeSession, a: number, b: number, counter: number): Buffer {
  const block = Buffer.alloc(16);
  block[0] = a;
  block[1] = b;
  block.set(session.ti, 2);
  block.writeUInt16LE(counter, 6);
  return createCipheriv('aes-128-ecb', session.enc, null).setAutoPadding(false).update(block);
}

function padded(data: Uint8Array): Buffer {
  return Buffer.concat([data, Buffer.of(0x80), Buffer.alloc(15 - (data.length % 16))]);
}

function encrypt(key: Uint8Array, iv: Uint8Array, data: Uint8Array): Buffer {
  return createCipheriv('aes-128-cbc', key, iv).setAutoPadding(false).update(data);
}

function decrypt(key: Uint8Array, iv: Uint8Array, data: Uint8Array): Buffer {
  return createDecipheriv('aes-128-cbc', key, iv).setAutoPadding(false).update(data);
}
