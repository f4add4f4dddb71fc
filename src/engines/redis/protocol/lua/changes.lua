-- How a script changes entries: it notes each change, and `finish` gives all of them one version and one record of the log.
local function int(n) return string.format('%.0f', n) end

local function micros() return (clock[1] - 1735689600) * 1000000 + clock[2] end

local function ensure_meta()
  if not meta[1] then
    call('HSET', meta_key, 'format', FORMAT, 'born', string.format('%.0f', micros()))
    meta[1] = FORMAT
  end
end

local pending, changes, touched, size, upcoming = 0, {}, {}, 0, nil

local function next_version()
  if not upcoming then
    upcoming = newest + 1
    local floor = tonumber(meta[3] or 0)
    if not meta[2] then floor = micros() end
    if floor > upcoming then upcoming = floor end
    upcoming = int(upcoming)
  end
  return upcoming
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
  local record = int(newest) .. ' ' .. pending .. ' ' .. int(now) .. '\n' .. table.concat(changes)
  call('HSET', meta_key, 'version', upcoming)
  meta[2] = upcoming
  call('XADD', base .. 'log', 'MAXLEN', '~', log_length, upcoming .. '-0', 'changes', record)
  publish(upcoming, record, touched)
  newest = tonumber(upcoming)
  pending, changes, touched, size, upcoming = 0, {}, {}, 0, nil
end

local function folder_of(key) return string.match(key, '^(.*/)') or '' end

-- Deletes an entry. `old` is its `state_of`.
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

-- Removes the entries and sessions that have expired: the first script after that does it, once, in a version of its own.
local function sweep()
  local due = call('ZRANGEBYSCORE', base .. 'due', '-inf', int(now))
  for _, member in ipairs(due) do
    local kind, name = split(member)
    if kind == 'session' then
      end_session(name)
    else
      local old = state_of(kind, name)
      if old[1] then
        drop(kind, name, old)
      else
        call('ZREM', base .. 'due', member)
      end
    end
  end
  finish()
end
