import { join } from 'node:path';
import type { TlsPolicy } from '../core/nbd/nbd.js';
import { readTextFile } from './named-files.js';

const PEM_MAX_BYTES = 1024 * 1024;

/**
 * Reads a folder laid out as other NBD tools have it: `server-cert.pem`, `server-key.pem`, and `ca-cert.pem` where clients must show a
 * certificate that it signed. With a folder, encryption is forced; without one there is none.
 */
export async function tlsOf(folder: string | null): Promise<TlsPolicy> {
  if (folder === null) return { mode: 'none' };
  const read = (name: string) => readTextFile(join(folder, name), PEM_MAX_BYTES);
  const certificatePem = await read('server-cert.pem');
  const keyPem = await read('server-key.pem');
  const clientAuthoritiesPem = await read('ca-cert.pem').catch(() => undefined);
  return { mode: 'forced', identity: { certificatePem, keyPem, clientAuthoritiesPem } };
}
