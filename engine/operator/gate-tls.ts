/**
 * How the engine's servers for gates and load machines listen: TLS 1.3, and a client certificate of
 * the operator's authority (RFC 8446).
 */
import type { TlsOptions } from 'node:tls';
import { HANDSHAKE_MS_MAX } from '../durations.ts';
import type { ServerPki } from './enrolment.ts';

export function gateTls(pki: ServerPki): TlsOptions {
  return {
    key: pki.server.key,
    cert: pki.server.certificate,
    ca: pki.authority.certificate,
    requestCert: true,
    rejectUnauthorized: true,
    minVersion: 'TLSv1.3',
    handshakeTimeout: HANDSHAKE_MS_MAX,
    noDelay: true,
  };
}
