const NAMES: Readonly<Record<string, string>> = {
  kimi: 'Kimi',
  glm: 'GLM',
  openai: 'OpenAI',
  anthropic: 'Anthropic',
  gemini: 'Gemini',
  mistral: 'Mistral',
};

/** As the provider writes itself. */
export const providerName = (id: string): string => NAMES[id] ?? id;
