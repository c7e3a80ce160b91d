import { type MadeEntry, makeZip } from './make-zip.ts';

/** Beginnings of files of many kinds, as small as their kind allows. */
const bytes = (hex: string, sizeBytes = 600): Buffer =>
  Buffer.concat([Buffer.from(hex.replaceAll(' ', ''), 'hex'), Buffer.alloc(sizeBytes)]);

export const png = (width = 10, height = 10): Buffer => {
  const header = Buffer.alloc(8);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  return Buffer.concat([
    bytes('89504e470d0a1a0a 0000000d 49484452', 0),
    header,
    bytes('0806000000', 200),
    chunk('IDAT'),
    chunk('IEND'),
  ]);
};
const chunk = (type: string): Buffer =>
  Buffer.concat([Buffer.alloc(4), Buffer.from(type), Buffer.alloc(4, 7)]);

export const gif = (width = 10, height = 10): Buffer => {
  const head = Buffer.alloc(300);
  head.write('GIF89a');
  head.writeUInt16LE(width, 6);
  head.writeUInt16LE(height, 8);
  return head;
};

export const bmp = (width = 10, height = 10): Buffer => {
  const head = Buffer.alloc(200);
  head.write('BM');
  head.writeUInt32LE(40, 14);
  head.writeInt32LE(width, 18);
  head.writeInt32LE(-height, 22);
  return head;
};

export const jpeg = (width = 10, height = 10, beforeBytes = 20): Buffer => {
  const frame = Buffer.from('ffc0001108000000000301220002110103110100', 'hex');
  frame.writeUInt16BE(height, 5);
  frame.writeUInt16BE(width, 7);
  const segments: Buffer[] = [];
  for (let left = beforeBytes; left > 0; left -= 60_000) {
    const size = Math.min(left, 60_000);
    const segment = Buffer.alloc(size + 4);
    segment.writeUInt16BE(0xffe1, 0);
    segment.writeUInt16BE(size + 2, 2);
    segments.push(segment);
  }
  return Buffer.concat([Buffer.from('ffd8', 'hex'), ...segments, frame, Buffer.alloc(100)]);
};

export const webp = (width = 10, height = 10): Buffer => {
  const head = Buffer.alloc(200);
  head.write('RIFF\0\0\0\0WEBPVP8X', 'latin1');
  head.writeUIntLE(width - 1, 24, 3);
  head.writeUIntLE(height - 1, 27, 3);
  return head;
};

export const tiff = (width = 10, height = 10): Buffer => {
  const head = Buffer.alloc(300);
  head.write('II*\0', 'latin1');
  head.writeUInt32LE(100, 4);
  head.writeUInt16LE(2, 100);
  for (const [index, [tag, value]] of [[256, width] as const, [257, height] as const].entries()) {
    const at = 102 + index * 12;
    head.writeUInt16LE(tag, at);
    head.writeUInt16LE(4, at + 2);
    head.writeUInt32LE(1, at + 4);
    head.writeUInt32LE(value, at + 8);
  }
  return head;
};

export const pdf = (text = ''): Buffer =>
  Buffer.from(
    `%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<<>>\nendobj\n${text}\ntrailer\n<<>>\n%%EOF\n`,
    'latin1',
  );

export const programs = {
  PE: bytes('4d5a9000 03000000 04000000 ffff0000'),
  ELF: bytes('7f454c46 02010100 00000000 00000000'),
  'Mach-O': bytes('cffaedfe 07000001 03000000 02000000'),
  'a Mach-O of several': bytes('cafebabe 00000002 01000007 00000003'),
  'a Java class': bytes('cafebabe 00000034 001d0a00'),
  WebAssembly: bytes('0061736d 01000000'),
};

export const mp4 = (brand = 'isom'): Buffer =>
  Buffer.concat([
    Buffer.from('00000018', 'hex'),
    Buffer.from(`ftyp${brand}\0\0\0\0${brand}mp42`, 'latin1'),
    Buffer.alloc(300),
  ]);

/** An old Office document, or an installer. */
export const compound = (classId = Buffer.alloc(16)): Buffer => {
  const file = Buffer.alloc(2_048);
  Buffer.from('d0cf11e0a1b11ae1', 'hex').copy(file);
  file.writeUInt16LE(9, 30);
  file.writeUInt32LE(1, 48);
  classId.copy(file, 1_024 + 80);
  return file;
};

const parts = (directory: string, more: readonly MadeEntry[] = []): Buffer =>
  makeZip([
    { name: '[Content_Types].xml', content: '<Types/>' },
    { name: `${directory}document.xml`, content: '<w:document/>' },
    ...more,
  ]);

export const docx = (more: readonly MadeEntry[] = []): Buffer => parts('word/', more);
export const xlsx = (more: readonly MadeEntry[] = []): Buffer => parts('xl/', more);
export const epub = (): Buffer =>
  makeZip([
    { name: 'mimetype', content: 'application/epub+zip', isStored: true },
    { name: 'META-INF/container.xml' },
  ]);
export const jar = (): Buffer =>
  makeZip([
    { name: 'META-INF/MANIFEST.MF', content: 'Manifest-Version: 1.0' },
    { name: 'A.class', content: 'x' },
  ]);
