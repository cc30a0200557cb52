/** Build and unit tests. The page is a few static files that may lie under any path of any web server. */
import { defineConfig } from 'vitest/config';

export default defineConfig({
  base: './',
  build: {
    target: 'es2022',
    // A strict Content-Security-Policy refuses data: addresses, so nothing is inlined.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  test: {
    environment: 'jsdom',
    // Tests run what the page runs, not the library's build for Node.
    alias: { 'strophe.js': new URL('./node_modules/strophe.js/dist/strophe.esm.js', import.meta.url).pathname },
    include: ['test/**/*.test.ts'],
  },
});
