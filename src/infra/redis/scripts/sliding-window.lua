-- Counts a request in the window that ends now, unless the window is full.
-- KEYS: 1 sorted set of requests by time. ARGV: 1 now and 2 window in milliseconds, 3 limit, 4 id of the request.
-- Returns { 1 allowed or 0, requests left, milliseconds until one is allowed again }.
local now, window, limit = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
redis.call("ZREMRANGEBYSCORE", KEYS[1], "-inf", now - window)
local used = redis.call("ZCARD", KEYS[1])
if used < limit then
  redis.call("ZADD", KEYS[1], ARGV[1], ARGV[4])
  redis.call("PEXPIRE", KEYS[1], ARGV[2])
  return { 1, limit - used - 1, 0 }
end
local oldest = redis.call("ZRANGE", KEYS[1], 0, 0, "WITHSCORES")
return { 0, 0, tonumber(oldest[2] or ARGV[1]) + window - now }
