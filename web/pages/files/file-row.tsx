import { Download, Send, Trash2 } from 'lucide-react';
import type { ReactNode } from 'react';
import { Link } from 'wouter';
import type { FileObject } from '../../../src/client/browser.ts';
import { cleanName } from '../../format/clean-name.ts';
import { formatBytes } from '../../format/quantities.ts';
import { Button } from '../../ui/button.tsx';
import { FileName } from '../../ui/file-name.tsx';
import { When } from '../../ui/when.tsx';
import { DeliveryBadges } from './delivery-badges.tsx';
import type { FileActions } from './file-actions.ts';
import styles from './file-table.module.css';

export interface FileRowProps {
  readonly file: FileObject;
  readonly isSelected: boolean;
  readonly onSelect: (isSelected: boolean) => void;
  readonly canWrite: boolean;
  readonly actions: FileActions;
}

/** One file in the list. Its name leads to all that is known of it. */
export const FileRow = ({ file, isSelected, onSelect, canWrite, actions }: FileRowProps): ReactNode => {
  const name = cleanName(file.filename);
  return (
    <tr className={styles.row} data-selected={isSelected}>
      {canWrite && (
        <td className={styles.select}>
          <label className={styles.check}>
            <input
              type="checkbox"
              checked={isSelected}
              onChange={(event) => onSelect(event.target.checked)}
            />
            <span className="visually-hidden">Select {name}</span>
          </label>
        </td>
      )}
      <th scope="row" className={styles.name}>
        <FileName name={file.filename}>
          <Link href={`/files/${file.id}`} title={name}>
            {name}
          </Link>
        </FileName>
      </th>
      <td className={styles.size}>{formatBytes(file.bytes)}</td>
      <td className={styles.type}>{file.media_type}</td>
      <td className={styles.state}>
        <DeliveryBadges file={file} />
      </td>
      <td className={styles.age}>
        <When at={file.created_at} />
      </td>
      <td className={styles.actions}>
        <Button
          kind="quiet"
          size="s"
          icon={Download}
          aria-label={`Download ${name}`}
          title="Download"
          onClick={() => actions.download(file)}
        />
        {canWrite && (
          <>
            <Button
              kind="quiet"
              size="s"
              icon={Send}
              aria-label={`Deliver ${name}`}
              title="Deliver"
              onClick={() => actions.deliver([file])}
            />
            <Button
              kind="quiet"
              size="s"
              icon={Trash2}
              aria-label={`Delete ${name}`}
              title="Delete"
              onClick={() => actions.remove([file])}
            />
          </>
        )}
      </td>
    </tr>
  );
};
