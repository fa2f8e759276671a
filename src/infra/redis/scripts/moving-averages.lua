-- Adds one call to the averages of its chute.
-- KEYS: 1 classic average, 2 its count, 3 its last value, 4 and 5 hashes of adaptive averages (prompt, output).
-- ARGV: 1 now in Unix seconds, 2 value of the classic average, 3 and 4 values of the adaptive ones, empty = only read,
--   5 seconds that everything lives, 6 count that makes an adaptive average ready.
-- Returns the three averages as text, empty when there is none or it is not ready.
local function exact(number) return string.format("%.17g", number) end

local function classic()
  local average = tonumber(redis.call("GET", KEYS[1]) or nil)
  local value = tonumber(ARGV[2])
  if not value then return average and exact(average) or "" end
  local weight = 2 / (10000 + 1)
  average = average and weight * value + (1 - weight) * average or value
  local count = math.min(tonumber(redis.call("GET", KEYS[2]) or "0") + 1, 10000)
  redis.call("SET", KEYS[1], exact(average), "EX", ARGV[5])
  redis.call("SET", KEYS[2], exact(count), "EX", ARGV[5])
  redis.call("SET", KEYS[3], ARGV[2], "EX", ARGV[5])
  return exact(average)
end

-- Busy chutes weigh a single call less, so that the average always looks back over about ten minutes.
local function adaptive(key, text)
  local stored = redis.call("HMGET", key, "ema", "count", "last_time", "recent_rate", "last_alpha")
  local average, count = tonumber(stored[1] or nil), tonumber(stored[2] or "0")
  local value = tonumber(text)
  if value then
    local rate, weight = 1, 0.1
    if average then
      local gap = tonumber(ARGV[1]) - tonumber(stored[3])
      rate = tonumber(stored[4])
      if gap > 0 then rate = 0.1 * (1 / gap) + 0.9 * rate end
      weight = math.max(0.0001, math.min(1 / (rate * 600), 0.1))
      average = weight * value + (1 - weight) * average
    else
      average = value
    end
    count = count + 1
    redis.call("HSET", key, "ema", exact(average), "count", exact(count), "last_time", ARGV[1],
      "recent_rate", exact(rate), "last_alpha", exact(weight))
    redis.call("EXPIRE", key, ARGV[5])
  end
  return average and count >= tonumber(ARGV[6]) and exact(average) or ""
end

return { classic(), adaptive(KEYS[4], ARGV[3]), adaptive(KEYS[5], ARGV[4]) }
