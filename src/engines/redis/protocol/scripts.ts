import { createHash } from "node:crypto";
import { CONTROL } from "./control-script.ts";
import { PUBLISH } from "./publish-script.ts";

/*
 * All that changes a store runs in one of these scripts, and Redis runs a script alone from its first line to its last: that
 * is the atomicity and isolation of a commit. Scripts (EVALSHA, with EVAL where the server has forgotten them) and not a
 * function library: they leave nothing on the server that two versions of this package could fight over, come back by
 * themselves after a restart, a fail-over or a SCRIPT FLUSH, and need no administrator's permission.
 *
 * What is stored, every key beginning with `{prefix}:` so that all of them are in one slot of a cluster:
 *
 *   meta                  hash: format, born (when), revision (of the last change), initialized, replid, base, watched (see
 *                         publish-script.ts)
 *   user:<key>            hash: value, version, created, and where they apply type (bytes), session, expires (ms)
 *   system:<key>          the same for the entries of coordination
 *   keys:user             sorted set, all scores 0: the keys in the order of their bytes
 *   keys:system
 *   order:<folder>        sorted set: the keys of coordination below `<folder>` by revision of creation
 *   due                   sorted set: what ends when (ms): `session <id>`, `user <key>`, `system <key>`
 *   session:<id>          set: the entries bound to the session, `user <key>` or `system <key>`
 *   watched               sorted set: lengths of the prefixes that are watched, `user <bytes>` or `system <bytes>`, and until when (ms)
 *   log                   stream, bounded: for each revision its changes, under the id `<revision>-0`
 */

export interface Script {
  readonly text: string;
  readonly sha: string;
}

export interface Scripts {
  /** Checks, mutations, reads. Arguments: `commitArguments`. */
  readonly commit: Script;
  /** Sessions, the sweep, the log. Arguments: base, channels, log length, operation, its own. */
  readonly control: Script;
}

/** A value up to so many bytes stands in the log; a larger one is fetched by those who want it. */
const INLINE_VALUE = 1024;
/** A record that has become so long takes no more values. */
const INLINE_RECORD = 16 * 1024;

/*
 * Revisions count up by one. A store's first one is the time in microseconds since 2025, and so is the next one after the
 * server's replication history changed (`base`, set by the first client that notices): so versions, which are fencing tokens,
 * grow also across a flushed database and across a fail-over that lost the newest commits. Numbers are written with %.0f:
 * Lua's own way rounds to 14 digits.
 *
 * A log record is text: `<revision before> <number of changes> <time, ms>\n`, then for each change a line of words with the lengths in
 * bytes of what follows it: `delete <space> <key>` or `set <space> <key> <value, or -1: not here> <type> <created> <session>
 * <expires, or 0>`; then the key, the value and the session themselves.
 */
const HEAD = `
local call = redis.call
local meta_key, base, channels, log_length = KEYS[1], ARGV[1], ARGV[2], ARGV[3]
local clock = call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local meta = call('HMGET', meta_key, 'format', 'revision', 'base', 'initialized', 'watched')
local revision = tonumber(meta[2] or 0)

if not meta[1] then
  if call('EXISTS', base .. 'keys:user', base .. 'keys:system', base .. 'due', base .. 'log') > 0 then
    return redis.error_reply('IPCTOOLS FOREIGN_PREFIX')
  end
elseif meta[1] ~= '1' then
  return redis.error_reply('IPCTOOLS NEWER_FORMAT ' .. meta[1])
end
`;

/*
 * The commonest commit, an update of one entry that is bound to nothing, while nothing is due: the rest of the script would
 * do the same with more ado (half as much again).
 */
const UPDATE = String.raw`
if ARGV[7] == 'set' and ARGV[5] == '1' and ARGV[4] == '0' and ARGV[6] == '0' and ARGV[11] == '' and ARGV[12] == ''
  and meta[2] and tonumber(meta[3] or 0) <= revision
  and #call('ZRANGEBYSCORE', base .. 'due', '-inf', now, 'LIMIT', 0, 1) == 0 then
  local space, key, kind, value = ARGV[8], ARGV[9], ARGV[10], ARGV[13]
  local entry = base .. space .. ':' .. key
  local old = call('HMGET', entry, 'version', 'created', 'type', 'session', 'expires')
  if old[1] and not old[4] and not old[5] and (old[3] or 'text') == kind then
    local version, length, logged = string.format('%.0f', revision + 1), #value, value
    if length > ${INLINE_VALUE} then length, logged = -1, '' end
    call('HSET', entry, 'value', value, 'version', version)
    call('HSET', meta_key, 'revision', version)
    local record = meta[2] .. ' 1 ' .. string.format('%.0f', now) .. '\nset ' .. space .. ' ' .. #key .. ' ' .. length .. ' '
      .. kind .. ' ' .. old[2] .. ' 0 0\n' .. key .. logged
    call('XADD', base .. 'log', 'MAXLEN', '~', log_length, version .. '-0', 'changes', record)
    publish(version, record, {space, key})
    return {1, version}
  end
end
`;

