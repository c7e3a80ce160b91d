import { createDoor } from './create-door.ts';
import { createRuns } from './create-runs.ts';
import { createView } from './create-view.ts';
import { destinationText, type Plan } from './judge.ts';
import { openQueue, recall } from './open-queue.ts';
import type { QueuedFile, UploadItem } from './upload-item.ts';

/** Whoever is signed in while files are sent. */
export interface Sender {
  readonly freshToken: () => Promise<string>;
  /** The gateway no longer takes the token, and why. */
  readonly onRefused: (why: string) => void;
}

/** The files that are being sent from this tab. They stay when the page changes, and when the session ends. */
export interface Uploads {
  /** The same object until something changes. */
  items(): readonly UploadItem[];
  subscribe(listener: () => void): () => void;
  /** Adds them to those chosen; sends nothing. Resolves with the names of those that are on their way already. */
  add(files: readonly File[]): Promise<readonly string[]>;
  /** Sends all that are chosen. */
  send(plan: Plan): void;
  pause(id: string): void;
  /** Also tries again what has failed, from where it got to. */
  resume(id: string): void;
  /** Puts a file that was refused back among those chosen, so that it can be sent another way. */
  reconsider(id: string): void;
  /** Takes it out of the list; what the gateway has of it is given up, a file that has arrived stays. */
  remove(id: string): void;
  /** Gives a file its bytes back that the browser has lost, and goes on. False when they are those of another file. */
  restore(id: string, file: File): boolean;
  /** Somebody has signed in: goes on with what waited for that. */
  enter(sender: Sender): void;
  /** Nobody is signed in any more: everything waits. */
  leave(): void;
}

/** `endpoint` is that of `/v1/tus`. Lives as long as the page. */
export const createUploads = (owner: string, endpoint: string): Uploads => {
  let sender: Sender | null = null;
  const token = async (): Promise<string> => {
    if (sender === null) throw new Error('Nobody is signed in.');
    return await sender.freshToken();
  };
  const queue = openQueue({ owner, endpoint, token });
  const waiting = new Set<string>();
  const runs = createRuns(queue, {
    onChange: () => view.changed(),
    onProblem: (id, { status, message }) => {
      if (status !== 401) return;
      waiting.add(id);
      sender?.onRefused(message);
    },
  });
  const view = createView(queue, runs.notesOn);
  const recalled = recall(queue);
  queue.on('restored', () => {
    // Each file goes on by itself, and not as a part of the batch that it was sent with.
    queue.setState({ currentUploads: {}, recoveredState: null });
    for (const file of queue.getFiles()) if (isUnderWay(file) && sender !== null) runs.start(file.id);
  });
  window.addEventListener('online', () => {
    for (const { id, problem } of view.items()) if (problem?.status === null) runs.start(id);
  });

  return {
    ...view,
    ...createDoor(queue, runs, { recalled, token, endpoint }),
    send: ({ destination, purpose }) => {
      const provider = destinationText(destination);
      for (const { id, state } of view.items()) {
        if (state !== 'chosen') continue;
        queue.setFileMeta(id, { ...queue.getFile(id).meta, provider, purpose });
        runs.start(id);
      }
    },
    pause: runs.pause,
    resume: runs.start,
    enter: (next) => {
      sender = next;
      for (const id of waiting) runs.start(id);
      waiting.clear();
    },
    leave: () => {
      sender = null;
      for (const { id, state } of view.items()) {
        if (!['sending', 'retrying', 'waiting'].includes(state)) continue;
        waiting.add(id);
        runs.pause(id);
      }
    },
  };
};

const isUnderWay = ({ progress, isGhost, isPaused, error }: QueuedFile): boolean =>
  progress.uploadStarted !== null && !progress.uploadComplete && !isGhost && isPaused !== true && !error;
