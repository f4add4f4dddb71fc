-- The end of the control script: sessions, the sweep, the log, the pulse.
local op = ARGV[4]

if op == 'hello' then
  -- A user without the permission to publish gets the error before anything is written.
  call('PUBLISH', channels .. 'hello', '')
  -- The history is not that of the last client that connected, so versions that were given may be lost. Count from higher up.
  if meta[1] and ARGV[5] ~= '' and call('HGET', meta_key, 'replid') ~= ARGV[5] then
    -- A server that is full refuses the first write of a script, unless that write frees memory. Then it takes the others too.
    call('HDEL', meta_key, 'base')
    call('HSET', meta_key, 'replid', ARGV[5], 'base', int(micros()))
  end
  if call('ZCOUNT', base .. 'watched', '-inf', '(' .. int(now)) > 0 then forget_lengths() end
  return { meta[1] or '', int(newest) }
end

if op == 'log' then
  if ARGV[5] == '' then return { int(newest), {}, int(now) } end
  remember_lengths(7)
  return { int(newest), call('XRANGE', base .. 'log', '(' .. ARGV[5] .. '-0', '+', 'COUNT', ARGV[6]) }
end

if op == 'open' then
  sweep()
  ensure_meta()
  call('ZADD', base .. 'due', int(now + ARGV[6]), 'session ' .. ARGV[5])
  return 1
end

sweep()

if op == 'refresh' then
  if not call('ZSCORE', base .. 'due', 'session ' .. ARGV[5]) then return 0 end
  call('ZADD', base .. 'due', int(now + ARGV[6]), 'session ' .. ARGV[5])
  return 1
end

if op == 'end' then
  end_session(ARGV[5])
  finish()
  return 1
end

-- 'sweep': replies the newest version, and in how many milliseconds something is due next. With a channel it also publishes the pulse,
-- which arrives after all that was published before: '<newest version> <1: the log has to be read> <mark of the store's history>'.
local receivers = -1
if ARGV[5] then
  local missed = remember_lengths(6) and ' 1 ' or ' 0 '
  receivers = call('PUBLISH', ARGV[5], int(newest) .. missed .. (call('HGET', meta_key, 'born') or '-'))
end
local soonest = call('ZRANGE', base .. 'due', 0, 0, 'WITHSCORES')
return { int(newest), soonest[2] and math.max(0, tonumber(soonest[2]) - now) or -1, receivers }
