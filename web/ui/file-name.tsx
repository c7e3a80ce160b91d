import {
  File,
  FileArchive,
  FileAudio,
  FileCode,
  FileImage,
  FileText,
  FileVideo,
  type LucideIcon,
} from 'lucide-react';
import type { ReactNode } from 'react';
import { cleanName } from '../format/clean-name.ts';
import styles from './file-name.module.css';

const ICONS: readonly (readonly [RegExp, LucideIcon])[] = [
  [/\.(png|jpe?g|gif|webp|avif|bmp|svg|tiff?|ico)$/iu, FileImage],
  [/\.(mp4|mov|avi|webm|mpe?g|wmv|flv|3gpp?)$/iu, FileVideo],
  [/\.(mp3|wav|m4a|ogg|flac)$/iu, FileAudio],
  [/\.(zip|gz|tar|7z|rar|epub)$/iu, FileArchive],
  [/\.(jsonl?|[jt]sx?|py|go|java|c|cpp|html?|css|ya?ml|xml|sh)$/iu, FileCode],
  [/\.(pdf|txt|md|docx?|rtf|csv|xlsx?|pptx?|log)$/iu, FileText],
];

/** The name of a file, which is somebody else's text, with the sign of its kind. `children`: its link, in place of the text. */
export const FileName = ({ name, children }: { name: string; children?: ReactNode }): ReactNode => {
  const Icon = ICONS.find(([pattern]) => pattern.test(name))?.[1] ?? File;
  return (
    <span className={styles.file}>
      <Icon size={16} aria-hidden="true" className={styles.icon} />
      <bdi className={styles.name}>{children ?? cleanName(name)}</bdi>
    </span>
  );
};
