/** The MongoDB store of kv. */
