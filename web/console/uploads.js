import { ApiError, explain } from './api.js';
import { byId, clone, part, setText, showText, toast } from './dom.js';
import { formatBytes } from './format.js';

/** @typedef {import('./api.js').Api} Api */
/** @typedef {import('./api.js').FileObject} FileObject */
/** @typedef {{ provider: string, purpose: string }} Options */

/** More at once only make each slower. */
const AT_ONCE = 2;
/** Screen readers hear of these shares only. */
const SPOKEN_SHARE = 0.25;

/**
 * The uploads under way and those that failed, as rows. A row goes when its file is in, which `onDone` then hears.
 * @param {{ api: Api, onDone: (file: FileObject) => void }} options
 */
export const createUploads = ({ api, onDone }) => {
  const list = byId('uploads', HTMLUListElement);
  /** @type {(() => Promise<void>)[]} */
  const waiting = [];
  /** @type {Set<() => void>} */
  const cancels = new Set();
  let running = 0;

  const startNext = () => {
    const start = running < AT_ONCE ? waiting.shift() : undefined;
    if (start === undefined) return;
    running += 1;
    void start().finally(() => {
      running -= 1;
      startNext();
    });
  };

  /** @param {HTMLElement} row */
  const remove = (row) => {
    row.remove();
    list.hidden = list.childElementCount === 0;
  };

  /** @param {File} file @param {Options} options */
  const add = (file, options) => {
    const row = createRow(file);
    list.append(row.element);
    list.hidden = false;
    const run = async () => {
      const upload = api.upload(file, options, row.progress);
      cancels.add(upload.cancel);
      row.onStop(upload.cancel);
      try {
        const received = await upload.done;
        say(`${file.name} is uploaded.`);
        remove(row.element);
        onDone(received);
      } catch (error) {
        if (error instanceof ApiError && error.code === 'cancelled') {
          toast(`Cancelled ${file.name}; nothing was kept.`);
          remove(row.element);
        } else {
          row.fail(explain(error), () => enqueue());
        }
      } finally {
        cancels.delete(upload.cancel);
      }
    };
    const enqueue = () => {
      row.reset();
      row.onStop(() => {
        waiting.splice(waiting.indexOf(run), 1);
        remove(row.element);
      });
      waiting.push(run);
      startNext();
    };
    row.onDismiss(() => remove(row.element));
    enqueue();
  };

  return {
    add,
    /** Ends everything, as when the user signs out. */
    clear: () => {
      waiting.length = 0;
      for (const cancel of cancels) cancel();
      list.replaceChildren();
      list.hidden = true;
    },
  };
};

/** @param {File} file */
const createRow = (file) => {
  const element = clone('upload-template');
  const bar = part(element, 'bar', HTMLProgressElement);
  const stop = part(element, 'stop', HTMLButtonElement);
  const again = part(element, 'again', HTMLButtonElement);
  const problem = part(element, 'problem', HTMLElement);
  setText(element, 'name', file.name);
  bar.setAttribute('aria-label', `Upload of ${file.name}`);
  let spoken = 0;
  /** @type {() => void} */
  let onStop = () => undefined;
  /** @type {() => void} */
  let onDismiss = () => undefined;
  stop.addEventListener('click', () => (problem.hidden ? onStop() : onDismiss()));

  return {
    element,
    /** @param {() => void} action While it is waiting or being sent */
    onStop: (action) => {
      onStop = action;
    },
    /** @param {() => void} action Once it has failed */
    onDismiss: (action) => {
      onDismiss = action;
    },
    reset: () => {
      spoken = 0;
      bar.value = 0;
      bar.hidden = false;
      again.hidden = true;
      showText(problem, null);
      stop.textContent = 'Cancel';
      stop.setAttribute('aria-label', `Cancel the upload of ${file.name}`);
      setText(element, 'text', `${formatBytes(file.size)} · waiting`);
    },
    /** @param {number} share */
    progress: (share) => {
      bar.value = share;
      const percent = Math.floor(share * 100);
      // Once all is sent the gateway may have the file already, and cancelling would promise too much.
      stop.hidden = share === 1;
      setText(
        element,
        'text',
        share === 1
          ? 'Storing…'
          : `${formatBytes(file.size * share)} of ${formatBytes(file.size)} · ${percent}%`,
      );
      if (share - spoken < SPOKEN_SHARE) return;
      spoken = share;
      say(`${file.name}: ${percent} percent`);
    },
    /** @param {string} why @param {() => void} retry */
    fail: (why, retry) => {
      bar.hidden = true;
      setText(element, 'text', formatBytes(file.size));
      showText(problem, why);
      stop.hidden = false;
      stop.textContent = 'Dismiss';
      stop.setAttribute('aria-label', `Dismiss the upload of ${file.name}`);
      again.hidden = false;
      again.setAttribute('aria-label', `Try the upload of ${file.name} again`);
      again.onclick = retry;
      say(`${file.name} was not uploaded. ${why}`);
    },
  };
};

/** @param {string} text */
const say = (text) => {
  byId('progress-live', HTMLElement).textContent = text;
};
