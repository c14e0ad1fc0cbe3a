-- The counters that `hold.lua` changes; Redis gets both files as one script.
--
-- KEYS  1 the marker, 2 the deadlines of leases, 3 one that is never there. Every other key begins as the marker does,
--       so all of them share its hash tag and live on one node of a cluster. While their slot moves to another node,
--       both lack the third or a key beside it, so they refuse the call (TRYAGAIN) before it begins, instead of
--       failing in its middle at a key that has gone ahead.
-- ARGV  1 operation, 2 microseconds since the epoch (empty: the clock of the server), 3 generation of the data that
--       the caller knows, 4 length of a lease in microseconds, 5 what the operation is about, as MessagePack,
--       6 id of the lease that `reserve` makes, the process that settles, or the claim of one that restores
--
-- A hold is {kind, name, amount, ceiling (-1: never refuses), span}; span is the length of a window in seconds, or
-- when the window of a SPEND counter is over, in seconds since the epoch (-1: never).
--
-- A rate is a list of what is used in all and of "moment amount" for each request, a gauge is a number, a SPEND counter
-- is a hash of what is spent (s) and what is held (h). A lease is its state (+ open, ~ expired), when it was taken (16 digits) and its holds.

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

-- A rate, as `meter.py` counts it: see there for what is remembered together, and why.
local EXACT_BELOW, PARTS, MOST = 1000, 100, 400

local function step_of(ceiling)
  return ceiling >= EXACT_BELOW and math.floor(ceiling / PARTS) or 0
end

local function digits(number)
  return string.format('%d', number)
end

local function entry(at, amount)
  return string.format('%d %d', at, amount)
end

local function read_entry(text)
  local at, amount = string.match(text, '(%d+) (%d+)')
  return tonumber(at), tonumber(amount)
end

-- What counts now; what is out of reach is forgotten.
local function load_meter(name, span)
  local key, length = prefix .. name, span * SECOND
  local meter = {kind = WINDOW, key = key, length = length, total = 0, held = 0}
  local total, first = unpack(redis.call('LRANGE', key, 0, 1))
  if not total then
    return meter
  end
  total = tonumber(total)
  local gone = 0
  while first do
    local at, amount = read_entry(first)
    if at > now - length then
      break
    end
    total, gone = total - amount, gone + 1
    first = redis.call('LINDEX', key, gone + 1)
  end
  if not first then
    redis.call('DEL', key)
    return meter
  end
  if gone > 0 then
    redis.call('LTRIM', key, gone, -1)
    redis.call('LSET', key, 0, digits(total))
  end
  meter.total, meter.held = total, total
  return meter
end

local function replace_meter(meter, entries)
  redis.call('DEL', meter.key)
  if #entries > 0 then
    redis.call('RPUSH', meter.key, digits(meter.total), unpack(entries))
  end
end

-- Writes the total down, and puts entries together once there are many.
local function store_meter(meter, step)
  redis.call('LSET', meter.key, 0, digits(meter.total))
  if step > 0 and redis.call('LLEN', meter.key) > MOST + 1 then
    step = math.max(step, math.floor(meter.total / PARTS))
    local together, last = {}, -1
    for _, text in ipairs(redis.call('LRANGE', meter.key, 1, -1)) do
      local at, amount = read_entry(text)
      if last >= 0 and last + amount <= step then
        last = last + amount
        together[#together] = entry(at, last)
      else
        last = amount
        together[#together + 1] = text
      end
    end
    replace_meter(meter, together)
  end
  redis.call('PEXPIRE', meter.key, math.ceil(meter.length / 1000) + 1000)
end

local function take_meter(meter, amount, ceiling)
  if amount == 0 then
    return
  end
  local step = step_of(ceiling)
  local last = meter.total > 0 and redis.call('LINDEX', meter.key, -1)
  local at, had = now, 0
  if last then
    at, had = read_entry(last)
  end
  if last and (at >= now or had + amount <= step) then
    redis.call('LSET', meter.key, -1, entry(math.max(at, now), had + amount))
  elseif last then
    redis.call('RPUSH', meter.key, entry(now, amount))
  else
    redis.call('RPUSH', meter.key, '0', entry(now, amount))
  end
  meter.total = meter.total + amount
  store_meter(meter, step)
end

-- Adds to what was counted at a moment, as far as that still counts.
local function correct(name, change, taken_at, span, ceiling)
  if taken_at <= now - span * SECOND then
    return
  end
  local meter, step = load_meter(name, span), step_of(ceiling)
  local entries = meter.total > 0 and redis.call('LRANGE', meter.key, 1, -1) or {}
  local place, at, had = #entries + 1, nil, nil
  while place > 1 do
    local earlier, amount = read_entry(entries[place - 1])
    if earlier < taken_at then
      break
    end
    place, at, had = place - 1, earlier, amount
  end
  if change < 0 then
    if not at then
      return
    end
    change = math.max(change, -had)
  end
  meter.total = meter.total + change
  if change < 0 and had + change == 0 then
    table.remove(entries, place)
    replace_meter(meter, entries)
    if #entries == 0 then
      return
    end
  elseif at and (change <= 0 or at == taken_at or had + change <= step) then
    redis.call('LSET', meter.key, place, entry(at, had + change))
  elseif change > 0 then
    table.insert(entries, place, entry(taken_at, change))
    replace_meter(meter, entries)
  else
    return
  end
  store_meter(meter, step)
end

-- Microseconds until so much fits, if nobody else comes; -1 where it never does.
local function wait_of(meter, amount, ceiling)
  if amount > ceiling then
    return -1
  end
  local beyond, from = meter.total + amount - ceiling, 1
  while beyond > 0 do
    local some = redis.call('LRANGE', meter.key, from, from + 63)
    if #some == 0 then
      return -1
    end
    for _, text in ipairs(some) do
      local at, used = read_entry(text)
      beyond = beyond - used
      if beyond <= 0 then
        return at + meter.length - now
      end
    end
    from = from + 64
  end
  return 0
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

-- The names of all SPEND counters of which something was spent.
local index = prefix .. 'counters'

local function list(name)
  redis.call('SADD', index, name)
  redis.call('PEXPIRE', index, FOREVER_MS)
end

-- Moves a SPEND counter; one that is over and forgotten stays so: its sum is the ledger's. `lasting`: for how long it
-- is kept was said when what is given back was taken.
local function spend(name, spent, held, resets_at, lasting)
  local key = prefix .. name
  local left_ms = resets_at < 0 and FOREVER_MS or math.ceil(resets_at * 1000 - now / 1000)
  if spent <= 0 and held <= 0 or left_ms <= -KEPT_MS then
    if redis.call('EXISTS', key) == 0 then
      return
    end
  end
  if spent ~= 0 and redis.call('HINCRBY', key, 's', spent) == spent then
    list(name)
  end
  if held ~= 0 and redis.call('HINCRBY', key, 'h', held) < 0 then
    redis.call('HSET', key, 'h', 0)
  end
  if not lasting then
    redis.call('PEXPIRE', key, math.max(0, left_ms) + KEPT_MS)
  end
end

-- Decimal numbers without leading zeros, of any length.
local function exceeds(one, other)
  return #one > #other or #one == #other and one > other
end

local function load(kind, name, span)
  if kind == WINDOW then
    return load_meter(name, span)
  elseif kind == GAUGE then
    return {kind = kind, held = tonumber(redis.call('GET', prefix .. name) or 0)}
  end
  local spent, held = unpack(redis.call('HMGET', prefix .. name, 's', 'h'))
  spent, held = spent or '0', held or '0'
  return {kind = kind, spent = spent, before = held, held = spent + held}
end
