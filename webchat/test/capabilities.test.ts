// @vitest-environment node
/** The capabilities hash is a constant in the source; here it is computed as XEP-0115 §5.1 says. */
import { expect, test } from 'vitest';
import { FEATURES, NAME, VERSION } from '../src/capabilities.ts';

test('the hash fits the features', async () => {
  const text = `client/web//${NAME}<${FEATURES.map((feature) => `${feature}<`).join('')}`;
  const digest = await crypto.subtle.digest('SHA-1', new TextEncoder().encode(text));
  expect(VERSION).toBe(btoa(String.fromCharCode(...new Uint8Array(digest))));
});
