import { crc32, deflateRawSync } from 'node:zlib';

/** An entry of an archive as a test wants it, lies included. */
export interface MadeEntry {
  readonly name: string;
  readonly content?: Buffer | string;
  readonly isStored?: boolean;
  /** In the local header, where it shall differ. */
  readonly localName?: string;
  readonly unpackedBytes?: number;
  /** Unix mode, as of a link. */
  readonly mode?: number;
  readonly flags?: number;
  readonly method?: number;
  /** Index of an earlier entry whose bytes this one points to. */
  readonly sameAs?: number;
}

/** Writes a zip archive (APPNOTE 4.3), honest or not. */
export const makeZip = (
  entries: readonly MadeEntry[],
  { entryCount = entries.length }: { entryCount?: number } = {},
): Buffer => {
  const local: Buffer[] = [];
  const central: Buffer[] = [];
  const offsets: number[] = [];
  let offset = 0;
  for (const entry of entries) {
    const content = Buffer.from(entry.content ?? '');
    const packed = entry.isStored === true ? content : deflateRawSync(content);
    const method = entry.method ?? (entry.isStored === true ? 0 : 8);
    const own = sameStart(offsets, entry.sameAs) ?? offset;
    offsets.push(own);
    const fields = Buffer.alloc(26);
    fields.writeUInt16LE(20, 0);
    fields.writeUInt16LE(0x800 | (entry.flags ?? 0), 2);
    fields.writeUInt16LE(method, 4);
    fields.writeUInt32LE(crc32(content), 10);
    fields.writeUInt32LE(packed.length, 14);
    fields.writeUInt32LE(entry.unpackedBytes ?? content.length, 18);
    const write = (name: Buffer): Buffer => {
      const copy = Buffer.from(fields);
      copy.writeUInt16LE(name.length, 22);
      return copy;
    };
    const [name, localName] = [Buffer.from(entry.name), Buffer.from(entry.localName ?? entry.name)];
    if (entry.sameAs === undefined) {
      local.push(Buffer.from('PK\x03\x04'), write(localName), localName, packed);
      offset += 30 + localName.length + packed.length;
    }
    const rest = Buffer.alloc(14);
    rest.writeUInt32LE(((entry.mode ?? 0o100644) << 16) >>> 0, 6);
    rest.writeUInt32LE(own, 10);
    central.push(Buffer.from('PK\x01\x02\x14\x03', 'latin1'), write(name), rest, name);
  }
  const directory = Buffer.concat(central);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 'latin1');
  end.writeUInt16LE(entryCount & 0xffff, 8);
  end.writeUInt16LE(entryCount & 0xffff, 10);
  end.writeUInt32LE(directory.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...local, directory, end]);
};

const sameStart = (offsets: readonly number[], index: number | undefined): number | undefined =>
  index === undefined ? undefined : offsets[index];
