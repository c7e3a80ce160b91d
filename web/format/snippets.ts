const HIDDEN = '$WAYBILL_TOKEN';

/** The command line that uploads a file. Without a token it names the variable that holds one. */
export const curlSnippet = (url: string, token = HIDDEN): string =>
  `curl ${url}/v1/files \\\n  -H "Authorization: Bearer ${token}" \\\n  -F purpose=user_data -F file=@report.pdf`;

/** The same with OpenAI's own library. */
export const openaiSnippet = (url: string, token?: string): string =>
  [
    "import { createReadStream } from 'node:fs';",
    "import OpenAI from 'openai';",
    '',
    'const client = new OpenAI({',
    `  baseURL: '${url}/v1',`,
    `  apiKey: ${token === undefined ? 'process.env.WAYBILL_TOKEN' : `'${token}'`},`,
    '});',
    'await client.files.create({',
    "  file: createReadStream('report.pdf'),",
    "  purpose: 'user_data',",
    '});',
  ].join('\n');
