import { keepPreviousData, useInfiniteQuery } from '@tanstack/react-query';
import type { FileObject } from '../../../src/client/browser.ts';
import { useGateway } from '../../app/gateway.tsx';
import { keys } from '../../app/keys.ts';

/** What of the files is wanted; an empty text is no wish. */
export interface FileFilters {
  readonly q: string;
  readonly status: FileObject['status'] | '';
  readonly provider: string;
  readonly purpose: string;
  readonly order: 'asc' | 'desc';
}

export const noFilters: FileFilters = { q: '', status: '', provider: '', purpose: '', order: 'desc' };

export const isFiltered = ({ q, status, provider, purpose }: FileFilters): boolean =>
  [q, status, provider, purpose].some((wish) => wish !== '');

const PAGE_SIZE = 50;

/** The user's files, page after page; kept current by the events of the gateway. */
export const useFileList = ({ order, q, status, provider, purpose }: FileFilters) => {
  const { waybill } = useGateway();
  const wishes = {
    order,
    q: q.trim() || undefined,
    status: status || undefined,
    provider: provider || undefined,
    purpose: purpose || undefined,
  };
  return useInfiniteQuery({
    queryKey: keys.list(wishes),
    queryFn: ({ pageParam, signal }) =>
      waybill.files.list({ ...wishes, after: pageParam, limit: PAGE_SIZE, signal }),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: ({ has_more, last_id }) => (has_more && last_id !== null ? last_id : undefined),
    placeholderData: keepPreviousData,
  });
};
