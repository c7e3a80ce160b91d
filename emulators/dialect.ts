import type { IncomingMessage } from 'node:http';
import type { Answer } from './answer.ts';
import type { Operation } from './faults.ts';
import type { FileShelf, StoredFile } from './file-shelf.ts';
import type { ReceivedFile } from './read-upload.ts';
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
  | { readonly file: ReceivedFile; readonly purpose: string; readonly problem: string | null };

/** How one provider differs from another: its rules and the words it puts them in. Holds no files. */
export interface Dialect {
  readonly name: string;
  /** Path of the base URL; the Files API is under its `/files`. */
  readonly basePath: string;
  readonly variants: Variants<SettingTable>;
  /** Bytes of an upload written to disk; a longer one is refused by `examine`, which sees its true size. */
  readonly capBytes: number;
  newId(): string;
  /** Whether this provider has the operation at all. */
  offers(operation: Operation): boolean;
  /** The refusal of a request without a valid key. */
  authorize(call: Call): Answer | null;
  examine(call: Call, form: UploadForm, shelf: FileShelf): Verdict;
  unreadable(call: Call, reason: string): Answer;
  uploaded(file: StoredFile): Answer;
  /** `files` come newest first. */
  listed(call: Call, files: readonly StoredFile[], shelf: FileShelf): Answer;
  retrieved(file: StoredFile): Answer;
  content(call: Call, file: StoredFile, path: string): Promise<Answer>;
  deleted(id: string, deleted: boolean): Answer;
  missing(call: Call): Answer;
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
