/** As much of https://xhr.spec.whatwg.org as is used here; the other types of a browser are not to be had beside Node's. */
export interface XhrRequest {
  readonly upload: { onprogress: ((event: { readonly loaded: number }) => void) | null };
  readonly status: number;
  readonly responseText: string;
  onload: (() => void) | null;
  onerror: (() => void) | null;
  open(method: string, url: string): void;
  setRequestHeader(name: string, value: string): void;
  getResponseHeader(name: string): string | null;
  send(body: string | Uint8Array<ArrayBuffer> | Blob): void;
  abort(): void;
}

/** Made anew for each request. */
export const createXhrRequest = (): XhrRequest => {
  const { XMLHttpRequest } = globalThis as unknown as { XMLHttpRequest: new () => XhrRequest };
  return new XMLHttpRequest();
};
