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
    open_circuits jsonb DEFAULT '[]'::jsonb NOT NULL
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
    attempts jsonb DEFAULT '[]'::jsonb NOT NULL
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
    cost_nano_usd bigint NOT NULL
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
    cost_nano_usd bigint NOT NULL
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
INSERT INTO public.admin_tokens VALUES
	('tok_01M8MJV04QQE3FCT5PPXDD0000', 'ci', 'view', '414222a7d4c34b4ce1c8b84b07e31437fbb627397974f5f3092e20791ffa9892', 1795987176303050, NULL, NULL, NULL);
INSERT INTO public.alembic_version VALUES
	('console_sessions');
INSERT INTO public.applies VALUES
	('pl_01M8MJTT8RJSTP97GMX9HN0001', 1, 'platform', 'sha256:d2a57e110cb3c26969c9b251a45bc2e4969ff87cab4bdd3f283daf32d73f0f71', 'operator@host (command line)', 1795987171679933, '{"as_of": 1795987171679933, "drift": [], "owner": "platform", "digest": "sha256:d2a57e110cb3c26969c9b251a45bc2e4969ff87cab4bdd3f283daf32d73f0f71", "errors": [], "replay": null, "source": {"commit": null, "digest": "b12141d5696529562551915248163bfdcdeac448df46dd5850c53a113a5c96e4"}, "lineage": "01M8MJTJY1PEJJXS562JN50000", "plan_id": "pl_01M8MJTT8RJSTP97GMX9HN0001", "summary": {"move": 0, "create": 11, "delete": 0, "update": 0, "widens": 0, "replace": 0, "may_widen": 2, "outside_edits": 0, "refuses_traffic": 0}, "targets": [], "matching": 0, "requires": [{"code": "widen", "flag": "--no-widen", "text": "2 changes widen access, or may", "addresses": ["prices.sim/cent", "settings.organization"], "only_if_asked": true}], "revision": 0, "warnings": [], "unmanaged": {}, "created_at": 1795987171679933, "format_version": "1.0", "resource_changes": [{"kind": "teams", "name": "engineering", "after": {}, "owner": "platform", "access": "same", "before": null, "actions": ["create"], "address": "teams.engineering", "changes": [], "revision": 0, "consequences": [], "mints_secret": false, "pulled_in_by": null, "previous_address": null}, {"kind": "teams", "name": "research", "after": {}, "owner": "platform", "access": "same", "before": null, "actions": ["create"], "address": "teams.research", "changes": [], "revision": 0, "consequences": [], "mints_secret": false, "pulled_in_by": null, "previous_address": null}, {"kind": "projects", "name": "checkout", "after": {"team": "engineering"}, "owner": "platform", "access": "same", "before": null, "actions": ["create"], "address": "projects.checkout", "changes": [], "revision": 0, "consequences": [], "mints_secret": false, "pulled_in_by": null, "previous_address": null}, {"kind": "principals", "name": "dev-1@example.com", "after": {"team": "engineering"}, "owner": "platform", "access": "same", "before": null, "actions": ["create"], "address": "principals.dev-1@example.com", "changes": [], "revision": 0, "consequences": [], "mints_secret": false, "pulled_in_by": null, "previous_address": null}, {"kind": "providers", "name": "sim", "after": {"type": "simulator", "models": ["cent", "gpt-5-mini"]}, "owner": "platform", "access": "grants", "before": null, "actions": ["create"], "address": "providers.sim", "changes": [], "revision": 0, "consequences": [], "mints_secret": false, "pulled_in_by": null, "previous_address": null}, {"kind": "model_aliases", "name": "cent", "after": {"targets": ["sim/cent"]}, "owner": "platform", "access": "grants", "before": null, "actions": ["create"], "address": "model_aliases.cent", "changes": [], "revision": 0, "consequences": [], "mints_secret": false, "pulled_in_by": null, "previous_address": null}, {"kind": "virtual_keys", "name": "dev", "after": {"tags": ["env=ci"], "project": "checkout", "principal": "dev-1@example.com", "environment": "test", "secret_hash": "hmac-sha256:336039bb1f275feca104141f025e3d5b119de01b96536d31061ed031a0ddacba"}, "owner": "platform", "access": "grants", "before": null, "actions": ["create"], "address": "virtual_keys.dev", "changes": [], "revision": 0, "consequences": [], "mints_secret": false, "pulled_in_by": null, "previous_address": null}, {"kind": "budgets", "name": "cap", "after": {"scope": {"team": "engineering"}, "window": "month", "limit_usd": "1"}, "owner": "platform", "access": "narrows", "before": null, "actions": ["create"], "address": "budgets.cap", "changes": [], "revision": 0, "consequences": [], "mints_secret": false, "pulled_in_by": null, "previous_address": null}, {"kind": "budgets", "name": "own", "after": {"scope": {"organization": "acme"}, "window": "month", "limit_usd": "5"}, "owner": "platform", "access": "narrows", "before": null, "actions": ["create"], "address": "budgets.own", "changes": [], "revision": 0, "consequences": [], "mints_secret": false, "pulled_in_by": null, "previous_address": null}, {"kind": "prices", "name": "sim/cent", "after": {"per_request_usd": "0.01"}, "owner": "platform", "access": "may_widen", "before": null, "actions": ["create"], "address": "prices.sim/cent", "changes": [], "revision": 0, "consequences": [], "mints_secret": false, "pulled_in_by": null, "previous_address": null}, {"kind": "settings", "name": "organization", "after": {"value": "acme"}, "owner": "platform", "access": "may_widen", "before": null, "actions": ["create"], "address": "settings.organization", "changes": [], "revision": 0, "consequences": [], "mints_secret": false, "pulled_in_by": null, "previous_address": null}]}');
