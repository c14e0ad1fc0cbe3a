-- Every change of counters in Redis or Valkey 7+: one call is one operation, and nothing comes between.
-- `hold_counters.lua` stands before it and says what the keys and the arguments are.

local EXPIRED_AT_ONCE = 16

local restorations = prefix .. 'restorations'

local function read_lease(id)
  local record = redis.call('GET', prefix .. 'lease:' .. id)
  if record then
    return string.sub(record, 1, 1), tonumber(string.sub(record, 2, 17)), cmsgpack.unpack(string.sub(record, 18))
  end
end

local function write_lease(id, taken_at, holds)
  local record = '+' .. string.format('%016d', taken_at) .. holds
  redis.call('SET', prefix .. 'lease:' .. id, record, 'PX', DAY_MS)
  redis.call('ZADD', deadlines, now + lease_length, id)
  redis.call('PEXPIRE', deadlines, DAY_MS)
end

-- Gives back (-1) or takes anew (1) what a lease holds only while it is open.
local function swing(holds, sign)
  for _, hold in ipairs(holds) do
    local kind, name, amount, _, span = unpack(hold)
    if kind == GAUGE then
      if sign > 0 then take_gauge(name, amount) else give_back(name, amount) end
    elseif kind ~= WINDOW then
      spend(name, 0, sign * amount, span)
    end
  end
end

-- Ends what nobody renewed, a bounded number at a time. The record stays for a settlement that comes late.
local function expire()
  local over = redis.call('ZRANGEBYSCORE', deadlines, '-inf', now, 'LIMIT', 0, EXPIRED_AT_ONCE)
  for _, id in ipairs(over) do
    redis.call('ZREM', deadlines, id)
    local state, _, holds = read_lease(id)
    if state == '+' then
      swing(holds, -1)
      redis.call('SETRANGE', prefix .. 'lease:' .. id, 0, '~')
    end
  end
end

