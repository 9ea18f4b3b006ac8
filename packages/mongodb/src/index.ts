/** The MongoDB store of kv. */
export {};
