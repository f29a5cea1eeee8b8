/**
 * Master keys of the demo's issuer, in clear: made at random for each run, known to the cards' side
 * only, and sealed (`keys import`) for gate and engine.
 */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fromHex, toHex } from '../../engine/bytes.ts';
import type { MasterKey, MasterKeys } from '../reader/virtual/card-state.ts';
import type { DesfireMasters } from '../reader/virtual/desfire/state.ts';
import { type BankMasters, CITY_BANK } from './bank-cards.ts';
import { readBankKeys } from './bank-keys.ts';

interface ClearKey {
  readonly index: number;
  readonly version: number;
  readonly master: string;
}

/** The clear key file of a new run: the contract of `faregate-engine keys import`. */
export function makeMasters(): string {
  const master = () => toHex(new Uint8Array(randomBytes(16)));
  const key = () => ({ index: 1, version: 1, master: master() });
  const aes = () => ({ version: 1, master: master() });
  const desfire = { debit: aes(), load: aes(), transactionMac: aes() };
  const cryptogram = { prefix: CITY_BANK, index: 1, master: master() };
  const purse = { purchase: key(), tac: key(), load: key() };
  const clear = { ...purse, capp: key(), desfire, cryptogram };
  return `${JSON.stringify(clear, null, 2)}\n`;
}

export interface Masters {
  readonly purse: MasterKeys;
  readonly desfire: DesfireMasters;
  readonly bank: BankMasters;
}

type ClearMaster = Pick<ClearKey, 'master'>;

/** @param bankPath of the banks' own keys */
export function readMasters(path: string, bankPath: string): Masters {
  const clear = JSON.parse(readFileSync(path, 'utf8')) as Record<
    'purchase' | 'tac' | 'load' | 'capp',
    ClearKey
  > & {
    readonly desfire: Record<keyof DesfireMasters, ClearMaster>;
    readonly cryptogram: ClearMaster;
  };
  const key = ({ index, version, master }: ClearKey): MasterKey => ({
    index,
    version,
    master: fromHex(master),
  });
  const { debit, load, transactionMac } = clear.desfire;
  return {
    purse: { purchase: key(clear.purchase), tac: key(clear.tac), load: key(clear.load) },
    desfire: {
      debit: fromHex(debit.master),
      load: fromHex(load.master),
      transactionMac: fromHex(transactionMac.master),
    },
    bank: {
      capp: fromHex(clear.capp.master),
      cryptogram: fromHex(clear.cryptogram.master),
      keys: readBankKeys(bankPath),
    },
  };
}
