import type { IncomingMessage } from 'node:http';
import type { Answer } from './answer.ts';
import type { AnswerShape } from './answer-shape.ts';
import type { Operation } from './faults.ts';
import type { FileShelf, StoredFile } from './file-shelf.ts';
import type { BodyReading, ReceivedFile } from './read-upload.ts';
import {
  fallbacks,
  isRecord,
  readSettings,
  type SettingTable,
  type SettingValues,
  UnusableSetting,
} from './settings.ts';

/** A request to the emulated API, seen by the provider's rules. */
export interface Call {
  readonly request: IncomingMessage;
  readonly url: URL;
  /** The file named in the path. */
  readonly id: string | null;
}

/** What a provider says to a complete form: no, or what to store it as. */
export type Verdict =
  | { readonly refusal: Answer }
  /** Nothing new is stored: the provider answers with a file it has. */
  | { readonly existing: StoredFile }
  | {
      readonly file: ReceivedFile;
      readonly purpose: string;
      readonly problem: string | null;
      /** Counted from the creation; left out, the file stays. */
      readonly expiresInSeconds?: number;
    };

/** What a request asks for, and the file it names. */
export interface Route {
  readonly operation: Operation;
  readonly id: string | null;
}

/** An answer before a fault changes it, and the file it is about. */
export interface Outcome {
  readonly answer: Answer;
  readonly stored: StoredFile | null;
}

/** One request of an upload that takes several. */
export interface UploadStep {
  readonly call: Call;
  readonly operation: Operation;
  readonly shelf: FileShelf;
  /** To be read to its end, unless the client goes first. */
  readonly body: BodyReading;
  /** Added to the creation time of a file stored. */
  readonly skewSeconds: number;
}

/** How one provider differs from another: its rules and the words it puts them in. Holds no files. */
export interface Dialect {
  readonly name: string;
  /** Path of the base URL; the Files API is under its `/files`. */
  readonly basePath: string;
  readonly variants: Variants<SettingTable>;
  /** OpenAI's where left out. */
  readonly shape?: AnswerShape;
  /** Bytes of an upload written to disk; a longer one is refused by `examine`, which sees its true size. */
  readonly capBytes: number;
  /** Whether `examine` sees a file name with the directories before it; left out, it sees the last component. */
  readonly seesPaths?: boolean;
  /** What may follow the id in the path of a `content` call; `content` when left out. */
  readonly contentLeaves?: readonly string[];
  /** Left out where paths are OpenAI's, under `basePath`. */
  readonly route?: (request: IncomingMessage, url: URL) => Route | null;
  /** Carries out a request of an upload in several. Rejects when the connection ends first. */
  readonly step?: (step: UploadStep) => Promise<Outcome>;
  /** The uploads in several requests as the control plane shows them, without what gives access to them. */
  readonly uploads?: () => readonly unknown[];
  newId(): string;
  /** Whether this provider has the operation at all. */
  offers(operation: Operation): boolean;
  /** The refusal of a request without a valid key. */
  authorize(call: Call): Answer | null;
  examine(call: Call, form: UploadForm, shelf: FileShelf): Verdict;
  unreadable(call: Call, reason: string): Answer;
  uploaded(file: StoredFile, call: Call): Answer;
  /** `files` come newest first. */
  listed(call: Call, files: readonly StoredFile[], shelf: FileShelf): Answer;
  retrieved(file: StoredFile, call: Call): Answer;
  content(call: Call, file: StoredFile, path: string): Promise<Answer>;
  deleted(id: string, deleted: boolean): Answer;
  missing(call: Call, shelf: FileShelf): Answer;
  unknownRoute(call: Call): Answer;
  /** The provider's error for a status; `code` picks among several with the same status. */
  failure(call: Call, status: number, code: string | null): Answer;
}

export interface UploadForm {
  readonly file: ReceivedFile | null;
  readonly fields: ReadonlyMap<string, string>;
}

/** Choices among the ways in which sources say a provider behaves. */
export interface Variants<S extends SettingTable> {
  readonly current: Readonly<SettingValues<S>>;
  /** Changes some of them for all later requests. Throws `UnusableSetting` and then changes none. */
  merge(input: unknown): void;
}

/** Throws `UnusableSetting` when `given` does not fit the table. */
export const createVariants = <S extends SettingTable>(
  table: S,
  given: Readonly<Record<string, unknown>> = {},
): Variants<S> => {
  let current = { ...fallbacks(table), ...readSettings(table, given) };
  return {
    get current() {
      return current;
    },
    merge: (input) => {
      if (!isRecord(input)) throw new UnusableSetting('variants are a JSON object');
      current = { ...current, ...readSettings(table, input, { partial: true }) };
    },
  };
};
