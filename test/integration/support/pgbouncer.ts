import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants } from 'node:fs';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Client } from 'pg';
import { until } from '../../support/until.ts';

const { PATH = '' } = process.env;

/** PgBouncer as a system's packages bring it; null where it is not installed. */
export const PGBOUNCER: string | null =
  [...PATH.split(':'), '/usr/sbin']
    .map((directory) => join(directory, 'pgbouncer'))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    }) ?? null;

const NOBODY = 65_534;

/** Starts PgBouncer as it is without being told more than it must, in front of a database. The caller closes it. */
export const startPgbouncer = async (
  url: string,
  mode: 'transaction' | 'session',
  { isEncrypted = false }: { isEncrypted?: boolean } = {},
) => {
  const { hostname, port, username, password, pathname } = new URL(url);
  const directory = await mkdtemp(join(tmpdir(), 'pgbouncer-'));
  await chmod(directory, 0o755);
  const authority = join(directory, 'authority.crt');
  const tls = isEncrypted ? await makeCertificate(directory) : '';
  const listenPort = await freePort();
  const file = join(directory, 'pgbouncer.ini');
  const server = `host=${hostname} port=${port} user=${decodeURIComponent(username)} password=${decodeURIComponent(password)}`;
  await writeFile(
    file,
    `[databases]\n* = ${server}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = ${listenPort}\nunix_socket_dir =\n` +
      `auth_type = any\npool_mode = ${mode}\nmax_client_conn = 200\n${tls}`,
    { mode: 0o644 },
  );
  // It does not run as root.
  const owner = process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {};
  const child = spawn(PGBOUNCER ?? '', ['-q', file], { stdio: 'ignore', ...owner });
  const address = `postgres://${username}:${password}@127.0.0.1:${listenPort}${pathname}`;
  await until('PgBouncer answers', async () => {
    const client = new Client({
      connectionString: address,
      ssl: isEncrypted ? { rejectUnauthorized: false } : false,
    });
    await client.connect();
    await client.end();
    return true;
  });
  return {
    url: address,
    /** The certificate that its own is signed by, where it is encrypted. It is for `localhost`. */
    authority,
    close: async () => {
      const exited = once(child, 'exit');
      child.kill('SIGQUIT');
      await exited;
      await rm(directory, { recursive: true });
    },
  };
};

const run = promisify(execFile);

/** A certificate for `localhost` by an authority made for it, and the settings that use it. */
const makeCertificate = async (directory: string): Promise<string> => {
  const openssl = (...args: string[]) => run('openssl', args, { cwd: directory });
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  await openssl(
    'req',
    '-x509',
    ...key,
    '-subj',
    '/CN=test',
    '-keyout',
    'authority.key',
    '-out',
    'authority.crt',
  );
  await openssl('req', ...key, '-subj', '/CN=localhost', '-keyout', 'server.key', '-out', 'server.csr');
  const authority = ['-CA', 'authority.crt', '-CAkey', 'authority.key', '-CAcreateserial'];
  await writeFile(join(directory, 'names'), 'subjectAltName=DNS:localhost');
  await openssl('x509', '-req', '-in', 'server.csr', ...authority, '-extfile', 'names', '-out', 'server.crt');
  await chmod(join(directory, 'server.key'), 0o644);
  return (
    `client_tls_sslmode = require\nclient_tls_key_file = ${directory}/server.key\n` +
    `client_tls_cert_file = ${directory}/server.crt\n`
  );
};

const freePort = async (): Promise<number> => {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  probe.close();
  await once(probe, 'close');
  if (address === null || typeof address === 'string') throw new Error('No port was free.');
  return address.port;
};
