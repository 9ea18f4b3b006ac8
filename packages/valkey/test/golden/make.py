"""Writes records with py-key-value-aio's ValkeyStore and prints them as the server holds them: the content of records.json.

Input, as JSON on stdin: the port of an empty Valkey server. Run by make.ts.
"""

import asyncio
import json
import sys

from glide import GlideClient, GlideClientConfiguration, NodeAddress
from key_value.aio.stores.valkey import ValkeyStore

RECORDS = [
    (None, "plain", {"name": "Ada", "age": 36}, None),
    ("users", "nested", {"a": [1, {"b": [None, True]}], "empty": {}, "none": []}, None),
    ("users", "unicode \u00e9\U0001f600", {"text": "\u65e5\u672c \U0001f600 \u0000 \" \\ \u2028"}, None),
    ("users", "floats", {"one": 1.0, "tenth": 0.1, "huge": 1e308}, None),
    ("users", "with ttl", {"kept": True}, 1_000_000_000),
    ("users", "items", {"items": [1, 2, 3]}, None),
    ("users", "big", {"id": 2**53 + 1}, None),
    ("odd *?[x]\\:", "key with :: inside", {"v": 1}, None),
]


async def main() -> None:
    port = json.load(sys.stdin)
    client = await GlideClient.create(GlideClientConfiguration([NodeAddress("127.0.0.1", port)]))
    store = ValkeyStore(client=client)
    written = []
    for collection, key, value, ttl in RECORDS:
        await store.put(key, value, collection=collection, ttl=ttl)
        name = f"{collection or 'default_collection'}::{key}"
        text = (await client.get(name)).decode()
        written.append({"collection": collection, "key": key, "name": name, "text": text})
    print(json.dumps(written))
    await client.close()


asyncio.run(main())