INSERT INTO public.attempts_by_five_minutes VALUES
	(5986623, 'sim', 'ok', 0, 11, 1795987184772598);
INSERT INTO public.attempts_by_hour VALUES
	(498885, 'sim', 'ok', 0, 11, 1795987184772598);
INSERT INTO public.audit_log VALUES
	('aud_01M8MJTTC7JSTP97GMX9HN0003', 1795987171679933, 'operator@host (command line)', 'grq_01M8MJTTAZJSTP97GMX9HN0002', 'create', 'teams.engineering', 1, NULL, '{}'),
	('aud_01M8MJTTC7JSTP97GMX9HN0004', 1795987171679933, 'operator@host (command line)', 'grq_01M8MJTTAZJSTP97GMX9HN0002', 'create', 'teams.research', 1, NULL, '{}'),
	('aud_01M8MJTTC7JSTP97GMX9HN0005', 1795987171679933, 'operator@host (command line)', 'grq_01M8MJTTAZJSTP97GMX9HN0002', 'create', 'projects.checkout', 1, NULL, '{"team": "engineering"}'),
	('aud_01M8MJTTC7JSTP97GMX9HN0006', 1795987171679933, 'operator@host (command line)', 'grq_01M8MJTTAZJSTP97GMX9HN0002', 'create', 'principals.dev-1@example.com', 1, NULL, '{"team": "engineering"}'),
	('aud_01M8MJTTC7JSTP97GMX9HN0007', 1795987171679933, 'operator@host (command line)', 'grq_01M8MJTTAZJSTP97GMX9HN0002', 'create', 'providers.sim', 1, NULL, '{"type": "simulator", "models": ["cent", "gpt-5-mini"]}'),
	('aud_01M8MJTTC7JSTP97GMX9HN0008', 1795987171679933, 'operator@host (command line)', 'grq_01M8MJTTAZJSTP97GMX9HN0002', 'create', 'model_aliases.cent', 1, NULL, '{"targets": ["sim/cent"]}'),
	('aud_01M8MJTTC7JSTP97GMX9HN0009', 1795987171679933, 'operator@host (command line)', 'grq_01M8MJTTAZJSTP97GMX9HN0002', 'create', 'virtual_keys.dev', 1, NULL, '{"tags": ["env=ci"], "project": "checkout", "principal": "dev-1@example.com", "environment": "test", "secret_hash": "hmac-sha256:336039bb1f275feca104141f025e3d5b119de01b96536d31061ed031a0ddacba"}'),
	('aud_01M8MJTTC7JSTP97GMX9HN000A', 1795987171679933, 'operator@host (command line)', 'grq_01M8MJTTAZJSTP97GMX9HN0002', 'create', 'budgets.cap', 1, NULL, '{"scope": {"team": "engineering"}, "window": "month", "limit_usd": "1"}'),
	('aud_01M8MJTTC7JSTP97GMX9HN000B', 1795987171679933, 'operator@host (command line)', 'grq_01M8MJTTAZJSTP97GMX9HN0002', 'create', 'budgets.own', 1, NULL, '{"scope": {"organization": "acme"}, "window": "month", "limit_usd": "5"}'),
	('aud_01M8MJTTC7JSTP97GMX9HN000C', 1795987171679933, 'operator@host (command line)', 'grq_01M8MJTTAZJSTP97GMX9HN0002', 'create', 'prices.sim/cent', 1, NULL, '{"per_request_usd": "0.01"}'),
	('aud_01M8MJTTC7JSTP97GMX9HN000D', 1795987171679933, 'operator@host (command line)', 'grq_01M8MJTTAZJSTP97GMX9HN0002', 'create', 'settings.organization', 1, NULL, '{"value": "acme"}');
