/**
 * Makes the browser's language one that `Intl` takes. Where the system's locale is `C`, Chromium says `en-US@posix`, which
 * `Intl` refuses, and libraries hand over what they find.
 */
export const settleLanguage = (): void => {
  try {
    Intl.getCanonicalLocales(navigator.language);
  } catch {
    Object.defineProperty(navigator, 'language', { value: 'en-US', configurable: true });
  }
};
