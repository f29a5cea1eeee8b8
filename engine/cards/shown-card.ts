/**
 * A card as a load machine shows it, and what the issuer makes of it: its keyed hash and its keys.
 * The public file names the card; that the card is the one it names, its MAC1 proves.
 */
import { toHex } from '../bytes.ts';
import type { CompiledProfile } from '../card/purse/compile.ts';
import { cardNumber, keyRef } from '../card/purse/selected.ts';
import type { LoadKeyRef } from '../crypto/load-keys.ts';
import { type CmacKey, cmac16 } from '../crypto/mac.ts';

export interface ShownCard {
  /** Name of its profile. */
  readonly profile: string;
  /** File 0x15, as long as the profile says. */
  readonly publicFile: Uint8Array;
}

export interface NamedCard {
  /** Keyed hash of the number, 16 bytes in hexadecimal. */
  readonly card: string;
  readonly issuer: string;
  readonly lastDigits: string;
  readonly key: Omit<LoadKeyRef, 'keyVersion' | 'algorithm'>;
  readonly algorithmOf: readonly number[];
  readonly transactionType: number;
}

const NUMBER_DIGITS_SHOWN = 4;

export class CardNames {
  readonly #profiles: ReadonlyMap<string, CompiledProfile>;
  readonly #cardHash: CmacKey;

  constructor(profiles: readonly CompiledProfile[], cardHash: CmacKey) {
    this.#profiles = new Map(profiles.map((profile) => [profile.name, profile]));
    this.#cardHash = cardHash;
  }

  /** Null where the profile is not known here, has no load, or the file has another length. */
  of({ profile: name, publicFile }: ShownCard): NamedCard | null {
    const profile = this.#profiles.get(name);
    if (!profile?.load || publicFile.length !== profile.publicFile.length) return null;
    const purse = { profile, publicFile, locked: false };
    const { factors, factorLevels, issuer } = keyRef(purse);
    return {
      ...this.ofNumber(cardNumber(purse)),
      issuer: toHex(issuer),
      key: {
        keyIndex: profile.load.keyIndex,
        tacKeyIndex: profile.keyIndex,
        factors,
        factorLevels,
        issuer,
      },
      algorithmOf: profile.algorithmOf,
      transactionType: profile.load.transactionType,
    };
  }

  /** @param number 10 bytes as in the public file. */
  ofNumber(number: Uint8Array): Pick<NamedCard, 'card' | 'lastDigits'> {
    const hash = new Uint8Array(16);
    cmac16(this.#cardHash, number, 0, number.length, hash);
    return { card: toHex(hash), lastDigits: toHex(number).slice(-NUMBER_DIGITS_SHOWN) };
  }
}
