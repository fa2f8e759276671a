-- Lets a call in and takes a slot of the instance that will serve it, in one step.
-- KEYS: 1 maintenance mark, 2 quota counter, 3 sorted set of the caller's requests; empty = not asked.
-- ARGV: 1 now and 2 end of the slot's lease in Unix ms, 3 id of the slot, 4 slots per instance, 5 random number in [0, 1),
--   6 instance ids and 7 key prefixes of prompt prefixes (longest first), both joined by commas,
--   8 key prefix of connections and 9 of disabled marks,
--   10 quota or -1, 11 quota a call uses, 12 "1" when the caller pays beyond the quota,
--   13 requests per window or 0, 14 window in ms, 15 and 16 seconds that connections and quota counters live.
-- Without instance ids nothing is taken or counted: the answer says whether the call would be let in.
-- Returns { verdict, place of the instance in the list, mean connections, "1" when within the quota, quota used before,
--   milliseconds to wait, candidates }. Verdicts: chosen, open, overload, none, maintenance, quota, rate.
local now = tonumber(ARGV[1])
local takes = ARGV[6] ~= ""
local quota, used = tonumber(ARGV[10]), "0"

local function answer(verdict, place, mean, within, wait, candidates)
  return { verdict, place or 0, mean or 0, within or "0", used, wait or 0, candidates or 0 }
end

if KEYS[1] ~= "" and redis.call("EXISTS", KEYS[1]) == 1 then return answer("maintenance") end

local within = false
if KEYS[2] ~= "" then
  used = redis.call("GET", KEYS[2]) or "0"
  within = tonumber(used) < quota
  if not within and ARGV[12] ~= "1" then return answer("quota") end
end

local limit, window = tonumber(ARGV[13]), tonumber(ARGV[14])
if KEYS[3] ~= "" then
  redis.call("ZREMRANGEBYSCORE", KEYS[3], "-inf", tostring(now - window))
  if redis.call("ZCARD", KEYS[3]) >= limit then
    local oldest = redis.call("ZRANGE", KEYS[3], 0, 0, "WITHSCORES")
    return answer("rate", 0, 0, "0", tonumber(oldest[2] or ARGV[1]) + window - now)
  end
end
local mark = within and "1" or "0"
if not takes then return answer("open", 0, 0, mark) end
if KEYS[3] ~= "" then
  redis.call("ZADD", KEYS[3], ARGV[1], ARGV[3])
  redis.call("PEXPIRE", KEYS[3], ARGV[14])
end

local ids, marks = {}, {}
for id in string.gmatch(ARGV[6], "[^,]+") do
  ids[#ids + 1] = id
  marks[#marks + 1] = ARGV[9] .. id
end
local slots = tonumber(ARGV[4])
local disabled = redis.call("MGET", unpack(marks))
local counts, open, sum, least = {}, {}, 0, nil
for place = 1, #ids do
  local count = redis.call("ZCOUNT", ARGV[8] .. ids[place], ARGV[1], "+inf")
  counts[place] = count
  sum = sum + count
  if not disabled[place] and count < slots then
    open[#open + 1] = place
    if not least or count < least then least = count end
  end
end
local mean = math.floor(sum / #ids)
if #open == 0 then return answer("overload", 0, mean, mark, 0, #ids) end

-- Of the instances that have seen the longest prefix of this prompt, the least busy one, unless it is much busier than others.
local function knowing()
  for prefix in string.gmatch(ARGV[7], "[^,]+") do
    local keys = {}
    for at = 1, #open do keys[at] = prefix .. ids[open[at]] end
    local seen, best, any = redis.call("MGET", unpack(keys)), nil, false
    for at = 1, #open do
      if seen[at] then
        any = true
        local place = open[at]
        if counts[place] - least <= 7 and (not best or counts[place] < counts[best]) then best = place end
      end
    end
    if any then return best end
  end
  return nil
end

-- Any of the least busy ones: always the very least would send every gateway to the same instance.
local function lightlyLoaded()
  local band = {}
  for at = 1, #open do
    if counts[open[at]] <= least + 2 then band[#band + 1] = open[at] end
  end
  return band[math.floor(tonumber(ARGV[5]) * #band) + 1]
end

local place = knowing() or lightlyLoaded()
local key = ARGV[8] .. ids[place]
redis.call("ZREMRANGEBYSCORE", key, "-inf", ARGV[1])
redis.call("ZADD", key, ARGV[2], ARGV[3])
redis.call("EXPIRE", key, ARGV[15])
if within then
  redis.call("INCRBYFLOAT", KEYS[2], ARGV[11])
  redis.call("EXPIRE", KEYS[2], ARGV[16])
end
return answer("chosen", place, mean, mark, 0, #ids)
