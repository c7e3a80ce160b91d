import { describe, expect, it } from 'vitest';
import { StartupError } from '../startup-error.ts';
import { chooseServerAccount } from './server-account.ts';

const ROOT = 'root:x:0:0:root:/root:/bin/bash\n';
const NOBODY = 'nobody:x:65534:65533:nobody:/nonexistent:/usr/sbin/nologin\n';
const POSTGRES = 'postgres:x:101:104:PostgreSQL administrator,,,:/var/lib/postgresql:/bin/bash\n';

describe('chooseServerAccount', () => {
  it('keeps the owner of a cluster', () => {
    const clusterOwner = { uid: 1000, gid: 1001 };
    expect(chooseServerAccount({ passwd: ROOT + POSTGRES, clusterOwner })).toEqual(clusterOwner);
  });

  it('takes no cluster over as root', () => {
    const clusterOwner = { uid: 0, gid: 0 };
    expect(chooseServerAccount({ passwd: POSTGRES, clusterOwner })).toEqual({ uid: 101, gid: 104 });
  });

  it('prefers postgres to nobody, wherever they stand', () => {
    expect(chooseServerAccount({ passwd: ROOT + NOBODY + POSTGRES })).toEqual({ uid: 101, gid: 104 });
    expect(chooseServerAccount({ passwd: ROOT + NOBODY })).toEqual({ uid: 65534, gid: 65533 });
  });

  it('reads names whole and never answers root', () => {
    const passwd = `${ROOT}postgres:x:0:0::/:/bin/sh\nnobody2:x:7:7::/:/bin/sh\nx-nobody:x:8:8::/:/bin/sh\n`;
    expect(() => chooseServerAccount({ passwd })).toThrow(StartupError);
  });

  it('says what to do where there is no such user', () => {
    expect(() => chooseServerAccount({ passwd: ROOT })).toThrow(/DATABASE_URL/);
  });
});
