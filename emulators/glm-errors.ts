import type { IncomingMessage } from 'node:http';
import { type Answer, jsonAnswer } from './answer.ts';

/** In which of the shapes found in sources an error is put. */
export interface GlmErrorShape {
  readonly errorShape: 'nested' | 'flat';
  readonly codeType: 'string' | 'number';
  readonly site: string;
}

interface Words {
  readonly en: string;
  readonly zh: string;
}

// Codes: docs.bigmodel.cn, error code page. The wording is ours and nothing to rely on; 1222 stands for a missing route
// too, whose shape no source shows.
const MESSAGES: Readonly<Record<string, Words>> = {
  1001: {
    en: 'Authentication parameter not received in Header',
    zh: 'Header中未收到Authentication参数，无法进行身份验证',
  },
  1002: {
    en: 'Invalid Authentication Token',
    zh: 'Authentication Token非法，请确认Authentication Token正确传递',
  },
  1003: { en: 'Authentication Token expired', zh: 'Authentication Token已过期，请重新生成/获取' },
  1113: {
    en: 'Your account is in arrears, please recharge and try again',
    zh: '您的账户已欠费，请充值后重试',
  },
  1214: { en: 'Invalid value of a parameter', zh: '参数非法，请检查文档' },
  1220: { en: 'You do not have permission to access this API', zh: '您无权访问此API' },
  1222: { en: 'The API does not exist', zh: 'API不存在' },
  1230: { en: 'API call process error', zh: 'API调用流程出错' },
  1234: { en: 'Network error, please contact customer service', zh: '网络错误，请联系客服' },
  1301: {
    en: 'The system detected potentially unsafe or sensitive content',
    zh: '系统检测到输入或生成内容可能包含不安全或敏感内容',
  },
  1302: {
    en: 'High concurrency usage of this API, please reduce concurrency',
    zh: '您当前使用该API的并发数过高，请降低并发',
  },
  1303: {
    en: 'High frequency usage of this API, please reduce frequency',
    zh: '您当前使用该API的频率过高，请降低频率',
  },
  1304: { en: 'Daily call limit of this API reached', zh: '该API已达到今日调用次数限额' },
  1305: {
    en: 'The overall load of the service is too high, please try again later',
    zh: '当前服务整体负载过高，请稍后再试',
  },
  1308: {
    en: 'Usage limit reached, your limit will reset later',
    zh: '已达到使用上限，您的限额将在稍后重置',
  },
  1309: { en: 'Your plan has expired', zh: '您的套餐已到期' },
};

const CODE_BY_STATUS: Readonly<Record<number, string>> = {
  401: '1002',
  403: '1220',
  429: '1302',
  434: '1220',
  500: '1234',
};

/** GLM's error for a status; `code` names the business code, else the usual one for that status is used. */
export const glmError = (
  request: IncomingMessage,
  shape: GlmErrorShape,
  { status, code, message }: { status: number; code?: string | null; message?: Words },
): Answer => {
  const business = code ?? CODE_BY_STATUS[status] ?? (status >= 500 ? '1230' : '1214');
  const words = message ?? MESSAGES[business] ?? { en: `Error ${business}`, zh: `错误 ${business}` };
  const error = {
    code: shape.codeType === 'number' ? Number(business) : business,
    message: words[languageOf(request, shape)],
  };
  return jsonAnswer(status, shape.errorShape === 'flat' ? error : { error });
};

const languageOf = (request: IncomingMessage, { site }: GlmErrorShape): keyof Words => {
  const asked = request.headers['accept-language'];
  if (asked === undefined || asked === '*') return site === 'international' ? 'en' : 'zh';
  return asked.startsWith('en') ? 'en' : 'zh';
};
