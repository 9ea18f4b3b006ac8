/** Orders that are surely wrong, where several wrappers state the same. */

/** What may not lie inside of a wrapper that encrypts, see `Layer.notOutside`. */
export const NOT_INSIDE_ENCRYPTION = {
  compression: "since what is encrypted cannot be compressed",
  defaultValue: "since it would take the default for a stored value that is not encrypted",
} as const;
