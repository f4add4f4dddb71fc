-- The short way of the commonest commit: an update of one entry that is bound to nothing, while nothing is due. The rest of the
-- script would do the same, but takes half as long again.
if
  ARGV[7] == 'set'
  and ARGV[5] == '1'
  and ARGV[4] == '0'
  and ARGV[6] == '0'
  and ARGV[11] == ''
  and ARGV[12] == ''
  and meta[2]
  and tonumber(meta[3] or 0) <= newest
  and #call('ZRANGEBYSCORE', base .. 'due', '-inf', now, 'LIMIT', 0, 1) == 0
then
  local space, key, kind, value = ARGV[8], ARGV[9], ARGV[10], ARGV[13]
  local entry = base .. space .. ':' .. key
  local old = call('HMGET', entry, 'version', 'created', 'type', 'session', 'expires')
  if old[1] and not old[4] and not old[5] and (old[3] or 'text') == kind then
    local version, length, logged = string.format('%.0f', newest + 1), #value, value
    if length > INLINE_VALUE then
      length, logged = -1, ''
    end
    call('HSET', entry, 'value', value, 'version', version)
    call('HSET', meta_key, 'version', version)
    -- Only the words are formatted, because string.format ends a string at its first zero byte.
    local words = string.format('%s 1 %.0f\nset %s %d %d %s %s 0 0\n', meta[2], now, space, #key, length, kind, old[2])
    local record = words .. key .. logged
    call('XADD', base .. 'log', 'MAXLEN', '~', log_length, version .. '-0', 'changes', record)
    publish(version, record, { space, key })
    return { 1, version }
  end
end
