-- Counts a failure of an instance; too many in a row disable it, too many disables in an hour mark it for deletion.
-- KEYS: 1 failures in a row, 2 disabled mark, 3 sorted set of disables, 4 deletion mark, 5 sorted set of all deletion marks.
-- ARGV: 1 now in Unix ms, 2 failures that disable, 3 seconds of the first disable, 4 disables that are forgiven,
--   5 milliseconds a disable is remembered, 6 id of this failure, 7 seconds of the deletion mark, 8 instance id.
-- Returns { failures in a row, disables in the last hour or 0, 1 when it is now to be deleted }.
local failures = redis.call("INCR", KEYS[1])
if failures < tonumber(ARGV[2]) then return { failures, 0, 0 } end
if redis.call("EXISTS", KEYS[2]) == 1 then return { failures, 0, 0 } end
redis.call("SET", KEYS[2], "1", "EX", ARGV[3])
local now = tonumber(ARGV[1])
redis.call("ZREMRANGEBYSCORE", KEYS[3], "-inf", tostring(now - tonumber(ARGV[5])))
redis.call("ZADD", KEYS[3], ARGV[1], ARGV[6])
redis.call("PEXPIRE", KEYS[3], ARGV[5])
local disables = redis.call("ZCARD", KEYS[3])
if disables <= tonumber(ARGV[4]) then
  redis.call("EXPIRE", KEYS[2], tostring(disables * tonumber(ARGV[3])))
  return { failures, disables, 0 }
end
redis.call("SET", KEYS[4], "1", "EX", ARGV[7])
redis.call("ZREMRANGEBYSCORE", KEYS[5], "-inf", ARGV[1])
redis.call("ZADD", KEYS[5], tostring(now + 1000 * tonumber(ARGV[7])), ARGV[8])
return { failures, disables, 1 }
