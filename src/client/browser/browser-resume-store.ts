import type { ResumeStore } from '../resume-store.ts';

const PREFIX = 'waybill.upload.';

/** Remembers uploads in the page's `localStorage`, which all pages of its origin share. */
export const browserResumeStore = (): ResumeStore => ({
  get: async (key) => localStorage.getItem(PREFIX + key),
  set: async (key, uploadUrl) => localStorage.setItem(PREFIX + key, uploadUrl),
  delete: async (key) => localStorage.removeItem(PREFIX + key),
});
