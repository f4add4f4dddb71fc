"""A program as Python's ipctools has it: a table of keys and values, a connection for each call, these statements.

    store.py fill FILE COUNT           sets "filled 0" ... and prints each key that was set
    store.py write FILE NAME           sets NAME/0, NAME/1 ... to the time (ms) until its standard input ends; prints each
    store.py share FILE NAME SECONDS   sets, creates and gets, as `share.ts` does; prints what came of each call
    store.py set FILE KEY VALUE
    store.py dump FILE                 prints all keys and values, as JSON
    store.py library FILE NAME SECONDS like `share`, through the library itself
"""

import json
import os
import random
import sqlite3
import sys
import threading
import time
from contextlib import closing

CREATE = "CREATE TABLE IF NOT EXISTS store (key TEXT PRIMARY KEY, value TEXT NOT NULL)"
SET = "INSERT INTO store(key, value) VALUES(?, ?) ON CONFLICT(key) DO UPDATE SET value=excluded.value"
CREATE_VALUE = "INSERT INTO store(key, value) VALUES(?, ?)"
GET = "SELECT value FROM store WHERE key=?"


class File:
    def __init__(self, path):
        self.path = path

    def set_value(self, key, value):
        with closing(sqlite3.connect(self.path, timeout=5)) as connection, connection:
            connection.execute(CREATE)
            connection.execute(SET, (key, value))

    def create_value(self, key, value):
        with closing(sqlite3.connect(self.path, timeout=5)) as connection, connection:
            connection.execute(CREATE)
            try:
                connection.execute(CREATE_VALUE, (key, value))
            except sqlite3.IntegrityError:
                return False
            return True

    def get_value(self, key):
        with closing(sqlite3.connect(self.path, timeout=5)) as connection:
            row = connection.execute(GET, (key,)).fetchone()
            return None if row is None else row[0]


def say(*words):
    print(json.dumps(words), flush=True)


def until_input_ends():
    ended = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
    return ended


def share(store, name, seconds):
    end = time.monotonic() + seconds
    i = 0
    while time.monotonic() < end:
        try:
            key = f"own/{name}/{i % 50}"
            store.set_value(key, str(i))
            say("set", key, str(i))
            shared = f"created/{int(time.time() * 20)}"
            if store.create_value(shared, name):
                say("created", shared, name)
            if store.get_value(key) != str(i):
                say("wrong", key, str(i))
            if store.get_value(f"created/{random.randrange(10**9)}") is not None:
                say("wrong", "a key that nobody set", "")
        except (sqlite3.OperationalError, getattr(store, "StoreError", sqlite3.OperationalError)) as error:
            say("error", str(error), "")
        i += 1


def main(command, path, *words):
    store = File(path)
    if command == "fill":
        for i in range(int(words[0])):
            store.set_value(f"filled {i}", f"value {i}")
            say(f"filled {i}")
    elif command == "write":
        ended = until_input_ends()
        i = 0
        while not ended.is_set():
            try:
                key, now = f"{words[0]}/{i}", str(time.time() * 1000)
                store.set_value(key, now)
                say("set", key, now)
            except sqlite3.OperationalError as error:
                say("error", str(error), "")
            i += 1
    elif command == "share":
        share(store, words[0], float(words[1]))
    elif command == "set":
        store.set_value(*words)
    elif command == "dump":
        with closing(sqlite3.connect(path, timeout=5)) as connection:
            print(json.dumps(connection.execute("SELECT key, value FROM store ORDER BY key").fetchall()))
    elif command == "library":
        os.environ["IPCTOOLS_STORE"] = path
        from ipctools import store as library

        share(library, words[0], float(words[1]))


main(*sys.argv[1:])