-- {position of the hold that does not fit, now, microseconds until each hold of a rate fits in the order of holds, and
-- where its counter is a SPEND counter, what is spent of it and what is held}
local function refusal(position, holds, state)
  local told = {position, now}
  for _, hold in ipairs(holds) do
    if hold[1] == WINDOW then
      told[#told + 1] = wait_of(load_meter(hold[2], hold[5]), hold[3], hold[4])
    end
  end
  if state.spent then
    told[#told + 1] = state.spent
    told[#told + 1] = state.before
  end
  return told
end

local operations = {}

-- Takes all holds or none: {0, now, spent and held before of each SPEND counter in the order of holds}, or a refusal.
function operations.reserve(payload)
  local holds, states, told = cmsgpack.unpack(payload), {}, {0, now}
  for position, hold in ipairs(holds) do
    local kind, name, amount, ceiling, span = unpack(hold)
    local state = states[name] or load(kind, name, span)
    states[name] = state
    local used = state.held
    if ceiling >= 0 and used + amount > ceiling then
      return refusal(position, holds, state)
    end
    state.held = used + amount
  end
  for _, hold in ipairs(holds) do
    local kind, name, amount, ceiling, span = unpack(hold)
    if kind == WINDOW then
      take_meter(states[name], amount, ceiling)
    elseif kind == GAUGE then
      redis.call('SET', prefix .. name, states[name].held, 'PX', DAY_MS)
    else
      spend(name, 0, amount, span)
      told[#told + 1] = states[name].spent
      told[#told + 1] = states[name].before
    end
  end
  write_lease(ARGV[6], now, payload)
  return told
end

-- Ends leases, each once: {{id, {amount of each hold, -1: what was held}, holds of SPEND counters that were never
-- taken, since nothing could be when the request began}, ...}; 1 when it is done. In place of a lease's id there may be the
-- number of the last restoration that the caller knows: 0 when there was another, and nothing is done.
function operations.settle(payload)
  if ARGV[6] ~= '' and ARGV[6] ~= (redis.call('GET', restorations) or '0') then
    return 0
  end
  for _, settlement in ipairs(cmsgpack.unpack(payload)) do
    local id, amounts, untaken = unpack(settlement)
    local state, taken_at, holds = read_lease(id)
    if untaken and redis.call('SET', prefix .. 'charged:' .. id, '', 'NX', 'PX', DAY_MS) then
      state, holds = '~', untaken
    end
    for position, hold in ipairs(holds or {}) do
      local kind, name, held, ceiling, span = unpack(hold)
      local amount = amounts[position] < 0 and held or amounts[position]
      if kind == GAUGE then
        if state == '+' then give_back(name, held) end
      elseif kind ~= WINDOW then
        spend(name, amount, state == '+' and -held or 0, span)
      elseif amount ~= held then
        correct(name, amount - held, taken_at, span, ceiling)
      end
    end
    redis.call('DEL', prefix .. 'lease:' .. id)
    redis.call('ZREM', deadlines, id)
  end
  return 1
end

-- Puts deadlines off: {{id, ...}, {name of a gauge, ...}}. Those that expired hold again; returns ids that are unknown,
-- and the number of the last time that counters were brought up to the ledger.
function operations.renew(payload)
  local ids, gauges = unpack(cmsgpack.unpack(payload))
  local unknown = {}
  for _, id in ipairs(ids) do
    local state, _, holds = read_lease(id)
    if state then
      if state == '~' then
        swing(holds, 1)
        redis.call('SETRANGE', prefix .. 'lease:' .. id, 0, '+')
      end
      redis.call('PEXPIRE', prefix .. 'lease:' .. id, DAY_MS)
      redis.call('ZADD', deadlines, now + lease_length, id)
    else
      unknown[#unknown + 1] = id
    end
  end
  for _, name in ipairs(gauges) do
    redis.call('PEXPIRE', prefix .. name, DAY_MS)
  end
  redis.call('PEXPIRE', deadlines, DAY_MS)
  redis.call('PEXPIRE', marker, FOREVER_MS)
  expire()
  return {unknown, redis.call('GET', restorations) or '0'}
end

-- Takes what leases held before the data was lost, whatever the ceilings: {{id, taken at, holds}, ...}
function operations.adopt(payload)
  for _, lease in ipairs(cmsgpack.unpack(payload)) do
    local id, taken_at, holds = unpack(lease)
    if not read_lease(id) then
      swing(holds, 1)
      for _, hold in ipairs(holds) do
        if hold[1] == WINDOW then correct(hold[2], hold[3], taken_at, hold[5], hold[4]) end
      end
      write_lease(id, taken_at, cmsgpack.pack(holds))
    end
  end
  return 1
end

-- Tells those who are cut off that what they have yet to settle may be counted already; returns a number that was never
-- returned before when it was so again. A plain count would not do: a replica that takes over may have lost the last ones.
local function count_restoration(changed)
  local last = redis.call('GET', restorations) or '0'
  if changed then
    last = digits(math.max(tonumber(last) + 1, now))
    redis.call('SET', restorations, last, 'PX', FOREVER_MS)
  end
  return last
end

-- Raises SPEND counters to what is known: {{name, spent in decimal digits, resets at}, ...}
function operations.restore(payload)
  local raised = false
  for _, known in ipairs(cmsgpack.unpack(payload)) do
    local name, spent, resets_at = unpack(known)
    if exceeds(spent, redis.call('HGET', prefix .. name, 's') or '0') then
      redis.call('HSET', prefix .. name, 's', spent)
      spend(name, 0, 0, resets_at)
      raised = true
    end
  end
  return count_restoration(raised)
end

-- Replaces what is spent where it is what is expected: {{name, expected, wanted in decimal digits}, ...} to how many
function operations.rewrite(payload)
  local replaced = 0
  for _, sum in ipairs(cmsgpack.unpack(payload)) do
    local name, expected, wanted = unpack(sum)
    local key = prefix .. name
    if redis.call('EXISTS', key) == 1 and (redis.call('HGET', key, 's') or '0') == expected then
      redis.call('HSET', key, 's', wanted)
      replaced = replaced + 1
    end
  end
  count_restoration(replaced > 0)
  return replaced
end

-- What is used: {{kind, name, span}, ...} to {spent, held} of a SPEND counter, {used} of any other
function operations.read(payload)
  local told = {}
  for position, asked in ipairs(cmsgpack.unpack(payload)) do
    local state = load(unpack(asked))
    told[position] = state.spent and {state.spent, state.before}
      or {state.held}
  end
  return told
end

-- The generation of the data; nothing where it is gone.
function operations.begin()
  redis.call('PEXPIRE', marker, FOREVER_MS)
  return redis.call('GET', marker)
end

-- Declares the data complete, as the generation given unless there is one; returns the generation.
function operations.mark()
  redis.call('SET', marker, ARGV[3], 'NX', 'PX', FOREVER_MS)
  return redis.call('GET', marker)
end

local operation = ARGV[1]
if operation == 'reserve' or operation == 'renew' then
  if redis.call('GET', marker) ~= ARGV[3] then
    return false
  end
end
if operation == 'reserve' then
  expire()
end
return operations[operation](ARGV[5])
