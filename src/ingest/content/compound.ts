import { notAllowed } from './refusals.ts';
import { type ContentSource, readAt } from './source.ts';

/** {000C1084-0000-0000-C000-000000000046}, by which Windows opens a compound file as an installer. */
const INSTALLERS = ['84100c0000000000c000000000000046', '86100c0000000000c000000000000046'];

/** Rejects with `type_not_allowed` a compound file that is no document but a Windows installer ([MS-CFB] 2.2, 2.6.1). */
export const refuseInstaller = async (source: ContentSource): Promise<void> => {
  const header = await readAt(source, 0, 512);
  if (header.length < 512) return;
  const sectorBytes = header.readUInt16LE(30) === 12 ? 4_096 : 512;
  const rootStart = (header.readUInt32LE(48) + 1) * sectorBytes;
  const classId = (await readAt(source, rootStart + 80, rootStart + 96)).toString('hex');
  if (INSTALLERS.includes(classId)) throw notAllowed('The content is a Windows installer; those are');
};
