/** Undoes the transaction of a request whose key an earlier one has. */
export class RepeatedRequestError extends Error {
  override readonly name = 'RepeatedRequestError';
  readonly fileId: string;
  /** Of the bytes that came with the repetition. */
  readonly sha256: string;

  constructor(fileId: string, sha256: string) {
    super(`This request was made before, for ${fileId}.`);
    this.fileId = fileId;
    this.sha256 = sha256;
  }
}
