-- Every change of counters in Redis or Valkey 7+: one call is one operation, and nothing comes between.
-- `hold_counters.lua` stands before it and says what the keys and the arguments are.

local EXPIRED_AT_ONCE = 16

-- Up to which number each process has settled; beside that the generation and the server (`run_id`) of this data.
local settled = prefix .. 'settled'
local GENERATION, SERVER = '', '@'
-- Set where the generation is one of the version before, which says of no process up to which number it counts.
local UNNUMBERED = '?'
-- Gateways of that version put the marker off for longer than others do. When one of them was seen to have done so last,
-- and for how long after that one may still be there.
local MARKED_MS = FOREVER_MS - DAY_MS
local SEEN, GONE = '+', 60 * SECOND

-- Who sets counters to what the ledger knows at present; what becomes of the claim of one that dies.
local restoring = prefix .. 'restoring'
local CLAIM_MS = 6000
local CLAIMED = {extend = true, forsake = true, wipe = true, restore = true, mark = true}
local WIPED_AT_ONCE = 500

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

-- Ends leases: {{id, {amount of each hold, -1: what was held}, number, holds or nil}, ...}. What counts money has a number
-- (others: 0) that follows the one before it of the same process; what was counted already is not counted again. Who has
-- the holds with it is counted also where the lease is unknown: it was never taken, or Redis has lost it.
-- 1 when all of it is done; 0 when not, since the data is not what the caller knows, or lacks what comes before.
function operations.settle(payload)
  local generation, last = unpack(redis.call('HMGET', settled, GENERATION, ARGV[6]))
  if generation ~= ARGV[3] then
    return 0
  end
  local before = tonumber(last or 0)
  local done, complete = before, 1
  for _, settlement in ipairs(cmsgpack.unpack(payload)) do
    local id, amounts, number, carried = unpack(settlement)
    local counts = number > done
    local state, taken_at, holds = read_lease(id)
    if counts and (number > done + 1 or not (state or carried)) then
      complete = 0
      break
    end
    for position, hold in ipairs(holds or carried or {}) do
      local kind, name, held, ceiling, span = unpack(hold)
      local amount = amounts[position] < 0 and held or amounts[position]
      if kind ~= GAUGE and kind ~= WINDOW then
        local open = state == '+'
        spend(name, counts and amount or 0, open and -held or 0, span, open)
      elseif kind == GAUGE then
        if state == '+' then give_back(name, held) end
      elseif state and amount ~= held then
        correct(name, amount - held, taken_at, span, ceiling)
      end
    end
    if counts then
      done = number
    end
    if state then
      redis.call('DEL', prefix .. 'lease:' .. id)
      redis.call('ZREM', deadlines, id)
    end
  end
  if done > before then
    redis.call('HSET', settled, ARGV[6], digits(done))
  end
  return complete
end

-- Puts deadlines off: {{id, ...}, {name of a gauge, ...}}. Those that expired hold again; returns ids that are unknown.
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
  redis.call('PEXPIRE', settled, FOREVER_MS)
  if redis.call('PTTL', marker) > MARKED_MS then
    redis.call('HSET', settled, SEEN, digits(now))
  end
  redis.call('PEXPIRE', marker, MARKED_MS)
  expire()
  return unknown
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

-- Whether a SPEND counter has what the ledger knows; one that is not there has had nothing since the data began, and gets it.
local function has(name, spent, resets_at)
  local counted = redis.call('HGET', prefix .. name, 's')
  if counted then
    return not exceeds(spent, counted)
  end
  redis.call('HSET', prefix .. name, 's', spent)
  spend(name, 0, 0, resets_at)
  list(name)
  return true
end

-- Whether the counters have all that the ledger knows: {{{process, number}, ...}, {{name, spent in decimal digits, resets
-- at}, ...}}.
-- 1 where they have; 0 where not, or where gateways of the version before have counted, of which none is left; -1 where
-- not while such gateways count.
function operations.reached(payload)
  local processes, counters = unpack(cmsgpack.unpack(payload))
  local seen, unnumbered = unpack(redis.call('HMGET', settled, SEEN, UNNUMBERED))
  local lacking = seen and now < seen + GONE and -1 or 0
  if lacking == 0 and (seen or unnumbered) then
    return 0
  end
  for _, process in ipairs(processes) do
    if tonumber(redis.call('HGET', settled, process[1]) or 0) < process[2] then
      return lacking
    end
  end
  for _, counter in ipairs(counters) do
    if not has(unpack(counter)) then
      return lacking
    end
  end
  return 1
