import type { CallToolResult, McpServer, ResourceLink, ToolAnnotations } from '@modelcontextprotocol/server';
import type { z } from 'zod';
import type { Scope } from '../core/principal.ts';
import { type Around, idIn } from './around.ts';
import type { Files } from './files.ts';
import { shown } from './json-schema.ts';
import { createProgress, type Progress } from './progress.ts';
import { badArguments, cancelledResult, toErrorResult } from './tool-error.ts';

/** Whose disk the paths are on that a client names. */
export type Disk = 'gateway' | 'local';

/** What a tool is, and does. */
export interface ToolDefinition<Input, Output extends object> {
  readonly name: string;
  readonly title: string;
  /** Every client pays for it with each conversation. */
  readonly description: string | ((disk: Disk) => string);
  readonly annotations: ToolAnnotations;
  readonly scope: Scope;
  /** What the audit trail calls it; null: it is not recorded. */
  readonly action: string | null;
  readonly input: z.ZodType<Input>;
  readonly output: z.ZodType<Output>;
  /** Rejects with the reason of the signal once that is aborted. */
  run(input: Input, call: ToolCall): Promise<ToolAnswer<Output>>;
}

export interface ToolCall {
  readonly files: Files;
  readonly signal: AbortSignal;
  readonly progress: Progress;
}

interface ToolAnswer<Output> {
  readonly structured: Output;
  /** For the model, where the client does not show it what is structured. */
  readonly text: string;
  readonly links?: readonly ResourceLink[];
  /** What the call was about, where its arguments do not say so. */
  readonly fileId?: string;
}

/** A tool that can be given to any server. */
export interface Tool {
  register(server: McpServer, options: ToolOptions): void;
}

export interface ToolOptions {
  readonly files: Files;
  readonly disk: Disk;
  readonly around: Around;
}

/** A tool whose every failure is an answer. */
export const defineTool = <Input, Output extends object>(definition: ToolDefinition<Input, Output>): Tool => {
  const inputSchema = shown(definition.input, 'input');
  const outputSchema = shown(definition.output, 'output');
  const { name, title, description, annotations, scope, action } = definition;
  return {
    register: (server, { files, disk, around }) => {
      const config = {
        title,
        description: typeof description === 'string' ? description : description(disk),
        annotations,
        inputSchema,
        outputSchema,
      };
      server.registerTool(name, config, async (given: unknown, context): Promise<CallToolResult> => {
        const progress = createProgress(context);
        const call = { id: context.mcpReq.id, name, scope, action, fileId: idIn(given) };
        let { signal } = context.mcpReq;
        try {
          const { answer } = await around({ ...call, signal }, async (cancelled) => {
            signal = cancelled;
            const input = parse(definition.input, given);
            const answer = await definition.run(input, { files, signal, progress });
            return { answer, fileId: answer.fileId ?? call.fileId };
          });
          return toResult(answer);
        } catch (error) {
          return signal.aborted ? cancelledResult : toErrorResult(error);
        } finally {
          progress.end();
        }
      });
    },
  };
};

const parse = <Input>(schema: z.ZodType<Input>, given: unknown): Input => {
  const parsed = schema.safeParse(given);
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.map(({ path, message }) => [...path, message].join(': '));
  throw badArguments(`The arguments are not as the tool takes them. ${faults.join('; ')}`);
};

const toResult = ({ structured, text, links = [] }: ToolAnswer<object>): CallToolResult => ({
  content: [{ type: 'text', text }, ...links],
  structuredContent: { ...structured },
});
