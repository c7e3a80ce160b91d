import type { FileObject } from '../../../src/client/browser.ts';

/** What can be done with files, wherever they are shown. */
export interface FileActions {
  readonly download: (file: FileObject) => void;
  readonly deliver: (files: readonly FileObject[], provider?: string) => void;
  readonly remove: (files: readonly FileObject[]) => void;
}
