import { useMutation } from '@tanstack/react-query';
import type { FileObject } from '../../../src/client/browser.ts';
import { useGateway } from '../../app/gateway.tsx';
import { cleanName } from '../../format/clean-name.ts';
import { explain } from '../../format/explain.ts';
import { useToast } from '../../ui/toasts.tsx';
import { download } from './download.ts';

/** Saves a file, and says how that went. */
export const useDownload = () => {
  const { waybill } = useGateway();
  const tell = useToast();
  return useMutation({
    mutationFn: (file: FileObject) => download(waybill, file),
    onSuccess: (isSaved, { filename }) => {
      if (isSaved) tell('good', `${cleanName(filename)} is downloaded.`);
    },
    onError: (error) => tell('bad', explain(error)),
  });
};
