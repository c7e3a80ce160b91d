/** What one purpose of a GLM site takes. */
export interface GlmPurpose {
  /** Extensions without the dot. */
  readonly types: readonly string[];
  readonly maxFileBytes: number;
  readonly maxImageBytes: number;
  /** Files of that purpose in one account. */
  readonly maxFiles: number;
}

export type GlmSite = 'international' | 'mainland' | 'mainland-older';

const MIB = 1_048_576;
const DOCUMENTS = ['pdf', 'docx', 'doc', 'xls', 'xlsx', 'txt', 'png', 'jpg', 'jpeg', 'csv'];
const IMAGES: ReadonlySet<string> = new Set(['png', 'jpg', 'jpeg']);

const upTo = (megabytes: number, imageMegabytes = megabytes) => ({
  maxFileBytes: megabytes * MIB,
  maxImageBytes: imageMegabytes * MIB,
});

// docs.bigmodel.cn, file API pages.
const MAINLAND: Readonly<Record<string, GlmPurpose>> = {
  batch: { types: ['jsonl'], ...upTo(100), maxFiles: 1_000 },
  'code-interpreter': { types: DOCUMENTS, ...upTo(20, 5), maxFiles: 100 },
  agent: { types: DOCUMENTS, ...upTo(20, 5), maxFiles: 1_000 },
  'voice-clone-input': { types: ['mp3', 'wav'], ...upTo(10), maxFiles: 1_000 },
};

/** Purposes by site, as documented there. */
export const GLM_PURPOSES: Readonly<Record<GlmSite, Readonly<Record<string, GlmPurpose>>>> = {
  // docs.z.ai, agents/file-upload.
  international: {
    agent: { types: ['pdf', 'doc', 'xlsx', 'ppt', 'txt', 'jpg', 'png'], ...upTo(100), maxFiles: 100 },
  },
  mainland: MAINLAND,
  'mainland-older': {
    ...MAINLAND,
    'file-extract': {
      types: ['pdf', 'docx', 'doc', 'xls', 'xlsx', 'ppt', 'pptx', 'png', 'jpg', 'jpeg', 'csv'],
      ...upTo(50, 5),
      maxFiles: 100,
    },
  },
};

export const isImage = (extension: string): boolean => IMAGES.has(extension);
