-- Takes a value and its entry in an index in one step, so that of two takers exactly one gets it.
-- KEYS: 1 value, 2 sorted set that lists what is open. ARGV: 1 member of the sorted set.
-- Returns the value, or nil when there is none.
local value = redis.call("GET", KEYS[1])
redis.call("ZREM", KEYS[2], ARGV[1])
if value then
  redis.call("DEL", KEYS[1])
end
return value
