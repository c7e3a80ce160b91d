import { Pause, Play, RotateCcw, Route, X } from 'lucide-react';
import { type ReactNode, useRef } from 'react';
import { cleanName } from '../format/clean-name.ts';
import { Button } from '../ui/button.tsx';
import { useToast } from '../ui/toasts.tsx';
import type { Uploads } from './create-uploads.ts';
import type { UploadItem } from './upload-item.ts';
import styles from './upload-panel.module.css';

/** What can be done with one file on its way. */
export const UploadActions = ({ item, uploads }: { item: UploadItem; uploads: Uploads }): ReactNode => {
  const { id, state } = item;
  const name = cleanName(item.name);
  const isMoving = state === 'sending' || state === 'waiting' || state === 'retrying';
  return (
    <div className={styles.actions}>
      {isMoving && (
        <Button
          kind="quiet"
          size="s"
          icon={Pause}
          aria-label={`Pause ${name}`}
          title="Pause"
          onClick={() => uploads.pause(id)}
        />
      )}
      {state === 'paused' && (
        <Button size="s" icon={Play} aria-label={`Resume ${name}`} onClick={() => uploads.resume(id)}>
          Resume
        </Button>
      )}
      {state === 'failed' && canBeSentDifferently(item) && (
        <Button
          size="s"
          icon={Route}
          aria-label={`Send ${name} another way`}
          onClick={() => uploads.reconsider(id)}
        >
          Send it another way
        </Button>
      )}
      {state === 'failed' && !canBeSentDifferently(item) && (
        <Button size="s" icon={RotateCcw} aria-label={`Try ${name} again`} onClick={() => uploads.resume(id)}>
          Try again
        </Button>
      )}
      {state === 'lost' && <ChooseAgain item={item} uploads={uploads} />}
      <Button
        kind="quiet"
        size="s"
        icon={X}
        aria-label={state === 'done' ? `Take ${name} off this list` : `Cancel ${name}`}
        title={state === 'done' ? 'Take off this list' : 'Cancel'}
        onClick={() => uploads.remove(id)}
      />
    </div>
  );
};

const OTHER_WAYS = new Set(['no_provider_accepts', 'unknown_provider', 'invalid_purpose']);

const canBeSentDifferently = ({ problem }: UploadItem): boolean => OTHER_WAYS.has(problem?.code ?? '');

const ChooseAgain = ({ item, uploads }: { item: UploadItem; uploads: Uploads }): ReactNode => {
  const input = useRef<HTMLInputElement>(null);
  const tell = useToast();
  const take = (): void => {
    const [file] = input.current?.files ?? [];
    if (file !== undefined && !uploads.restore(item.id, file)) {
      tell(
        'bad',
        'That is another file: its name, type, size or last change is not that of the one to go on with.',
      );
    }
    if (input.current) input.current.value = '';
  };
  return (
    <>
      <input ref={input} type="file" hidden onChange={take} />
      <Button
        size="s"
        aria-label={`Choose ${cleanName(item.name)} again`}
        onClick={() => input.current?.click()}
      >
        Choose it again
      </Button>
    </>
  );
};
