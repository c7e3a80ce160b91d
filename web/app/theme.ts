const themes = ['system', 'light', 'dark'] as const;
export type Theme = (typeof themes)[number];

const KEY = 'waybill.theme';

/** What was chosen in this browser; `system` when nothing was. */
export const savedTheme = (): Theme => {
  const saved = localStorage.getItem(KEY);
  return themes.find((theme) => theme === saved) ?? 'system';
};

export const saveTheme = (theme: Theme): void => {
  localStorage.setItem(KEY, theme);
  applyTheme(theme);
};

export const applyTheme = (theme: Theme): void => {
  const { dataset } = document.documentElement;
  if (theme === 'system') delete dataset.theme;
  else dataset.theme = theme;
};
