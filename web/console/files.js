import { explain } from './api.js';
import { byId, option, showText } from './dom.js';
import { createFileRow } from './file-row.js';
import { formatCount, isUnderWay, providerName } from './format.js';

/** @typedef {import('./api.js').Api} Api */
/** @typedef {import('./api.js').FileObject} FileObject */
/** @typedef {import('./api.js').FilePage} FilePage */

const PAGE = 25;
/** The API's own bound on a page. */
const MAX_PAGE = 10_000;
const POLL_MS = 1_500;
const TYPING_MS = 250;

/**
 * The list of files with its filters and pages. It asks again by itself only while a delivery is under way, and
 * tells `onSettled` when the last one has ended; `onFailed` hears of failures, `onAnswered` of every answer.
 * @param {object} options
 * @param {Api} options.api
 * @param {import('./file-row.js').FileActions} options.actions
 * @param {() => void} options.onSettled
 * @param {() => void} options.onAnswered
 * @param {(error: unknown) => void} options.onFailed
 */
export const createFiles = ({ api, actions, onSettled, onAnswered, onFailed }) => {
  /** @type {FileObject[]} */
  let files = [];
  let hasMore = false;
  let wasUnderWay = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  let current = new AbortController();
  const closed = new AbortController();
  const view = createView(actions);

  /** One request at a time: a newer one takes the place of the one before. @param {(signal: AbortSignal) => Promise<void>} ask */
  const run = async (ask) => {
    clearTimeout(timer);
    current.abort();
    const mine = new AbortController();
    current = mine;
    view.busy(true);
    try {
      await ask(mine.signal);
      if (mine.signal.aborted) return;
      onAnswered();
      view.show(files, hasMore);
      settle();
    } catch (error) {
      if (mine.signal.aborted) return;
      if (files.length === 0) view.fail(error, refresh);
      onFailed(error);
    } finally {
      if (current === mine) view.busy(false);
    }
  };

  const settle = () => {
    const underWay = files.some(({ deliveries }) => deliveries.some(isUnderWay));
    if (wasUnderWay && !underWay) onSettled();
    wasUnderWay = underWay;
    if (underWay && !document.hidden) timer = setTimeout(refresh, POLL_MS);
  };

  const refresh = () =>
    run(async (signal) => {
      const limit = String(Math.min(Math.max(PAGE, files.length), MAX_PAGE));
      ({ data: files, has_more: hasMore } = await api.files({ ...view.filters(), limit }, signal));
    });

  const more = () =>
    run(async (signal) => {
      const after = files.at(-1)?.id ?? '';
      const page = await api.files({ ...view.filters(), limit: String(PAGE), after }, signal);
      files = [...files, ...page.data];
      hasMore = page.has_more;
    });

  /** From the first page on, as when the filters change. */
  const restart = () => {
    files = [];
    return refresh();
  };

  view.listen({ more, restart, signal: closed.signal });
  document.addEventListener(
    'visibilitychange',
    () => {
      if (!document.hidden && wasUnderWay) void refresh();
    },
    { signal: closed.signal },
  );

  return {
    refresh,
    close: () => {
      closed.abort();
      current.abort();
      clearTimeout(timer);
      view.clear();
    },
  };
};

/** @param {import('./file-row.js').FileActions} actions */
const createView = (actions) => {
  const list = byId('files', HTMLUListElement);
  const form = byId('filters', HTMLFormElement);
  const q = byId('q', HTMLInputElement);
  const provider = byId('filter-provider', HTMLSelectElement);
  const status = byId('filter-status', HTMLSelectElement);
  const moreButton = byId('more', HTMLButtonElement);
  const stateAction = byId('files-state-action', HTMLButtonElement);
  /** @type {Map<string, ReturnType<typeof createFileRow>>} */
  const rows = new Map();
  /** @type {() => unknown} */
  let restart = () => undefined;

  const filters = () =>
    Object.fromEntries(
      Object.entries({ q: q.value.trim(), provider: provider.value, status: status.value }).filter(
        ([, value]) => value !== '',
      ),
    );

  /** @param {readonly FileObject[]} files */
  const showRows = (files) => {
    const ids = new Set(files.map(({ id }) => id));
    for (const [id, { element }] of rows) {
      if (ids.has(id)) continue;
      const hadFocus = element.contains(document.activeElement);
      element.remove();
      if (hadFocus) focusFiles();
      rows.delete(id);
    }
    for (const [index, file] of files.entries()) {
      const row = rows.get(file.id) ?? createFileRow(actions);
      rows.set(file.id, row);
      row.update(file);
      const there = list.children[index] ?? null;
      // Moving a row that is in its place already would take the focus out of it.
      if (there !== row.element) list.insertBefore(row.element, there);
    }
  };

  /** @param {string} title @param {string} text @param {{ label: string, act: () => unknown }} [action] */
  const showState = (title, text, action) => {
    byId('files-state', HTMLElement).hidden = false;
    byId('files-state-title', HTMLElement).textContent = title;
    byId('files-state-text', HTMLElement).textContent = text;
    showText(stateAction, action?.label ?? null);
    stateAction.onclick = action === undefined ? null : () => void action.act();
  };

  const clearFilters = () => {
    form.reset();
    q.focus();
    return restart();
  };

  return {
    filters,
    /** @param {boolean} isBusy */
    busy: (isBusy) => {
      list.setAttribute('aria-busy', String(isBusy));
      if (isBusy && rows.size === 0) showState('Loading…', '');
    },
    /** @param {readonly FileObject[]} files @param {boolean} hasMore */
    show: (files, hasMore) => {
      showRows(files);
      moreButton.hidden = !hasMore;
      byId('files-state', HTMLElement).hidden = files.length > 0;
      byId('files-count', HTMLElement).textContent = hasMore
        ? `first ${files.length}`
        : formatCount(files.length, 'file');
      if (files.length > 0) return;
      if (Object.keys(filters()).length === 0) showState('No files yet', 'What you upload appears here.');
      else
        showState('Nothing matches', 'No file fits the search and the filters.', {
          label: 'Clear filters',
          act: clearFilters,
        });
    },
    /** @param {unknown} error @param {() => unknown} retry */
    fail: (error, retry) => {
      showRows([]);
      moreButton.hidden = true;
      byId('files-count', HTMLElement).textContent = '';
      showState('The files cannot be shown', explain(error), { label: 'Try again', act: retry });
    },
    /** @param {{ more: () => unknown, restart: () => unknown, signal: AbortSignal }} handlers */
    listen: (handlers) => {
      ({ restart } = handlers);
      /** @type {ReturnType<typeof setTimeout> | undefined} */
      let typing;
      const { signal } = handlers;
      moreButton.addEventListener('click', () => void handlers.more(), { signal });
      form.addEventListener('submit', (event) => event.preventDefault(), { signal });
      form.addEventListener('change', (event) => event.target !== q && void restart(), { signal });
      q.addEventListener(
        'input',
        () => {
          clearTimeout(typing);
          typing = setTimeout(() => void restart(), TYPING_MS);
        },
        { signal },
      );
    },
    clear: () => {
      showRows([]);
      form.reset();
      moreButton.hidden = true;
    },
  };
};

/** For the focus of what is gone: near it, and said by screen readers. */
export const focusFiles = () => byId('files-title', HTMLElement).focus();

/** @param {readonly string[]} ids */
export const showProviderFilter = (ids) => {
  const select = byId('filter-provider', HTMLSelectElement);
  const { value } = select;
  select.replaceChildren(option('', 'Any provider'), ...ids.map((id) => option(id, providerName(id))));
  select.value = ids.includes(value) ? value : '';
};
