import { type ReactNode, useState } from 'react';
import { savedTheme, saveTheme, type Theme } from '../../app/theme.ts';
import { Card } from '../../ui/card.tsx';
import { Segments } from '../../ui/segments.tsx';
import styles from './account-page.module.css';

const THEMES = [
  { value: 'system', name: 'As the system' },
  { value: 'light', name: 'Light' },
  { value: 'dark', name: 'Dark' },
] as const;

/** How the console looks in this browser. */
export const ThemeCard = (): ReactNode => {
  const [theme, setTheme] = useState<Theme>(savedTheme);
  const choose = (chosen: Theme): void => {
    saveTheme(chosen);
    setTheme(chosen);
  };
  return (
    <Card title="Appearance">
      <div>
        <Segments label="Appearance" choices={THEMES} chosen={theme} onChoose={choose} />
      </div>
      <p className={styles.muted}>Kept in this browser.</p>
    </Card>
  );
};