INSERT INTO public.changes VALUES
	(1, 'budgets', 'cap'),
	(1, 'budgets', 'own'),
	(1, 'model_aliases', 'cent'),
	(1, 'prices', 'sim/cent'),
	(1, 'principals', 'dev-1@example.com'),
	(1, 'projects', 'checkout'),
	(1, 'providers', 'sim'),
	(1, 'settings', 'organization'),
	(1, 'teams', 'engineering'),
	(1, 'teams', 'research'),
	(1, 'virtual_keys', 'dev');
INSERT INTO public.charged_by_hour VALUES
	('budget:cap:team=engineering:month=2026-11', 498885, 110000000),
	('budget:own:organization=acme:month=2026-11', 498885, 110000000);
INSERT INTO public.control_plane_state VALUES
	(1, '01M8MJTJY1PEJJXS562JN50000', 1, 1795987171679933, 0);
INSERT INTO public.counter_nodes VALUES
	('host:1', 1795987185683042);
INSERT INTO public.ledger_entries VALUES
	('grq_01M8MJV735SBW46VPP6TKJ0002', 1795987184742068, '2026-11-29', 'dev', 'dev-1@example.com', 'checkout', 'engineering', 'acme', '["env=ci"]', 'ada', 'sim', 'simulator', 'cent', 'cent', 'chat_completions', 200, 'ok', 20, 7, 0, 0, 0, 0, 0, 10000000, '{"per_request": 10000000}', 'file', 'b12141d56965', '[["budget:cap:team=engineering:month=2026-11", 10000000], ["budget:own:organization=acme:month=2026-11", 10000000]]', '68c4332633de3a231ac1d1a43d4adfd2', '0767754488bffcda', 'alias', 'identical', '', '', '', '', 5, 4, NULL, false, '[{"model": "cent", "outcome": "ok", "began_ms": 4, "provider": "sim", "duration_ms": 1}]'),
	('grq_01M8MJV73DSBW46VPP6TKJ0004', 1795987184749034, '2026-11-29', 'dev', 'dev-1@example.com', 'checkout', 'engineering', 'acme', '["env=ci"]', 'ada', 'sim', 'simulator', 'cent', 'cent', 'chat_completions', 200, 'ok', 20, 7, 0, 0, 0, 0, 0, 10000000, '{"per_request": 10000000}', 'file', 'b12141d56965', '[["budget:cap:team=engineering:month=2026-11", 10000000], ["budget:own:organization=acme:month=2026-11", 10000000]]', '49b10805499235ced4817e935aa13104', 'f02e12bc185ceacb', 'alias', 'identical', '', '', '', '', 1, 1, NULL, false, '[{"model": "cent", "outcome": "ok", "began_ms": 1, "provider": "sim", "duration_ms": 0}]'),
	('grq_01M8MJV73FSBW46VPP6TKJ0006', 1795987184751393, '2026-11-29', 'dev', 'dev-1@example.com', 'checkout', 'engineering', 'acme', '["env=ci"]', 'ada', 'sim', 'simulator', 'cent', 'cent', 'chat_completions', 200, 'ok', 20, 7, 0, 0, 0, 0, 0, 10000000, '{"per_request": 10000000}', 'file', 'b12141d56965', '[["budget:cap:team=engineering:month=2026-11", 10000000], ["budget:own:organization=acme:month=2026-11", 10000000]]', '7eff5e2eeefcaa2918c1875a85f97a18', '2576aaf434ba0aca', 'alias', 'identical', '', '', '', '', 1, 1, NULL, false, '[{"model": "cent", "outcome": "ok", "began_ms": 1, "provider": "sim", "duration_ms": 0}]'),
	('grq_01M8MJV73HSBW46VPP6TKJ0008', 1795987184753584, '2026-11-29', 'dev', 'dev-1@example.com', 'checkout', 'engineering', 'acme', '["env=ci"]', 'ada', 'sim', 'simulator', 'cent', 'cent', 'chat_completions', 200, 'ok', 20, 7, 0, 0, 0, 0, 0, 10000000, '{"per_request": 10000000}', 'file', 'b12141d56965', '[["budget:cap:team=engineering:month=2026-11", 10000000], ["budget:own:organization=acme:month=2026-11", 10000000]]', '704486e74027d7e6e86dbfdd356d35ae', 'e360fcc09fb719ed', 'alias', 'identical', '', '', '', '', 1, 1, NULL, false, '[{"model": "cent", "outcome": "ok", "began_ms": 1, "provider": "sim", "duration_ms": 0}]'),
	('grq_01M8MJV73MSBW46VPP6TKJ000A', 1795987184756044, '2026-11-29', 'dev', 'dev-1@example.com', 'checkout', 'engineering', 'acme', '["env=ci"]', 'ada', 'sim', 'simulator', 'cent', 'cent', 'chat_completions', 200, 'ok', 20, 7, 0, 0, 0, 0, 0, 10000000, '{"per_request": 10000000}', 'file', 'b12141d56965', '[["budget:cap:team=engineering:month=2026-11", 10000000], ["budget:own:organization=acme:month=2026-11", 10000000]]', '5b749b945d698a06c648c8f31d1ec5fc', '0e7bf03188eb60a4', 'alias', 'identical', '', '', '', '', 1, 1, NULL, false, '[{"model": "cent", "outcome": "ok", "began_ms": 1, "provider": "sim", "duration_ms": 0}]'),
	('grq_01M8MJV73NSBW46VPP6TKJ000C', 1795987184757936, '2026-11-29', 'dev', 'dev-1@example.com', 'checkout', 'engineering', 'acme', '["env=ci"]', 'ada', 'sim', 'simulator', 'cent', 'cent', 'chat_completions', 200, 'ok', 20, 7, 0, 0, 0, 0, 0, 10000000, '{"per_request": 10000000}', 'file', 'b12141d56965', '[["budget:cap:team=engineering:month=2026-11", 10000000], ["budget:own:organization=acme:month=2026-11", 10000000]]', 'ab8c9cfe757fdce8a1aa028caaaa659e', 'a01e4165a221b3ce', 'alias', 'identical', '', '', '', '', 1, 1, NULL, false, '[{"model": "cent", "outcome": "ok", "began_ms": 1, "provider": "sim", "duration_ms": 0}]'),
	('grq_01M8MJV73QSBW46VPP6TKJ000E', 1795987184759865, '2026-11-29', 'dev', 'dev-1@example.com', 'checkout', 'engineering', 'acme', '["env=ci"]', 'ben', 'sim', 'simulator', 'cent', 'cent', 'chat_completions', 200, 'ok', 20, 7, 0, 0, 0, 0, 0, 10000000, '{"per_request": 10000000}', 'file', 'b12141d56965', '[["budget:cap:team=engineering:month=2026-11", 10000000], ["budget:own:organization=acme:month=2026-11", 10000000]]', '2d71620b3a3e0f51f6ca2cb1de393b35', 'c1e78b51300c5fa6', 'alias', 'identical', '', '', '', '', 1, 1, NULL, false, '[{"model": "cent", "outcome": "ok", "began_ms": 1, "provider": "sim", "duration_ms": 0}]'),
	('grq_01M8MJV73SSBW46VPP6TKJ000G', 1795987184761891, '2026-11-29', 'dev', 'dev-1@example.com', 'checkout', 'engineering', 'acme', '["env=ci"]', 'ben', 'sim', 'simulator', 'cent', 'cent', 'chat_completions', 200, 'ok', 20, 7, 0, 0, 0, 0, 0, 10000000, '{"per_request": 10000000}', 'file', 'b12141d56965', '[["budget:cap:team=engineering:month=2026-11", 10000000], ["budget:own:organization=acme:month=2026-11", 10000000]]', '4bd6c8d59e0c8a4086e3b8046cc2f98f', '311e3aec7bf061b3', 'alias', 'identical', '', '', '', '', 1, 1, NULL, false, '[{"model": "cent", "outcome": "ok", "began_ms": 1, "provider": "sim", "duration_ms": 0}]'),
	('grq_01M8MJV73VSBW46VPP6TKJ000J', 1795987184763876, '2026-11-29', 'dev', 'dev-1@example.com', 'checkout', 'engineering', 'acme', '["env=ci"]', 'ben', 'sim', 'simulator', 'cent', 'cent', 'chat_completions', 200, 'ok', 20, 7, 0, 0, 0, 0, 0, 10000000, '{"per_request": 10000000}', 'file', 'b12141d56965', '[["budget:cap:team=engineering:month=2026-11", 10000000], ["budget:own:organization=acme:month=2026-11", 10000000]]', 'a1b057241b602484d0ef8f37a31a2e54', '0e66cdef20417ad9', 'alias', 'identical', '', '', '', '', 1, 1, NULL, false, '[{"model": "cent", "outcome": "ok", "began_ms": 1, "provider": "sim", "duration_ms": 0}]'),
	('grq_01M8MJV73XSBW46VPP6TKJ000M', 1795987184765900, '2026-11-29', 'dev', 'dev-1@example.com', 'checkout', 'engineering', 'acme', '["env=ci"]', 'ada', 'sim', 'simulator', 'no/such', 'no/such', 'chat_completions', 403, 'refused', 0, 0, 0, 0, 0, 0, 0, 0, NULL, '', 'b12141d56965', '[]', 'd0556f84e0bc2412bc517301f3bd0d26', '8e2400a670bb9170', 'only_provider', '', 'model_not_allowed', 'model_unpriced', '', '', 1, NULL, NULL, false, '[]'),
	('grq_01M8MJV73ZSBW46VPP6TKJ000N', 1795987184767445, '2026-11-29', 'dev', 'dev-1@example.com', 'checkout', 'engineering', 'acme', '["env=ci"]', 'ada', 'sim', 'simulator', 'no/such', 'no/such', 'chat_completions', 403, 'refused', 0, 0, 0, 0, 0, 0, 0, 0, NULL, '', 'b12141d56965', '[]', '82c54839519ce21bbf0ebe6c7ed56f8f', '753879860914f78e', 'only_provider', '', 'model_not_allowed', 'model_unpriced', '', '', 0, NULL, NULL, false, '[]'),
	('grq_01M8MJV740SBW46VPP6TKJ000P', 1795987184768815, '2026-11-29', 'dev', 'dev-1@example.com', 'checkout', 'engineering', 'acme', '["env=ci"]', 'ada', 'sim', 'simulator', 'cent', 'cent', 'chat_completions', 200, 'ok', 34, 7, 0, 0, 0, 0, 0, 10000000, '{"per_request": 10000000}', 'file', 'b12141d56965', '[["budget:cap:team=engineering:month=2026-11", 10000000], ["budget:own:organization=acme:month=2026-11", 10000000]]', '31b7ddb77be63103d769ee1ae5eb0780', '102ac1b34e89f66c', 'alias', 'spliced', '', '', '', '', 2, 1, 1, true, '[{"model": "cent", "outcome": "ok", "began_ms": 0, "provider": "sim", "duration_ms": 0}]'),
	('grq_01M8MJV743SBW46VPP6TKJ000R', 1795987184771598, '2026-11-29', 'dev', 'dev-1@example.com', 'checkout', 'engineering', 'acme', '["env=ci"]', 'ada', 'sim', 'simulator', 'cent', 'cent', 'chat_completions', 200, 'ok', 34, 7, 0, 0, 0, 0, 0, 10000000, '{"per_request": 10000000}', 'file', 'b12141d56965', '[["budget:cap:team=engineering:month=2026-11", 10000000], ["budget:own:organization=acme:month=2026-11", 10000000]]', 'bf8e9380a556deb264d08e893c28473e', 'b0764d1e6a9de193', 'alias', 'spliced', '', '', '', '', 2, 1, 1, true, '[{"model": "cent", "outcome": "ok", "began_ms": 1, "provider": "sim", "duration_ms": 0}]');
