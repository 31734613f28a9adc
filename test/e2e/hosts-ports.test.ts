import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { HostConnection, RefusedError } from './hosts-client.js';
import { useServers } from './hosts-servers.js';
import { type Server, tool, uriOf, works } from './hosts-serving.js';
import { refused, useRootFolder } from './root-folder.js';
import { eventually, Shell } from './shell.js';

const SIZE_BYTES = 4 * 1_048_576;
const NOT_PERMITTED = 1;

const root = useRootFolder(async (folder) => {
  for (const system of ['tokyo', 'osaka']) {
    await folder.ok('system', 'create', system, '--durability', 'none');
    for (const name of ['db', 'copy', 'log'])
      await folder.ok('volume', 'create', `${system}:${name}`, '--size', String(SIZE_BYTES));
  }
});
const serve = useServers(root);
const all = () => ['--nbd', `unix:${root.file('all.sock')}`];
const portSocket = (port: string) => root.file(`tokyo/${port}.sock`);
const mayNot = expect.objectContaining({ number: NOT_PERMITTED }) as RefusedError;

async function pairRow(): Promise<Record<string, unknown>> {
  return ((await root.json('pair', 'list')).data as { pairs: Record<string, unknown>[] }).pairs[0] ?? {};
}

/** What a new host is told: whether there is such an export, and whether it may be written. */
async function offered(uri: string): Promise<'nothing' | 'read-only' | 'writable'> {
  const ended = await tool('nbdinfo', '--json', '--no-content', uri);
  if (ended.code !== 0) return 'nothing';
  const { exports } = JSON.parse(ended.stdout) as { exports: { is_read_only: boolean }[] };
  return exports[0]?.is_read_only ? 'read-only' : 'writable';
}

describe('the exports of a port', { timeout: 60_000 }, () => {
  it('go by name and by LUN, and the empty name is LUN 0', async () => {
    await root.ok('port', 'create', 'tokyo', 'CL1-A', '--listen', 'unix:CL1-A.sock');
    await root.ok('volume', 'attach', 'tokyo:log', '--port', 'CL1-A');
    await root.ok('volume', 'attach', 'tokyo:db', '--port', 'CL1-A', '--lun', '7');
    const server = await serve('tokyo');
    expect(server.ready.ports).toMatchObject([{ system: 'tokyo', port: 'CL1-A', uri: uriOf(portSocket('CL1-A')) }]);
    const described = async (name: string) => {
      const shown = JSON.parse(await works('nbdinfo', '--json', uriOf(portSocket('CL1-A'), name))) as {
        exports: { description: string }[];
      };
      return shown.exports[0]?.description;
    };
    expect(await Promise.all(['', 'log', 'LUN0', 'db', 'LUN7'].map(described))).toEqual([
      'tokyo:log 00:02',
      'tokyo:log 00:02',
      'tokyo:log 00:02',
      'tokyo:db 00:00',
      'tokyo:db 00:00',
    ]);
    for (const name of ['copy', 'LUN1', 'LUN07x', 'tokyo:db', '../db'])
      expect(await offered(uriOf(portSocket('CL1-A'), name)), name).toBe('nothing');
  });

  it('come and go on the served system at once, as the ports do', async () => {
    await serve('tokyo');
    await root.ok('port', 'create', 'tokyo', 'CL2-A', '--listen', 'unix:CL2-A.sock');
    expect(existsSync(portSocket('CL2-A'))).toBe(true);
    expect(await offered(uriOf(portSocket('CL2-A'), 'db'))).toBe('nothing');
    await root.ok('volume', 'detach', 'tokyo:db', '--port', 'CL1-A');
    await root.ok('volume', 'attach', 'tokyo:db', '--port', 'CL2-A');
    expect(await offered(uriOf(portSocket('CL2-A')))).toBe('writable');
    const host = await HostConnection.open(portSocket('CL2-A'), 'db');
    await host.write(0, Buffer.from('while it is attached'));
    await root.ok('volume', 'detach', 'tokyo:db', '--port', 'CL2-A');
    await expect(host.write(0, Buffer.from('when it is not'))).rejects.toThrow(RefusedError);
    await expect(host.read(0, 10)).rejects.toThrow(RefusedError);
    expect((await root.ok('volume', 'read', 'tokyo:db', '--length', '20')).stdout).toBe('while it is attached');
    await root.ok('port', 'delete', 'tokyo', 'CL2-A');
    expect(existsSync(portSocket('CL2-A'))).toBe(false);
    await expect(HostConnection.open(portSocket('CL2-A'), '')).rejects.toThrow();
    const kept = await root.run('port', 'delete', 'tokyo', 'CL1-A');
    expect(kept).toMatchObject(refused(3, 'force-needed'));
    expect(kept.stderr).toContain('offers tokyo:log (LUN 0), which');
    expect(await offered(uriOf(portSocket('CL1-A')))).toBe('writable');
    const { data } = await root.json('port', 'delete', 'tokyo', 'CL1-A', '--force');
    expect(data).toMatchObject({ ports: [], detached: ['tokyo:log'] });
    expect(await offered(uriOf(portSocket('CL1-A')))).toBe('nothing');
    expect(await root.json('port', 'list', 'tokyo')).toMatchObject({ data: { ports: [] } });
  });
});

