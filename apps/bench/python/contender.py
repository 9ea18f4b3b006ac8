"""The process of py-key-value-aio as a contender: one request a line on stdin, its answer on stdout.

It measures as src/measure.ts does, with the same records, which come with the request to open.
"""

import asyncio
import json
import os
import signal
import sys
import time
import traceback
import warnings
from urllib.parse import parse_qs, urlsplit

warnings.simplefilter("ignore")

BATCH = 100
MOST_PREPARED = 20_000
# Fewer than a pool of Redis' client has connections.
AT_ONCE = 50
BESIDE = 99_000
TTL = 60


def memory(_location):
    from key_value.aio.stores.memory import MemoryStore

    # Bounded by default; nothing may be evicted here.
    return MemoryStore(max_entries_per_collection=1_000_000)


def redis(location):
    from key_value.aio.stores.redis import RedisStore

    return RedisStore(url=location)


def valkey(location):
    from key_value.aio.stores.valkey import ValkeyStore

    url = urlsplit(location)
    return ValkeyStore(host=url.hostname, port=url.port, db=int(url.path.strip("/") or 0))


def memcached(location):
    from key_value.aio.stores.memcached import MemcachedStore

    url = urlsplit(location)
    return MemcachedStore(host=url.hostname, port=url.port)


def mongodb(location):
    from key_value.aio.stores.mongodb.store import MongoDBStore

    return MongoDBStore(url=location, db_name="bench_python")


def dynamodb(location):
    from key_value.aio.stores.dynamodb import DynamoDBStore

    url = urlsplit(location)
    return DynamoDBStore(
        table_name="bench_python",
        region_name=url.hostname,
        endpoint_url=parse_qs(url.query)["endpoint"][0],
        aws_access_key_id=url.username,
        aws_secret_access_key=url.password,
    )


def elasticsearch(location):
    import elasticsearch._async.client._base as base
    from elasticsearch import AsyncElasticsearch
    from key_value.aio.stores.elasticsearch.store import ElasticsearchStore

    # Its client asks for media types that a server of version 8 does not know, and the store for what server it is,
    # which a reduced build does not say.
    base._COMPAT_MIMETYPE_SUB = base._COMPAT_MIMETYPE_SUB.replace("=9", "=8")

    class Store(ElasticsearchStore):
        async def _setup(self):
            pass

        async def close(self):
            await self._client.close()

    url = urlsplit(location)
    client = AsyncElasticsearch(hosts=[f"http://{url.hostname}:{url.port}"])
    return Store(elasticsearch_client=client, index_prefix="bench_python")


def disk(location):
    from key_value.aio.stores.disk import DiskStore

    return DiskStore(directory=location)


STORES = {
    "memory": memory,
    "disk": disk,
    "redis": redis,
    "valkey": valkey,
    "memcached": memcached,
    "mongodb": mongodb,
    "dynamodb": dynamodb,
    "elasticsearch": elasticsearch,
}


class Data:
    def __init__(self, given):
        self.prefix = given["prefix"]
        self.all_keys = given["keys"]
        self.values = given["values"]
        self.count = len(self.all_keys)
        starts = range(0, self.count - BATCH + 1, BATCH)
        self.batches = [
            (self.all_keys[start : start + BATCH], [self.value(start + place) for place in range(BATCH)])
            for start in starts
        ]

    def key(self, index):
        return self.all_keys[index % self.count]

    def value(self, index):
        return self.values[index % len(self.values)]

    def batch(self, index):
        return self.batches[index % len(self.batches)]

    def fresh_key(self, index):
        return f"{self.prefix}-fresh:{index}"


async def together(count, act, at_once=AT_ONCE):
    indices = iter(range(count))

    async def worker():
        for index in indices:
            await act(index)

    await asyncio.gather(*(worker() for _ in range(min(count, at_once))))