INSERT INTO public.resources VALUES
	('teams', 'engineering', '{}', '', '{}', 'platform', 0, 1, 1795987171679933, 1795987171679933, 'operator@host (command line)', '{}', ''),
	('teams', 'research', '{}', '', '{}', 'platform', 0, 1, 1795987171679933, 1795987171679933, 'operator@host (command line)', '{}', ''),
	('projects', 'checkout', '{"team": "engineering"}', '', '{}', 'platform', 0, 1, 1795987171679933, 1795987171679933, 'operator@host (command line)', '{"team": "engineering"}', ''),
	('principals', 'dev-1@example.com', '{"team": "engineering"}', '', '{}', 'platform', 0, 1, 1795987171679933, 1795987171679933, 'operator@host (command line)', '{"team": "engineering"}', ''),
	('providers', 'sim', '{"type": "simulator", "models": ["cent", "gpt-5-mini"]}', '', '{}', 'platform', 0, 1, 1795987171679933, 1795987171679933, 'operator@host (command line)', '{"type": "simulator", "models": ["cent", "gpt-5-mini"]}', ''),
	('model_aliases', 'cent', '{"targets": ["sim/cent"]}', '', '{}', 'platform', 0, 1, 1795987171679933, 1795987171679933, 'operator@host (command line)', '{"targets": ["sim/cent"]}', ''),
	('virtual_keys', 'dev', '{"tags": ["env=ci"], "project": "checkout", "principal": "dev-1@example.com", "environment": "test", "secret_hash": "hmac-sha256:336039bb1f275feca104141f025e3d5b119de01b96536d31061ed031a0ddacba"}', '', '{}', 'platform', 0, 1, 1795987171679933, 1795987171679933, 'operator@host (command line)', '{"tags": ["env=ci"], "project": "checkout", "principal": "dev-1@example.com", "environment": "test", "secret_hash": "hmac-sha256:336039bb1f275feca104141f025e3d5b119de01b96536d31061ed031a0ddacba"}', ''),
	('budgets', 'cap', '{"scope": {"team": "engineering"}, "window": "month", "limit_usd": "1"}', '', '{}', 'platform', 0, 1, 1795987171679933, 1795987171679933, 'operator@host (command line)', '{"scope": {"team": "engineering"}, "window": "month", "limit_usd": "1"}', ''),
	('budgets', 'own', '{"scope": {"organization": "acme"}, "window": "month", "limit_usd": "5"}', '', '{}', 'platform', 0, 1, 1795987171679933, 1795987171679933, 'operator@host (command line)', '{"scope": {"organization": "acme"}, "window": "month", "limit_usd": "5"}', ''),
	('prices', 'sim/cent', '{"per_request_usd": "0.01"}', '', '{}', 'platform', 0, 1, 1795987171679933, 1795987171679933, 'operator@host (command line)', '{"per_request_usd": "0.01"}', ''),
	('settings', 'organization', '{"value": "acme"}', '', '{}', 'platform', 0, 1, 1795987171679933, 1795987171679933, 'operator@host (command line)', '{"value": "acme"}', '');
