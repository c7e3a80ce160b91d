import { randomUUID } from 'node:crypto';
import { GatewayError } from '../core/errors.ts';
import type { FileWithDeliveries } from '../core/file.ts';
import type { ProviderId } from '../core/provider.ts';
import type { Purpose } from '../core/purpose.ts';
import { route } from '../delivery/route.ts';
import { transact } from '../platform/database.ts';
import { deliveriesOf, giveUpCopy, insertDeliveries, restartDelivery } from '../tracking/deliveries.ts';
import { findFile, lockFile } from '../tracking/files.ts';
import type { Dependencies } from './dependencies.ts';
import { deliverJob } from './job-kinds.ts';
import { settleFile } from './settle-file.ts';

export interface DeliverFile {
  readonly owner: string;
  readonly fileId: string;
  readonly provider: ProviderId;
  /** Default: the purpose the file was uploaded for. */
  readonly purpose?: Purpose | undefined;
}

/** Delivers a file from its master copy. Idempotent: a copy that is there or on its way stays; a failed one is tried again. */
export const deliverFile = async (dependencies: Dependencies, request: DeliverFile): Promise<void> => {
  const { database, jobs, changes, providers, autoGlmAboveBytes } = dependencies;
  const { owner, fileId } = request;
  const found = await findFile(database, owner, fileId);
  if (found === null) throw new GatewayError('not_found', `There is no file ${fileId}.`, { param: 'id' });
  const purpose = request.purpose ?? (found.file.purpose as Purpose);
  const destination = { kind: 'named', providers: [request.provider] } as const;
  const [acceptance] = route({ ...found.file, purpose }, destination, { providers, autoGlmAboveBytes });
  if (!acceptance?.accepted) {
    throw new GatewayError(
      'no_provider_accepts',
      acceptance?.reason ?? `${request.provider} is not configured.`,
      { param: 'provider' },
    );
  }
  const { provider, reason } = acceptance;
  await transact(database, async (trx) => {
    const { deletedAt } = await lockFile(trx, fileId);
    if (deletedAt !== null)
      throw new GatewayError('not_found', `There is no file ${fileId}.`, { param: 'id' });
    const wanted = { fileId, provider: provider.id, account: provider.account, purpose: acceptance.purpose };
    const [inserted] = await insertDeliveries(trx, [
      {
        ...wanted,
        id: randomUUID(),
        status: 'pending',
        claim: null,
        reason,
        errorCode: null,
        errorMessage: null,
      },
    ]);
    const started = inserted ?? (await restart(trx, wanted, reason));
    if (started === null) return;
    await jobs.send(trx, deliverJob(provider.id), { deliveryId: started.id });
    await settleFile(trx, fileId);
  });
  changes.announce(fileId, owner);
};

type Wanted = Pick<FileWithDeliveries['deliveries'][number], 'fileId' | 'provider' | 'account' | 'purpose'>;

const restart = async (trx: Parameters<typeof restartDelivery>[0], wanted: Wanted, reason: string) => {
  const existing = (await deliveriesOf(trx, [wanted.fileId])).get(wanted.fileId) ?? [];
  const same = existing.find(
    ({ provider, account, purpose }) =>
      provider === wanted.provider && account === wanted.account && purpose === wanted.purpose,
  );
  if (same === undefined) return null;
  const isExpired = same.expiresAt !== null && same.expiresAt.getTime() <= Date.now();
  if (isExpired) await giveUpCopy(trx, same);
  return restartDelivery(trx, same.id, reason);
};
