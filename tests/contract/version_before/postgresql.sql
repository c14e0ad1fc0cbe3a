CREATE TABLE public.admin_tokens (
    id text NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL COLLATE pg_catalog."C",
    scope text NOT NULL COLLATE pg_catalog."C",
    digest text NOT NULL COLLATE pg_catalog."C",
    created_at bigint NOT NULL,
    expires_at bigint,
    last_used_at bigint,
    revoked_at bigint
);
CREATE TABLE public.alembic_version (
    version_num character varying(32) NOT NULL
);
CREATE TABLE public.applies (
    plan_id text NOT NULL COLLATE pg_catalog."C",
    revision bigint NOT NULL,
    owner text NOT NULL COLLATE pg_catalog."C",
    digest text NOT NULL COLLATE pg_catalog."C",
    actor text NOT NULL COLLATE pg_catalog."C",
    applied_at bigint NOT NULL,
    plan jsonb NOT NULL
);
CREATE TABLE public.attempts_by_five_minutes (
    slot bigint NOT NULL,
    provider text NOT NULL COLLATE pg_catalog."C",
    outcome text NOT NULL COLLATE pg_catalog."C",
    bucket integer NOT NULL,
    attempts bigint NOT NULL,
    last_at bigint NOT NULL
);
CREATE TABLE public.attempts_by_hour (
    slot bigint NOT NULL,
    provider text NOT NULL COLLATE pg_catalog."C",
    outcome text NOT NULL COLLATE pg_catalog."C",
    bucket integer NOT NULL,
    attempts bigint NOT NULL,
    last_at bigint NOT NULL
);
CREATE TABLE public.audit_log (
    id text NOT NULL COLLATE pg_catalog."C",
    at bigint NOT NULL,
    actor text NOT NULL COLLATE pg_catalog."C",
    request_id text NOT NULL COLLATE pg_catalog."C",
    action text NOT NULL COLLATE pg_catalog."C",
    address text NOT NULL,
    revision bigint NOT NULL,
    before jsonb,
    after jsonb
);
CREATE TABLE public.changes (
    revision bigint NOT NULL,
    kind text NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE public.charged_by_hour (
    counter text NOT NULL COLLATE pg_catalog."C",
    hour bigint NOT NULL,
    amount bigint NOT NULL
);
CREATE TABLE public.console_sessions (
    digest text NOT NULL COLLATE pg_catalog."C",
    token_id text NOT NULL COLLATE pg_catalog."C",
    created_at bigint NOT NULL,
    last_seen_at bigint NOT NULL,
    expires_at bigint NOT NULL
);
CREATE TABLE public.control_plane_state (
    id integer NOT NULL,
    lineage text NOT NULL COLLATE pg_catalog."C",
    revision bigint NOT NULL,
    changed_at bigint NOT NULL,
    oldest_change bigint NOT NULL
);
CREATE TABLE public.counter_nodes (
    node text NOT NULL COLLATE pg_catalog."C",
    reported_at bigint NOT NULL
);
CREATE TABLE public.counter_states (
    node text NOT NULL COLLATE pg_catalog."C",
    counter text NOT NULL COLLATE pg_catalog."C",
    spent bigint NOT NULL,
    held bigint NOT NULL,
    resets_at bigint,
    reported_at bigint NOT NULL
);
CREATE TABLE public.further_by_day (
    day bigint NOT NULL,
    virtual_key text NOT NULL COLLATE pg_catalog."C",
    principal text NOT NULL COLLATE pg_catalog."C",
    project text NOT NULL COLLATE pg_catalog."C",
    team text NOT NULL COLLATE pg_catalog."C",
    organization text NOT NULL COLLATE pg_catalog."C",
    provider text NOT NULL COLLATE pg_catalog."C",
    model text NOT NULL COLLATE pg_catalog."C",
    kind text NOT NULL COLLATE pg_catalog."C",
    amount bigint NOT NULL
);
CREATE TABLE public.further_by_hour (
    hour bigint NOT NULL,
    virtual_key text NOT NULL COLLATE pg_catalog."C",
    principal text NOT NULL COLLATE pg_catalog."C",
    project text NOT NULL COLLATE pg_catalog."C",
    team text NOT NULL COLLATE pg_catalog."C",
    organization text NOT NULL COLLATE pg_catalog."C",
    provider text NOT NULL COLLATE pg_catalog."C",
    model text NOT NULL COLLATE pg_catalog."C",
    kind text NOT NULL COLLATE pg_catalog."C",
    amount bigint NOT NULL
);
CREATE TABLE public.gateway_nodes (
    node text NOT NULL COLLATE pg_catalog."C",
    version text NOT NULL COLLATE pg_catalog."C",
    serving_revision bigint NOT NULL,
    serving_since bigint NOT NULL,
    lag_ms bigint,
    rejected_revision bigint,
    rejected_because text,
    first_seen bigint NOT NULL,
    reported_at bigint NOT NULL,
    open_circuits jsonb DEFAULT '[]'::jsonb NOT NULL,
    keys_revision bigint
);
CREATE TABLE public.kept_answers (
    token_id text NOT NULL COLLATE pg_catalog."C",
    idempotency_key text NOT NULL COLLATE pg_catalog."C",
    digest text NOT NULL COLLATE pg_catalog."C",
    at bigint NOT NULL,
    sealed text NOT NULL
);
CREATE TABLE public.ledger_entries (
    request_id text NOT NULL COLLATE pg_catalog."C",
    occurred_at bigint NOT NULL,
    day text NOT NULL COLLATE pg_catalog."C",
    virtual_key text NOT NULL COLLATE pg_catalog."C",
    principal text NOT NULL COLLATE pg_catalog."C",
    project text NOT NULL COLLATE pg_catalog."C",
    team text NOT NULL COLLATE pg_catalog."C",
    organization text NOT NULL COLLATE pg_catalog."C",
    tags jsonb NOT NULL,
    end_user text NOT NULL COLLATE pg_catalog."C",
    provider text NOT NULL COLLATE pg_catalog."C",
    provider_type text NOT NULL COLLATE pg_catalog."C",
    model text NOT NULL COLLATE pg_catalog."C",
    model_asked text NOT NULL COLLATE pg_catalog."C",
    endpoint text NOT NULL COLLATE pg_catalog."C",
    status integer NOT NULL,
    outcome text NOT NULL COLLATE pg_catalog."C",
    input_tokens bigint NOT NULL,
    output_tokens bigint NOT NULL,
    cache_read_tokens bigint NOT NULL,
    cache_write_tokens bigint NOT NULL,
    reasoning_tokens bigint NOT NULL,
    input_audio_tokens bigint NOT NULL,
    output_audio_tokens bigint NOT NULL,
    cost_nano_usd bigint NOT NULL,
    price jsonb,
    price_source text NOT NULL COLLATE pg_catalog."C",
    revision text NOT NULL COLLATE pg_catalog."C",
    budgets jsonb NOT NULL,
    trace_id text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    span_id text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    model_source text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    body text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    error_type text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    error_code text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    denied_by text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    usage_warning text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    duration_ms bigint,
    first_byte_ms bigint,
    first_token_ms bigint,
    streaming boolean,
    attempts jsonb DEFAULT '[]'::jsonb NOT NULL,
    further jsonb,
    iterations jsonb,
    unreadable jsonb,
    served_model text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    service_tier text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    speed text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    region text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    longest_prompt bigint
);
CREATE TABLE public.resources (
    kind text NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL COLLATE pg_catalog."C",
    spec jsonb NOT NULL,
    sealed text NOT NULL,
    written_references jsonb NOT NULL,
    owner text NOT NULL COLLATE pg_catalog."C",
    protected integer NOT NULL,
    revision bigint NOT NULL,
    created_at bigint NOT NULL,
    changed_at bigint NOT NULL,
    changed_by text NOT NULL COLLATE pg_catalog."C",
    applied_spec jsonb,
    applied_sealed text
);
CREATE TABLE public.revoked_secrets (
    secret_hash text NOT NULL COLLATE pg_catalog."C",
    address text NOT NULL,
    revoked_at bigint NOT NULL
);
CREATE TABLE public.spend_by_day (
    day bigint NOT NULL,
    virtual_key text NOT NULL COLLATE pg_catalog."C",
    principal text NOT NULL COLLATE pg_catalog."C",
    project text NOT NULL COLLATE pg_catalog."C",
    team text NOT NULL COLLATE pg_catalog."C",
    organization text NOT NULL COLLATE pg_catalog."C",
    provider text NOT NULL COLLATE pg_catalog."C",
    model text NOT NULL COLLATE pg_catalog."C",
    requests bigint NOT NULL,
    input_tokens bigint NOT NULL,
    output_tokens bigint NOT NULL,
    cache_read_tokens bigint NOT NULL,
    cache_write_tokens bigint NOT NULL,
    reasoning_tokens bigint NOT NULL,
    input_audio_tokens bigint NOT NULL,
    output_audio_tokens bigint NOT NULL,
    cost_nano_usd bigint NOT NULL,
    unpriced_requests bigint DEFAULT '0'::bigint NOT NULL
);
CREATE TABLE public.spend_by_hour (
    hour bigint NOT NULL,
    virtual_key text NOT NULL COLLATE pg_catalog."C",
    principal text NOT NULL COLLATE pg_catalog."C",
    project text NOT NULL COLLATE pg_catalog."C",
    team text NOT NULL COLLATE pg_catalog."C",
    organization text NOT NULL COLLATE pg_catalog."C",
    provider text NOT NULL COLLATE pg_catalog."C",
    model text NOT NULL COLLATE pg_catalog."C",
    requests bigint NOT NULL,
    input_tokens bigint NOT NULL,
    output_tokens bigint NOT NULL,
    cache_read_tokens bigint NOT NULL,
    cache_write_tokens bigint NOT NULL,
    reasoning_tokens bigint NOT NULL,
    input_audio_tokens bigint NOT NULL,
    output_audio_tokens bigint NOT NULL,
    cost_nano_usd bigint NOT NULL,
    unpriced_requests bigint DEFAULT '0'::bigint NOT NULL
);
CREATE TABLE public.traffic_by_five_minutes (
    slot bigint NOT NULL,
    status integer NOT NULL,
    outcome text NOT NULL COLLATE pg_catalog."C",
    error_code text NOT NULL COLLATE pg_catalog."C",
    bucket integer NOT NULL,
    requests bigint NOT NULL
);
CREATE TABLE public.traffic_by_hour (
    slot bigint NOT NULL,
    status integer NOT NULL,
    outcome text NOT NULL COLLATE pg_catalog."C",
    error_code text NOT NULL COLLATE pg_catalog."C",
    bucket integer NOT NULL,
    requests bigint NOT NULL
);
INSERT INTO public.admin_tokens VALUES ('tok_01M8NF0YN3CN21ZGQ9NVXQ0000', 'ci', 'apply', '5ffb9e5a55876b5f85ec808c0d53b201cdd00f95ad2e6fbdc8f47c690dcd61e3', 1796016732498040, NULL, 1796016740126426, NULL);
INSERT INTO public.admin_tokens VALUES ('tok_01M8NF11SGJE2Y75514A3W0000', 'gw', 'gateway', 'b34ab3506b3d5390c00657501d1fb2f40316261b9e47e680974339d9767f3582', 1796016734971906, NULL, 1796016741663439, NULL);
INSERT INTO public.alembic_version VALUES ('servable_revisions');
INSERT INTO public.applies VALUES ('pl_01M8NF15SCVM15T09D20CA0001', 1, 'platform', 'sha256:8f5938482613adf97067176a5d25bb2ab41a752ccb8ca81b10f28d99eed0d88f', 'ci', 1796016740166579, '{"as_of": 1796016740166579, "drift": [], "owner": "platform", "digest": "sha256:8f5938482613adf97067176a5d25bb2ab41a752ccb8ca81b10f28d99eed0d88f", "errors": [], "replay": null, "source": {"commit": null, "digest": "866584fadf295ca47e8b30f5f268e175989757c18a39378772e4066731b10372"}, "lineage": "01M8NF0VC5DDVHB6CW4VAB0000", "plan_id": "pl_01M8NF15SCVM15T09D20CA0001", "summary": {"move": 0, "create": 8, "delete": 0, "update": 0, "widens": 0, "replace": 0, "may_widen": 1, "outside_edits": 0, "refuses_traffic": 0}, "targets": [], "matching": 0, "requires": [{"code": "widen", "flag": "--no-widen", "text": "1 change widens access, or may", "addresses": ["prices.sim/gpt-5-mini"], "only_if_asked": true}], "revision": 0, "warnings": [], "unmanaged": {}, "created_at": 1796016740166579, "format_version": "1.0", "resource_changes": [{"kind": "teams", "name": "a", "after": {}, "owner": "platform", "access": "same", "before": null, "actions": ["create"], "address": "teams.a", "changes": [], "revision": 0, "consequences": [], "mints_secret": false, "pulled_in_by": null, "previous_address": null}, {"kind": "providers", "name": "openai", "after": {"type": "openai", "api_key": "(sensitive)", "base_url": "http://127.0.0.1:1/v1"}, "owner": "platform", "access": "grants", "before": null, "actions": ["create"], "address": "providers.openai", "changes": [], "revision": 0, "consequences": [], "mints_secret": false, "pulled_in_by": null, "previous_address": null}, {"kind": "providers", "name": "sim", "after": {"type": "simulator"}, "owner": "platform", "access": "grants", "before": null, "actions": ["create"], "address": "providers.sim", "changes": [], "revision": 0, "consequences": [], "mints_secret": false, "pulled_in_by": null, "previous_address": null}, {"kind": "virtual_keys", "name": "one", "after": {"team": "a", "environment": "test"}, "owner": "platform", "access": "grants", "before": null, "actions": ["create"], "address": "virtual_keys.one", "changes": [], "revision": 0, "consequences": [], "mints_secret": true, "pulled_in_by": null, "previous_address": null}, {"kind": "virtual_keys", "name": "three", "after": {"team": "a", "environment": "test"}, "owner": "platform", "access": "grants", "before": null, "actions": ["create"], "address": "virtual_keys.three", "changes": [], "revision": 0, "consequences": [], "mints_secret": true, "pulled_in_by": null, "previous_address": null}, {"kind": "virtual_keys", "name": "two", "after": {"team": "a", "environment": "test"}, "owner": "platform", "access": "grants", "before": null, "actions": ["create"], "address": "virtual_keys.two", "changes": [], "revision": 0, "consequences": [], "mints_secret": true, "pulled_in_by": null, "previous_address": null}, {"kind": "budgets", "name": "cap", "after": {"scope": {"team": "a"}, "window": "total", "limit_usd": "50"}, "owner": "platform", "access": "narrows", "before": null, "actions": ["create"], "address": "budgets.cap", "changes": [], "revision": 0, "consequences": [], "mints_secret": false, "pulled_in_by": null, "previous_address": null}, {"kind": "prices", "name": "sim/gpt-5-mini", "after": {"input_usd_per_mtok": "1000", "output_usd_per_mtok": "1000"}, "owner": "platform", "access": "may_widen", "before": null, "actions": ["create"], "address": "prices.sim/gpt-5-mini", "changes": [], "revision": 0, "consequences": [], "mints_secret": false, "pulled_in_by": null, "previous_address": null}]}');
INSERT INTO public.attempts_by_five_minutes VALUES (5986722, 'sim', 'ok', 0, 3, 1796016744364539);
INSERT INTO public.attempts_by_hour VALUES (498893, 'sim', 'ok', 0, 3, 1796016744364539);
INSERT INTO public.audit_log VALUES ('aud_01M8NF15TEVM15T09D20CA0003', 1796016740166579, 'ci', 'grq_01M8NF15T3VM15T09D20CA0002', 'create', 'teams.a', 1, NULL, '{}');
INSERT INTO public.audit_log VALUES ('aud_01M8NF15TEVM15T09D20CA0004', 1796016740166579, 'ci', 'grq_01M8NF15T3VM15T09D20CA0002', 'create', 'providers.openai', 1, NULL, '{"type": "openai", "api_key": "(sensitive)", "base_url": "http://127.0.0.1:1/v1"}');
INSERT INTO public.audit_log VALUES ('aud_01M8NF15TEVM15T09D20CA0005', 1796016740166579, 'ci', 'grq_01M8NF15T3VM15T09D20CA0002', 'create', 'providers.sim', 1, NULL, '{"type": "simulator"}');
INSERT INTO public.audit_log VALUES ('aud_01M8NF15TEVM15T09D20CA0006', 1796016740166579, 'ci', 'grq_01M8NF15T3VM15T09D20CA0002', 'create', 'virtual_keys.one', 1, NULL, '{"team": "a", "environment": "test", "secret_hash": "hmac-sha256:05227d40…"}');
INSERT INTO public.audit_log VALUES ('aud_01M8NF15TEVM15T09D20CA0007', 1796016740166579, 'ci', 'grq_01M8NF15T3VM15T09D20CA0002', 'create', 'virtual_keys.three', 1, NULL, '{"team": "a", "environment": "test", "secret_hash": "hmac-sha256:877193d5…"}');
INSERT INTO public.audit_log VALUES ('aud_01M8NF15TEVM15T09D20CA0008', 1796016740166579, 'ci', 'grq_01M8NF15T3VM15T09D20CA0002', 'create', 'virtual_keys.two', 1, NULL, '{"team": "a", "environment": "test", "secret_hash": "hmac-sha256:64737809…"}');
INSERT INTO public.audit_log VALUES ('aud_01M8NF15TEVM15T09D20CA0009', 1796016740166579, 'ci', 'grq_01M8NF15T3VM15T09D20CA0002', 'create', 'budgets.cap', 1, NULL, '{"scope": {"team": "a"}, "window": "total", "limit_usd": "50"}');
INSERT INTO public.audit_log VALUES ('aud_01M8NF15TEVM15T09D20CA000A', 1796016740166579, 'ci', 'grq_01M8NF15T3VM15T09D20CA0002', 'create', 'prices.sim/gpt-5-mini', 1, NULL, '{"input_usd_per_mtok": "1000", "output_usd_per_mtok": "1000"}');
INSERT INTO public.audit_log VALUES ('aud_01M8NF1ADC16X1AR1JR1T70001', 1796016744874064, 'ci', 'grq_01M8NF1AD816X1AR1JR1T70000', 'disable', 'virtual_keys.two', 2, '{"team": "a", "environment": "test", "secret_hash": "hmac-sha256:64737809…"}', '{"team": "a", "state": "disabled", "environment": "test", "secret_hash": "hmac-sha256:64737809…"}');
INSERT INTO public.audit_log VALUES ('aud_01M8NF1B3ZGT3RPAVJFVSS0001', 1796016745594605, 'ci', 'grq_01M8NF1B3QGT3RPAVJFVSS0000', 'revoke', 'virtual_keys.three', 3, '{"team": "a", "environment": "test", "secret_hash": "hmac-sha256:877193d5…"}', '{"team": "a", "state": "revoked", "environment": "test", "secret_hash": "hmac-sha256:877193d5…"}');
INSERT INTO public.changes VALUES (1, 'budgets', 'cap');
INSERT INTO public.changes VALUES (1, 'prices', 'sim/gpt-5-mini');
INSERT INTO public.changes VALUES (1, 'providers', 'openai');
INSERT INTO public.changes VALUES (1, 'providers', 'sim');
INSERT INTO public.changes VALUES (1, 'teams', 'a');
INSERT INTO public.changes VALUES (1, 'virtual_keys', 'one');
INSERT INTO public.changes VALUES (1, 'virtual_keys', 'three');
INSERT INTO public.changes VALUES (1, 'virtual_keys', 'two');
INSERT INTO public.changes VALUES (2, 'virtual_keys', 'two');
INSERT INTO public.changes VALUES (3, 'virtual_keys', 'three');
INSERT INTO public.charged_by_hour VALUES ('budget:cap:team=a:total=total', 498893, 69000000);
INSERT INTO public.control_plane_state VALUES (1, '01M8NF0VC5DDVHB6CW4VAB0000', 3, 1796016745594605, 0);
INSERT INTO public.counter_nodes VALUES ('vm:8889', 1796016746803583);
INSERT INTO public.gateway_nodes VALUES ('vm:5572', '0.1.0', 3, 1796016745800994, 207, NULL, NULL, 1796016741800322, 1796016745820060, '[]', 3);
INSERT INTO public.ledger_entries VALUES ('grq_01M8NF19WB9PRTDSEEHB920000', 1796016744331570, '2026-11-30', 'one', '', '', 'a', '', '[]', '', 'sim', 'simulator', 'gpt-5-mini', 'sim/gpt-5-mini', 'chat_completions', 200, 'ok', 16, 7, 0, 0, 0, 0, 0, 23000000, '{"input": 1000000000000, "output": 1000000000000}', 'file', '1d10eba3217e@r1', '[["budget:cap:team=a:total=total", 23000000]]', '0acf567b9b49eb6f26737d2b5718b363', '20eaeda8dda4acd0', 'provider', 'spliced', '', '', '', '', 4, 3, NULL, false, '[{"model": "gpt-5-mini", "outcome": "ok", "began_ms": 3, "provider": "sim", "duration_ms": 0}]', NULL, NULL, NULL, 'gpt-5-mini', '', '', '', NULL);
INSERT INTO public.ledger_entries VALUES ('grq_01M8NF19WW9PRTDSEEHB920001', 1796016744348748, '2026-11-30', 'three', '', '', 'a', '', '[]', '', 'sim', 'simulator', 'gpt-5-mini', 'sim/gpt-5-mini', 'chat_completions', 200, 'ok', 16, 7, 0, 0, 0, 0, 0, 23000000, '{"input": 1000000000000, "output": 1000000000000}', 'file', '1d10eba3217e@r1', '[["budget:cap:team=a:total=total", 23000000]]', '407c9544099dd346366d3a4edb991e83', 'a0bc322a71045397', 'provider', 'spliced', '', '', '', '', 1, 1, NULL, false, '[{"model": "gpt-5-mini", "outcome": "ok", "began_ms": 1, "provider": "sim", "duration_ms": 0}]', NULL, NULL, NULL, 'gpt-5-mini', '', '', '', NULL);
INSERT INTO public.ledger_entries VALUES ('grq_01M8NF19XA9PRTDSEEHB920002', 1796016744362539, '2026-11-30', 'two', '', '', 'a', '', '[]', '', 'sim', 'simulator', 'gpt-5-mini', 'sim/gpt-5-mini', 'chat_completions', 200, 'ok', 16, 7, 0, 0, 0, 0, 0, 23000000, '{"input": 1000000000000, "output": 1000000000000}', 'file', '1d10eba3217e@r1', '[["budget:cap:team=a:total=total", 23000000]]', '3b609e260a22968a4fca84e93e42ce52', '8cacb349f28393e5', 'provider', 'spliced', '', '', '', '', 3, 2, NULL, false, '[{"model": "gpt-5-mini", "outcome": "ok", "began_ms": 2, "provider": "sim", "duration_ms": 0}]', NULL, NULL, NULL, 'gpt-5-mini', '', '', '', NULL);
INSERT INTO public.resources VALUES ('teams', 'a', '{}', '', '{}', 'platform', 0, 1, 1796016740166579, 1796016740166579, 'ci', '{}', '');
INSERT INTO public.resources VALUES ('providers', 'openai', '{"type": "openai", "api_key": null, "base_url": "http://127.0.0.1:1/v1"}', 'gAAAAABrDQpk3xhleRxGAjAA5Z7FcT4okNYy1esvpirO2BOkr1-ypV9x8BZp9ncweDPwLDph3b9wKIHLRilris6OH8wofNMkc3nnmHc4WnaUZm_H6MLYkOImoBPG2yVx_92HmdDA15f5', '{"/api_key": "${env:OPENAI_KEY}"}', 'platform', 0, 1, 1796016740166579, 1796016740166579, 'ci', '{"type": "openai", "api_key": null, "base_url": "http://127.0.0.1:1/v1"}', 'gAAAAABrDQpkOYi0URjgdztHMyirMco3RvQU3vjRw-b1M_M1-osBnXcaNZ697j_NwoFC59T9bvrvITo4KTUvPOT7ygONmGOHI-rSbrLEFYHOehBAtD-nMZLDs9J1ggMEUgXF93n6R_K_');
INSERT INTO public.resources VALUES ('providers', 'sim', '{"type": "simulator"}', '', '{}', 'platform', 0, 1, 1796016740166579, 1796016740166579, 'ci', '{"type": "simulator"}', '');
INSERT INTO public.resources VALUES ('virtual_keys', 'one', '{"team": "a", "environment": "test", "secret_hash": "hmac-sha256:05227d40f930972156caf36fa828da517dfb266e394752af738b6f2867c20f83"}', '', '{}', 'platform', 0, 1, 1796016740166579, 1796016740166579, 'ci', '{"team": "a", "environment": "test"}', '');
INSERT INTO public.resources VALUES ('budgets', 'cap', '{"scope": {"team": "a"}, "window": "total", "limit_usd": "50"}', '', '{}', 'platform', 0, 1, 1796016740166579, 1796016740166579, 'ci', '{"scope": {"team": "a"}, "window": "total", "limit_usd": "50"}', '');
INSERT INTO public.resources VALUES ('prices', 'sim/gpt-5-mini', '{"input_usd_per_mtok": "1000", "output_usd_per_mtok": "1000"}', '', '{}', 'platform', 0, 1, 1796016740166579, 1796016740166579, 'ci', '{"input_usd_per_mtok": "1000", "output_usd_per_mtok": "1000"}', '');
INSERT INTO public.resources VALUES ('virtual_keys', 'two', '{"team": "a", "state": "disabled", "environment": "test", "secret_hash": "hmac-sha256:6473780909332b937940a32abd50f4d8bb79f5a6e601c37695da215753e6a8c5"}', '', '{}', 'platform', 0, 2, 1796016740166579, 1796016744874064, 'ci', '{"team": "a", "environment": "test"}', '');
INSERT INTO public.resources VALUES ('virtual_keys', 'three', '{"team": "a", "state": "revoked", "environment": "test", "secret_hash": "hmac-sha256:877193d50f46753dd7134f2ff813cedf8e1006504ce2925e93c402f9dcbeb568"}', '', '{}', 'platform', 0, 3, 1796016740166579, 1796016745594605, 'ci', '{"team": "a", "environment": "test"}', '');
INSERT INTO public.revoked_secrets VALUES ('hmac-sha256:877193d50f46753dd7134f2ff813cedf8e1006504ce2925e93c402f9dcbeb568', 'virtual_keys.three', 1796016745594605);
INSERT INTO public.spend_by_day VALUES (20787, 'one', '', '', 'a', '', 'sim', 'gpt-5-mini', 1, 16, 7, 0, 0, 0, 0, 0, 23000000, 0);
INSERT INTO public.spend_by_day VALUES (20787, 'three', '', '', 'a', '', 'sim', 'gpt-5-mini', 1, 16, 7, 0, 0, 0, 0, 0, 23000000, 0);
INSERT INTO public.spend_by_day VALUES (20787, 'two', '', '', 'a', '', 'sim', 'gpt-5-mini', 1, 16, 7, 0, 0, 0, 0, 0, 23000000, 0);
INSERT INTO public.spend_by_hour VALUES (498893, 'one', '', '', 'a', '', 'sim', 'gpt-5-mini', 1, 16, 7, 0, 0, 0, 0, 0, 23000000, 0);
INSERT INTO public.spend_by_hour VALUES (498893, 'three', '', '', 'a', '', 'sim', 'gpt-5-mini', 1, 16, 7, 0, 0, 0, 0, 0, 23000000, 0);
INSERT INTO public.spend_by_hour VALUES (498893, 'two', '', '', 'a', '', 'sim', 'gpt-5-mini', 1, 16, 7, 0, 0, 0, 0, 0, 23000000, 0);
INSERT INTO public.traffic_by_five_minutes VALUES (5986722, 200, 'ok', '', 0, 1);
INSERT INTO public.traffic_by_five_minutes VALUES (5986722, 200, 'ok', '', 6, 1);
INSERT INTO public.traffic_by_five_minutes VALUES (5986722, 200, 'ok', '', 8, 1);
INSERT INTO public.traffic_by_hour VALUES (498893, 200, 'ok', '', 0, 1);
INSERT INTO public.traffic_by_hour VALUES (498893, 200, 'ok', '', 6, 1);
INSERT INTO public.traffic_by_hour VALUES (498893, 200, 'ok', '', 8, 1);
ALTER TABLE ONLY public.alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);
ALTER TABLE ONLY public.admin_tokens
    ADD CONSTRAINT pk_admin_tokens PRIMARY KEY (id);
