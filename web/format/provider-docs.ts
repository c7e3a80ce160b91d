/** Where each provider describes its files. */
const PAGES: Readonly<Record<string, string>> = {
  kimi: 'https://platform.kimi.ai/docs/api/files-upload',
  glm: 'https://docs.z.ai',
  openai: 'https://platform.openai.com/docs/api-reference/files',
  anthropic: 'https://platform.claude.com/docs/en/build-with-claude/files',
  gemini: 'https://ai.google.dev/api/files',
  mistral: 'https://docs.mistral.ai/api/endpoint/files',
};

/** Null for a provider that is not known here. */
export const providerDocs = (id: string): string | null => PAGES[id] ?? null;
