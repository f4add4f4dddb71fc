-- The end of the commit script: it replies whether the checks held (1 or 0), the newest version, and the entries of each read. (Where
-- a session has ended, commit.lua replies -1 and its id.)
local reply = { ok and 1 or 0, int(newest) }
for _ = 1, nreads do
  local kind, space, min, max = ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3]
  local order, reverse, limit = ARGV[at + 4], ARGV[at + 5] == '1', tonumber(ARGV[at + 6])
  at = at + 7
  local index = base .. 'keys:' .. space
  local keys
  if kind == 'key' then
    keys = { min }
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
        if reverse then
          a, b = b, a
        end
        if created[a] ~= created[b] then return created[a] < created[b] end
        return position[a] < position[b]
      end)
      keys = found
      if limit > 0 then
        for i = #keys, limit + 1, -1 do
          keys[i] = nil
        end
      end
    end
  end
  local entries = {}
  for _, key in ipairs(keys) do
    local entry =
      call('HMGET', base .. space .. ':' .. key, 'value', 'version', 'created', 'type', 'session', 'expires')
    if entry[2] then
      entries[#entries + 1] = key
      entries[#entries + 1] = entry
    end
  end
  reply[#reply + 1] = entries
end
return reply