describe('what hosts may do follows the pair, for those that are connected too', { timeout: 60_000 }, () => {
  it('through duplex, split, a read-only split, resync and delete', async () => {
    const server = await serve('tokyo', ...all());
    const [db, copy] = [server.uri('db'), server.uri('copy')];
    const early = await HostConnection.open(server.socket, 'copy');
    await root.ok('pair', 'create', 'tokyo:db', 'tokyo:copy', '--overwrite', '--wait');
    expect([await offered(db), await offered(copy)]).toEqual(['writable', 'nothing']);
    const listed = JSON.parse(await works('nbdinfo', '--list', '--json', server.uri())) as { exports: unknown[] };
    expect(listed.exports).toMatchObject([{ 'export-name': 'db' }, { 'export-name': 'log' }]);
    await expect(early.write(0, Buffer.alloc(512))).rejects.toEqual(mayNot);
    await expect(early.read(0, 512)).rejects.toEqual(mayNot);

    await works('qemu-io', '-f', 'raw', '-c', 'write -P 1 0 128k', db);
    await root.ok('pair', 'split', 'tokyo:db');
    expect([await offered(db), await offered(copy)]).toEqual(['writable', 'writable']);
    expect(await early.read(65_536, 4)).toEqual(Buffer.alloc(4, 1));
    await early.write(0, Buffer.alloc(512, 9));
    await works('qemu-io', '-f', 'raw', '-c', 'read -P 1 0 64k', '-c', 'write -P 2 1M 64k', db);
    await works('qemu-io', '-f', 'raw', '-c', 'read -P 9 0 512', '-c', 'read -P 0 1M 64k', copy);

    await root.ok('pair', 'resync', 'tokyo:db', '--discard', '--wait');
    expect(await offered(copy)).toBe('nothing');
    await expect(early.read(0, 512)).rejects.toEqual(mayNot);

    await root.ok('pair', 'split', 'tokyo:db', '--read-only', '--wait');
    expect([await offered(db), await offered(copy)]).toEqual(['writable', 'read-only']);
    expect(await early.read(1_048_576, 4)).toEqual(Buffer.alloc(4, 2));
    await expect(early.write(0, Buffer.alloc(512))).rejects.toEqual(mayNot);

    await root.ok('pair', 'delete', 'tokyo:db', 'tokyo:copy', '--unreserve');
    expect([await offered(db), await offered(copy)]).toEqual(['writable', 'writable']);
    await early.write(0, Buffer.alloc(512));
  });

  it('a server that is read-only lets no host write, whatever the status', async () => {
    const server = await serve('tokyo', ...all(), '--read-only');
    expect(await offered(server.uri('db'))).toBe('read-only');
    const host = await HostConnection.open(server.socket, 'db');
    await expect(host.write(0, Buffer.alloc(512))).rejects.toEqual(mayNot);
    await root.feed('a command is no host', 'volume', 'write', 'tokyo:db');
    expect((await host.read(0, 20)).toString()).toBe('a command is no host');
  });
});

