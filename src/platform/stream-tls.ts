import type { Socket } from 'node:net';
import { createServer, type TLSSocket } from 'node:tls';
import { StreamError, type TlsIdentity } from '../core/ports/ports.js';

/** How long the two sides may take to agree on keys. */
const AGREEMENT_LIMIT_MS = 10_000;

/**
 * Goes on encrypted over a connection that was plain. The library's server judges the client's certificate; it never
 * listens, the connection is given to it. TLS 1.2 at least.
 */
export function encrypted(plain: Socket, identity: TlsIdentity): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const authorities = identity.clientAuthoritiesPem;
    const fail = (error: Error | undefined) =>
      reject(new StreamError('broken', 'the two sides did not agree on an encryption', error));
    // Half-closed connections are for plain ones: one that ends before the agreement shall fail at once.
    plain.allowHalfOpen = false;
    try {
      const server = createServer({
        cert: identity.certificatePem,
        key: identity.keyPem,
        ...(authorities === undefined ? {} : { ca: authorities, requestCert: true, rejectUnauthorized: true }),
        minVersion: 'TLSv1.2',
        handshakeTimeout: AGREEMENT_LIMIT_MS,
      });
      server.once('secureConnection', resolve);
      server.once('tlsClientError', fail);
      plain.once('close', () => fail(undefined));
      server.emit('connection', plain);
    } catch (error) {
      reject(new StreamError('identity', 'the certificate or its key cannot be used', error));
    }
  });
}
