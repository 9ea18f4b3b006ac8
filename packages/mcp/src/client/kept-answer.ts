/** The authorization server's answer to a refresh, as it is kept for those who ask for the same one. */
import { isRecord } from "../common/is-record.ts";
import { lookupKey } from "../common/lookup-key.ts";

/** How long an answer is kept. */
export const KEPT_SECONDS = 60;

export interface KeptAnswer {
  /** The answer's JSON. */
  readonly tokens: { readonly access_token: string; readonly [name: string]: unknown };
  /** In milliseconds since the epoch. */
  readonly receivedAt: number;
  /** Whether the refresh token that it is kept for was replaced, so that it must not be sent again. */
  readonly final: boolean;
}

/** The parsed answer, if it is one that grants tokens. */
export function tokensOf(body: string): KeptAnswer["tokens"] | undefined {
  try {
    const parsed: unknown = JSON.parse(body);
    return hasAccessToken(parsed) ? parsed : undefined;
  } catch {
    return undefined;
  }
}

export function isKeptAnswer(value: unknown): value is KeptAnswer {
  return (
    isRecord(value) &&
    hasAccessToken(value.tokens) &&
    typeof value.receivedAt === "number" &&
    typeof value.final === "boolean"
  );
}

/** When its access token ends, in milliseconds since the epoch. */
export function endOf({ tokens, receivedAt }: KeptAnswer): number {
  const { expires_in } = tokens;
  return typeof expires_in === "number" ? receivedAt + expires_in * 1000 : Number.POSITIVE_INFINITY;
}

export function accessMarkOf({ tokens }: KeptAnswer): Promise<string> {
  return lookupKey(tokens.access_token);
}

/** As the server would have sent it now: what is left of the lifetime, not what there was. */
export function bodyOf(answer: KeptAnswer): string {
  const end = endOf(answer);
  if (end === Number.POSITIVE_INFINITY) return JSON.stringify(answer.tokens);
  return JSON.stringify({ ...answer.tokens, expires_in: Math.max(0, Math.floor((end - Date.now()) / 1000)) });
}

function hasAccessToken(value: unknown): value is KeptAnswer["tokens"] {
  return isRecord(value) && typeof value.access_token === "string";
}
