import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, type JWK, type JWTPayload, SignJWT } from 'jose';
import { afterAll } from 'vitest';
import type { TokenClaims } from './sign-token.ts';

/** A key pair of an identity provider. */
export interface SigningKey {
  readonly kid: string;
  readonly alg: string;
  readonly publicJwk: JWK;
  sign(claims: TokenClaims, header?: object): Promise<string>;
}

/** What an identity provider serves its keys with, over a real socket. */
export interface JwksServer {
  readonly url: string;
  /** How often it was asked. */
  asked(): number;
  /** From now on it has these keys; public ones, or whatever a test wants to be among them. */
  serve(keys: readonly JWK[]): void;
  /** From now on it answers with this. */
  answer(status: number, body: string, headers?: Readonly<Record<string, string>>): void;
  close(): Promise<void>;
}

const closing: (() => Promise<void>)[] = [];

// Registered when a test file imports this.
afterAll(async () => {
  await Promise.all(closing.splice(0).map((close) => close()));
});

export const makeKey = async (kid: string, alg = 'ES256'): Promise<SigningKey> => {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  return {
    kid,
    alg,
    publicJwk: { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' },
    sign: ({ expiresInSeconds = 3_600, ...claims }, header = {}) =>
      new SignJWT({
        ...claims,
        ...(expiresInSeconds === null ? {} : { exp: Math.floor(Date.now() / 1_000) + expiresInSeconds }),
      } as JWTPayload)
        .setProtectedHeader({ alg, kid, typ: 'JWT', ...header })
        .sign(privateKey),
  };
};

export const startJwksServer = async (keys: readonly JWK[]): Promise<JwksServer> => {
  let asked = 0;
  let status = 200;
  let body = JSON.stringify({ keys });
  let headers: Readonly<Record<string, string>> = {};
  const server = createServer((_request, response) => {
    asked += 1;
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(body);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const close = async (): Promise<void> => {
    if (!server.listening) return;
    server.close();
    server.closeAllConnections();
    await once(server, 'close');
  };
  closing.push(close);
  const answer: JwksServer['answer'] = (newStatus, newBody, newHeaders = {}) => {
    [status, body, headers] = [newStatus, newBody, newHeaders];
  };
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/.well-known/jwks.json`,
    asked: () => asked,
    serve: (served) => answer(200, JSON.stringify({ keys: served })),
    answer,
    close,
  };
};
