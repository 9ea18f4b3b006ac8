/** The memcached store of kv. */
export {};
