-- The lengths of the prefixes that are watched.

-- Forgets the lengths that have expired. A server that is full, or that cannot write to its disk, may refuse: then lengths are new
-- at each call, and their watches read the log.
local function forget_lengths()
  if type(redis.pcall('ZREMRANGEBYSCORE', base .. 'watched', '-inf', '(' .. int(now))) == 'table' then return end
  call('HSET', meta_key, 'watched', table.concat(call('ZRANGE', base .. 'watched', 0, -1), ','))
end

-- Remembers the lengths in the arguments, from number `from` on. Returns whether one of them was not remembered.
local function remember_lengths(from)
  local is_new, is_changed = false, false
  for i = from, #ARGV do
    local ends = tonumber(call('ZSCORE', base .. 'watched', ARGV[i]) or 0)
    if ends == 0 then is_new = true end
    if ends < now + LENGTH_LIFE / 2 then
      local reply = redis.pcall('ZADD', base .. 'watched', int(now + LENGTH_LIFE), ARGV[i])
      is_changed = is_changed or type(reply) ~= 'table'
    end
  end
  if is_changed then
    ensure_meta()
    forget_lengths()
  end
  return is_new
end
