import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { type GatewayProcess, startGateway } from '../support/start-gateway.ts';

const read = (path: string): string => readFileSync(join(import.meta.dirname, '../..', path), 'utf8');

describe('the documentation of a running gateway', () => {
  let gateway: GatewayProcess;
  beforeAll(async () => {
    gateway = await startGateway();
  });

  it('has the routes that docs/http.md has, and no other', async () => {
    const documented = [
      ...read('docs/http.md').matchAll(/^\| `(GET|HEAD|OPTIONS|POST|PUT|PATCH|DELETE) (\/[^`]*)`/gmu),
    ].map(([, method, path]) => `${method} ${path}`);
    const response = await fetch(`${gateway.url}/openapi.json`);
    const { openapi, paths } = (await response.json()) as {
      openapi: string;
      paths: Record<string, Record<string, unknown>>;
    };
    const served = Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );
    expect(openapi).toBe('3.1.0');
    expect(served.toSorted()).toEqual(documented.toSorted());
  });

  it('is readable at /docs, and loads nothing from elsewhere', async () => {
    const page = await (await fetch(`${gateway.url}/docs/`)).text();
    const loaded = [...page.matchAll(/(?:src|href)="([^"]+)"/gu)].map(([, address]) => String(address));
    expect(loaded.length).toBeGreaterThan(0);
    expect(loaded.filter((address) => /^(https?:)?\/\//u.test(address))).toEqual([]);
    const script = await fetch(new URL(loaded[0] ?? '', `${gateway.url}/docs/`));
    expect(script.status).toBe(200);
  });
});

describe('the README', () => {
  it('links only to files that are there', () => {
    const links = [...read('README.md').matchAll(/\]\(([^)#]+)\)/gu)].map(([, path]) => String(path));
    expect(links.length).toBeGreaterThan(5);
    for (const path of links)
      expect(() => readFileSync(join(import.meta.dirname, '../..', path)), path).not.toThrow(/ENOENT/u);
  });
});
