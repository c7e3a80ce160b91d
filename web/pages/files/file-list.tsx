import { FileSearch, FileText, Send, Trash2 } from 'lucide-react';
import { type ReactNode, useCallback, useState } from 'react';
import { useGateway } from '../../app/gateway.tsx';
import { Button } from '../../ui/button.tsx';
import { Card } from '../../ui/card.tsx';
import { EmptyState } from '../../ui/empty-state.tsx';
import { Loading } from '../../ui/loading.tsx';
import { Problem } from '../../ui/problem.tsx';
import type { FileActions } from './file-actions.ts';
import { FileFilterFields } from './file-filters.tsx';
import styles from './file-list.module.css';
import { FileTable } from './file-table.tsx';
import { type FileFilters, isFiltered, noFilters, useFileList } from './use-file-list.ts';

const NOBODY: ReadonlySet<string> = new Set();

/** The user's files: found, chosen, and what can be done with them. */
export const FileList = ({ actions }: { actions: FileActions }): ReactNode => {
  const { canWrite } = useGateway().session;
  const [filters, setFilters] = useState<FileFilters>(noFilters);
  const [selected, setSelected] = useState(NOBODY);
  const change = useCallback((next: FileFilters) => {
    setFilters(next);
    setSelected(NOBODY);
  }, []);
  const list = useFileList(filters);
  const files = list.data?.pages.flatMap(({ data }) => data) ?? [];
  const chosen = files.filter(({ id }) => selected.has(id));
  const isEmpty = list.isSuccess && files.length === 0;
  if (isEmpty && !isFiltered(filters)) return <NoFiles canWrite={canWrite} />;
  return (
    <Card isFlush>
      <FileFilterFields filters={filters} onChange={change} />
      {list.isError && (
        <div className={styles.problem}>
          <Problem error={list.error} onRetry={() => void list.refetch()} />
        </div>
      )}
      {list.isPending && <Loading label="Loading the files" lines={6} />}
      {isEmpty && (
        <EmptyState
          icon={FileSearch}
          title="No file is like that"
          text="Search for a part of the name, or take a filter away."
          action={
            <Button onClick={() => change({ ...noFilters, order: filters.order })}>Clear the filters</Button>
          }
        />
      )}
      {chosen.length > 0 && (
        <div className={styles.selection} role="status">
          <span>{chosen.length} selected</span>
          <Button size="s" icon={Send} onClick={() => actions.deliver(chosen)}>
            Deliver
          </Button>
          <Button size="s" kind="danger" icon={Trash2} onClick={() => actions.remove(chosen)}>
            Delete
          </Button>
          <Button size="s" kind="quiet" onClick={() => setSelected(NOBODY)}>
            Select none
          </Button>
        </div>
      )}
      {files.length > 0 && (
        <FileTable
          files={files}
          selected={selected}
          onSelect={setSelected}
          canWrite={canWrite}
          actions={actions}
        />
      )}
      {list.hasNextPage && (
        <footer className={styles.more}>
          <Button isBusy={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>
            Load more
          </Button>
        </footer>
      )}
    </Card>
  );
};

const NoFiles = ({ canWrite }: { canWrite: boolean }): ReactNode => (
  <Card>
    <EmptyState
      icon={FileText}
      title="No files yet"
      text={
        canWrite
          ? 'Drop files or folders anywhere on this page, paste them, or choose them with the buttons above.'
          : 'Files appear here once something has uploaded them. This token may only read.'
      }
    />
  </Card>
);
