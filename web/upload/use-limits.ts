import { useQuery } from '@tanstack/react-query';
import { gatewayUrl, useGateway } from '../app/gateway.tsx';
import { keys } from '../app/keys.ts';
import type { Limits } from './judge.ts';

/** The gateway's limits, to explain what will be refused before it is sent. */
export const useLimits = (): Limits => {
  const { waybill } = useGateway();
  const providers = useQuery({ queryKey: keys.providers, queryFn: () => waybill.providers() });
  const maxFileBytes = useQuery({
    queryKey: ['max-file-bytes'],
    queryFn: readMaxFileBytes,
    staleTime: Infinity,
  });
  return { providers: providers.data ?? [], maxFileBytes: maxFileBytes.data ?? null };
};

/** As tus tells it (protocol 1.0.0, `Tus-Max-Size`). */
const readMaxFileBytes = async (): Promise<number | null> => {
  const answer = await fetch(`${gatewayUrl()}/v1/tus`, { method: 'OPTIONS' });
  const size = Number(answer.headers.get('tus-max-size') ?? Number.NaN);
  return Number.isSafeInteger(size) ? size : null;
};
