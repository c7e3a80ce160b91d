import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import type { FileObject } from '../../../src/client/browser.ts';
import { useGateway } from '../../app/gateway.tsx';
import { keys } from '../../app/keys.ts';
import { explain } from '../../format/explain.ts';
import { fewAtOnce } from './few-at-once.ts';

/** How far the removal of one file is. `confirmed`: every provider says that its copy is gone; `under_way`: not all of them yet. */
export type Removal =
  | { readonly kind: 'waiting' }
  | { readonly kind: 'removing' }
  | { readonly kind: 'confirmed' }
  | { readonly kind: 'under_way' }
  | { readonly kind: 'failed'; readonly message: string };

const AT_ONCE = 3;

/** Deletes files and waits for the proof. */
export const useRemoval = (files: readonly FileObject[]) => {
  const { waybill } = useGateway();
  const queries = useQueryClient();
  const [removals, setRemovals] = useState<ReadonlyMap<string, Removal>>(new Map());
  const note = (id: string, removal: Removal): void =>
    setRemovals((before) => new Map(before).set(id, removal));

  const removeOne = async ({ id }: FileObject): Promise<void> => {
    note(id, { kind: 'removing' });
    try {
      const answer = await waybill.files.delete(id, { isConfirmed: true });
      note(id, { kind: answer.removed_from_providers ? 'confirmed' : 'under_way' });
    } catch (error) {
      note(id, { kind: 'failed', message: explain(error) });
    }
  };
  return {
    removals,
    hasBegun: removals.size > 0,
    isOver:
      removals.size > 0 &&
      [...removals.values()].every(({ kind }) => kind !== 'waiting' && kind !== 'removing'),
    begin: (): void => {
      for (const { id } of files) note(id, { kind: 'waiting' });
      void fewAtOnce(files, AT_ONCE, removeOne).then(() =>
        queries.invalidateQueries({ queryKey: keys.lists }),
      );
    },
  };
};