describe('maps that clients can ask for', { timeout: 60_000 }, () => {
  it('tell what is allocated, and which tracks of a pair differ', async () => {
    await root.ok('volume', 'create', 'tokyo:mapped', '--size', '1MiB');
    await root.ok('volume', 'create', 'tokyo:mapped-copy', '--size', '1MiB');
    const server = await serve('tokyo', ...all());
    const mapped = server.uri('mapped');
    const runs = async (context: string) =>
      (JSON.parse(await works('nbdinfo', '--json', `--map=${context}`, mapped)) as Record<string, number>[]).map(
        ({ offset, length, type }) => [offset, length, type],
      );
    expect(await runs('base:allocation')).toEqual([[0, 1_048_576, 3]]);
    await works('qemu-io', '-f', 'raw', '-c', 'write 65536 512', '-c', 'write 500k 1k', mapped);
    const written = [
      [0, 65_536, 3],
      [65_536, 65_536, 0],
      [131_072, 327_680, 3],
      [458_752, 65_536, 0],
      [524_288, 524_288, 3],
    ];
    expect(await runs('base:allocation')).toEqual(written);
    await root.ok('pair', 'create', 'tokyo:mapped', 'tokyo:mapped-copy', '--split', '--wait');
    const context = 'copyset:out-of-sync/tokyo:mapped-copy';
    expect(await runs(context)).toEqual([[0, 1_048_576, 0]]);
    await works('qemu-io', '-f', 'raw', '-c', 'write 130k 1k', mapped);
    await works('qemu-io', '-f', 'raw', '-c', 'write 1023k 1k', server.uri('mapped-copy'));
    expect(await runs(context)).toEqual([
      [0, 131_072, 0],
      [131_072, 65_536, 1],
      [196_608, 786_432, 0],
      [983_040, 65_536, 1],
    ]);
    await root.ok('pair', 'resync', 'tokyo:mapped', '--discard', '--wait');
    expect(await runs(context)).toEqual([[0, 1_048_576, 0]]);
  });
});

describe('ports that other machines could reach', { timeout: 60_000 }, () => {
  const certificates = () => root.file('tls');

  /** A certificate authority, a server's certificate for localhost and a client's, laid out as NBD tools want them. */
  async function makeCertificates(): Promise<void> {
    mkdirSync(certificates(), { mode: 0o700 });
    const at = (name: string) => `${certificates()}/${name}`;
    const key = (name: string) => ['-newkey', 'rsa:2048', '-nodes', '-keyout', at(`${name}-key.pem`)];
    const days = ['-days', '2'];
    const authority = ['-subj', '/CN=test authority', '-out', at('ca-cert.pem'), ...days];
    await works('openssl', 'req', '-x509', ...key('ca'), ...authority);
    for (const name of ['server', 'client']) {
      await works('openssl', 'req', ...key(name), '-subj', `/CN=${name}`, '-out', at(`${name}.csr`));
      writeFileSync(at(`${name}.ext`), 'subjectAltName=DNS:localhost,IP:127.0.0.1\n');
      const signed = ['-CA', at('ca-cert.pem'), '-CAkey', at('ca-key.pem'), '-CAcreateserial', ...days];
      const files = ['-in', at(`${name}.csr`), '-extfile', at(`${name}.ext`), '-out', at(`${name}-cert.pem`)];
      await works('openssl', 'x509', '-req', ...signed, ...files);
    }
  }

  it('are encrypted and ask for a certificate, where --tls-dir says so', async () => {
    await makeCertificates();
    await root.ok('port', 'create', 'tokyo', 'far', '--listen', 'tcp://127.0.0.1:0', '--tls-dir', certificates());
    await root.ok('volume', 'attach', 'tokyo:db', '--port', 'far');
    const server = await serve('tokyo');
    const [port] = server.ready.ports;
    expect(port?.uri).toMatch(/^nbds:\/\/127\.0\.0\.1:\d+\/$/);
    const uri = `${port?.uri.replace('127.0.0.1', 'localhost')}db`;
    const secure = `${uri}?tls-certificates=${certificates()}`;
    expect(await works('nbdinfo', '--size', secure)).toBe(`${SIZE_BYTES}\n`);
    await works('nbdcopy', secure, root.file('over-tls.img'));
    await works('cmp', root.file('over-tls.img'), root.file('tokyo/images/db.img'));
    const stranger = root.file('stranger');
    mkdirSync(stranger);
    writeFileSync(`${stranger}/ca-cert.pem`, readFileSync(`${certificates()}/ca-cert.pem`));
    expect((await tool('nbdinfo', '--size', `${uri}?tls-certificates=${stranger}`)).code).not.toBe(0);
    expect((await tool('nbdinfo', '--size', uri.replace('nbds:', 'nbd:'))).code).not.toBe(0);
    expect(await works('nbdinfo', '--size', secure)).toBe(`${SIZE_BYTES}\n`);
    await root.ok('port', 'delete', 'tokyo', 'far', '--force');
  });

  it('are refused plain, unless --insecure says that this is meant', async () => {
    const open = ['--listen', 'tcp://0.0.0.0:0'];
    expect(await root.run('port', 'create', 'tokyo', 'open', ...open)).toMatchObject(refused(2, 'usage'));
    expect(await root.run('serve', 'tokyo', '--nbd', 'tcp://0.0.0.0:0')).toMatchObject(refused(2, 'usage'));
    await root.ok('port', 'create', 'tokyo', 'open', ...open, '--insecure');
    const server = await serve('tokyo', '--nbd', 'tcp://127.0.0.1:0');
    expect(server.ready.nbd?.uri).toMatch(/^nbd:\/\/127\.0\.0\.1:[1-9]\d*\/$/);
    expect(await works('nbdinfo', '--size', `${server.ready.nbd?.uri}db`)).toBe(`${SIZE_BYTES}\n`);
    await root.ok('port', 'delete', 'tokyo', 'open');
  });
});

