/**
 * DESFire cryptography written down slowly with node:crypto, one call a step and nothing kept: the
 * twin that `engine/crypto/desfire` is compared with, and what the benchmark takes for the plain
 * way.
 */
import { createCipheriv, createDecipheriv } from 'node:crypto';

const ZERO = Buffer.alloc(16);

function nodeEcb(key: Uint8Array, block: Uint8Array): Buffer {
  return createCipheriv('aes-128-ecb', key, null).setAutoPadding(false).update(block);
}

export function nodeCbc(key: Uint8Array, iv: Uint8Array, data: Uint8Array): Buffer {
  return createCipheriv('aes-128-cbc', key, iv).setAutoPadding(false).update(data);
}

export function nodeCbcDecrypt(key: Uint8Array, iv: Uint8Array, data: Uint8Array): Buffer {
  return createDecipheriv('aes-128-cbc', key, iv).setAutoPadding(false).update(data);
}

/** CMAC (RFC 4493) begun with `iv`. */
export function nodeCmac(key: Uint8Array, data: Uint8Array, iv: Uint8Array = ZERO): Buffer {
  const k1 = doubled(nodeEcb(key, ZERO));
  const whole = data.length > 0 && data.length % 16 === 0;
  const padded = whole
    ? Buffer.from(data)
    : Buffer.concat([data, Buffer.of(0x80), Buffer.alloc(15 - (data.length % 16))]);
  const subkey = whole ? k1 : doubled(k1);
  for (let i = 0; i < 16; i++) padded[padded.length - 16 + i]! ^= subkey[i]!;
  return nodeCbc(key, iv, padded).subarray(-16);
}

function doubled(block: Uint8Array): Buffer {
  const value = BigInt(`0x${Buffer.from(block).toString('hex')}`);
  let next = (value << 1n) & ((1n << 128n) - 1n);
  if (value >> 127n === 1n) next ^= 0x87n;
  return Buffer.from(next.toString(16).padStart(32, '0'), 'hex');
}

export function nodeAn10922(master: Uint8Array, input: Uint8Array): Buffer {
  const message = Buffer.alloc(32);
  message[0] = 1;
  message.set(input, 1);
  const length = input.length + 1;
  if (length < 32) message[length] = 0x80;
  const k1 = doubled(nodeEcb(master, ZERO));
  const subkey = length === 32 ? k1 : doubled(k1);
  for (let i = 0; i < 16; i++) message[16 + i]! ^= subkey[i]!;
  return nodeCbc(master, ZERO, message).subarray(16);
}

export function nodeEv2Keys(key: Uint8Array, a: Uint8Array, b: Uint8Array) {
  const middle = Buffer.from(a.subarray(2, 8)).map((byte, i) => byte ^ b[i]!);
  const tail = [a.subarray(0, 2), middle, b.subarray(6, 16), a.subarray(8, 16)];
  return {
    enc: nodeCmac(key, Buffer.concat([Buffer.from('a55a00010080', 'hex'), ...tail])),
    mac: nodeCmac(key, Buffer.concat([Buffer.from('5aa500010080', 'hex'), ...tail])),
  };
}

/** What EV2 messages are made with. */
interface NodeEv2 {
  readonly enc: Uint8Array;
  readonly mac: Uint8Array;
  readonly ti: Uint8Array;
}

function le16(value: number): Buffer {
  return Buffer.of(value & 0xff, value >> 8);
}

/** Eight odd bytes of the CMAC over `first` ‖ counter ‖ TI ‖ `rest`. */
function nodeEv2Mac(session: NodeEv2, first: number, counter: number, rest: Uint8Array): Buffer {
  const message = Buffer.concat([Buffer.of(first), le16(counter), session.ti, rest]);
  const mac = nodeCmac(session.mac, message);
  return Buffer.from(mac.filter((_, i) => i % 2 === 1));
}

function nodeEv2Iv(session: NodeEv2, label: string, counter: number): Buffer {
  const head = [Buffer.from(label, 'hex'), session.ti, le16(counter), Buffer.alloc(8)];
  return nodeEcb(session.enc, Buffer.concat(head));
}

/** 80 and zeros, always. */
function nodePad(data: Uint8Array): Buffer {
  return Buffer.concat([data, Buffer.of(0x80), Buffer.alloc(15 - (data.length % 16))]);
}

/** Header and data of a command as they are sent, at the counter it has. */
export function nodeEv2Command(
  session: NodeEv2,
  counter: number,
  ins: number,
  header: Uint8Array,
  data: Uint8Array,
  mode: 'plain' | 'mac' | 'full',
): Buffer {
  let sent: Buffer = Buffer.from(data);
  if (mode === 'full' && data.length > 0) {
    sent = nodeCbc(session.enc, nodeEv2Iv(session, 'a55a', counter), nodePad(data));
  }
  const body = Buffer.concat([header, sent]);
  return mode === 'plain' ? body : Buffer.concat([body, nodeEv2Mac(session, ins, counter, body)]);
}

/** An answer with its status word; `counter` is the command's plus one. */
export function nodeEv2Answer(
  session: NodeEv2,
  counter: number,
  data: Uint8Array,
  mode: 'plain' | 'mac' | 'full',
): Buffer {
  let sent: Buffer = Buffer.from(data);
  if (mode === 'full' && data.length > 0) {
    sent = nodeCbc(session.enc, nodeEv2Iv(session, '5aa5', counter), nodePad(data));
  }
  const mac = mode === 'plain' ? Buffer.alloc(0) : nodeEv2Mac(session, 0, counter, sent);
  return Buffer.concat([sent, mac, Buffer.of(0x91, 0x00)]);
}

/** TMV under the application's transaction MAC key. */
export function nodeTransactionMac(
  key: Uint8Array,
  tmc: number,
  uid: Uint8Array,
  tmi: Uint8Array,
): Buffer {
  const counter = Buffer.alloc(4);
  counter.writeUInt32LE(tmc);
  const session = nodeCmac(key, Buffer.concat([Buffer.from('5a00010080', 'hex'), counter, uid]));
  const mac = nodeCmac(session, tmi);
  return Buffer.from(mac.filter((_, i) => i % 2 === 1));
}
