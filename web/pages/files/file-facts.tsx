import type { ReactNode } from 'react';
import type { FileObject } from '../../../src/client/browser.ts';
import { purposeName } from '../../format/purposes.ts';
import { formatBytes, formatCount } from '../../format/quantities.ts';
import { formatExactly } from '../../format/times.ts';
import { CopyButton } from '../../ui/copy-button.tsx';
import { Facts } from '../../ui/facts.tsx';
import { When } from '../../ui/when.tsx';
import styles from './file-sheet.module.css';

/** What the record says of a file. */
export const FileFacts = ({ file }: { file: FileObject }): ReactNode => (
  <Facts
    facts={[
      ['Id', <Copied key="id" text={file.id} label="Copy the file id" />],
      ['SHA-256', <Copied key="sha256" text={file.sha256} label="Copy the SHA-256" />],
      ['Size', `${formatBytes(file.bytes)} (${formatCount(file.bytes)} bytes)`],
      ['Type', file.media_type],
      ['Purpose', purposeName(file.purpose)],
      ['Added', formatExactly(file.created_at)],
      ['Expires', file.expires_at === null ? 'Never' : <When key="expires" at={file.expires_at} />],
    ]}
  />
);

/** A text that programs want, with a button that copies it. */
export const Copied = ({ text, label }: { text: string; label: string }): ReactNode => (
  <span className={styles.copied}>
    <code>{text}</code>
    <CopyButton text={text} label={label} />
  </span>
);
