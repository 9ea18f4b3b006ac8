/** What is read of requests that pass: the refresh token of a refresh, the access token of any other. */

type Init = RequestInit | undefined;

/** The refresh token, if this is a refresh, as the SDK sends it: a form in the body. */
export function refreshTokenOf(init: Init): string | undefined {
  const { method, body } = init ?? {};
  if (method?.toUpperCase() !== "POST") return undefined;
  const isForm = new Headers(init?.headers).get("content-type")?.startsWith("application/x-www-form-urlencoded");
  const form =
    body instanceof URLSearchParams ? body : isForm && typeof body === "string" ? new URLSearchParams(body) : undefined;
  if (form?.get("grant_type") !== "refresh_token") return undefined;
  return form.get("refresh_token") ?? undefined;
}

export function accessTokenOf(init: Init): string | undefined {
  const header = new Headers(init?.headers).get("authorization");
  return header === null ? undefined : /^(?:Bearer|DPoP) (.+)$/i.exec(header)?.[1];
}
