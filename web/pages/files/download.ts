import type { FileObject, Waybill } from '../../../src/client/browser.ts';

/** Above that a browser that cannot write to the disk as it goes would need as much memory. */
const MAX_HELD_BYTES = 256 * 2 ** 20;

interface SavePicker {
  readonly showSaveFilePicker: (options: { suggestedName: string }) => Promise<{
    createWritable(): Promise<{
      write(bytes: Uint8Array): Promise<void>;
      close(): Promise<void>;
      abort(): Promise<void>;
    }>;
  }>;
}

const hasSavePicker = (host: object): host is SavePicker => 'showSaveFilePicker' in host;

/** Whether this browser can save a file of this size with the user's token. */
export const canDownload = ({ bytes }: FileObject): boolean =>
  bytes <= MAX_HELD_BYTES || hasSavePicker(window);

/** The command line that does it with any size. */
export const downloadCommand = (url: string, { id, filename }: FileObject): string =>
  `curl -o '${filename.replaceAll("'", "'\\''")}' \\\n  -H "Authorization: Bearer $WAYBILL_TOKEN" \\\n  ${url}/v1/files/${id}/content`;

/**
 * Saves the original bytes: small files through memory, large ones straight to the disk, where the user says. Call it from a
 * press of a button, or the browser does not ask. Resolves false when the user does not want it after all.
 */
export const download = async (waybill: Waybill, file: FileObject): Promise<boolean> => {
  if (file.bytes > MAX_HELD_BYTES && hasSavePicker(window)) return await saveToDisk(window, waybill, file);
  const parts: Uint8Array<ArrayBuffer>[] = [];
  for await (const part of complete(waybill, file)) parts.push(new Uint8Array(part));
  const url = URL.createObjectURL(new Blob(parts, { type: 'application/octet-stream' }));
  const link = document.createElement('a');
  link.href = url;
  link.download = file.filename;
  link.click();
  // The browser reads it after this has returned.
  setTimeout(() => URL.revokeObjectURL(url), REVOKE_MS);
  return true;
};

const REVOKE_MS = 60_000;

const saveToDisk = async (host: SavePicker, waybill: Waybill, file: FileObject): Promise<boolean> => {
  const handle = await host.showSaveFilePicker({ suggestedName: file.filename }).catch((error: unknown) => {
    if (error instanceof DOMException && error.name === 'AbortError') return null;
    throw error;
  });
  if (handle === null) return false;
  const target = await handle.createWritable();
  try {
    for await (const part of complete(waybill, file)) await target.write(part);
    await target.close();
  } catch (error) {
    await target.abort().catch(() => undefined);
    throw error;
  }
  return true;
};

/** Fails at its end when bytes are missing. */
async function* complete(waybill: Waybill, { id, bytes }: FileObject): AsyncGenerator<Uint8Array> {
  let received = 0;
  for await (const part of (await waybill.files.content(id)).body) {
    received += part.length;
    yield part;
  }
  if (received !== bytes) throw new Error('The file did not come whole. Try again.');
}
