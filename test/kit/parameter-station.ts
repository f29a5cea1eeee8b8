/** A station's parameter sets on a simulated disk, to test with. */
import { FaregateError } from '../../engine/errors.ts';
import {
  type LoadSet,
  StationParameters,
  type StationParametersOptions,
} from '../../gate/parameters/station-parameters.ts';
import { SimDisk } from '../sim-disk.ts';
import { type PlainSet, text, verify } from './parameters-kit.ts';

export const NOW_MS = 1_790_000_000_000;

/** A station whose set in force is the names of its items. */
export class ParameterStation {
  nowMs = NOW_MS;
  inForce = '';
  readonly news: string[] = [];
  readonly disk: SimDisk;
  /** Says what is wrong with a set, or null. */
  misfit: (version: number) => string | null = () => null;
  parameters: StationParameters | null = null;

  constructor(disk: SimDisk = new SimDisk()) {
    this.disk = disk;
  }

  async open(other: Partial<StationParametersOptions> = {}): Promise<StationParameters> {
    this.inForce = 'own';
    const load: LoadSet = async (manifest, folder) => {
      const read: Uint8Array[] = [];
      for (const item of manifest.items) read.push(await folder.readWhole(item));
      const fault = this.misfit(manifest.version);
      if (fault) throw new FaregateError('FARES_INVALID', fault);
      return async () => {
        this.inForce = read.map((bytes) => Buffer.from(bytes.subarray(0, 20)).toString()).join();
      };
    };
    this.parameters = await StationParameters.open({
      disk: this.disk,
      verify,
      gateIds: ['G01', 'G02'],
      load,
      nowMs: () => this.nowMs,
      onNews: ({ what, version, detail }) => this.news.push(`${what} ${version}: ${detail}`),
      lookMs: 5,
      retryMs: 1,
      ...other,
    });
    await this.parameters.start();
    return this.parameters;
  }

  get downloads() {
    return this.parameters!.downloads;
  }
}

/** A set of one item. */
export const set = (version: number, content: string, other: Partial<PlainSet> = {}): PlainSet => ({
  version,
  items: { a: text(content) },
  ...other,
});
