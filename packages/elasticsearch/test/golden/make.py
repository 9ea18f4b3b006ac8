"""Writes records with py-key-value-aio's ElasticsearchStore and prints them as the server holds them: the content of records.json.

Input, as JSON on stdin: the URL of an Elasticsearch 8. Run by make.ts.
"""

import asyncio
import json
import sys
from urllib.parse import quote
from urllib.request import urlopen

import elasticsearch._async.client._base as base
from elasticsearch import AsyncElasticsearch
from key_value.aio.stores.elasticsearch.store import (
    ElasticsearchStore,
    ElasticsearchV1CollectionSanitizationStrategy,
    ElasticsearchV1KeySanitizationStrategy,
)

# A client of version 9 asks for media types that a server of version 8 does not know.
base._COMPAT_MIMETYPE_SUB = base._COMPAT_MIMETYPE_SUB.replace("=9", "=8")

RECORDS = [
    (None, "plain", {"name": "Ada", "age": 36}, None),
    ("users", "nested", {"a": [1, {"b": [None, True]}], "empty": {}, "none": []}, None),
    ("users", "unicode \u00e9\U0001f600", {"text": "\u65e5\u672c \U0001f600 \u0000 \" \\ \u2028"}, None),
    ("users", "floats", {"one": 1.0, "tenth": 0.1, "huge": 1e308}, None),
    ("users", "with ttl", {"kept": True}, 1_000_000_000),
    ("users", "items", {"items": [1, 2, 3]}, None),
    ("users", "big", {"id": 2**53 + 1}, None),
    ("users", "\"_source\":{", {"\"_source\":{": "}"}, None),
    ("odd.{x}'&%", "key with / ? # * inside", {"v": 1}, None),
    ("Users", "in upper case", {"v": 1}, None),
]
V1 = [
    (None, "plain", {"name": "Ada"}, None),
    ("Users", "user:1", {"v": 1}, None),
    ("my coll!", "k" * 600, {"v": 1}, None),
    ("\u65e5\u672c", "\u00e9", {"v": 1}, None),
]


class Store(ElasticsearchStore):
    async def _setup(self) -> None:
        """Would ask what server it is, which a build of few modules does not say."""


async def write(url, prefix, records, **strategies):
    client = AsyncElasticsearch(hosts=[url])
    store = Store(elasticsearch_client=client, index_prefix=prefix, **strategies)
    written = []
    for collection, key, value, ttl in records:
        await store.put(key, value, collection=collection, ttl=ttl)
        name = collection or "default_collection"
        index, id = store._get_destination(collection=name, key=key)
        address = f"{url}/{quote(index, safe='')}/_source/{quote(id, safe='')}"
        source = urlopen(address).read().decode()
        written.append({"collection": collection, "key": key, "index": index, "id": id, "source": source})
    await client.close()
    return written


async def main() -> None:
    url = json.load(sys.stdin)
    python = await write(url, "golden", RECORDS)
    v1 = await write(
        url,
        "golden-v1",
        V1,
        key_sanitization_strategy=ElasticsearchV1KeySanitizationStrategy(),
        collection_sanitization_strategy=ElasticsearchV1CollectionSanitizationStrategy(),
    )
    mapping = json.loads(urlopen(f"{url}/golden-users/_mapping").read())["golden-users"]["mappings"]
    print(json.dumps({"python": python, "python-v1": v1, "mapping": mapping}))


asyncio.run(main())