const FUNCTIONS = String.raw`
local function int(n) return string.format('%.0f', n) end

local function micros() return (clock[1] - 1735689600) * 1000000 + clock[2] end

local function ensure_meta()
  if not meta[1] then
    call('HSET', meta_key, 'format', '1', 'born', string.format('%.0f', micros()))
    meta[1] = '1'
  end
end

local pending, changes, touched, size, next_revision = 0, {}, {}, 0, nil

local function next_version()
  if not next_revision then
    next_revision = revision + 1
    local floor = tonumber(meta[3] or 0)
    if not meta[2] then floor = micros() end
    if floor > next_revision then next_revision = floor end
    next_revision = int(next_revision)
  end
  return next_revision
end

local function note(space, key, record)
  pending = pending + 1
  touched[#touched + 1] = space
  touched[#touched + 1] = key
  changes[#changes + 1] = record
  size = size + #record
end

local function finish()
  if pending == 0 then return end
  ensure_meta()
  local record = int(revision) .. ' ' .. pending .. ' ' .. int(now) .. '\n' .. table.concat(changes)
  call('HSET', meta_key, 'revision', next_revision)
  meta[2] = next_revision
  call('XADD', base .. 'log', 'MAXLEN', '~', log_length, next_revision .. '-0', 'changes', record)
  publish(next_revision, record, touched)
  revision = tonumber(next_revision)
  pending, changes, touched, size, next_revision = 0, {}, {}, 0, nil
end

local function folder_of(key)
  return string.match(key, '^(.*/)') or ''
end

-- old: version, created, session, expires, type
local function drop(space, key, old)
  next_version()
  call('DEL', base .. space .. ':' .. key)
  call('ZREM', base .. 'keys:' .. space, key)
  if space == 'system' then call('ZREM', base .. 'order:' .. folder_of(key), key) end
  if old[3] then call('SREM', base .. 'session:' .. old[3], space .. ' ' .. key) end
  if old[4] then call('ZREM', base .. 'due', space .. ' ' .. key) end
  note(space, key, 'delete ' .. space .. ' ' .. #key .. '\n' .. key)
end

local function state_of(space, key)
  return call('HMGET', base .. space .. ':' .. key, 'version', 'created', 'session', 'expires', 'type')
end

local function split(member)
  local at = string.find(member, ' ', 1, true)
  return string.sub(member, 1, at - 1), string.sub(member, at + 1)
end

local function end_session(id)
  for _, member in ipairs(call('SMEMBERS', base .. 'session:' .. id)) do
    local space, key = split(member)
    local old = state_of(space, key)
    if old[1] then drop(space, key, old) end
  end
  call('DEL', base .. 'session:' .. id)
  call('ZREM', base .. 'due', 'session ' .. id)
end

-- Whoever comes first after a time ran out ends what it was of: once, in one revision, with delete events.
local function sweep()
  local due = call('ZRANGEBYSCORE', base .. 'due', '-inf', int(now))
  for _, member in ipairs(due) do
    local kind, name = split(member)
    if kind == 'session' then
      end_session(name)
    else
      local old = state_of(kind, name)
      if old[1] then drop(kind, name, old) else call('ZREM', base .. 'due', member) end
    end
  end
  finish()
end
`;

