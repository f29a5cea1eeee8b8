/** The uplink over both transports. */
import { uplinkSuite } from '../../suites/uplink.ts';
import { InProcessWorld, TlsWorld } from './worlds.ts';

uplinkSuite('in process', async () => new InProcessWorld());
uplinkSuite('tls', () => TlsWorld.open());
