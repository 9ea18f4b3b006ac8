/** How two names become one, and back, so that no two pairs ever meet. */

/** A name that was joined by {@link joinNames}, as its two parts. */
export interface NameParts {
  readonly first: string;
  readonly rest: string;
}

/**
 * The part of a joined name that stands before `rest`. It is `first + separator`, as in Python's py-key-value, where
 * the separator's first occurrence is then surely the one between the parts; else, since Python would confuse such a
 * name with another, an escaped form that begins with the separator: `separator + escaped(first) + separator`.
 *
 * Source of the plain form: py-key-value-aio 0.4, `collection::key` and `prefix__collection`.
 */
export function namePrefix(first: string, separator: "::" | "__"): string {
  const plain = first + separator;
  return plain.indexOf(separator) === first.length ? plain : separator + escapeName(first, separator) + separator;
}

/** `first` and `rest` as one name; injective for any non-empty `first` and any `rest`. */
export function joinNames(first: string, rest: string, separator: "::" | "__"): string {
  return namePrefix(first, separator) + rest;
}

/** The parts of a joined name; `undefined` where no pair has this name. */
export function splitName(name: string, separator: "::" | "__"): NameParts | undefined {
  const escaped = name.startsWith(separator);
  const start = escaped ? separator.length : 0;
  const end = name.indexOf(separator, start);
  if (end <= start) return undefined;
  const stored = name.slice(start, end);
  const rest = name.slice(end + separator.length);
  if (!escaped) return { first: stored, rest };
  const first = unescapeName(stored);
  // Only the one spelling that namePrefix gives is a name of ours.
  return first !== undefined && namePrefix(first, separator) + rest === name ? { first, rest } : undefined;
}

/** `name` without the separator's sign in it. What begins with another name, escaped, begins with that one escaped. */
export function escapeName(name: string, separator: "::" | "__"): string {
  const sign = separator.charAt(0);
  return name.replaceAll("%", "%25").replaceAll(sign, sign === ":" ? "%3A" : "%5F");
}

function unescapeName(stored: string): string | undefined {
  if (/%(?!25|3A|5F)/.test(stored)) return undefined;
  return stored.replaceAll("%3A", ":").replaceAll("%5F", "_").replaceAll("%25", "%");
}