const COMMIT = String.raw`
sweep()
local ok = true
local nchecks, nmutations, nreads = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local at = 7

for _ = 1, nchecks do
  local kind, space = ARGV[at], ARGV[at + 1]
  if kind == 'version' then
    local version = call('HGET', base .. space .. ':' .. ARGV[at + 2], 'version') or '0'
    if version ~= ARGV[at + 3] then ok = false end
  elseif #call('ZRANGEBYLEX', base .. 'keys:' .. space, ARGV[at + 2], ARGV[at + 3], 'LIMIT', 0, 1) > 0 then
    ok = false
  end
  at = at + 4
end

-- All that can fail comes before the first write: nothing is undone in a script.
local olds, alive = {}, {}
if ok then
  local m = at
  for i = 1, nmutations do
    olds[i] = state_of(ARGV[m + 1], ARGV[m + 2])
    if ARGV[m] == 'set' then
      local session = ARGV[m + 4]
      if session ~= '' and not alive[session] then
        if not call('ZSCORE', base .. 'due', 'session ' .. session) then
          return redis.error_reply('IPCTOOLS SESSION_LOST ' .. session)
        end
        alive[session] = true
      end
      m = m + 7
    else
      m = m + 3
    end
  end
end

for i = 1, nmutations do
  local op, space, key = ARGV[at], ARGV[at + 1], ARGV[at + 2]
  local old = olds[i]
  if op == 'set' then
    if ok then
      local kind, session, ttl, value = ARGV[at + 3], ARGV[at + 4], ARGV[at + 5], ARGV[at + 6]
      local entry, member = base .. space .. ':' .. key, space .. ' ' .. key
      local version = next_version()
      local created = old[2] or version
      local expires = '0'
      call('HSET', entry, 'value', value, 'version', version, 'created', created)
      if not old[1] then
        call('ZADD', base .. 'keys:' .. space, 0, key)
        if space == 'system' then call('ZADD', base .. 'order:' .. folder_of(key), created, key) end
      end
      if kind == 'bytes' then call('HSET', entry, 'type', kind) elseif old[5] then call('HDEL', entry, 'type') end
      if old[3] and old[3] ~= session then
        call('SREM', base .. 'session:' .. old[3], member)
        if session == '' then call('HDEL', entry, 'session') end
      end
      if session ~= '' then
        call('HSET', entry, 'session', session)
        call('SADD', base .. 'session:' .. session, member)
      end
      if ttl ~= '' then
        expires = int(now + tonumber(ttl))
        call('HSET', entry, 'expires', expires)
        call('ZADD', base .. 'due', expires, member)
      elseif old[4] then
        call('HDEL', entry, 'expires')
        call('ZREM', base .. 'due', member)
      end
      if space == 'user' and not meta[4] then
        ensure_meta()
        call('HSET', meta_key, 'initialized', '1')
        meta[4] = '1'
      end
      local inline = #value <= ${INLINE_VALUE} and size <= ${INLINE_RECORD}
      note(space, key, table.concat({'set', space, #key, inline and #value or -1, kind, created, #session, expires}, ' ')
        .. '\n' .. key .. (inline and value or '') .. session)
    end
    at = at + 7
  else
    if ok and old[1] then drop(space, key, old) end
    at = at + 3
  end
end
finish()

local reply = {ok and 1 or 0, int(revision)}
for _ = 1, nreads do
  local kind, space, min, max = ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3]
  local order, reverse, limit = ARGV[at + 4], ARGV[at + 5] == '1', tonumber(ARGV[at + 6])
  at = at + 7
  local index = base .. 'keys:' .. space
  local keys
  if kind == 'key' then
    keys = {min}
  elseif order == 'key' then
    if reverse then
      keys = call('ZREVRANGEBYLEX', index, max, min, 'LIMIT', 0, limit)
    else
      keys = call('ZRANGEBYLEX', index, min, max, 'LIMIT', 0, limit)
    end
  else
    local last = limit - (limit > 0 and 1 or 0)
    local folder = space == 'system' and base .. 'order:' .. string.sub(min, 2)
    if folder and call('ZCARD', folder) == call('ZLEXCOUNT', index, min, max) then
      -- The folder's own keys are a part of the range's, and as many: the same ones.
      keys = call(reverse and 'ZREVRANGE' or 'ZRANGE', folder, 0, last)
    else
      local found = call('ZRANGEBYLEX', index, min, max)
      local created, position = {}, {}
      for i, key in ipairs(found) do
        created[key] = tonumber(call('HGET', base .. space .. ':' .. key, 'created'))
        position[key] = i
      end
      table.sort(found, function(a, b)
        if reverse then a, b = b, a end
        if created[a] ~= created[b] then return created[a] < created[b] end
        return position[a] < position[b]
      end)
      keys = found
      if limit > 0 then for i = #keys, limit + 1, -1 do keys[i] = nil end end
    end
  end
  local entries = {}
  for _, key in ipairs(keys) do
    local entry = call('HMGET', base .. space .. ':' .. key, 'value', 'version', 'created', 'type', 'session', 'expires')
    if entry[2] then
      entries[#entries + 1] = key
      entries[#entries + 1] = entry
    end
  end
  reply[#reply + 1] = entries
end
return reply
`;

function script(text: string): Script {
  return { text, sha: createHash("sha1").update(text).digest("hex") };
}

export const SCRIPTS: Scripts = {
  commit: script(HEAD + PUBLISH + UPDATE + FUNCTIONS + COMMIT),
  control: script(HEAD + PUBLISH + FUNCTIONS + CONTROL),
};
