/**
 * Drives the page in a real Chromium against a real server, as a person would.
 *
 * Wants in the environment:
 *   ATOLL_PAGE      address of the page            http://127.0.0.1:8080/
 *   ATOLL_JID       account to sign in with        alice@localhost
 *   ATOLL_PASSWORD  its password
 *   ATOLL_CONTACT   address of a machine that answers "status" and is seen running   web1@vms.localhost
 * and, if they differ from the defaults:
 *   ATOLL_CHROMIUM  the browser                    /usr/bin/chromium
 *   ATOLL_QUICK     what to say to be offered ready-made answers   status
 *   ATOLL_RECORD    a conversation with the contact that a terminal recorded (atoll chat --record): said here, it must be answered
 *                   with the same words   (none)
 *   ATOLL_SHOTS     folder for screenshots         (the system's folder for temporary files)
 *   ATOLL_TIMEOUT   deadline of each step in milliseconds          15000
 *
 * Prints a PASS or FAIL line per step; exit code 0 if all passed, 1 if one failed, 2 if something above is missing.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

const env = process.env;
const missing = ['ATOLL_PAGE', 'ATOLL_JID', 'ATOLL_PASSWORD', 'ATOLL_CONTACT'].filter((name) => !env[name]);
if (missing.length > 0) {
  console.error(`e2e: set ${missing.join(', ')}`);
  process.exit(2);
}
const contact = env.ATOLL_CONTACT;
const shots = env.ATOLL_SHOTS ?? tmpdir();
const quick = env.ATOLL_QUICK ?? 'status';
const recorded = env.ATOLL_RECORD ? turns(await readFile(env.ATOLL_RECORD, 'utf8')) : [];

const profile = await mkdtemp(join(tmpdir(), 'atoll-e2e-'));
const browser = await chromium.launchPersistentContext(profile, {
  executablePath: env.ATOLL_CHROMIUM ?? '/usr/bin/chromium',
  headless: true,
  viewport: { width: 1100, height: 760 },
  args: [
    '--no-sandbox',
    '--disable-gpu',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
    '--no-first-run',
  ],
});
browser.setDefaultTimeout(Number(env.ATOLL_TIMEOUT ?? 15_000));
const page = browser.pages()[0] ?? (await browser.newPage());

/** What the browser itself complains about: script errors and breaches of the Content-Security-Policy. */
const complaints = [];
page.on('pageerror', (error) => complaints.push(String(error)));
page.on('console', (line) => {
  if (line.type() === 'error' && !/WebSocket connection|404/.test(line.text())) complaints.push(line.text());
});

const row = page.locator(`button.contact[title="${contact}"]`);
const field = page.locator('textarea[name=message]');
const theirs = page.locator('.bubble.theirs');
const mine = page.locator('.bubble.mine');
let failed = false;

/** What was said in a record, and what was answered, on one line each. */
function turns(record) {
  const blocks = record.split(/^user: /m).slice(1);
  return blocks.map((block) => {
    const [said, ...answer] = block.split('\n');
    return { said, answer: oneLine(answer.join('\n').replaceAll(/^\s*(bot|\S+): /gm, '')) };
  });
}

/** The words of a text, however they are broken into lines. */
function oneLine(text) {
  return text.trim().replaceAll(/\s+/g, ' ');
}

/** Runs a step unless one before failed, and says how it went. */
async function step(name, run) {
  if (failed) return;
  try {
    const seen = await run();
    console.log(`PASS ${name}${seen ? `: ${seen}` : ''}`);
  } catch (error) {
    failed = true;
    console.log(`FAIL ${name}: ${error instanceof Error ? error.message : error}`);
  }
}

/** Waits until the contact has said something new, and gives it on one line. */
async function answerAfter(act) {
  const before = await theirs.count();
  await act();
  const answer = theirs.nth(before).locator('.body');
  await answer.waitFor();
  return (await answer.innerText()).replaceAll('\n', ' / ');
}

async function say(text) {
  await field.fill(text);
  await field.press('Enter');
}

