/** Parameter sets to test with: an operator's keys, an engine's shelf in memory, a connection. */
import { createHash } from 'node:crypto';
import { signer, verifier } from '../../engine/denylist/signing.ts';
import type { ParameterPort } from '../../engine/operator/ingest-session.ts';
import type { ItemKind } from '../../engine/parameters/item-kinds.ts';
import { encodeManifest, type Manifest } from '../../engine/parameters/manifest.ts';
import { isFor, nextAfter } from '../../engine/parameters/versions.ts';
import type { ParameterAnswer, ParameterQuestion } from '../../engine/wire/parameter-messages.ts';
import type { Asker, Downloads } from '../../gate/uplink/downloads.ts';
import { operator, stranger } from './denylist-kit.ts';

export const verify = verifier(operator.publicKey);

/** A set as a test thinks of it: names of items and their content. */
export interface PlainSet {
  readonly version: number;
  readonly effectiveMs?: number;
  readonly gates?: readonly string[];
  readonly items: Readonly<Record<string, Uint8Array>>;
  readonly kind?: ItemKind;
  readonly forged?: boolean;
}

export function text(content: string): Uint8Array {
  return new Uint8Array(Buffer.from(content));
}

/** Made once for each set: a shelf is asked for its manifests with every acknowledgement. */
const manifests = new WeakMap<PlainSet, Manifest>();
const signed = new WeakMap<PlainSet, Uint8Array>();

export function manifestOf(set: PlainSet): Manifest {
  return onceFor(manifests, set, makeManifest);
}

function makeManifest(set: PlainSet): Manifest {
  return {
    version: set.version,
    effectiveMs: set.effectiveMs ?? 0,
    issuedMs: 1,
    restores: null,
    gates: set.gates ?? [],
    items: Object.entries(set.items).map(([name, content]) => ({
      kind: set.kind ?? 'fares',
      name,
      version: set.version,
      bytes: content.length,
      sha256: createHash('sha256').update(content).digest('hex'),
    })),
  };
}

export function signedSet(set: PlainSet): Uint8Array {
  return onceFor(signed, set, ({ forged }) => {
    const { privateKey } = forged ? stranger : operator;
    return encodeManifest(manifestOf(set), signer(privateKey));
  });
}

function onceFor<T>(made: WeakMap<PlainSet, T>, set: PlainSet, make: (set: PlainSet) => T): T {
  const known = made.get(set) ?? make(set);
  made.set(set, known);
  return known;
}

/** What an engine publishes, without a disk. */
export class MemoryShelf implements ParameterPort {
  readonly sets = new Map<number, PlainSet>();
  /** Bytes of items given out. */
  given = 0;

  publish(set: PlainSet): void {
    this.sets.set(set.version, set);
  }

  newestFor(gateId: string): number {
    return Math.max(0, ...this.#manifests(gateId).map(({ version }) => version));
  }

  async nextFor(gateId: string, after: number) {
    const next = nextAfter(this.#manifests(gateId), after);
    if (!next) return null;
    return { version: next.version, manifest: signedSet(this.sets.get(next.version)!) };
  }

  async piece(set: number, item: number, offset: number, length: number): Promise<Uint8Array> {
    const content = Object.values(this.sets.get(set)?.items ?? {})[item] ?? new Uint8Array(0);
    const bytes = content.slice(offset, offset + length);
    this.given += bytes.length;
    return bytes;
  }

  #manifests(gateId: string): Manifest[] {
    return [...this.sets.values()].map(manifestOf).filter((set) => isFor(set, [gateId]));
  }
}

/** The engine's answer, as its session makes it. */
export async function answerTo(
  shelf: ParameterPort,
  gateId: string,
  question: ParameterQuestion,
): Promise<ParameterAnswer> {
  if (question.type === 'ask') {
    const next = await shelf.nextFor(gateId, question.after);
    return { type: 'set', version: 0, manifest: new Uint8Array(0), ...next };
  }
  const { set, item, offset, length } = question;
  const bytes = await shelf.piece(set, item, offset, length);
  return { type: 'piece', set, item, offset, bytes };
}

/** Asks and answers over one connection until nothing is left to ask; answers how often. */
export async function exchange(
  downloads: Downloads,
  shelf: ParameterPort,
  change: (answer: ParameterAnswer, count: number) => ParameterAnswer | null = (answer) => answer,
  gateId = 'G01',
): Promise<number> {
  const asker: Asker = { gateId };
  downloads.told(asker, shelf.newestFor(gateId));
  let count = 0;
  for (;;) {
    const question = downloads.question(asker, false);
    if (!question) break;
    const answer = change(await answerTo(shelf, gateId, question), count);
    count += 1;
    if (!answer) break;
    await downloads.answer(asker, answer);
  }
  downloads.gone(asker);
  return count;
}
