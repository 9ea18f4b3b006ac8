"""Writes records with py-key-value-aio and prints them as the server holds them: the content of records.json.

Input, as JSON on stdin: the port of an empty memcached server. Run by make.ts.
"""

import asyncio
import json
import sys

import aiomcache
from key_value.aio.stores.memcached import MemcachedStore
from key_value.aio.stores.memcached.store import MemcachedV1KeySanitizationStrategy

class Keeping(aiomcache.Client):
    """Forgets nothing: memcached takes a time to live above 30 days, as Python's store gives it, for a moment in 1970."""

    async def set(self, key: bytes, value: bytes, exptime: int = 0) -> bool:
        return await super().set(key, value, exptime=0)


RECORDS = [
    (None, "plain", {"name": "Ada", "age": 36}, None),
    ("users", "nested", {"a": [1, {"b": [None, True, {"c": "d"}]}], "empty": {}, "none": []}, None),
    ("users", "unicode\u00e9\U0001f600", {"text": "\u65e5\u672c \U0001f600 \u0000 \" \\ / \u2028"}, None),
    ("users", "floats", {"one": 1.0, "tenth": 0.1, "huge": 1e308, "small": 5e-324}, None),
    ("users", "with-ttl", {"kept": True}, 1_000_000_000),
    ("users", "fraction-of-ttl", {"kept": True}, 1_000_000_000.5),
    ("users", "items", {"items": [1, 2, 3]}, None),
    ("users", "big-but-exact", {"id": 2**70, "text": "12345678901234567891"}, None),
    ("users", "big", {"id": 2**53 + 1}, None),
    ("users", "nan", {"values": [float("nan"), float("inf"), float("-inf")], "text": "NaN"}, None),
    ("odd*?[x]\\:", "key-with-::-inside", {"v": 1}, None),
    ("q", "%3A", {"v": 2}, None),
    ("H_users", "S_x", {"v": 3}, None),
    ("users", "k" * 243, {"v": 4}, None),
]

LONG = [
    ("users", "short", {"v": 1}, None),
    ("users", "k" * 233, {"v": 2}, None),
    ("users", "k" * 234, {"v": 3}, None),
    ("users", "k" * 243, {"v": 4}, None),
    ("users", "k" * 1000, {"v": 5}, None),
    ("users", "k" * 300 + "\u00e9\U0001f600 with spaces\n", {"v": 6}, None),
    ("c" * 300, "key", {"v": 7}, None),
    ("users", "\u65e5" * 78, {"v": 8}, None),
]


async def main() -> None:
    port = json.load(sys.stdin)
    client = Keeping("127.0.0.1", port)
    strategy = MemcachedV1KeySanitizationStrategy()
    plain = MemcachedStore(client=client)
    hashing = MemcachedStore(client=client, key_sanitization_strategy=strategy)
    written = []
    for names, store, records in [("python", plain, RECORDS), ("python-v1", hashing, LONG)]:
        for collection, key, value, ttl in records:
            await store.put(key, value, collection=collection, ttl=ttl)
            compound = f"{collection or 'default_collection'}::{key}"
            name = strategy.sanitize(compound) if names == "python-v1" else compound
            text = await client.get(name.encode())
            written.append({"names": names, "collection": collection, "key": key, "name": name, "text": text.decode()})
    print(json.dumps(written))
    await client.close()


asyncio.run(main())
