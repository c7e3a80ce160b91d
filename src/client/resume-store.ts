/** Remembers uploads that are not complete. Holds addresses at the gateway, no content and no token. */
export interface ResumeStore {
  /** Null when there is none. */
  get(key: string): Promise<string | null>;
  set(key: string, uploadUrl: string): Promise<void>;
  delete(key: string): Promise<void>;
}