ALTER TABLE ONLY public.applies
    ADD CONSTRAINT pk_applies PRIMARY KEY (plan_id);
ALTER TABLE ONLY public.attempts_by_five_minutes
    ADD CONSTRAINT pk_attempts_by_five_minutes PRIMARY KEY (slot, provider, outcome, bucket);
ALTER TABLE ONLY public.attempts_by_hour
    ADD CONSTRAINT pk_attempts_by_hour PRIMARY KEY (slot, provider, outcome, bucket);
ALTER TABLE ONLY public.audit_log
    ADD CONSTRAINT pk_audit_log PRIMARY KEY (id);
ALTER TABLE ONLY public.changes
    ADD CONSTRAINT pk_changes PRIMARY KEY (revision, kind, name);
ALTER TABLE ONLY public.charged_by_hour
    ADD CONSTRAINT pk_charged_by_hour PRIMARY KEY (counter, hour);
ALTER TABLE ONLY public.console_sessions
    ADD CONSTRAINT pk_console_sessions PRIMARY KEY (digest);
ALTER TABLE ONLY public.control_plane_state
    ADD CONSTRAINT pk_control_plane_state PRIMARY KEY (id);
ALTER TABLE ONLY public.counter_nodes
    ADD CONSTRAINT pk_counter_nodes PRIMARY KEY (node);
