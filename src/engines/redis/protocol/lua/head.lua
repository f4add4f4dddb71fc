-- The start of every script. All that changes a store runs in one of the scripts, and Redis runs a script alone from its first
-- line to its last: that makes a commit atomic and isolated.
--
-- The keys of a store, all of which begin with `{prefix}:`:
--
--   meta              hash: format, born (when), version (the newest), initialized, replid, base, watched (see
--                     publish.lua)
--   user:<key>        hash: value, version, created, and where they apply type (bytes), session, expires (ms)
--   system:<key>      the same for the entries of coordination
--   keys:user         sorted set, all scores 0: the keys in the order of their bytes
--   keys:system
--   order:<folder>    sorted set: the keys of coordination below `<folder>`, by version of creation
--   due               sorted set: what ends when (ms): `session <id>`, `user <key>`, `system <key>`
--   session:<id>      set: the entries bound to the session, `user <key>` or `system <key>`
--   watched           sorted set: lengths of the prefixes that are watched, `user <bytes>` or `system <bytes>`, and until when (ms)
--   log               stream, bounded: for each version its changes, under the id `<version>-0`
--
-- Versions count up by one. The first one of a store is the time in microseconds since 2025, and so is the next one after the
-- server's replication history changed (`base`, set by the first client that notices). So versions, which are fencing tokens,
-- grow also across a flushed database, and across a failover that lost the newest commits. Numbers are written with %.0f,
-- because Lua's own conversion rounds to 14 digits.
--
-- A record of the log is text: `<version before> <number of changes> <time, ms>\n`, then for each change a line of words with the
-- lengths in bytes of what follows it: `delete <space> <key>`, or `set <space> <key> <value, or -1: not here> <type> <created>
-- <session> <expires, or 0>`; then the key, the value and the session themselves.
--
-- The files are parts of a script (scripts.ts puts them together), so a part uses the local variables of the parts before it.

-- The format of the store, as described here.
local FORMAT = '1'
-- A value of at most this many bytes is part of the log. A larger one is fetched by the watches that want it.
local INLINE_VALUE = 1024
-- A record of the log that is longer than this many bytes takes no more values.
local INLINE_RECORD = 16 * 1024
-- A record of at most this many bytes is published whole. For a longer one only the version is, and its readers fetch it.
local INLINE_MESSAGE = 4096
-- How long the length of a prefix is remembered, in milliseconds. Watches renew it after half of that time.
local LENGTH_LIFE = 60000

local call = redis.call
local meta_key, base, channels, log_length = KEYS[1], ARGV[1], ARGV[2], ARGV[3]
local clock = call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local meta = call('HMGET', meta_key, 'format', 'version', 'base', 'initialized', 'watched')
local newest = tonumber(meta[2] or 0)

if not meta[1] then
  if call('EXISTS', base .. 'keys:user', base .. 'keys:system', base .. 'due', base .. 'log') > 0 then
    return redis.error_reply('IPCTOOLS FOREIGN_PREFIX')
  end
elseif meta[1] ~= FORMAT then
  return redis.error_reply('IPCTOOLS NEWER_FORMAT ' .. meta[1] .. ' ' .. FORMAT)
end