class Measurement:
    def __init__(self, store, case, data):
        self.store = store
        self.operation = case["operation"]
        self.concurrency = case["concurrency"]
        self.data = data
        self.rate = 0.0
        self.perform = getattr(self, self.METHODS[self.operation]) if self.operation in self.METHODS else None

    async def get(self, index):
        return await self.store.get(self.data.key(index), collection="bench") is not None

    async def get_miss(self, index):
        return await self.store.get(self.data.fresh_key(index), collection="bench") is None

    async def put(self, index):
        await self.store.put(self.data.key(index), self.data.value(index), collection="bench")
        return True

    async def put_with_ttl(self, index):
        await self.store.put(self.data.key(index), self.data.value(index), collection="bench", ttl=TTL)
        return True

    async def get_many(self, index):
        values = await self.store.get_many(self.data.batch(index)[0], collection="bench")
        return len(values) == BATCH and None not in values

    async def put_many(self, index):
        keys, values = self.data.batch(index)
        await self.store.put_many(keys, values, collection="bench")
        return True

    async def delete(self, index):
        return await self.store.delete(self.data.fresh_key(index), collection="bench")

    METHODS = {
        "get": "get",
        "get miss": "get_miss",
        "put": "put",
        "put with TTL": "put_with_ttl",
        "getMany(100)": "get_many",
        "putMany(100)": "put_many",
        "delete": "delete",
    }

    async def prepare(self, count):
        if self.operation == "delete":
            await together(
                count,
                lambda index: self.store.put(self.data.fresh_key(index), self.data.value(index), collection="bench"),
            )

    async def clean_up(self):
        if self.operation == "put with TTL":
            await fill(self.store, self.data)

    async def warm_up(self, milliseconds):
        end = time.perf_counter() + milliseconds / 1000
        count = self.concurrency
        while True:
            elapsed, _ = await self.count(count)
            self.rate = count / elapsed
            count = min(count * 2, self.fitting(max(1, milliseconds / 4)))
            if time.perf_counter() >= end:
                return

    async def round(self, length):
        await self.count(self.fitting(length["counted"] / 2))
        count = self.fitting(length["counted"])
        elapsed, cpu = await self.count(count)
        self.rate = count / elapsed
        times = await self.time(self.fitting(length["timed"]))
        return {
            "operationsPerSecond": self.rate * 1000,
            "cpu": cpu / count,
            "p50": times[int(len(times) * 0.5)],
            "p99": times[min(len(times) - 1, int(len(times) * 0.99))],
        }

    def fitting(self, milliseconds):
        count = max(self.concurrency, -int(-self.rate * milliseconds // 1))
        return min(count, MOST_PREPARED) if self.operation in ("delete", "put with TTL") else count

    async def count(self, count):
        """Milliseconds by the clock and of the processor."""
        undone = 0
        perform = self.perform

        async def act(index):
            nonlocal undone
            if not await perform(index):
                undone += 1

        await self.prepare(count)
        cpu = time.process_time()
        start = time.perf_counter()
        await together(count, act, self.concurrency)
        elapsed = time.perf_counter() - start
        cpu = time.process_time() - cpu
        await self.clean_up()
        if undone:
            raise RuntimeError(f"{self.operation}: {undone} of {count} were not done")
        return elapsed * 1000, cpu * 1000

    async def time(self, count):
        times = [0.0] * count
        perform = self.perform

        async def act(index):
            start = time.perf_counter()
            await perform(index)
            times[index] = (time.perf_counter() - start) * 1000

        await self.prepare(count)
        await together(count, act, self.concurrency)
        await self.clean_up()
        return sorted(times)


async def fill(store, data):
    await together(data.count, lambda index: store.put(data.key(index), data.value(index), collection="bench"))


class Contender:
    async def open(self, request):
        self.store = STORES[request["backend"]](request["location"])
        self.data = {size: Data(given) for size, given in request["data"].items()}
        self.measurements = [Measurement(self.store, case, self.data[case["size"]]) for case in request["cases"]]
        for data in self.data.values():
            await fill(self.store, data)
            for index in range(data.count):
                if await self.store.get(data.key(index), collection="bench") != data.value(index):
                    raise RuntimeError(f"{data.key(index)} does not come back as it was put")
        return {"able": [one.perform is not None for one in self.measurements]}

    async def close(self, empty):
        if empty:
            for data in self.data.values():
                await self.store.delete_many(data.all_keys, collection="bench")
        if hasattr(self.store, "close"):
            await self.store.close()

    async def answer(self, request):
        match request["do"]:
            case "open":
                return await self.open(request)
            case "warm up":
                await self.measurements[request["index"]].warm_up(request["milliseconds"])
            case "prepare":
                await self.measurements[request["index"]].prepare(request["count"])
            case "perform":
                for index in range(request["count"]):
                    await self.measurements[request["index"]].perform(index)
            case "clean up":
                await self.measurements[request["index"]].clean_up()
            case "round":
                return {"sample": await self.measurements[request["index"]].round(request["length"])}
            case "close":
                await self.close(request["empty"])
        return {}


async def main():
    # Libraries print to standard output as well: what they say must not come between the answers.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    contender = Contender()
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        try:
            answer = await contender.answer(json.loads(line))
        except Exception:
            answer = {"failed": traceback.format_exc()}
        print(json.dumps(answer), file=answers, flush=True)


# Ctrl-C reaches the whole group: the benchmark decides when to end.
signal.signal(signal.SIGINT, signal.SIG_IGN)
asyncio.run(main())
