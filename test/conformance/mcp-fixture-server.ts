import { fromJsonSchema, McpServer, ResourceTemplate } from '@modelcontextprotocol/server';
import { z } from 'zod';

const PIXEL =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg==';
const SILENCE = 'UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAAB9AAACABAAZGF0YQIAAAA=';

const text = (words: string) => ({ type: 'text' as const, text: words });
const image = { type: 'image' as const, data: PIXEL, mimeType: 'image/png' };
const embedded = (uri: string) => ({
  type: 'resource' as const,
  resource: { uri, mimeType: 'text/plain', text: 'Words in a resource.' },
});

/** A server with what the scenarios of the official conformance suite call: the suite's specification names each of these. */
export const createFixtureServer = (): McpServer => {
  const server = new McpServer(
    { name: 'fixtures', version: '1.0.0' },
    { capabilities: { logging: {}, completions: {} } },
  );
  registerTools(server);
  registerResources(server);
  registerPrompts(server);
  return server;
};

const registerTools = (server: McpServer): void => {
  const fixed = (name: string, ...content: (ReturnType<typeof text | typeof embedded> | typeof image)[]) =>
    server.registerTool(name, { description: name }, async () => ({ content }));
  fixed('test_simple_text', text('This is a simple text response for testing.'));
  fixed('test_image_content', image);
  fixed('test_embedded_resource', embedded('test://embedded-resource'));
  fixed('test_multiple_content_types', text('Several:'), image, embedded('test://mixed-content-resource'));
  server.registerTool('test_audio_content', { description: 'Audio' }, async () => ({
    content: [{ type: 'audio', data: SILENCE, mimeType: 'audio/wav' }],
  }));
  server.registerTool('test_error_handling', { description: 'Fails' }, async () => {
    throw new Error('This tool intentionally returns an error for testing');
  });
  server.registerTool('test_tool_with_logging', { description: 'Logs' }, async ({ mcpReq }) => {
    for (const data of ['Tool execution started', 'Tool processing data', 'Tool execution completed'])
      await mcpReq.notify({ method: 'notifications/message', params: { level: 'info', data } });
    return { content: [text('Logged.')] };
  });
  server.registerTool('test_tool_with_progress', { description: 'Goes on' }, async ({ mcpReq }) => {
    const progressToken = mcpReq._meta?.progressToken ?? 0;
    for (const progress of [0, 50, 100])
      await mcpReq.notify({
        method: 'notifications/progress',
        params: { progressToken, progress, total: 100 },
      });
    return { content: [text('Done.')] };
  });
  const inputSchema = fromJsonSchema({
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    type: 'object',
    $defs: {
      address: { type: 'object', properties: { street: { type: 'string' }, city: { type: 'string' } } },
    },
    properties: { name: { type: 'string' }, address: { $ref: '#/$defs/address' } },
    additionalProperties: false,
  });
  server.registerTool('json_schema_2020_12_tool', { description: 'Schema', inputSchema }, async () => ({
    content: [text('Valid.')],
  }));
};

const registerResources = (server: McpServer): void => {
  const plain = { mimeType: 'text/plain' };
  server.registerResource('static-text', 'test://static-text', plain, async ({ href: uri }) => ({
    contents: [{ uri, mimeType: 'text/plain', text: 'Words that stay.' }],
  }));
  const png = { mimeType: 'image/png' };
  server.registerResource('static-binary', 'test://static-binary', png, async ({ href: uri }) => ({
    contents: [{ uri, mimeType: 'image/png', blob: PIXEL }],
  }));
  const template = new ResourceTemplate('test://template/{id}/data', { list: undefined });
  server.registerResource('template', template, plain, async ({ href: uri }, { id }) => ({
    contents: [
      { uri, mimeType: 'application/json', text: JSON.stringify({ id, templateTest: true, data: id }) },
    ],
  }));
};

const registerPrompts = (server: McpServer): void => {
  const said = <Content>(...contents: Content[]) => ({
    messages: contents.map((content) => ({ role: 'user' as const, content })),
  });
  server.registerPrompt('test_simple_prompt', { description: 'Simple' }, () =>
    said(text('A simple prompt.')),
  );
  const two = z.object({ arg1: z.string(), arg2: z.string() });
  server.registerPrompt(
    'test_prompt_with_arguments',
    { description: 'Two', argsSchema: two },
    ({ arg1, arg2 }) => said(text(`Prompt with arguments: arg1='${arg1}', arg2='${arg2}'`)),
  );
  const one = z.object({ resourceUri: z.string() });
  server.registerPrompt(
    'test_prompt_with_embedded_resource',
    { description: 'Resource', argsSchema: one },
    ({ resourceUri }) =>
      said<ReturnType<typeof text | typeof embedded>>(embedded(resourceUri), text('Read it.')),
  );
  server.registerPrompt('test_prompt_with_image', { description: 'Image' }, () =>
    said<ReturnType<typeof text> | typeof image>(image, text('Look at it.')),
  );
};
