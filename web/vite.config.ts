import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

/** Built into `dist/console`, from where the gateway serves it; see `src/http/routes/console.ts`. */
export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  // Relative, so that the console also works behind a proxy under a path of its own.
  base: './',
  build: {
    outDir: '../dist/console',
    emptyOutDir: true,
    target: ['chrome123', 'firefox120', 'safari17.5'],
    // Inlined fonts and pictures would be `data:` addresses, which the policy does not allow for fonts.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    rolldownOptions: {
      // Libraries mark what runs in browsers for frameworks that also render on a server; here all of it does.
      onLog: (level, log, report) => {
        if (log.code !== 'MODULE_LEVEL_DIRECTIVE') report(level, log);
      },
    },
  },
});
