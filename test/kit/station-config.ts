/** Configurations of `faregate-gate run` for tests: of the sample city, in the folder of the test. */

export interface GateConfig {
  [field: string]: unknown;
}

export interface StationConfig {
  [field: string]: unknown;
  gates: GateConfig[];
}

/** Gate `number`, whose card connects to `port`; bundle and journal in folders of its id. */
export function gateConfig(
  id: string,
  side: 'entry' | 'exit',
  station: string,
  number: number,
  port: number,
): GateConfig {
  return {
    id,
    side,
    station,
    reader: `tcp-listen:${port}`,
    terminalId: `04090000000${number}`,
    bundle: `gates/${id}`,
    journal: `journals/${id}`,
  };
}

/** A station that uploads to `uplinkPort` of this machine. */
export function stationConfig(uplinkPort: number, gates: GateConfig[]): StationConfig {
  return {
    engine: { host: '127.0.0.1', port: uplinkPort },
    keys: { file: 'keys.sealed' },
    zone: 'Asia/Shanghai',
    fares: 'sample',
    profiles: ['tunion'],
    city: '1000',
    institution: '01011000FFFFFFFF',
    journalSegments: 2,
    gates,
  };
}
