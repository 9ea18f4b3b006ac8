/** The elasticsearch store of kv. */
export {};
