/** A part of the page, with its charts. */
export interface Section {
  readonly markdown: string;
  readonly charts: readonly { readonly name: string; readonly svg: string }[];
}
