import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { barriersOf } from '../support/barriers-of.ts';
import { type GoTrueServer, startGoTrue } from '../support/gotrue-server.ts';
import { makeKey, startJwksServer } from '../support/jwks-server.ts';
import { openBrowser } from '../support/open-browser.ts';
import { JWT_SECRET, signToken } from '../support/sign-token.ts';
import { type GatewayProcess, startGateway } from '../support/start-gateway.ts';
import { until } from '../support/until.ts';
import { type ConsoleVisit, visitConsole } from '../support/visit-console.ts';

const ANON_KEY = 'sb_publishable_for_tests_only';
const ROBIN = {
  id: '8f5c6f0e-6a2b-4e57-9f0e-0d8f2f6f3a11',
  email: 'robin@example.com',
  password: 'correct horse',
};

const browser = await openBrowser();
let gateway: GatewayProcess;
let supabase: GoTrueServer;
const opened: ConsoleVisit[] = [];

beforeAll(async () => {
  const key = await makeKey('sign-in');
  const keySet = await startJwksServer([key.publicJwk]);
  // Shorter than the time before its end at which Supabase's library renews a token.
  supabase = await startGoTrue({ key, users: [ROBIN], tokenSeconds: 80 });
  gateway = await startGateway({
    env: {
      JWT_SECRET_KEY: JWT_SECRET,
      JWT_JWKS_URL: keySet.url,
      SUPABASE_URL: supabase.url,
      SUPABASE_ANON_KEY: ANON_KEY,
    },
  });
}, 120_000);

afterAll(async () => {
  await Promise.all(opened.splice(0).map((page) => page.close()));
  await browser?.close();
});

const open = async (options: object = {}): Promise<ConsoleVisit> => {
  if (browser === null) throw new Error('There is no browser.');
  const page = await visitConsole(browser, { url: gateway.url, ...options });
  opened.push(page);
  return page;
};

const store = (page: ConsoleVisit['page']): Promise<Record<string, string>> =>
  page.evaluate<Record<string, string>>('({ ...sessionStorage, ...localStorage, cookie: document.cookie })');

describe.skipIf(browser === null)('signing in with a token', () => {
  it('says why a token is refused, keeps none that was, and takes a good one', async () => {
    const { page, close } = await open();
    await page.getByRole('button', { name: 'Use a token instead' }).click();
    const field = page.getByRole('textbox', { name: 'Token' });
    const submit = page.getByRole('button', { name: 'Sign in', exact: true });
    for (const [token, why] of [
      ['nonsense', 'That is no token'],
      [
        await signToken({ sub: 'dana' }, { secret: 'another secret, of the same length as ours' }),
        'invalid_token',
      ],
      [await signToken({ sub: 'dana', expiresInSeconds: -3_600 }), 'token_expired'],
    ] as const) {
      await field.fill(token);
      await submit.click();
      await page.getByText(why).waitFor();
      expect(await field.getAttribute('aria-invalid')).toBe('true');
      expect(await store(page)).toEqual({ cookie: '' });
    }
    await field.fill(`Bearer ${await signToken({ sub: 'dana' })}`);
    await submit.click();
    await page.getByRole('heading', { name: 'Overview' }).waitFor();
    await page.reload();
    await page.getByRole('heading', { name: 'Overview' }).waitFor();
    await page.getByRole('button', { name: 'Sign out' }).first().click();
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    expect(await store(page)).toEqual({ cookie: '' });
    await close();
  });

  it('takes the token of a link, and takes it out of the address', async () => {
    const { page, faults, close } = await open({ token: await signToken({ sub: 'dana' }) });
    await page.getByText('dana').first().waitFor();
    expect(page.url()).toBe(`${gateway.url}/`);
    expect(faults()).toEqual([]);
    await close();
  });

  it('asks again, and says why, once the gateway no longer takes the token', async () => {
    const { page, close } = await open({ token: await signToken({ sub: 'dana', expiresInSeconds: -3_600 }) });
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    await page.getByText('The token has expired').waitFor();
    await close();
  });
});

describe.skipIf(browser === null)('signing in with Supabase', () => {
  it('refuses a wrong password with what Supabase says', async () => {
    const { page, close } = await open();
    await page.getByRole('textbox', { name: 'Email address' }).fill(ROBIN.email);
    await page
      .getByLabel('Password', { exact: true })
      .and(page.locator('input[type=password]'))
      .fill('wrong');
    await page.getByRole('button', { name: 'Sign in', exact: true }).click();
    await page.getByRole('alert').getByText('Invalid login credentials').waitFor();
    expect(await barriersOf(page)).toEqual([]);
    await close();
  });

  it('takes a user by password, renews the token by itself, survives a reload, and signs out there too', async () => {
    const { page, faults, close } = await open();
    await page.getByRole('textbox', { name: 'Email address' }).fill(ROBIN.email);
    await page.locator('input[type=password]').fill(ROBIN.password);
    await page.getByRole('button', { name: 'Sign in', exact: true }).click();
    await page.getByRole('heading', { name: 'Overview' }).waitFor();
    await page.getByText(ROBIN.email).first().waitFor();
    await until('the token was renewed', () => supabase.renewals() > 0);
    await page.reload();
    await page.getByRole('heading', { name: 'Overview' }).waitFor();
    await page.getByRole('link', { name: 'Account' }).click();
    await page.getByText('Renewed by itself').waitFor();
    expect(faults()).toEqual([]);
    await page.getByRole('button', { name: 'Sign out' }).first().click();
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    await until('Supabase has heard of it', () => supabase.departures() > 0);
    await until('nothing is kept', async () => JSON.stringify(await store(page)) === '{"cookie":""}');
    await close();
  });

  it('takes a user by a link, which another tab may open', async () => {
    const asking = await open();
    await asking.page.getByText('Email link').click();
    await asking.page.getByRole('textbox', { name: 'Email address' }).fill(ROBIN.email);
    await asking.page.getByRole('button', { name: 'Send me a link' }).click();
    await asking.page.getByText(`A link is on its way to ${ROBIN.email}.`).waitFor();
    expect(supabase.links).toEqual([{ email: ROBIN.email, redirectTo: `${gateway.url}/` }]);
    const tab = await asking.page.context().newPage();
    await tab.goto(await supabase.openLink(ROBIN.email));
    await tab.getByRole('heading', { name: 'Overview' }).waitFor();
    expect(tab.url()).not.toContain('access_token');
    await asking.close();
  });

  it('says what is wrong with a link that is no longer good', async () => {
    const { page, close } = await open();
    const fragment =
      'error=access_denied&error_code=otp_expired&error_description=Email+link+is+invalid+or+has+expired';
    await page.goto(`${gateway.url}/#${fragment}`);
    await page.reload();
    await page.getByText('Email link is invalid or has expired').waitFor();
    await close();
  });
});
