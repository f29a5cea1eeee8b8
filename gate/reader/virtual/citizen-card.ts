/**
 * A virtual citizen card: several applications on one chip, each a virtual card of its own, and the
 * directory of those that pay (PPSE, EMV Contactless Book B 3.3). SELECT by name goes from one to
 * the other (ISO/IEC 7816-4, 7.1.1), and what the one left behind had open is gone; power reaches
 * all. Each application makes its own state durable, so what one commits never waits for another.
 * The same to a reader as a card of one application.
 */
import { equalBytes } from '../../../engine/bytes.ts';
import { answer, parseCommand } from './command.ts';
import { tlv } from './ecash-personality.ts';
import type { HeldCard } from './held-card.ts';
import { ServiceCard, type ServiceCardOptions } from './service-card.ts';

/** One application of the card. */
export interface CitizenApplication {
  /** 5 to 16 bytes; a reader may ask for it by its first 5 or more. */
  readonly aid: Uint8Array;
  readonly card: HeldCard;
  /** How PPSE lists it (tags 50 and 87); null: it is not listed, and found by its name alone. */
  readonly listed: { readonly label: string; readonly priority: number } | null;
}

interface Addressed {
  readonly card: HeldCard | null;
  /** The command selects it. */
  readonly opens: boolean;
  /** The answer where no application is open. */
  readonly refusal: Uint8Array;
}

const PPSE = Buffer.from('2PAY.SYS.DDF01', 'latin1');
const AID_BYTES_MIN = 5;

export class CitizenCard implements HeldCard {
  readonly uid: Uint8Array;
  readonly #applications: readonly CitizenApplication[];
  readonly #directory: Uint8Array;
  #current: HeldCard | null = null;

  /**
   * @param applications in the order in which a name that fits several finds them; the first gives
   *   the card its identifier
   */
  constructor(applications: readonly CitizenApplication[]) {
    this.#applications = applications;
    this.uid = applications[0]!.card.uid;
    const listed = applications.flatMap(({ aid, listed }) => (listed ? [{ aid, ...listed }] : []));
    const entries = listed.map(({ aid, label, priority }) =>
      tlv(
        0x61,
        tlv(0x4f, aid),
        tlv(0x50, Buffer.from(label, 'latin1')),
        tlv(0x87, Uint8Array.of(priority)),
      ),
    );
    this.#directory = tlv(0x6f, tlv(0x84, PPSE), tlv(0xa5, tlv(0xbf0c, ...entries)));
  }

  power(): void {
    this.#current = null;
    for (const { card } of this.#applications) card.power();
  }

  transmit(apdu: Uint8Array): Uint8Array {
    const to = this.#addressed(apdu);
    if (to === 'directory') {
      this.#leave(null);
      return answer(this.#directory);
    }
    if (to.opens) this.#leave(to.card);
    return to.card ? to.card.transmit(apdu) : to.refusal;
  }

  loseDuring(apdu: Uint8Array): void {
    const to = this.#addressed(apdu);
    if (to !== 'directory') to.card?.loseDuring(apdu);
    this.power();
  }

  /** Who answers. A name that nothing has is for the open application to refuse. */
  #addressed(apdu: Uint8Array): 'directory' | Addressed {
    const command = parseCommand(new Uint8Array(apdu));
    const open = (sw: number): Addressed => ({
      card: this.#current,
      opens: false,
      refusal: Uint8Array.of(sw >> 8, sw),
    });
    if (!command) return open(0x6700);
    const { cla, ins, p1, p2, data } = command;
    if (cla !== 0x00 || ins !== 0xa4) return open(0x6985);
    if (p1 !== 0x04 || p2 !== 0x00) return open(0x6a86);
    if (equalBytes(data, PPSE)) return 'directory';
    const named = data.length >= AID_BYTES_MIN ? this.#named(data) : undefined;
    return named ? { ...open(0x6a82), card: named, opens: true } : open(0x6a82);
  }

  #named(name: Uint8Array): HeldCard | undefined {
    return this.#applications.find(({ aid }) => equalBytes(name, aid.subarray(0, name.length)))
      ?.card;
  }

  /** The application left behind loses what it had under way, as with its power. */
  #leave(next: HeldCard | null): void {
    if (this.#current !== next) this.#current?.power();
    this.#current = next;
  }
}

/** An application of another service, which PPSE does not list. */
export function serviceApplication(options: ServiceCardOptions): CitizenApplication {
  return { aid: options.aid, card: new ServiceCard(options), listed: null };
}
