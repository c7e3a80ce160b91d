import { ApiError, createApi, explain } from './console/api.js';
import { chosenIn, destinationChoices, purposesOf, showChoices, showPurposes } from './console/choices.js';
import { askToDelete } from './console/delete-dialog.js';
import { askToDeliver } from './console/deliver-dialog.js';
import { byId, showText, toast } from './console/dom.js';
import { listenForFiles } from './console/file-picker.js';
import { createFiles, showProviderFilter } from './console/files.js';
import { showEmulated, showProviders } from './console/providers.js';
import { session, tokenFromAddress } from './console/session.js';
import { createUploads } from './console/uploads.js';

/** @typedef {import('./console/api.js').FileObject} FileObject */
/** @typedef {import('./console/api.js').Provider} Provider */
/** @typedef {ReturnType<typeof openConsole>} OpenConsole */

const RETRY_MS = 3_000;
/** What a header can carry; browsers refuse the rest. */
const SENDABLE = /^[\x21-\x7e]+$/u;

const gone = byId('gone', HTMLElement);
const destinations = byId('destinations', HTMLElement);
const purpose = byId('purpose', HTMLSelectElement);
const tokenField = byId('token', HTMLInputElement);
const signInProblem = byId('sign-in-problem', HTMLElement);

/** @type {OpenConsole | null} */
let open = null;

/** The console of one token, from signing in to signing out. @param {string} token */
const openConsole = (token) => {
  /** @type {readonly Provider[]} */
  let providers = [];
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let retryTimer;
  // An answer to an earlier token must not end the session of a newer one.
  let isClosed = false;
  const api = createApi({ token, onSignedOut: (error) => !isClosed && signOut(explain(error)) });

  const onAnswered = () => {
    clearTimeout(retryTimer);
    showText(gone, null);
  };
  /** @param {unknown} error */
  const onFailed = (error) => {
    if (isClosed) return;
    clearTimeout(retryTimer);
    const isPassing = error instanceof ApiError && error.isPassing;
    if (isPassing) retryTimer = setTimeout(refreshAll, RETRY_MS);
    showText(gone, isPassing ? `${explain(error)} Trying again every few seconds.` : explain(error));
  };

  const showDestinations = () =>
    showChoices(destinations, 'destination', {
      choices: destinationChoices(providers, purpose.value),
      chosen: chosenIn(destinations),
    });

  const refreshProviders = async () => {
    try {
      providers = await api.providers();
    } catch (error) {
      return onFailed(error);
    }
    showEmulated(providers);
    showProviders(providers);
    showProviderFilter(providers.map(({ id }) => id));
    showPurposes(purpose, purposesOf(providers));
    showDestinations();
  };

  const files = createFiles({
    api,
    actions: {
      download: (file) => download(api, file),
      deliver: (file, provider) =>
        askToDeliver({ api, file, providers, provider, onDelivering: () => files.refresh() }),
      remove: (file) => askToDelete({ api, file, onDeleted: () => refreshAll() }),
    },
    onSettled: refreshProviders,
    onAnswered,
    onFailed,
  });
  const uploads = createUploads({ api, onDone: () => refreshAll() });
  const refreshAll = async () => {
    // One after the other, so that what is used at the providers is never older than the files shown.
    await files.refresh();
    if (!isClosed) await refreshProviders();
  };

  return {
    start: refreshAll,
    showDestinations,
    /** @param {File} file */
    upload: (file) =>
      uploads.add(file, {
        provider: chosenIn(destinations) ?? 'auto',
        purpose: purpose.value || 'user_data',
      }),
    close: () => {
      isClosed = true;
      clearTimeout(retryTimer);
      files.close();
      uploads.clear();
    },
  };
};

/** The page shows once the gateway has taken the token, or does not answer. @param {string} token */
const signIn = async (token) => {
  open?.close();
  session.keep(token);
  showText(signInProblem, null);
  const mine = openConsole(token);
  open = mine;
  await mine.start();
  if (open === mine) showPage(true);
};

/** @param {string | null} why */
const signOut = (why) => {
  session.forget();
  open?.close();
  open = null;
  for (const dialog of document.querySelectorAll('dialog')) dialog.close();
  showText(gone, null);
  showText(signInProblem, why);
  showPage(false);
  tokenField.value = '';
  tokenField.focus();
};

/** @param {boolean} isSignedIn */
const showPage = (isSignedIn) => {
  byId('page', HTMLElement).hidden = !isSignedIn;
  byId('sign-out', HTMLElement).hidden = !isSignedIn;
  byId('sign-in', HTMLElement).hidden = isSignedIn;
};

/** A link cannot carry the token, so the bytes are fetched first and then handed to the browser. @param {import('./console/api.js').Api} api @param {FileObject} file */
const download = async (api, file) => {
  toast(`Downloading ${file.filename}…`);
  try {
    const address = URL.createObjectURL(await api.content(file.id));
    const link = document.createElement('a');
    link.href = address;
    link.download = file.filename;
    link.click();
    // The browser has taken the bytes over by the next turn.
    setTimeout(() => URL.revokeObjectURL(address));
    toast(`Downloaded ${file.filename}`);
  } catch (error) {
    toast(`${file.filename} was not downloaded. ${explain(error)}`);
  }
};

byId('sign-in-form', HTMLFormElement).addEventListener('submit', (event) => {
  event.preventDefault();
  const token = tokenField.value.trim().replace(/^bearer\s+/iu, '');
  if (!SENDABLE.test(token)) {
    showText(
      signInProblem,
      token === '' ? 'Enter a token.' : 'A token has neither spaces nor accents in it.',
    );
    tokenField.focus();
    return;
  }
  void signIn(token);
});
byId('sign-out', HTMLButtonElement).addEventListener('click', () => signOut(null));
purpose.addEventListener('change', () => open?.showDestinations());
listenForFiles({
  isOpen: () => open !== null && document.querySelector('dialog[open]') === null,
  onFiles: (chosen) => {
    for (const file of chosen) open?.upload(file);
  },
  onFolder: (name) => toast(`${name} is a folder; drop the files in it.`),
});

const start = () => {
  const token = tokenFromAddress() ?? session.read();
  if (token === null) signOut(null);
  else void signIn(token);
};
window.addEventListener('hashchange', () => location.hash.includes('token=') && start());
start();
