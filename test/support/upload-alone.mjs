/**
 * A program of its own, so that its memory is the client's alone: uploads a small file and a large one, and prints how
 * many bytes the second took more than the process had. Arguments: address, token, and the two paths.
 */
import { Waybill } from '../../src/client/index.ts';

const [, , url = '', token = '', small = '', large = ''] = process.argv;
const SAMPLE_EVERY_MS = 10;

const waybill = new Waybill({ url, token });
await waybill.upload(small, { provider: 'none' });
const beforeBytes = process.memoryUsage.rss();
let mostBytes = beforeBytes;
const sampling = setInterval(() => {
  mostBytes = Math.max(mostBytes, process.memoryUsage.rss());
}, SAMPLE_EVERY_MS);
const { bytes, sha256 } = await waybill.upload(large, { provider: 'none' });
clearInterval(sampling);
await waybill.close();
process.stdout.write(JSON.stringify({ bytes, sha256, grownBytes: mostBytes - beforeBytes }));
