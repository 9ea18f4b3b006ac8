/** What a login fails with before anything is sent. */

/** A login that cannot be begun here, or a callback of none that was begun here, or is no longer known. */
export class LoginStateError extends Error {
  readonly code = "LOGIN_STATE";

  override get name(): string {
    return "LoginStateError";
  }
}
