/** Worker threads with the probes besides the engine's jobs. */
import { serveJobs } from '../../../engine/crypto/pool/serve.ts';
import { probes } from './probes.ts';

export default serveJobs(probes);
