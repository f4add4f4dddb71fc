-- How a script changes entries: it notes each change, and `finish` gives all of them one revision and one record of the log.
local function int(n) return string.format('%.0f', n) end

local function micros() return (clock[1] - 1735689600) * 1000000 + clock[2] end

local function ensure_meta()
  if not meta[1] then
    call('HSET', meta_key, 'format', FORMAT, 'born', string.format('%.0f', micros()))
    meta[1] = FORMAT
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

-- Removes the entries and sessions that have expired: the first script after that does it, once, in one revision of its own.
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
