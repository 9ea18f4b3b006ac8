/** What a backend needs before its contenders can be opened: a server, a folder. */
import type { BackendName, ContenderName } from "./contender.ts";

/** Where the contenders of one backend work. Disposing ends the server and removes the folders. */
export interface Place extends AsyncDisposable {
  location(contender: ContenderName): string;
}

/** `skipped`: one line that says why it cannot be had here. */
export type Prepared =
  | { readonly place: Place; readonly skipped?: never }
  | { readonly place?: never; readonly skipped: string };

export async function prepare(backend: BackendName): Promise<Prepared> {
  switch (backend) {
    case "memory":
      return { place: { location: () => "", async [Symbol.asyncDispose]() {} } };
  }
}
