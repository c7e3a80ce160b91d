import { unsafe } from './refusals.ts';

/** Rejects with `unsafe_content` a name in an archive by which unpacking would write outside its directory. */
export const refuseOutsideName = (name: string): void => {
  const isOutside =
    name.includes('\0') ||
    name.includes('\\') ||
    name.startsWith('/') ||
    /^[a-z]:/iu.test(name) ||
    name.split('/').includes('..');
  if (isOutside) throw unsafe('The archive has a name in it that leads outside; pack it again without.');
};

/** Rejects with `unsafe_content` an entry that is no file and no directory. */
export const refuseSpecial = (isSpecial: boolean): void => {
  if (isSpecial) throw unsafe('The archive has a link or a device in it; pack it again with files only.');
};
