import { Waybill } from '../../../src/client/browser.ts';
import { gatewayUrl } from '../../app/gateway.tsx';
import type { Session } from '../../app/session.ts';

const PATIENCE_MS = 5_000;

/** Makes one real call with the session's token. Rejects with what the gateway refuses it for. */
export const checkSession = async ({ freshToken }: Session): Promise<void> => {
  const waybill = new Waybill({ url: gatewayUrl(), token: freshToken, patienceMs: PATIENCE_MS });
  try {
    await waybill.quota();
  } finally {
    await waybill.close();
  }
};
