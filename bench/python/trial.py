"""One trial of a Python library: `trial.py LIBRARY OPERATION FOLDER SECONDS`. Prints the microseconds of a call, and how many the processor ran."""

import os
import sqlite3
import sys
import time
from contextlib import closing

KEYS = 1000
library, operation, folder, seconds = sys.argv[1], sys.argv[2], sys.argv[3], float(sys.argv[4])


def by_ipctools():
    os.environ["IPCTOOLS_STORE"] = os.path.join(folder, "store.db")
    from ipctools import store

    return store.set_value, store.get_value, store.create_value


def by_sqlite3():
    path = os.path.join(folder, "store.db")

    def connected(sql, *values):
        with closing(sqlite3.connect(path)) as connection, connection:
            return connection.execute(sql, values).fetchone()

    connected("CREATE TABLE IF NOT EXISTS store (key TEXT PRIMARY KEY, value TEXT NOT NULL)")

    def set_value(key, value):
        connected(
            "INSERT INTO store(key, value) VALUES (?, ?) ON CONFLICT(key) DO UPDATE SET value=excluded.value", key, value
        )

    def create_value(key, value):
        try:
            connected("INSERT INTO store(key, value) VALUES (?, ?)", key, value)
            return True
        except sqlite3.IntegrityError:
            return False

    return set_value, lambda key: connected("SELECT value FROM store WHERE key = ?", key)[0], create_value


def by_diskcache():
    import diskcache

    cache = diskcache.Cache(os.path.join(folder, "diskcache"))
    return cache.set, cache.get, cache.add


set_value, get_value, create_value = {
    "ipctools.store": by_ipctools,
    "sqlite3": by_sqlite3,
    "diskcache": by_diskcache,
}[library]()

if operation != "create":
    for n in range(KEYS):
        set_value(f"key-{n}", f"value-{n}")

call = {
    "set": lambda n: set_value(f"key-{n % KEYS}", f"value {n}"),
    "get": lambda n: get_value(f"key-{n % KEYS}"),
    "create": lambda n: create_value(f"key-{n}", f"value-{n}"),
    "create-existing": lambda n: create_value(f"key-{n % KEYS}", f"value-{n}"),
}[operation]

n = 0
for span in (seconds / 5, seconds):
    begun, first, before = time.perf_counter(), n, time.process_time()
    while time.perf_counter() - begun < span:
        call(n)
        n += 1
spent, processor = time.perf_counter() - begun, time.process_time() - before
print(spent / (n - first) * 1e6, processor / (n - first) * 1e6)
