// Starting a server by its name: from the environment, or from the first source that has its program.

import { CompositeServer } from "./composite-server.ts";
import { OwnServer } from "./own-server.ts";
import type { CompositeRecipe, Recipe, Server, StartOptions } from "./server.ts";
import { type OptionsOf, recipes, type ServerName } from "./servers/index.ts";
import type { Program, Source } from "./source.ts";
import { Unavailable } from "./system.ts";

/** A server, or one line that says why there is none. */
export type Started =
  | { readonly server: Server; readonly skipped?: never }
  | { readonly server?: never; readonly skipped: string };

/**
 * Starts a server. Without options it may be an external one that the environment gives.
 *
 * What this machine does not have is `skipped`; a server that is there and does not start is an error, with its log.
 */
export async function startServer<Name extends ServerName>(name: Name, options?: OptionsOf<Name>): Promise<Started> {
  const recipe: Recipe<OptionsOf<Name>> | CompositeRecipe<OptionsOf<Name>> = recipes[name];
  const url = externalUrl(recipe);
  if (url !== undefined && options === undefined) return { server: externalServer(recipe, url) };
  try {
    const program = await firstProgram(recipe.sources);
    const given = options ?? {};
    const start =
      "compose" in recipe ? CompositeServer.start(recipe, program, given) : OwnServer.start(recipe, program, given);
    return { server: await start };
  } catch (error) {
    if (error instanceof Unavailable) return { skipped: error.message };
    throw error;
  }
}

/** The URL that the environment gives for a server. */
export function externalUrl(recipe: { readonly variable: string }): string | undefined {
  return process.env[recipe.variable] || undefined;
}

/** From the first source that has it. Rejects with `Unavailable`, and what each lacks. */
export async function firstProgram(sources: readonly Source[]): Promise<Program> {
  const reasons: string[] = [];
  for (const source of sources) {
    try {
      return await source.get();
    } catch (error) {
      if (!(error instanceof Unavailable)) throw error;
      reasons.push(error.message);
    }
  }
  throw new Unavailable(reasons.join("; "));
}

function externalServer(recipe: Pick<Recipe<StartOptions>, "name" | "variable" | "port">, url: string): Server {
  const refuse = (): never => {
    throw new Error(`${recipe.variable} gives an external server: start one with { own: true } to kill or pause it`);
  };
  const stop = async () => {};
  return {
    name: recipe.name,
    url,
    port: Number(/:(\d+)(?=[/,?#]|$)/.exec(url)?.[1]) || recipe.port,
    ca: undefined,
    nodes: [],
    external: true,
    stop,
    kill: async () => refuse(),
    pause: refuse,
    resume: refuse,
    restart: async () => refuse(),
    logs: () => "",
    [Symbol.asyncDispose]: stop,
  };
}
