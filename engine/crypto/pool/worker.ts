/** The program of the pool's worker threads. */
import { jobs } from './jobs.ts';
import { serveJobs } from './serve.ts';

export default serveJobs(jobs);
