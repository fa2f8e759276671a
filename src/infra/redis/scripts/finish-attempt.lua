-- Gives an instance's slot back and brings its connection count to what the instance itself reported.
-- KEYS: 1 connections, 2 consecutive failures, 3 disabled mark, 4 disables of the last hour, 5 prompt prefix and
--   6 counter of equal requests, both empty when unused.
-- ARGV: 1 now in Unix ms, 2 id of the slot, 3 reported connections or -1, 4 difference that is left alone,
--   5 Unix ms until which reported connections count, 6 "1" after a success, 7 and 8 seconds that KEYS 5 and 6 live,
--   9 seconds that connections live.
-- Returns how often this very request was made lately, this time included; 0 when not asked.
local now = tonumber(ARGV[1])
redis.call("ZREM", KEYS[1], ARGV[2])

local function reconcile(reported)
  redis.call("ZREMRANGEBYSCORE", KEYS[1], "-inf", ARGV[1])
  local count = redis.call("ZCARD", KEYS[1])
  if math.abs(reported - count) <= tonumber(ARGV[4]) then return end
  -- Stand-ins fill the gap between our own calls and the report; a leaked call of ours ends with its lease.
  local own = 0
  for _, member in ipairs(redis.call("ZRANGE", KEYS[1], 0, -1)) do
    if string.sub(member, 1, 9) == "reported:" then redis.call("ZREM", KEYS[1], member) else own = own + 1 end
  end
  for slot = 1, math.min(reported - own, 1024) do
    redis.call("ZADD", KEYS[1], ARGV[5], "reported:" .. string.format("%d", slot))
  end
  if reported > own then redis.call("EXPIRE", KEYS[1], ARGV[9]) end
end

local reported = tonumber(ARGV[3])
if reported >= 0 then reconcile(reported) end
if ARGV[6] ~= "1" then return 0 end
redis.call("DEL", KEYS[2], KEYS[3], KEYS[4])
if KEYS[5] ~= "" then redis.call("SET", KEYS[5], "1", "EX", ARGV[7]) end
if KEYS[6] == "" then return 0 end
local times = redis.call("INCR", KEYS[6])
redis.call("EXPIRE", KEYS[6], ARGV[8])
return times