ALTER TABLE ONLY public.counter_states
    ADD CONSTRAINT pk_counter_states PRIMARY KEY (node, counter);
ALTER TABLE ONLY public.further_by_day
    ADD CONSTRAINT pk_further_by_day PRIMARY KEY (day, virtual_key, principal, project, team, organization, provider, model, kind);
ALTER TABLE ONLY public.further_by_hour
    ADD CONSTRAINT pk_further_by_hour PRIMARY KEY (hour, virtual_key, principal, project, team, organization, provider, model, kind);
ALTER TABLE ONLY public.gateway_nodes
    ADD CONSTRAINT pk_gateway_nodes PRIMARY KEY (node);
ALTER TABLE ONLY public.kept_answers
    ADD CONSTRAINT pk_kept_answers PRIMARY KEY (token_id, idempotency_key);
ALTER TABLE ONLY public.ledger_entries
    ADD CONSTRAINT pk_ledger_entries PRIMARY KEY (request_id);
ALTER TABLE ONLY public.resources
    ADD CONSTRAINT pk_resources PRIMARY KEY (kind, name);
ALTER TABLE ONLY public.revoked_secrets
    ADD CONSTRAINT pk_revoked_secrets PRIMARY KEY (secret_hash);
ALTER TABLE ONLY public.spend_by_day
    ADD CONSTRAINT pk_spend_by_day PRIMARY KEY (day, virtual_key, principal, project, team, organization, provider, model);
