/** Ids of events as clients see them and send them back: `<number in base 36>_<stream>`. */
export interface Place {
  readonly streamId: string;
  readonly number: number;
}

/** Longer ones were not made here. */
const LONGEST = 500;

export function eventIdOf({ streamId, number }: Place): string {
  return `${number.toString(36)}_${streamId}`;
}

/** `undefined` for what was not made here: ids come from outside. */
export function placeOf(eventId: unknown): Place | undefined {
  if (typeof eventId !== "string" || eventId.length > LONGEST || !eventId.isWellFormed()) return undefined;
  const split = eventId.indexOf("_");
  const place = { number: Number.parseInt(eventId.slice(0, split), 36), streamId: eventId.slice(split + 1) };
  if (!Number.isSafeInteger(place.number) || place.number < 0 || place.streamId === "") return undefined;
  return eventIdOf(place) === eventId ? place : undefined;
}
