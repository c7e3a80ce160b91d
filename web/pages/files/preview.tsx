import { type UseQueryResult, useQuery } from '@tanstack/react-query';
import { type ReactNode, useEffect, useState } from 'react';
import type { FileObject } from '../../../src/client/browser.ts';
import { useGateway } from '../../app/gateway.tsx';
import { cleanName } from '../../format/clean-name.ts';
import { providerName } from '../../format/providers.ts';
import { Loading } from '../../ui/loading.tsx';
import { Problem } from '../../ui/problem.tsx';
import { Segments } from '../../ui/segments.tsx';
import { useLimits } from '../../upload/use-limits.ts';
import styles from './file-sheet.module.css';
import { previewKind, type ReadText, readExtract, readImage, readText } from './read-content.ts';

/** What is in a file: itself where a browser can show it safely, and the text that a provider has read in it. */
export const Preview = ({ file }: { file: FileObject }): ReactNode => {
  const { providers } = useLimits();
  const kind = previewKind(file);
  const extractors = providers
    .filter(({ content }) => content === 'extracted-text')
    .map(({ id }) => id)
    .filter((id) =>
      file.deliveries.some(({ provider, status }) => provider === id && status === 'completed'),
    );
  const choices = [
    ...(kind === 'none' ? [] : [{ value: 'original', name: 'The file' }]),
    ...extractors.map((id) => ({ value: `${id}`, name: `Text from ${providerName(id)}` })),
  ];
  const [wanted, setWanted] = useState<string | null>(null);
  const chosen = choices.find(({ value }) => value === wanted)?.value ?? choices[0]?.value ?? null;
  return (
    <section className={styles.part} aria-label="Preview">
      <div className={styles.previewHead}>
        <h3>Preview</h3>
        {choices.length > 1 && chosen !== null && (
          <Segments label="What to show" choices={choices} chosen={chosen} onChoose={setWanted} />
        )}
      </div>
      {chosen === null && (
        <p className={styles.quiet}>
          There is no preview for files of this type. Download it, or deliver it to a provider that reads text
          from it.
        </p>
      )}
      {chosen === 'original' && kind === 'image' && <Picture file={file} />}
      {chosen === 'original' && kind !== 'image' && <Original file={file} />}
      {chosen !== null && chosen !== 'original' && <Extract file={file} from={chosen} />}
    </section>
  );
};

const Original = ({ file }: { file: FileObject }): ReactNode => {
  const { waybill } = useGateway();
  const query = useQuery({
    queryKey: ['preview', file.id],
    queryFn: ({ signal }) => readText(waybill, file, signal),
    staleTime: Infinity,
  });
  return <Text query={query} label={`Beginning of ${cleanName(file.filename)}`} />;
};

const Extract = ({ file, from }: { file: FileObject; from: string }): ReactNode => {
  const { waybill } = useGateway();
  const query = useQuery({
    queryKey: ['extract', file.id, from],
    queryFn: ({ signal }) => readExtract(waybill, { id: file.id, from, signal }),
    staleTime: Infinity,
  });
  return <Text query={query} label={`Text that ${providerName(from)} has read`} />;
};

const Text = ({ query, label }: { query: UseQueryResult<ReadText>; label: string }): ReactNode => {
  if (query.isPending) return <Loading label="Loading the preview" />;
  if (query.isError) return <Problem error={query.error} onRetry={() => void query.refetch()} />;
  const { text, isCut } = query.data;
  return (
    <>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard (WCAG 2.1.1). */}
      <section className={styles.text} tabIndex={0} aria-label={label}>
        <pre>{text}</pre>
      </section>
      {isCut && <p className={styles.quiet}>The first 64 KB are shown.</p>}
    </>
  );
};

const Picture = ({ file }: { file: FileObject }): ReactNode => {
  const { waybill } = useGateway();
  const [url, setUrl] = useState<string | null>(null);
  const query = useQuery({
    queryKey: ['picture', file.id],
    queryFn: ({ signal }) => readImage(waybill, file, signal),
    staleTime: Infinity,
    gcTime: 0,
  });
  const blob = query.data;
  useEffect(() => {
    if (blob === undefined) return;
    const made = URL.createObjectURL(blob);
    setUrl(made);
    return () => URL.revokeObjectURL(made);
  }, [blob]);
  if (query.isError) return <Problem error={query.error} onRetry={() => void query.refetch()} />;
  if (url === null) return <Loading label="Loading the picture" />;
  return <img className={styles.picture} src={url} alt={cleanName(file.filename)} />;
};