ALTER TABLE ONLY public.spend_by_hour
    ADD CONSTRAINT pk_spend_by_hour PRIMARY KEY (hour, virtual_key, principal, project, team, organization, provider, model);
ALTER TABLE ONLY public.traffic_by_five_minutes
    ADD CONSTRAINT pk_traffic_by_five_minutes PRIMARY KEY (slot, status, outcome, error_code, bucket);
ALTER TABLE ONLY public.traffic_by_hour
    ADD CONSTRAINT pk_traffic_by_hour PRIMARY KEY (slot, status, outcome, error_code, bucket);
ALTER TABLE ONLY public.admin_tokens
    ADD CONSTRAINT uq_admin_tokens_digest UNIQUE (digest);
CREATE INDEX ix_applies_revision ON public.applies USING btree (revision);
CREATE INDEX ix_audit_log_address ON public.audit_log USING btree (address, at);
CREATE INDEX ix_audit_log_at ON public.audit_log USING btree (at, id);
CREATE INDEX ix_counter_states_counter ON public.counter_states USING btree (counter);
CREATE INDEX ix_kept_answers_at ON public.kept_answers USING btree (at);
CREATE INDEX ix_ledger_entries_end_user ON public.ledger_entries USING btree (end_user, occurred_at) WHERE (end_user <> ''::text);
CREATE INDEX ix_ledger_entries_hour_trace_id ON public.ledger_entries USING btree (((occurred_at / '3600000000'::bigint)), trace_id) WHERE (trace_id <> ''::text);
CREATE INDEX ix_ledger_entries_hour_trouble ON public.ledger_entries USING btree (((occurred_at / '3600000000'::bigint)), error_code, occurred_at) WHERE ((status >= 400) OR (outcome <> 'ok'::text));
CREATE INDEX ix_ledger_entries_hour_virtual_key ON public.ledger_entries USING btree (((occurred_at / '3600000000'::bigint)), virtual_key, occurred_at);
CREATE INDEX ix_ledger_entries_occurred_at ON public.ledger_entries USING btree (occurred_at, request_id);
CREATE INDEX ix_resources_owner ON public.resources USING btree (owner);
