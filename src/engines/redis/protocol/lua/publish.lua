-- The server's own table of subscribers is the only record of the watches that wait for a key. So a watch that died leaves
-- nothing behind, and a message to no subscriber costs a microsecond. A commit publishes its record of the log on a channel of each
-- of its keys:
--
--   {prefix}:<database>:k:<space>:<key>
--   {prefix}:<database>:p:<space>:<the key's first bytes>   for each length of a prefix that is watched
--   {prefix}:<database>:e:<engine>                          an engine's own: see control.lua
--
-- as `<version>\n<record>`, or `<version>\n` where the record is long. Prefixes have channels too, and are not patterns
-- (PSUBSCRIBE), because the server compares every message on it with the patterns of every client, and an ACL that is to permit
-- patterns below a prefix has to permit all channels. The script has to know the few different lengths for that: the set
-- `watched`, and as a text the field of that name of `meta`.
local function publish(version, record, keys)
  local message = version .. '\n'
  if #record <= INLINE_MESSAGE then message = message .. record end
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
