/** The end of the control script, after what scripts.ts puts before it: sessions, the sweep, the log. */
export const CONTROL = `
local op = ARGV[3]

if op == 'hello' then
  -- Another history than the one of the last client that came: what was counted on may be lost. Count from higher up.
  if meta[1] and ARGV[4] ~= '' and call('HGET', meta_key, 'replid') ~= ARGV[4] then
    -- A server that is full refuses a script's first write, unless that one frees something: then it takes the others too.
    call('HDEL', meta_key, 'base')
    call('HSET', meta_key, 'replid', ARGV[4], 'base', int(micros()))
  end
  return {meta[1] or '', int(revision)}
end

if op == 'log' then
  if ARGV[4] == '' then return {int(revision), {}, int(now)} end
  return {int(revision), call('XRANGE', base .. 'log', '(' .. ARGV[4] .. '-0', '+', 'COUNT', ARGV[5])}
end

if op == 'open' then
  sweep()
  ensure_meta()
  call('ZADD', base .. 'due', int(now + ARGV[5]), 'session ' .. ARGV[4])
  return 1
end

sweep()

if op == 'refresh' then
  if not call('ZSCORE', base .. 'due', 'session ' .. ARGV[4]) then return 0 end
  call('ZADD', base .. 'due', int(now + ARGV[5]), 'session ' .. ARGV[4])
  return 1
end

if op == 'end' then
  end_session(ARGV[4])
  finish()
  return 1
end

-- 'sweep': the revision, and in how many milliseconds something is due next.
local soonest = call('ZRANGE', base .. 'due', 0, 0, 'WITHSCORES')
return {int(revision), soonest[2] and math.max(0, tonumber(soonest[2]) - now) or -1}
`;
