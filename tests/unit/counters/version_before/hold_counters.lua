-- The counters that `hold.lua` changes; Redis gets both files as one script.
--
-- KEYS  1 the marker, 2 the deadlines of leases. Every other key begins as the marker does, so all of them share
--       its hash tag and live on one node of a cluster.
-- ARGV  1 operation, 2 microseconds since the epoch (empty: the clock of the server), 3 generation of the data that
--       the caller knows, 4 length of a lease in microseconds, 5 what the operation is about, as MessagePack,
--       6 id of the lease that `reserve` makes
--
-- A hold is {kind, name, amount, ceiling (-1: never refuses), span}; span is the length of a window in seconds, or
-- when the window of a SPEND counter is over, in seconds since the epoch (-1: never).
--
-- A window is a string "start present before", a gauge is a number, a SPEND counter is a hash of what is spent (s)
-- and what is held (h). A lease is its state (+ open, ~ expired), when it was taken (16 digits) and its holds.

local WINDOW, GAUGE = 1, 2
local SECOND = 1000000
local DAY_MS = 86400000
local FOREVER_MS = 400 * DAY_MS
local KEPT_MS = 3600000

local marker, deadlines = KEYS[1], KEYS[2]
local prefix = string.sub(marker, 1, -7)
local lease_length = tonumber(ARGV[4])
local now = tonumber(ARGV[2])
if not now then
  local time = redis.call('TIME')
  now = time[1] * SECOND + time[2]
end

local function load_window(name, span)
  local length = span * SECOND
  local start, present, before = now - math.fmod(now, length), 0, 0
  local kept = redis.call('GET', prefix .. name)
  if kept then
    local kept_start, kept_present, kept_before = string.match(kept, '(%d+) (%d+) (%d+)')
    kept_start = tonumber(kept_start)
    if kept_start >= start then
      start, present, before = kept_start, tonumber(kept_present), tonumber(kept_before)
    elseif kept_start + length == start then
      before = tonumber(kept_present)
    end
  end
  return {kind = WINDOW, start = start, length = length, present = present, before = before}
end

local function store_window(name, window)
  local left_ms = math.ceil((window.start + 2 * window.length - now) / 1000) + 1000
  local value = string.format('%d %d %d', window.start, window.present, window.before)
  redis.call('SET', prefix .. name, value, 'PX', left_ms)
end

-- Exact while the product stays below 2^53, which 150 million in a minute or 100,000 in a day do; else within one.
local function used_of_window(window)
  if window.before == 0 then
    return window.present
  end
  local rest = math.min(window.start + window.length - now, window.length)
  return window.present + math.ceil(window.before * rest / window.length)
end

-- Adds to what was counted at a moment, as far as that still counts.
local function correct(name, amount, taken_at, span)
  local window = load_window(name, span)
  if taken_at >= window.start then
    window.present = math.max(0, window.present + amount)
  elseif taken_at >= window.start - window.length then
    window.before = math.max(0, window.before + amount)
  else
    return
  end
  store_window(name, window)
end

local function take_gauge(name, amount)
  redis.call('INCRBY', prefix .. name, amount)
  redis.call('PEXPIRE', prefix .. name, DAY_MS)
end

local function give_back(name, amount)
  local key = prefix .. name
  if redis.call('EXISTS', key) == 1 and redis.call('DECRBY', key, amount) <= 0 then
    redis.call('DEL', key)
  end
end

-- Moves a SPEND counter; one that is over and forgotten stays so: its sum is the ledger's.
local function spend(name, spent, held, resets_at)
  local key = prefix .. name
  local left_ms = resets_at < 0 and FOREVER_MS or math.ceil(resets_at * 1000 - now / 1000)
  if spent <= 0 and held <= 0 or left_ms <= -KEPT_MS then
    if redis.call('EXISTS', key) == 0 then
      return
    end
  end
  if spent ~= 0 then
    redis.call('HINCRBY', key, 's', spent)
  end
  if held ~= 0 and redis.call('HINCRBY', key, 'h', held) < 0 then
    redis.call('HSET', key, 'h', 0)
  end
  redis.call('PEXPIRE', key, math.max(0, left_ms) + KEPT_MS)
end

-- Decimal numbers without leading zeros, of any length.
local function exceeds(one, other)
  return #one > #other or #one == #other and one > other
end

local function load(kind, name, span)
  if kind == WINDOW then
    return load_window(name, span)
  elseif kind == GAUGE then
    return {kind = kind, held = tonumber(redis.call('GET', prefix .. name) or 0)}
  end
  local spent, held = unpack(redis.call('HMGET', prefix .. name, 's', 'h'))
  spent, held = spent or '0', held or '0'
  return {kind = kind, spent = spent, before = held, held = spent + held}
end
