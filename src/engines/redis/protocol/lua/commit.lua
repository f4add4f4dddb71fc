-- The commit itself: checks, then mutations. Its arguments are those of `commitArguments` in wire.ts.
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

-- All that can fail comes before the first write, because Redis undoes nothing of a script.
local olds, alive = {}, {}
if ok then
  local m = at
  for i = 1, nmutations do
    olds[i] = state_of(ARGV[m + 1], ARGV[m + 2])
    if ARGV[m] == 'set' then
      local session = ARGV[m + 4]
      if session ~= '' and not alive[session] then
        if not call('ZSCORE', base .. 'due', 'session ' .. session) then return { -1, session } end
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
      if kind == 'bytes' then
        call('HSET', entry, 'type', kind)
      elseif old[5] then
        call('HDEL', entry, 'type')
      end
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
      local inline = #value <= INLINE_VALUE and size <= INLINE_RECORD
      note(
        space,
        key,
        table.concat({ 'set', space, #key, inline and #value or -1, kind, created, #session, expires }, ' ')
          .. '\n'
          .. key
          .. (inline and value or '')
          .. session
      )
    end
    at = at + 7
  else
    if ok and old[1] then drop(space, key, old) end
    at = at + 3
  end
end
finish()
