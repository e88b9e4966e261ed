/** The question to a vendor how many tokens a request has. */
export interface AtVendor {
  readonly path: string;
  /** With its question mark; empty without one. */
  readonly query: string;
  readonly body: string;
  /** Fields of the client's head that belong to it, by names in lower case. */
  readonly fields: readonly string[];
  /**
   * What the bound has for what the vendor counts: a token for each byte. What it is not asked
   * for, such as fields of its own, keeps that.
   */
  readonly bytes: number;
  /** The member of the answer that has the count. */
  readonly member: string;
}
