import { extensionOf, TEXT_TYPES } from './extracted-content.ts';

const words = (list: string): ReadonlySet<string> => new Set(list.split(' '));

const DOCUMENT = words('pdf doc docx xls xlsx ppt pptx dot epub mobi');
const IMAGE = words('jpg jpeg png bmp gif svg svgz webp ico xbm dib pjp tif pjpeg avif apng tiff jfif');
const VIDEO = words('mp4 mpeg mpg mov avi flv webm wmv 3gp 3gpp');

// https://platform.kimi.ai/docs, files-upload: the listed extensions, and `jpg`, which is handled though not listed.
// Which of them `image` takes, and all of `video`, no source says.
const BY_PURPOSE: Readonly<Record<string, ReadonlySet<string>>> = {
  'file-extract': new Set([...TEXT_TYPES, ...DOCUMENT, ...IMAGE]),
  image: IMAGE,
  video: VIDEO,
  batch: words('jsonl'),
};

/** Whether Kimi takes a file of that name for that purpose; an unknown purpose is no reason to refuse. */
export const takesFile = (filename: string, purpose: string): boolean =>
  BY_PURPOSE[purpose]?.has(extensionOf(filename)) ?? true;
