/** The setting of a gate under load: sample city, half of the gates let in, half let out. */
import { compileProfile } from '../../engine/card/purse/compile.ts';
import { builtInProfile } from '../../engine/card/purse/profiles.ts';
import type { Denylist } from '../../engine/denylist/denylist.ts';
import type { FareVersions } from '../../engine/fare/book.ts';
import { sampleFareBook } from '../../engine/fare/sample-city.ts';
import { Zone } from '../../engine/time.ts';
import type { PlannedSetting } from '../../gate/station.ts';
import { gateIdOf } from './plan.ts';

const ENTRY_STATION = 3;
const EXIT_STATION = 20;

export const zone: Zone = new Zone('Asia/Shanghai');
export const fares: FareVersions = sampleFareBook();
const profiles = [compileProfile(builtInProfile('tunion'))];

/** @param gate index: gates of even index let in, those of odd index out. */
export function settingOf(gate: number, denylist: Denylist): PlannedSetting {
  const isEntry = gate % 2 === 0;
  const terminalId = Uint8Array.of(4, 9, 0, 0, gate >> 8, gate);
  const { stations } = fares.at(Date.now())!;
  return {
    gateId: gateIdOf(gate),
    side: isEntry ? 'entry' : 'exit',
    place: {
      station: stations[isEntry ? ENTRY_STATION : EXIT_STATION]!.code,
      stationRest: new Uint8Array(3),
      terminal: terminalId,
      city: new Uint8Array(2),
      institution: new Uint8Array(8),
    },
    terminalId,
    profiles,
    fares,
    denylist,
    zone,
  };
}
