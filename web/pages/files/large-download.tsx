import type { ReactNode } from 'react';
import type { FileObject } from '../../../src/client/browser.ts';
import { gatewayUrl } from '../../app/gateway.tsx';
import { Notice } from '../../ui/notice.tsx';
import { Snippet } from '../../ui/snippet.tsx';
import { canDownload, downloadCommand } from './download.ts';

/** How to get a file that this browser cannot save, since it would have to hold all of it in memory. */
export const LargeDownload = ({ file }: { file: FileObject }): ReactNode =>
  canDownload(file) ? null : (
    <>
      <Notice tone="busy">
        This browser cannot write to the disk as bytes come, and the file is too large to be held in memory.
        The command line can.
      </Notice>
      <Snippet name="curl" code={downloadCommand(gatewayUrl(), file)} />
    </>
  );
