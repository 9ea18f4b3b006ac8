/** The dynamodb store of kv. */
export {};
