/** The uplink over every transport. */
import { UplinkThread } from '../../../gate/uplink/thread/uplink-thread.ts';
import { uplinkSuite } from '../../suites/uplink.ts';
import { InProcessWorld, TlsWorld } from './worlds.ts';

uplinkSuite('in process', async () => new InProcessWorld());
uplinkSuite('tls', () => TlsWorld.open());
uplinkSuite('tls on a thread', () => TlsWorld.open({}, new UplinkThread()));
