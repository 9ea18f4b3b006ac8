/** The rocksdb store of kv. */
export {};
