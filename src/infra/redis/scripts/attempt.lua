-- Counts one attempt; too many of them close the door for a while, twice as long each time.
-- KEYS: 1 hash of the attempts of one subject.
-- ARGV: 1 now in Unix ms, 2 attempts per window, 3 window in ms, 4 longest wait in ms, 5 ms that the hash lives.
-- Returns milliseconds to wait; 0 lets the attempt in.
local now, window = tonumber(ARGV[1]), tonumber(ARGV[3])
local saved = redis.call("HMGET", KEYS[1], "closed", "start", "count", "strikes")
local closed, start = tonumber(saved[1] or "0"), tonumber(saved[2] or "0")
local count, strikes = tonumber(saved[3] or "0"), tonumber(saved[4] or "0")
if now < closed then return closed - now end
if now - start >= window then
  start = now
  count = 0
end
count = count + 1
local wait = 0
if count > tonumber(ARGV[2]) then
  wait = math.min(window * 2 ^ strikes, tonumber(ARGV[4]))
  strikes = math.min(strikes + 1, 30)
  closed = now + wait
  count = 0
end
redis.call("HSET", KEYS[1], "closed", string.format("%.0f", closed), "start", string.format("%.0f", start),
  "count", string.format("%.0f", count), "strikes", string.format("%.0f", strikes))
redis.call("PEXPIRE", KEYS[1], ARGV[5])
return math.ceil(wait)
