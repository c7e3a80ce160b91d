import { StartupError } from '../startup-error.ts';

/** The unprivileged user the server runs as when the gateway itself is root. */
export interface ServerAccount {
  uid: number;
  gid: number;
}

/** In order of preference; the first is the customary owner of Postgres clusters, the second exists everywhere. */
const ACCOUNT_NAMES = ['postgres', 'nobody'];

/**
 * Whom to run Postgres as, since it refuses root: the owner of an existing cluster unless that is root, else the
 * user `postgres`, else `nobody`. `passwd` is the content of /etc/passwd: initdb looks its own user up there.
 *
 * @throws {StartupError} if there is no such user.
 */
export function chooseServerAccount({
  passwd,
  clusterOwner,
}: {
  passwd: string;
  clusterOwner?: ServerAccount | undefined;
}): ServerAccount {
  if (clusterOwner !== undefined && clusterOwner.uid !== 0) return clusterOwner;
  for (const name of ACCOUNT_NAMES) {
    const account = findAccount(passwd, name);
    if (account !== undefined) return account;
  }
  throw new StartupError(
    'The embedded Postgres cannot run as root and /etc/passwd has no user postgres or nobody: run Waybill as a normal user, or set DATABASE_URL.',
  );
}

/** passwd(5): name:password:uid:gid:… */
function findAccount(passwd: string, name: string): ServerAccount | undefined {
  const match = new RegExp(`^${name}:[^:]*:([1-9]\\d*):(\\d+):`, 'm').exec(passwd);
  return match === null ? undefined : { uid: Number(match[1]), gid: Number(match[2]) };
}