INSERT INTO public.spend_by_day VALUES
	(20786, 'dev', 'dev-1@example.com', 'checkout', 'engineering', 'acme', 'sim', 'cent', 11, 248, 77, 0, 0, 0, 0, 0, 110000000),
	(20786, 'dev', 'dev-1@example.com', 'checkout', 'engineering', 'acme', 'sim', 'no/such', 2, 0, 0, 0, 0, 0, 0, 0, 0);
INSERT INTO public.spend_by_hour VALUES
	(498885, 'dev', 'dev-1@example.com', 'checkout', 'engineering', 'acme', 'sim', 'cent', 11, 248, 77, 0, 0, 0, 0, 0, 110000000),
	(498885, 'dev', 'dev-1@example.com', 'checkout', 'engineering', 'acme', 'sim', 'no/such', 2, 0, 0, 0, 0, 0, 0, 0, 0);
INSERT INTO public.traffic_by_five_minutes VALUES
	(5986623, 200, 'ok', '', 0, 8),
	(5986623, 200, 'ok', '', 4, 2),
	(5986623, 200, 'ok', '', 9, 1),
	(5986623, 403, 'refused', 'model_unpriced', 0, 2);
INSERT INTO public.traffic_by_hour VALUES
	(498885, 200, 'ok', '', 0, 8),
	(498885, 200, 'ok', '', 4, 2),
	(498885, 200, 'ok', '', 9, 1),
	(498885, 403, 'refused', 'model_unpriced', 0, 2);
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
ALTER TABLE ONLY public.gateway_nodes
    ADD CONSTRAINT pk_gateway_nodes PRIMARY KEY (node);
ALTER TABLE ONLY public.kept_answers
    ADD CONSTRAINT pk_kept_answers PRIMARY KEY (token_id, idempotency_key);
ALTER TABLE ONLY public.ledger_entries
    ADD CONSTRAINT pk_ledger_entries PRIMARY KEY (request_id);
ALTER TABLE ONLY public.resources
    ADD CONSTRAINT pk_resources PRIMARY KEY (kind, name);
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
