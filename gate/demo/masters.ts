/**
 * Master keys of the demo's issuer, in clear: made at random for each run, known to the cards' side
 * only, and sealed (`keys import`) for gate and engine.
 */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fromHex, toHex } from '../../engine/bytes.ts';
import type { MasterKey, MasterKeys } from '../reader/virtual/card-state.ts';

interface ClearKey {
  readonly index: number;
  readonly version: number;
  readonly master: string;
}

/** The clear key file of a new run: the contract of `faregate-engine keys import`. */
export function makeMasters(): string {
  const key = () => ({ index: 1, version: 1, master: toHex(new Uint8Array(randomBytes(16))) });
  return `${JSON.stringify({ purchase: key(), tac: key(), load: key() }, null, 2)}\n`;
}

export function readMasters(path: string): MasterKeys {
  const clear = JSON.parse(readFileSync(path, 'utf8')) as Record<
    'purchase' | 'tac' | 'load',
    ClearKey
  >;
  const key = ({ index, version, master }: ClearKey): MasterKey => ({
    index,
    version,
    master: fromHex(master),
  });
  return { purchase: key(clear.purchase), tac: key(clear.tac), load: key(clear.load) };
}