describe('a server and the commands beside it', { timeout: 120_000 }, () => {
  it('serves two systems, and the exports then carry their names', async () => {
    const server = await serve('tokyo', 'osaka', ...all());
    expect([...server.ready.systems].sort()).toEqual(['osaka', 'tokyo']);
    await works('qemu-io', '-f', 'raw', '-c', 'write -P 3 0 4k', server.uri('osaka:db'));
    expect(await works('nbdinfo', '--size', server.uri('tokyo:db'))).toBe(`${SIZE_BYTES}\n`);
    expect(await offered(server.uri('db'))).toBe('nothing');
    const listed = JSON.parse(await works('nbdinfo', '--list', '--json', server.uri())) as { exports: unknown[] };
    const names = listed.exports.map((one) => (one as Record<string, string>)['export-name']);
    const both = ['db', 'copy', 'log'].flatMap((name) => [`tokyo:${name}`, `osaka:${name}`]);
    expect(names).toEqual(expect.arrayContaining(both));
    expect(names.filter((name) => !/^(tokyo|osaka):/.test(name ?? ''))).toEqual([]);
    expect((await root.ok('volume', 'read', 'osaka:db', '--length', '2')).stdout).toBe('\u0003\u0003');
  });

  it('does what commands ask for, and copies in the background without being told to', async () => {
    const server = await serve('tokyo', ...all());
    await works('qemu-io', '-f', 'raw', '-c', 'write -P 5 0 1M', server.uri('db'));
    await root.ok('pair', 'create', 'tokyo:db', 'tokyo:copy', '--overwrite');
    await root.ok('pair', 'wait', 'tokyo:db', '--status', 'duplex', '--timeout', '30s');
    await root.feed('by a command', 'volume', 'write', 'tokyo:db', '--offset', '64KiB');
    await works('qemu-io', '-f', 'raw', '-c', 'read -P 98 64k 1', '-c', 'read -P 5 128k 64k', server.uri('db'));
    await eventually(async () => ((await pairRow()).outOfSyncTracks === 0 ? true : undefined));
    await root.ok('pair', 'split', 'tokyo:db', '--wait=30s');
    await works('qemu-io', '-f', 'raw', '-c', 'write -P 6 0 64k', server.uri('db'));
    expect((await root.ok('volume', 'read', 'tokyo:copy', '--length', '2')).stdout).toBe('\u0005\u0005');
    expect((await root.ok('volume', 'read', 'tokyo:db', '--length', '2')).stdout).toBe('\u0006\u0006');
    await root.ok('pair', 'resync', 'tokyo:db', '--wait=30s');
    expect(await root.run('pair', 'verify', 'tokyo:db')).toMatchObject({ code: 0 });
    expect(await pairRow()).toMatchObject({ status: 'duplex', outOfSyncTracks: 0 });
    await root.ok('pair', 'delete', 'tokyo:db', 'tokyo:copy', '--unreserve');
    expect(server.shell.isAlive).toBe(true);
  });

  it('refuses a second server, which says who serves', async () => {
    const server = await serve('tokyo');
    const [second, both] = await Promise.all([root.run('serve', 'tokyo'), root.run('serve', 'osaka', 'tokyo')]);
    expect(second).toMatchObject(refused(5, 'busy'));
    expect(second.stderr).toContain(`process ${server.shell.child.pid}`);
    expect(second.stderr).toContain('(serve)');
    expect(both).toMatchObject(refused(5, 'busy'));
    await root.feed('osaka is free', 'volume', 'write', 'osaka:db');
  });

  it.each([0, 7])('runs a command with the address and ends with its exit code %i', async (code) => {
    const script = `nbdinfo --size "$COPYSET_NBD_URI" && nbdcopy -- "${root.file('noise')}" "$COPYSET_NBD_URI" && exit ${code}`;
    writeFileSync(root.file('noise'), 'n'.repeat(1000));
    await root.run('system', 'create', 'single', '--durability', 'none');
    await root.run('volume', 'create', 'single:only', '--size', '1MiB');
    const ended = await root.run('serve', 'single', '--nbd', 'unix:single.sock', '--', 'sh', '-c', script);
    expect(ended).toMatchObject({ code, stdout: expect.stringMatching(/^ready .*\n1048576\n$/) as string });
    expect((await root.ok('volume', 'read', 'single:only', '--length', '3')).stdout).toBe('nnn');
    expectNothingLeft('single');
  });

  it('ends its command when it is ended itself', async () => {
    const shell = new Shell(
      root.path,
      'serve',
      'single',
      '--',
      'sh',
      '-c',
      'trap "exit 9" TERM; echo up; while :; do sleep 0.1; done',
    );
    await eventually(() => (shell.stdout.includes('up\n') ? true : undefined));
    expect(await shell.end('SIGTERM')).toEqual({ code: 9, signal: null });
  });

  it.each(['SIGTERM', 'SIGINT'] as const)('%s answers what is in flight, and leaves nothing behind', async (signal) => {
    await root.run('port', 'create', 'tokyo', 'CL1-A', '--listen', 'unix:CL1-A.sock');
    const server = await serve('tokyo', ...all());
    const answered = await writeUntilRefused(server, () => server.shell.child.kill(signal));
    expect(await server.shell.ended).toEqual({ code: 0, signal: null });
    expect(server.shell.stderr).toBe('');
    expect(answered.length).toBeGreaterThanOrEqual(200);
    const image = readFileSync(root.file('tokyo/images/log.img'));
    for (const k of answered) expect(image.readUInt32LE((k % 1024) * 4096)).toBeGreaterThanOrEqual(k);
    expectNothingLeft('tokyo');
    expect(existsSync(root.file('all.sock'))).toBe(false);
    expect(await root.ok('system', 'check', 'tokyo')).toMatchObject({ stderr: '' });
  });
});

/** Writes numbered blocks, some at a time, until the server takes no more; the numbers of those it answered. */
async function writeUntilRefused(server: Server, afterSome: () => void): Promise<number[]> {
  const host = await HostConnection.open(server.socket, 'log');
  const answered: number[] = [];
  let next = 0;
  const writer = async () => {
    for (let k = next++; ; k = next++) {
      const block = Buffer.alloc(4096);
      block.writeUInt32LE(k, 0);
      const refusal = await host.write((k % 1024) * 4096, block).then(
        () => undefined,
        (error: unknown) => error,
      );
      if (refusal !== undefined) return;
      answered.push(k);
      if (answered.length === 200) afterSome();
    }
  };
  await Promise.all(Array.from({ length: 8 }, writer));
  return answered;
}

function expectNothingLeft(system: string): void {
  const found = readdirSync(root.file(system));
  expect(found.filter((name) => name.endsWith('.sock'))).toEqual([]);
  expect(existsSync(root.file(`${system}/owner.lock/owner`))).toBe(false);
}
