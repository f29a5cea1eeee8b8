/**
 * Makes the public keys of banks' issuers ready for the cards of the morning, and writes down from
 * time to time which issuers' cards come. One file beside a gate's journal:
 *
 *     head 16: magic 4 ‖ version 1 ‖ 0 0 0 ‖ count 4 ‖ 0 0 0 0
 *     count slots of 512: length 2 ‖ what the key is recovered from (`oda/issuers.ts`) ‖ zeros
 *
 * Nothing in it is secret, and nothing is taken on trust: each key is recovered again by the CA's,
 * or it is not kept, and whether it may be used is asked of every card. So the file needs no seal
 * and no sync: damage, a power cut or a CA key that has gone cost the warmth of what they touch.
 *
 * Keys are recovered on the station's thread, before its first tap: some 30 us each, 2 ms with SM2.
 * A pool of threads takes some 200 ms of computing to start, and what a thread answers would have
 * to be made a key here again.
 */
import { setImmediate } from 'node:timers/promises';
import { readU16, readU32, writeU16, writeU32 } from '../engine/bytes.ts';
import type { Issuers } from '../engine/card/qpboc/oda/issuers.ts';
import { ISSUER_CERTIFICATE_BYTES_MAX, ISSUER_KEYS_KEPT } from '../engine/card-limits.ts';
import { CARD_LIST_KEEP_MS } from '../engine/durations.ts';
import { invariant } from '../engine/invariant.ts';
import type { Disk, DiskFile } from './journal/disk.ts';

const FILE = 'issuers';
const MAGIC = 0x4647_4953;
const VERSION = 1;
const HEAD_BYTES = 16;
const SLOT_BYTES = 2 + ISSUER_CERTIFICATE_BYTES_MAX;
const FILE_BYTES = HEAD_BYTES + ISSUER_KEYS_KEPT * SLOT_BYTES;

export class IssuerKeeper {
  readonly #issuers: Issuers;
  readonly #file: DiskFile;
  readonly #failed: (error: unknown) => void;
  readonly #timer: NodeJS.Timeout;
  #writing: Promise<void> = Promise.resolve();

  private constructor(issuers: Issuers, file: DiskFile, failed: (error: unknown) => void) {
    this.#issuers = issuers;
    this.#file = file;
    this.#failed = failed;
    this.#timer = setInterval(() => this.#keep(), CARD_LIST_KEEP_MS);
    this.#timer.unref();
  }

  /**
   * Resolves when the keys of the issuers found are recovered.
   * @param failed told of each write that failed.
   * @throws FaregateError DISK_FULL, DISK_FAILED.
   */
  static async open(
    issuers: Issuers,
    disk: Disk,
    failed: (error: unknown) => void,
  ): Promise<IssuerKeeper> {
    const { file, found } = await openList(disk);
    for (const certificate of found) {
      issuers.recover(certificate);
      // Gates of the station that are open already have their turn.
      await setImmediate();
    }
    return new IssuerKeeper(issuers, file, failed);
  }

  /** Writes the list a last time. */
  async end(): Promise<void> {
    clearInterval(this.#timer);
    this.#keep();
    await this.#writing;
    await this.#file.close();
  }

  /** One write after the other. */
  #keep(): void {
    const list = listOf(this.#issuers.certificates());
    this.#writing = this.#writing.then(() => this.#file.write(list, 0)).catch(this.#failed);
  }
}

/** The file, made where there is none of this size, and the certificates in it. */
async function openList(disk: Disk): Promise<{ file: DiskFile; found: Uint8Array[] }> {
  if ((await disk.list()).includes(FILE)) {
    const file = await disk.open(FILE);
    // A byte more tells a file that is too long.
    const bytes = await file.read(0, FILE_BYTES + 1);
    if (bytes.length === FILE_BYTES) return { file, found: certificatesIn(bytes) };
    await file.close();
    await disk.remove(FILE);
  }
  return { file: await disk.preallocate(FILE, FILE_BYTES), found: [] };
}

function certificatesIn(bytes: Uint8Array): Uint8Array[] {
  if (readU32(bytes, 0) !== MAGIC || bytes[4] !== VERSION) return [];
  const count = Math.min(readU32(bytes, 8), ISSUER_KEYS_KEPT);
  const found: Uint8Array[] = [];
  for (let i = 0; i < count; i++) {
    const at = HEAD_BYTES + i * SLOT_BYTES;
    const length = readU16(bytes, at);
    if (length <= ISSUER_CERTIFICATE_BYTES_MAX) found.push(bytes.slice(at + 2, at + 2 + length));
  }
  return found;
}

function listOf(certificates: readonly Uint8Array[]): Uint8Array {
  invariant(certificates.length <= ISSUER_KEYS_KEPT, 'no more issuers than are kept');
  const bytes = new Uint8Array(HEAD_BYTES + certificates.length * SLOT_BYTES);
  writeU32(bytes, 0, MAGIC);
  bytes[4] = VERSION;
  writeU32(bytes, 8, certificates.length);
  for (const [i, certificate] of certificates.entries()) {
    invariant(certificate.length <= ISSUER_CERTIFICATE_BYTES_MAX, 'a certificate within its slot');
    const at = HEAD_BYTES + i * SLOT_BYTES;
    writeU16(bytes, at, certificate.length);
    bytes.set(certificate, at + 2);
  }
  return bytes;
}
