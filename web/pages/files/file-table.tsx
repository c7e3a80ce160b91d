import type { ReactNode } from 'react';
import type { FileObject } from '../../../src/client/browser.ts';
import type { FileActions } from './file-actions.ts';
import { FileRow } from './file-row.tsx';
import styles from './file-table.module.css';

export interface FileTableProps {
  readonly files: readonly FileObject[];
  readonly selected: ReadonlySet<string>;
  readonly onSelect: (selected: ReadonlySet<string>) => void;
  readonly canWrite: boolean;
  readonly actions: FileActions;
}

/** Files, a row each; on a phone, a card each. */
export const FileTable = ({ files, selected, onSelect, canWrite, actions }: FileTableProps): ReactNode => {
  const isAll = files.every(({ id }) => selected.has(id));
  const select = (id: string, isSelected: boolean): void => {
    const next = new Set(selected);
    if (isSelected) next.add(id);
    else next.delete(id);
    onSelect(next);
  };
  return (
    <table className={styles.table}>
      <caption className="visually-hidden">Your files</caption>
      <thead>
        <tr>
          {canWrite && (
            <th scope="col" className={styles.select}>
              <label className={styles.check}>
                <input
                  type="checkbox"
                  checked={isAll}
                  onChange={() => onSelect(new Set(isAll ? [] : files.map(({ id }) => id)))}
                />
                <span className="visually-hidden">Select all that are shown</span>
              </label>
            </th>
          )}
          <th scope="col">Name</th>
          <th scope="col" className={styles.size}>
            Size
          </th>
          <th scope="col">Type</th>
          <th scope="col">Deliveries</th>
          <th scope="col">Added</th>
          <th scope="col">
            <span className="visually-hidden">Actions</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {files.map((file) => (
          <FileRow
            key={file.id}
            file={file}
            isSelected={selected.has(file.id)}
            onSelect={(isSelected) => select(file.id, isSelected)}
            canWrite={canWrite}
            actions={actions}
          />
        ))}
      </tbody>
    </table>
  );
};