async function signIn(password) {
  await page.locator('input[name=jid]').fill(env.ATOLL_JID);
  await page.locator('input[name=password]').fill(password);
  await page.locator('button[type=submit]').click();
}

try {
  await step('page opens', () => page.goto(env.ATOLL_PAGE, { waitUntil: 'load' }).then(() => page.title()));

  await step('a wrong password is refused in a sentence', async () => {
    await signIn(`${env.ATOLL_PASSWORD}-wrong`);
    await page.locator('.login .error:not(:empty)').waitFor();
    return page.locator('.login .error').innerText();
  });

  await step('signs in', async () => {
    await signIn(env.ATOLL_PASSWORD);
    await page.locator('.roster').waitFor();
    const stored = await page.evaluate(() => JSON.stringify({ ...localStorage, ...sessionStorage }));
    if (stored.includes(env.ATOLL_PASSWORD)) throw new Error('the password was stored');
  });

  await step('the contact is in the roster, or can be added by hand', async () => {
    const known = await row.waitFor({ timeout: 3_000 }).then(
      () => true,
      () => false,
    );
    if (known) return 'was there';
    await page.locator('.roster .tools button').click();
    await page.locator('input[name=add-jid]').fill(contact);
    await page.locator('dialog button[type=submit]').click();
    await row.waitFor();
    return 'added';
  });

  await step('the roster shows it running', async () => {
    await row.locator('.dot-available').waitFor();
    return row.locator('.status').innerText();
  });

  await step('the search narrows the roster and gives it back', async () => {
    const search = page.locator('input[type=search]');
    const all = await page.locator('button.contact').count();
    await search.fill('nobody-is-called-this');
    await row.waitFor({ state: 'detached' });
    await search.fill(contact.split('@')[0]);
    await row.waitFor();
    await search.fill('');
    await page.waitForFunction((count) => document.querySelectorAll('button.contact').length >= count, all);
  });

  await step('"status" is answered', async () => {
    await row.click();
    return answerAfter(() => say('status'));
  });

  await step('a ready-made answer sends its value', async () => {
    if (quick !== 'status') await answerAfter(() => say(quick));
    const button = page.locator('.quick button').first();
    await button.waitFor();
    const label = await button.innerText();
    const said = await mine.count();
    const answer = await answerAfter(() => button.click());
    return `${label} → "${await mine.nth(said).locator('.body').innerText()}" → ${answer}`;
  });

  for (const { said, answer } of recorded) {
    await step(`"${said}" is answered as in a terminal`, async () => {
      const heard = oneLine((await answerAfter(() => say(said))).replaceAll(' / ', ' '));
      if (heard !== answer) throw new Error(`the page shows "${heard}", the terminal "${answer}"`);
      return answer;
    });
  }

  await step('the machine confirms that it got what was said', async () => {
    await mine.locator('.tick.received, .tick.displayed').first().waitFor();
  });

  await step('fits a phone 360 pixels wide, contacts and conversation', async () => {
    await page.setViewportSize({ width: 360, height: 740 });
    const wide = () => page.evaluate(() => document.documentElement.scrollWidth);
    await field.waitFor();
    await page.screenshot({ path: join(shots, 'webchat-phone-chat.png') });
    if ((await wide()) > 360) throw new Error(`the conversation is ${await wide()} pixels wide`);
    await page.locator('.chat .back').click();
    await row.waitFor();
    await page.screenshot({ path: join(shots, 'webchat-phone-roster.png') });
    if ((await wide()) > 360) throw new Error(`the roster is ${await wide()} pixels wide`);
    await row.click();
    await page.setViewportSize({ width: 1100, height: 760 });
  });

  await step('the browser has no complaint', () => {
    if (complaints.length > 0) throw new Error(complaints.join(' | '));
  });
} finally {
  await page.screenshot({ path: join(shots, 'webchat.png') }).catch(() => {});
  console.log(`screenshots in ${shots}`);
  await browser.close();
  await rm(profile, { recursive: true, force: true });
}
process.exit(failed ? 1 : 0);
