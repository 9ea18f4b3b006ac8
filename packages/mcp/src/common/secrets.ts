/** Texts that nobody can guess, and how they are compared. */

/** 256 random bits. */
export function randomText(): string {
  return base64url(crypto.getRandomValues(new Uint8Array(32)));
}

/** Without telling by its time how much of it is right: what is compared are MACs under a key of this call alone. */
export async function isSameText(one: string, other: string): Promise<boolean> {
  const key = await crypto.subtle.generateKey({ name: "HMAC", hash: "SHA-256" }, false, ["sign", "verify"]);
  const mac = await crypto.subtle.sign("HMAC", key, new TextEncoder().encode(one));
  return crypto.subtle.verify("HMAC", key, mac, new TextEncoder().encode(other));
}

export function base64url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
}
