import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';

/** An authority, a server and a client that it signed, and a stranger's client; made afresh, in a folder as libnbd wants it. */
export function makeCertificates(folder: string) {
  mkdirSync(folder, { recursive: true });
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
  const authority = (name: string) =>
    openssl(
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:prime256v1',
      '-nodes',
      '-days',
      '2',
      '-subj',
      `/CN=${name}`,
      '-keyout',
      `${name}-key.pem`,
      '-out',
      `${name}-cert.pem`,
    );
  const signed = (name: string, by: string) => {
    openssl(
      'req',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:prime256v1',
      '-nodes',
      '-subj',
      '/CN=localhost',
      '-keyout',
      `${name}-key.pem`,
      '-out',
      `${name}.csr`,
    );
    writeFileSync(`${folder}/${name}.ext`, 'subjectAltName=DNS:localhost,IP:127.0.0.1\n');
    openssl(
      'x509',
      '-req',
      '-in',
      `${name}.csr`,
      '-CA',
      `${by}-cert.pem`,
      '-CAkey',
      `${by}-key.pem`,
      '-CAcreateserial',
      '-days',
      '2',
      '-extfile',
      `${name}.ext`,
      '-out',
      `${name}-cert.pem`,
    );
  };
  authority('ca');
  authority('stranger-ca');
  signed('server', 'ca');
  signed('client', 'ca');
  signed('stranger', 'stranger-ca');
  const pem = (name: string) => readFileSync(`${folder}/${name}.pem`, 'utf8');
  return {
    folder,
    authority: pem('ca-cert'),
    server: { certificatePem: pem('server-cert'), keyPem: pem('server-key') },
    client: { cert: pem('client-cert'), key: pem('client-key') },
    stranger: { cert: pem('stranger-cert'), key: pem('stranger-key') },
  };
}
