/** What a login fails with before anything is sent. */

/** The callback of a login that this provider did not begin, or no longer knows. */
export class LoginStateError extends Error {
  readonly code = "LOGIN_STATE";

  override get name(): string {
    return "LoginStateError";
  }
}
