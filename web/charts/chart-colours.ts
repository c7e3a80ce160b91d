import { useEffect, useState } from 'react';

/** A colour of `tokens.css`, such as `--chart-1`. */
export type ColourToken = `--${string}`;

/** The colour that a token stands for now; a canvas knows no tokens. */
export const colourOf = (token: ColourToken): string => {
  const probe = document.createElement('span');
  probe.style.color = `var(${token})`;
  document.body.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
};

/** A number that changes with the theme, for what has to be painted again then. */
export const useThemeChange = (): number => {
  const [changes, setChanges] = useState(0);
  useEffect(() => {
    const count = (): void => setChanges((before) => before + 1);
    const watcher = new MutationObserver(count);
    watcher.observe(document.documentElement, { attributeFilter: ['data-theme'] });
    const darkness = matchMedia('(prefers-color-scheme: dark)');
    darkness.addEventListener('change', count);
    return () => {
      watcher.disconnect();
      darkness.removeEventListener('change', count);
    };
  }, []);
  return changes;
};
