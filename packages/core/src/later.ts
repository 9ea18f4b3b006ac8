/** What is loaded when it is first called for. One file, as each would split the files that all programs load. */
export { getOrSet } from "./get-or-set.ts";
export { openByUrl } from "./open-store.ts";
