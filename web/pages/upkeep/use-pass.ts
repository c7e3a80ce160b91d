import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import type { PassObject } from '../../../src/client/browser.ts';
import { useGateway } from '../../app/gateway.tsx';
import { keys } from '../../app/keys.ts';

const SHOWN = 8;
const REFRESH_MS = 10_000;

/** The last passes of a kind, and running one. */
export const usePass = (kind: PassObject['kind']) => {
  const { waybill } = useGateway();
  const queries = useQueryClient();
  const key = [...keys.passes, kind];
  const history = useQuery({
    queryKey: key,
    queryFn: async () => (await waybill.passes.list({ kind, limit: SHOWN })).data,
    refetchInterval: REFRESH_MS,
  });
  const run = useMutation({
    mutationFn: async ({ isDryRun, isForced = false }: { isDryRun: boolean; isForced?: boolean }) => {
      const begun = await waybill.passes.begin({ kind, isDryRun, isForced });
      void queries.invalidateQueries({ queryKey: key });
      return await waybill.passes.ended(begun.id);
    },
    onSettled: () => queries.invalidateQueries({ queryKey: keys.passes }),
  });
  return { history, run };
};
