/** A record of the log up to so many bytes is published whole; of a longer one only the version, for its readers to fetch it. */
const INLINE_MESSAGE = 4096;
/** For how long a prefix's length is remembered, in milliseconds. Those who watch renew it in half that time. */
const LENGTH_LIFE = 60_000;

/*
 * Who waits for a key is known to the server alone, as its table of subscribers: nothing of a watcher that died is left
 * behind, and telling nobody costs a microsecond. A commit publishes its record of the log on a channel of each of its keys,
 *
 *   {prefix}:<database>:k:<space>:<key>
 *   {prefix}:<database>:p:<space>:<the key's first bytes>      for each length of a prefix that somebody watches
 *   {prefix}:<database>:e:<engine>                             an engine's own: see control-script.ts
 *
 * as `<version>\n<record>`, or `<version>\n` where the record is long. (Pub/sub knows no databases, so their number is in the
 * name.) Prefixes have channels too, and are not patterns (PSUBSCRIBE): the server compares every message on it with every
 * pattern of everybody, and an ACL that is to permit patterns below a prefix has to permit all channels. What has to be
 * known for that are the few different lengths: the set `watched`, and as a text the field of that name of `meta`.
 */
export const PUBLISH = String.raw`
local function publish(version, record, keys)
  local message = version .. '\n'
  if #record <= ${INLINE_MESSAGE} then message = message .. record end
  local told = {}
  for i = 1, #keys, 2 do
    local space, key = keys[i], keys[i + 1]
    call('PUBLISH', channels .. 'k:' .. space .. ':' .. key, message)
    for of, length in string.gmatch(meta[5] or '', '(%l+) (%d+)') do
      length = tonumber(length)
      if of == space and length <= #key then
        local channel = channels .. 'p:' .. space .. ':' .. string.sub(key, 1, length)
        if not told[channel] then call('PUBLISH', channel, message) end
        told[channel] = true
      end
    end
  end
end
`;

/** For the control script: remembers lengths, its arguments from one of them on. Returns whether one of them was not remembered. */
export const REMEMBER = `
-- A server that is full, or cannot write to its disk, may refuse. Then lengths are new at each call, and their watchers read the log.
local function forget_lengths()
  if type(redis.pcall('ZREMRANGEBYSCORE', base .. 'watched', '-inf', '(' .. int(now))) == 'table' then return end
  call('HSET', meta_key, 'watched', table.concat(call('ZRANGE', base .. 'watched', 0, -1), ','))
end

local function remember_lengths(from)
  local is_new, is_changed = false, false
  for i = from, #ARGV do
    local ends = tonumber(call('ZSCORE', base .. 'watched', ARGV[i]) or 0)
    if ends == 0 then is_new = true end
    if ends < now + ${LENGTH_LIFE / 2} then
      local reply = redis.pcall('ZADD', base .. 'watched', int(now + ${LENGTH_LIFE}), ARGV[i])
      is_changed = is_changed or type(reply) ~= 'table'
    end
  end
  if is_changed then
    ensure_meta()
    forget_lengths()
  end
  return is_new
end
`;
