import { resolve } from 'node:path';
import { CliError } from '../cli/cli-error.ts';
import type { ImportReport } from '../core/import-report.ts';
import { type ProviderId, providerIds } from '../core/provider.ts';
import { importLegacy } from '../pipeline/import-legacy.ts';
import type { Config } from '../platform/config.ts';
import { openDatabase } from '../platform/database.ts';
import { createLogger } from '../platform/log.ts';
import { migrate } from '../platform/migrate.ts';
import { createClosing } from './closing.ts';
import { LOCAL_SUBJECT } from './local.ts';
import { openRecord } from './open-record.ts';
import { openProviders } from './providers.ts';
import { reachOrExplain } from './reach-or-explain.ts';

interface Asked {
  readonly from: string;
  readonly fromSchema: string;
  readonly owner: string | null;
  readonly isDryRun: boolean;
  readonly onProgress: (rowsDone: number) => void;
  readonly signal: AbortSignal;
}

/** Takes the earlier system's copies over, whether the gateway runs or not. Closes all that it opens. */
export const importIntoInstallation = async (config: Config, asked: Asked): Promise<ImportReport> => {
  // Without a key the emulators would be started, on what those of a running gateway keep.
  if (!providerIds.some((id) => config[`${id.toUpperCase() as Uppercase<ProviderId>}_API_KEY`] !== undefined))
    throw new CliError(
      'usage',
      'Set KIMI_API_KEY or GLM_API_KEY: copies are taken over from their accounts.',
    );
  // A command says what went wrong by itself.
  const log = createLogger('silent');
  const closing = createClosing(log);
  try {
    const url = await openRecord(config, { isShared: true, closing, log });
    const schema = config.DATABASE_SCHEMA;
    const database = openDatabase({ url, schema, log });
    closing.add('database', () => database.destroy());
    await reachOrExplain(migrate(database, schema));
    const providers = await openProviders(config, { dataDirectory: resolve(config.DATA_DIR) });
    closing.add('providers', () => providers.close());
    return await importLegacy({ ...asked, database, providers: providers.all, defaultOwner: LOCAL_SUBJECT });
  } finally {
    await closing.close();
  }
};