end

-- Raises SPEND counters to what the ledger knows: {{name, spent in decimal digits, resets at}, ...}
function operations.raise(payload)
  for _, counter in ipairs(cmsgpack.unpack(payload)) do
    local name, spent, resets_at = unpack(counter)
    if not has(name, spent, resets_at) then
      redis.call('HSET', prefix .. name, 's', spent)
    end
  end
  return 1
end

-- Makes the caller the one that restores, while it goes on to say so; not where the data is no longer the generation that
-- the caller finds wanting (empty: there is none).
function operations.claim(wanting)
  if (redis.call('GET', marker) or '') ~= wanting then
    return 0
  end
  return redis.call('SET', restoring, ARGV[6], 'NX', 'PX', CLAIM_MS) and 1 or 0
end

function operations.extend()
  return 1
end

function operations.forsake()
  return redis.call('DEL', restoring)
end

-- Takes what is spent out of some counters and ends the generation, so that nothing is counted until `mark`; returns out
-- of how many, 0 when all are done. What is held stays.
function operations.wipe()
  redis.call('DEL', marker, settled)
  local names = redis.call('SPOP', index, WIPED_AT_ONCE)
  for _, name in ipairs(names) do
    redis.call('HDEL', prefix .. name, 's')
  end
  return #names
end

-- Sets some of what is known: {{{process, number up to which it has settled}, ...}, {{name of a SPEND counter, spent in
-- decimal digits, resets at}, ...}}
function operations.restore(payload)
  local processes, counters = unpack(cmsgpack.unpack(payload))
  for _, process in ipairs(processes) do
    redis.call('HSET', settled, process[1], digits(process[2]))
  end
  for _, counter in ipairs(counters) do
    local name, spent, resets_at = unpack(counter)
    redis.call('HSET', prefix .. name, 's', spent)
    spend(name, 0, 0, resets_at)
    redis.call('SADD', index, name)
  end
  return 1
end

-- Declares the data complete: {generation, server}
function operations.mark(payload)
  local generation, server = unpack(cmsgpack.unpack(payload))
  redis.call('DEL', restoring)
  redis.call('HSET', settled, GENERATION, generation, SERVER, server)
  redis.call('PEXPIRE', index, FOREVER_MS)
  redis.call('PEXPIRE', settled, FOREVER_MS)
  redis.call('SET', marker, generation, 'PX', MARKED_MS)
  -- Tells gateways of the version before that what they have yet to settle may be counted already.
  redis.call('SET', prefix .. 'restorations', digits(now), 'PX', FOREVER_MS)
  return 1
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

-- {server of the caller, whether it has settled nothing yet} to {generation of the data, empty where it is gone; up to which
-- number the caller has settled, -1 where nobody knows; server; who restores}
function operations.begin(payload)
  local server, fresh = unpack(cmsgpack.unpack(payload))
  local generation = redis.call('GET', marker) or ''
  local of, last, known, unnumbered = unpack(redis.call('HMGET', settled, GENERATION, ARGV[6], SERVER, UNNUMBERED))
  if generation == '' then
    redis.call('HDEL', settled, GENERATION)
  elseif of ~= generation then
    -- A gateway of the version before has declared it complete.
    last, known, unnumbered = false, server, true
    if fresh then
      redis.call('DEL', settled)
      redis.call('HSET', settled, GENERATION, generation, SERVER, server, UNNUMBERED, '1')
      redis.call('PEXPIRE', settled, FOREVER_MS)
    end
  end
  if generation ~= '' and unnumbered and not last then
    last = '-1'
    if fresh then
      last = '0'
      redis.call('HSET', settled, ARGV[6], last)
    end
  end
  return {generation, last or '0', known or '', redis.call('GET', restoring) or ''}
end

local operation = ARGV[1]
if operation == 'reserve' or operation == 'renew' or operation == 'reached' or operation == 'raise' then
  if redis.call('GET', marker) ~= ARGV[3] then
    return false
  end
elseif CLAIMED[operation] then
  if redis.call('GET', restoring) ~= ARGV[6] then
    return false
  end
  redis.call('PEXPIRE', restoring, CLAIM_MS)
end
if operation == 'reserve' then
  expire()
end
return operations[operation](ARGV[5])
