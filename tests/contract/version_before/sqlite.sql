BEGIN TRANSACTION;
CREATE TABLE admin_tokens (
	id TEXT NOT NULL, 
	name TEXT NOT NULL, 
	scope TEXT NOT NULL, 
	digest TEXT NOT NULL, 
	created_at BIGINT NOT NULL, 
	expires_at BIGINT, 
	last_used_at BIGINT, 
	revoked_at BIGINT, 
	CONSTRAINT pk_admin_tokens PRIMARY KEY (id), 
	CONSTRAINT uq_admin_tokens_digest UNIQUE (digest)
);
INSERT INTO "admin_tokens" VALUES('tok_01M8NF36MCJDQ9SZ8VNWJY0000','ci','apply','37623d5d9b211176b0f233cc3357e66fbc5c775d0c7db8f1efd94ef309daa361',1796016806402830,NULL,1796016812543074,NULL);
INSERT INTO "admin_tokens" VALUES('tok_01M8NF37ZSTR3EMBWJAXKC0000','gw','gateway','a7f2bdbbd2ed18fa146f5bb87928d5fda146e01b49cc3e50ae0622fb21ea131a',1796016807667062,NULL,1796016815647718,NULL);
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('servable_revisions');
CREATE TABLE applies (
	plan_id TEXT NOT NULL, 
	revision BIGINT NOT NULL, 
	owner TEXT NOT NULL, 
	digest TEXT NOT NULL, 
	actor TEXT NOT NULL, 
	applied_at BIGINT NOT NULL, 
	"plan" JSON NOT NULL, 
	CONSTRAINT pk_applies PRIMARY KEY (plan_id)
)
 WITHOUT ROWID

;
INSERT INTO "applies" VALUES('pl_01M8NF3CGD0W98QJC8JDV00001',1,'platform','sha256:d5cd2d9a48eae9e94443742896c46ab4d08098517b12794647cdb41b713b0cf6','ci',1796016812596082,'{"format_version":"1.0","plan_id":"pl_01M8NF3CGD0W98QJC8JDV00001","lineage":"01M8NF34Z99VBE0HCH9YTD0000","revision":0,"owner":"platform","created_at":1796016812596082,"as_of":1796016812596082,"source":{"digest":"866584fadf295ca47e8b30f5f268e175989757c18a39378772e4066731b10372","commit":null},"targets":[],"resource_changes":[{"address":"teams.a","previous_address":null,"kind":"teams","name":"a","owner":"platform","actions":["create"],"before":null,"after":{},"changes":[],"access":"same","revision":0,"consequences":[],"mints_secret":false,"pulled_in_by":null},{"address":"providers.openai","previous_address":null,"kind":"providers","name":"openai","owner":"platform","actions":["create"],"before":null,"after":{"base_url":"http://127.0.0.1:1/v1","type":"openai","api_key":"(sensitive)"},"changes":[],"access":"grants","revision":0,"consequences":[],"mints_secret":false,"pulled_in_by":null},{"address":"providers.sim","previous_address":null,"kind":"providers","name":"sim","owner":"platform","actions":["create"],"before":null,"after":{"type":"simulator"},"changes":[],"access":"grants","revision":0,"consequences":[],"mints_secret":false,"pulled_in_by":null},{"address":"virtual_keys.one","previous_address":null,"kind":"virtual_keys","name":"one","owner":"platform","actions":["create"],"before":null,"after":{"environment":"test","team":"a"},"changes":[],"access":"grants","revision":0,"consequences":[],"mints_secret":true,"pulled_in_by":null},{"address":"virtual_keys.three","previous_address":null,"kind":"virtual_keys","name":"three","owner":"platform","actions":["create"],"before":null,"after":{"environment":"test","team":"a"},"changes":[],"access":"grants","revision":0,"consequences":[],"mints_secret":true,"pulled_in_by":null},{"address":"virtual_keys.two","previous_address":null,"kind":"virtual_keys","name":"two","owner":"platform","actions":["create"],"before":null,"after":{"environment":"test","team":"a"},"changes":[],"access":"grants","revision":0,"consequences":[],"mints_secret":true,"pulled_in_by":null},{"address":"budgets.cap","previous_address":null,"kind":"budgets","name":"cap","owner":"platform","actions":["create"],"before":null,"after":{"scope":{"team":"a"},"window":"total","limit_usd":"50"},"changes":[],"access":"narrows","revision":0,"consequences":[],"mints_secret":false,"pulled_in_by":null},{"address":"prices.sim/gpt-5-mini","previous_address":null,"kind":"prices","name":"sim/gpt-5-mini","owner":"platform","actions":["create"],"before":null,"after":{"input_usd_per_mtok":"1000","output_usd_per_mtok":"1000"},"changes":[],"access":"may_widen","revision":0,"consequences":[],"mints_secret":false,"pulled_in_by":null}],"drift":[],"requires":[{"code":"widen","text":"1 change widens access, or may","addresses":["prices.sim/gpt-5-mini"],"flag":"--no-widen","only_if_asked":true}],"unmanaged":{},"matching":0,"errors":[],"warnings":[],"summary":{"create":8,"update":0,"replace":0,"move":0,"delete":0,"widens":0,"may_widen":1,"refuses_traffic":0,"outside_edits":0},"digest":"sha256:d5cd2d9a48eae9e94443742896c46ab4d08098517b12794647cdb41b713b0cf6","replay":null}');
CREATE TABLE attempts_by_five_minutes (
	slot BIGINT NOT NULL, 
	provider TEXT NOT NULL, 
	outcome TEXT NOT NULL, 
	bucket INTEGER NOT NULL, 
	attempts BIGINT NOT NULL, 
	last_at BIGINT NOT NULL, 
	CONSTRAINT pk_attempts_by_five_minutes PRIMARY KEY (slot, provider, outcome, bucket)
)
 WITHOUT ROWID

;
INSERT INTO "attempts_by_five_minutes" VALUES(5986722,'sim','ok',0,3,1796016817043468);
CREATE TABLE attempts_by_hour (
	slot BIGINT NOT NULL, 
	provider TEXT NOT NULL, 
	outcome TEXT NOT NULL, 
	bucket INTEGER NOT NULL, 
	attempts BIGINT NOT NULL, 
	last_at BIGINT NOT NULL, 
	CONSTRAINT pk_attempts_by_hour PRIMARY KEY (slot, provider, outcome, bucket)
)
 WITHOUT ROWID

;
INSERT INTO "attempts_by_hour" VALUES(498893,'sim','ok',0,3,1796016817043468);
CREATE TABLE audit_log (
	id TEXT NOT NULL, 
	at BIGINT NOT NULL, 
	actor TEXT NOT NULL, 
	request_id TEXT NOT NULL, 
	action TEXT NOT NULL, 
	address TEXT NOT NULL, 
	revision BIGINT NOT NULL, 
	"before" JSON, 
	"after" JSON, 
	CONSTRAINT pk_audit_log PRIMARY KEY (id)
)
 WITHOUT ROWID

;
INSERT INTO "audit_log" VALUES('aud_01M8NF3CHR0W98QJC8JDV00003',1796016812596082,'ci','grq_01M8NF3CHH0W98QJC8JDV00002','create','teams.a',1,NULL,'{}');
INSERT INTO "audit_log" VALUES('aud_01M8NF3CHR0W98QJC8JDV00004',1796016812596082,'ci','grq_01M8NF3CHH0W98QJC8JDV00002','create','providers.openai',1,NULL,'{"base_url":"http://127.0.0.1:1/v1","type":"openai","api_key":"(sensitive)"}');
INSERT INTO "audit_log" VALUES('aud_01M8NF3CHR0W98QJC8JDV00005',1796016812596082,'ci','grq_01M8NF3CHH0W98QJC8JDV00002','create','providers.sim',1,NULL,'{"type":"simulator"}');
INSERT INTO "audit_log" VALUES('aud_01M8NF3CHR0W98QJC8JDV00006',1796016812596082,'ci','grq_01M8NF3CHH0W98QJC8JDV00002','create','virtual_keys.one',1,NULL,'{"environment":"test","team":"a","secret_hash":"hmac-sha256:974121cc…"}');
INSERT INTO "audit_log" VALUES('aud_01M8NF3CHR0W98QJC8JDV00007',1796016812596082,'ci','grq_01M8NF3CHH0W98QJC8JDV00002','create','virtual_keys.three',1,NULL,'{"environment":"test","team":"a","secret_hash":"hmac-sha256:57c06e31…"}');
INSERT INTO "audit_log" VALUES('aud_01M8NF3CHR0W98QJC8JDV00008',1796016812596082,'ci','grq_01M8NF3CHH0W98QJC8JDV00002','create','virtual_keys.two',1,NULL,'{"environment":"test","team":"a","secret_hash":"hmac-sha256:c8a37d3f…"}');
INSERT INTO "audit_log" VALUES('aud_01M8NF3CHR0W98QJC8JDV00009',1796016812596082,'ci','grq_01M8NF3CHH0W98QJC8JDV00002','create','budgets.cap',1,NULL,'{"scope":{"team":"a"},"window":"total","limit_usd":"50"}');
INSERT INTO "audit_log" VALUES('aud_01M8NF3CHR0W98QJC8JDV0000A',1796016812596082,'ci','grq_01M8NF3CHH0W98QJC8JDV00002','create','prices.sim/gpt-5-mini',1,NULL,'{"input_usd_per_mtok":"1000","output_usd_per_mtok":"1000"}');
INSERT INTO "audit_log" VALUES('aud_01M8NF3J8QFZF6DA59GYMZ0001',1796016818449106,'ci','grq_01M8NF3J8FFZF6DA59GYMZ0000','disable','virtual_keys.two',2,'{"environment":"test","team":"a","secret_hash":"hmac-sha256:c8a37d3f…"}','{"environment":"test","team":"a","secret_hash":"hmac-sha256:c8a37d3f…","state":"disabled"}');
INSERT INTO "audit_log" VALUES('aud_01M8NF3KAN33ZE4VMXPHXW0001',1796016819540663,'ci','grq_01M8NF3KAK33ZE4VMXPHXW0000','revoke','virtual_keys.three',3,'{"environment":"test","team":"a","secret_hash":"hmac-sha256:57c06e31…"}','{"environment":"test","team":"a","secret_hash":"hmac-sha256:57c06e31…","state":"revoked"}');
CREATE TABLE changes (
	revision BIGINT NOT NULL, 
	kind TEXT NOT NULL, 
	name TEXT NOT NULL, 
	CONSTRAINT pk_changes PRIMARY KEY (revision, kind, name)
)
 WITHOUT ROWID

;
INSERT INTO "changes" VALUES(1,'budgets','cap');
INSERT INTO "changes" VALUES(1,'prices','sim/gpt-5-mini');
INSERT INTO "changes" VALUES(1,'providers','openai');
INSERT INTO "changes" VALUES(1,'providers','sim');
INSERT INTO "changes" VALUES(1,'teams','a');
INSERT INTO "changes" VALUES(1,'virtual_keys','one');
INSERT INTO "changes" VALUES(1,'virtual_keys','three');
INSERT INTO "changes" VALUES(1,'virtual_keys','two');
INSERT INTO "changes" VALUES(2,'virtual_keys','two');
INSERT INTO "changes" VALUES(3,'virtual_keys','three');
CREATE TABLE charged_by_hour (
	counter TEXT NOT NULL, 
	hour BIGINT NOT NULL, 
	amount BIGINT NOT NULL, 
	CONSTRAINT pk_charged_by_hour PRIMARY KEY (counter, hour)
)
 WITHOUT ROWID

;
INSERT INTO "charged_by_hour" VALUES('budget:cap:team=a:total=total',498893,69000000);
CREATE TABLE console_sessions (
	digest TEXT NOT NULL, 
	token_id TEXT NOT NULL, 
	created_at BIGINT NOT NULL, 
	last_seen_at BIGINT NOT NULL, 
	expires_at BIGINT NOT NULL, 
	CONSTRAINT pk_console_sessions PRIMARY KEY (digest)
)
 WITHOUT ROWID

;
CREATE TABLE control_plane_state (
	id INTEGER NOT NULL, 
	lineage TEXT NOT NULL, 
	revision BIGINT NOT NULL, 
	changed_at BIGINT NOT NULL, 
	oldest_change BIGINT NOT NULL, 
	CONSTRAINT pk_control_plane_state PRIMARY KEY (id)
);
INSERT INTO "control_plane_state" VALUES(1,'01M8NF34Z99VBE0HCH9YTD0000',3,1796016819540663,0);
CREATE TABLE counter_nodes (
	node TEXT NOT NULL, 
	reported_at BIGINT NOT NULL, 
	CONSTRAINT pk_counter_nodes PRIMARY KEY (node)
)
 WITHOUT ROWID

;
INSERT INTO "counter_nodes" VALUES('vm:11774',1796016820777977);
CREATE TABLE counter_states (
	node TEXT NOT NULL, 
	counter TEXT NOT NULL, 
	spent BIGINT NOT NULL, 
	held BIGINT NOT NULL, 
	resets_at BIGINT, 
	reported_at BIGINT NOT NULL, 
	CONSTRAINT pk_counter_states PRIMARY KEY (node, counter)
)
 WITHOUT ROWID

;
CREATE TABLE further_by_day (
	day BIGINT NOT NULL, 
	virtual_key TEXT NOT NULL, 
	principal TEXT NOT NULL, 
	project TEXT NOT NULL, 
	team TEXT NOT NULL, 
	organization TEXT NOT NULL, 
	provider TEXT NOT NULL, 
	model TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	amount BIGINT NOT NULL, 
	CONSTRAINT pk_further_by_day PRIMARY KEY (day, virtual_key, principal, project, team, organization, provider, model, kind)
)
 WITHOUT ROWID

;
CREATE TABLE further_by_hour (
	hour BIGINT NOT NULL, 
	virtual_key TEXT NOT NULL, 
	principal TEXT NOT NULL, 
	project TEXT NOT NULL, 
	team TEXT NOT NULL, 
	organization TEXT NOT NULL, 
	provider TEXT NOT NULL, 
	model TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	amount BIGINT NOT NULL, 
	CONSTRAINT pk_further_by_hour PRIMARY KEY (hour, virtual_key, principal, project, team, organization, provider, model, kind)
)
 WITHOUT ROWID

;
CREATE TABLE gateway_nodes (
	node TEXT NOT NULL, 
	version TEXT NOT NULL, 
	serving_revision BIGINT NOT NULL, 
	serving_since BIGINT NOT NULL, 
	lag_ms BIGINT, 
	rejected_revision BIGINT, 
	rejected_because TEXT, 
	first_seen BIGINT NOT NULL, 
	reported_at BIGINT NOT NULL, open_circuits JSON DEFAULT '[]' NOT NULL, keys_revision BIGINT, 
	CONSTRAINT pk_gateway_nodes PRIMARY KEY (node)
)
 WITHOUT ROWID

;
INSERT INTO "gateway_nodes" VALUES('vm:5572','0.1.0',3,1796016819615436,75,NULL,NULL,1796016815742770,1796016819651696,'[]',3);
CREATE TABLE kept_answers (
	token_id TEXT NOT NULL, 
	idempotency_key TEXT NOT NULL, 
	digest TEXT NOT NULL, 
	at BIGINT NOT NULL, 
	sealed TEXT NOT NULL, 
	CONSTRAINT pk_kept_answers PRIMARY KEY (token_id, idempotency_key)
)
 WITHOUT ROWID

;
CREATE TABLE ledger_entries (
	request_id TEXT NOT NULL, 
	occurred_at BIGINT NOT NULL, 
	day TEXT NOT NULL, 
	virtual_key TEXT NOT NULL, 
	principal TEXT NOT NULL, 
	project TEXT NOT NULL, 
	team TEXT NOT NULL, 
	organization TEXT NOT NULL, 
	tags JSON NOT NULL, 
	end_user TEXT NOT NULL, 
	provider TEXT NOT NULL, 
	provider_type TEXT NOT NULL, 
	model TEXT NOT NULL, 
	model_asked TEXT NOT NULL, 
	endpoint TEXT NOT NULL, 
	status INTEGER NOT NULL, 
	outcome TEXT NOT NULL, 
	input_tokens BIGINT NOT NULL, 
	output_tokens BIGINT NOT NULL, 
	cache_read_tokens BIGINT NOT NULL, 
	cache_write_tokens BIGINT NOT NULL, 
	reasoning_tokens BIGINT NOT NULL, 
	input_audio_tokens BIGINT NOT NULL, 
	output_audio_tokens BIGINT NOT NULL, 
	cost_nano_usd BIGINT NOT NULL, 
	price JSON, 
	price_source TEXT NOT NULL, 
	revision TEXT NOT NULL, 
	budgets JSON NOT NULL, trace_id TEXT DEFAULT '' NOT NULL, span_id TEXT DEFAULT '' NOT NULL, model_source TEXT DEFAULT '' NOT NULL, body TEXT DEFAULT '' NOT NULL, error_type TEXT DEFAULT '' NOT NULL, error_code TEXT DEFAULT '' NOT NULL, denied_by TEXT DEFAULT '' NOT NULL, usage_warning TEXT DEFAULT '' NOT NULL, duration_ms BIGINT, first_byte_ms BIGINT, first_token_ms BIGINT, streaming BOOLEAN, attempts JSON DEFAULT '[]' NOT NULL, further JSON, iterations JSON, unreadable JSON, served_model TEXT DEFAULT '' NOT NULL, service_tier TEXT DEFAULT '' NOT NULL, speed TEXT DEFAULT '' NOT NULL, region TEXT DEFAULT '' NOT NULL, longest_prompt BIGINT, 
	CONSTRAINT pk_ledger_entries PRIMARY KEY (request_id)
);
INSERT INTO "ledger_entries" VALUES('grq_01M8NF3GTJ9YN25MMDMXFM0000',1796016816978504,'2026-11-30','one','','','a','','[]','','sim','simulator','gpt-5-mini','sim/gpt-5-mini','chat_completions',200,'ok',16,7,0,0,0,0,0,23000000,'{"input":1000000000000,"output":1000000000000}','file','d477daad6043@r1','[["budget:cap:team=a:total=total",23000000]]','2bddd45536e9e694f89fcff7acc223ab','0c1119653c329e8a','provider','spliced','','','','',8,7,NULL,0,'[{"provider":"sim","model":"gpt-5-mini","outcome":"ok","began_ms":7,"duration_ms":0}]',NULL,NULL,NULL,'gpt-5-mini','','','',NULL);
INSERT INTO "ledger_entries" VALUES('grq_01M8NF3GVE9YN25MMDMXFM0001',1796016817006672,'2026-11-30','three','','','a','','[]','','sim','simulator','gpt-5-mini','sim/gpt-5-mini','chat_completions',200,'ok',16,7,0,0,0,0,0,23000000,'{"input":1000000000000,"output":1000000000000}','file','d477daad6043@r1','[["budget:cap:team=a:total=total",23000000]]','a159104ed28b16bab359bcb65edbd8b8','8e4daa7ad5102711','provider','spliced','','','','',1,1,NULL,0,'[{"provider":"sim","model":"gpt-5-mini","outcome":"ok","began_ms":1,"duration_ms":0}]',NULL,NULL,NULL,'gpt-5-mini','','','',NULL);
INSERT INTO "ledger_entries" VALUES('grq_01M8NF3GWJ9YN25MMDMXFM0002',1796016817042468,'2026-11-30','two','','','a','','[]','','sim','simulator','gpt-5-mini','sim/gpt-5-mini','chat_completions',200,'ok',16,7,0,0,0,0,0,23000000,'{"input":1000000000000,"output":1000000000000}','file','d477daad6043@r1','[["budget:cap:team=a:total=total",23000000]]','bf72a4fed4c44e21280be99db1db5e37','a8e59aa8371b56fa','provider','spliced','','','','',1,1,NULL,0,'[{"provider":"sim","model":"gpt-5-mini","outcome":"ok","began_ms":1,"duration_ms":0}]',NULL,NULL,NULL,'gpt-5-mini','','','',NULL);
CREATE TABLE resources (
	kind TEXT NOT NULL, 
	name TEXT NOT NULL, 
	spec JSON NOT NULL, 
	sealed TEXT NOT NULL, 
	written_references JSON NOT NULL, 
	owner TEXT NOT NULL, 
	protected INTEGER NOT NULL, 
	revision BIGINT NOT NULL, 
	created_at BIGINT NOT NULL, 
	changed_at BIGINT NOT NULL, 
	changed_by TEXT NOT NULL, 
	applied_spec JSON, 
	applied_sealed TEXT, 
	CONSTRAINT pk_resources PRIMARY KEY (kind, name)
)
 WITHOUT ROWID

;
INSERT INTO "resources" VALUES('budgets','cap','{"scope":{"team":"a"},"window":"total","limit_usd":"50"}','','{}','platform',0,1,1796016812596082,1796016812596082,'ci','{"scope":{"team":"a"},"window":"total","limit_usd":"50"}','');
INSERT INTO "resources" VALUES('prices','sim/gpt-5-mini','{"input_usd_per_mtok":"1000","output_usd_per_mtok":"1000"}','','{}','platform',0,1,1796016812596082,1796016812596082,'ci','{"input_usd_per_mtok":"1000","output_usd_per_mtok":"1000"}','');
INSERT INTO "resources" VALUES('providers','openai','{"base_url":"http://127.0.0.1:1/v1","type":"openai","api_key":null}','gAAAAABrDQqsZFwA4bJs2LjFIT6UXJsGmSMHVfgw8U9_fSiv7-AK79b0X_F0PoeBBwhIP8jB6d-PAkX959meyd_c2nb0X0G9dUzkYzw3pppvi11j3NlZRGfd3zh8c7oCdNPZBUonXMXD','{"/api_key":"${env:OPENAI_KEY}"}','platform',0,1,1796016812596082,1796016812596082,'ci','{"base_url":"http://127.0.0.1:1/v1","type":"openai","api_key":null}','gAAAAABrDQqs-ckUfeK8OY0p8Or5I0K5uTycgELgxlnA6FAygSMi_m0ElvPWwWtmf2ecWLtrB0PJJ7Zu5JkG7G_MuxxgqzBZ_QU_k8pmqcttiX31D-RwnW2ZBiQL58cy58o2ddAQOhgX');
INSERT INTO "resources" VALUES('providers','sim','{"type":"simulator"}','','{}','platform',0,1,1796016812596082,1796016812596082,'ci','{"type":"simulator"}','');
INSERT INTO "resources" VALUES('teams','a','{}','','{}','platform',0,1,1796016812596082,1796016812596082,'ci','{}','');
INSERT INTO "resources" VALUES('virtual_keys','one','{"environment":"test","team":"a","secret_hash":"hmac-sha256:974121ccc53b3ef00925a73484461bf9482b2f6b7c547dc844e8e94f8e4610fe"}','','{}','platform',0,1,1796016812596082,1796016812596082,'ci','{"environment":"test","team":"a"}','');
INSERT INTO "resources" VALUES('virtual_keys','three','{"environment":"test","team":"a","secret_hash":"hmac-sha256:57c06e316cc9f28022ada351f609af36e81b74c20fd62c528969f2bb9fb2caff","state":"revoked"}','','{}','platform',0,3,1796016812596082,1796016819540663,'ci','{"environment":"test","team":"a"}','');
INSERT INTO "resources" VALUES('virtual_keys','two','{"environment":"test","team":"a","secret_hash":"hmac-sha256:c8a37d3f598c0aa67920be893851e1152be4bec66a027009815a42f3fc2a4027","state":"disabled"}','','{}','platform',0,2,1796016812596082,1796016818449106,'ci','{"environment":"test","team":"a"}','');
CREATE TABLE revoked_secrets (
	secret_hash TEXT NOT NULL, 
	address TEXT NOT NULL, 
	revoked_at BIGINT NOT NULL, 
	CONSTRAINT pk_revoked_secrets PRIMARY KEY (secret_hash)
)
 WITHOUT ROWID

;
INSERT INTO "revoked_secrets" VALUES('hmac-sha256:57c06e316cc9f28022ada351f609af36e81b74c20fd62c528969f2bb9fb2caff','virtual_keys.three',1796016819540663);
CREATE TABLE spend_by_day (
	day BIGINT NOT NULL, 
	virtual_key TEXT NOT NULL, 
	principal TEXT NOT NULL, 
	project TEXT NOT NULL, 
	team TEXT NOT NULL, 
	organization TEXT NOT NULL, 
	provider TEXT NOT NULL, 
	model TEXT NOT NULL, 
	requests BIGINT NOT NULL, 
	input_tokens BIGINT NOT NULL, 
	output_tokens BIGINT NOT NULL, 
	cache_read_tokens BIGINT NOT NULL, 
	cache_write_tokens BIGINT NOT NULL, 
	reasoning_tokens BIGINT NOT NULL, 
	input_audio_tokens BIGINT NOT NULL, 
	output_audio_tokens BIGINT NOT NULL, 
	cost_nano_usd BIGINT NOT NULL, unpriced_requests BIGINT DEFAULT '0' NOT NULL, 
	CONSTRAINT pk_spend_by_day PRIMARY KEY (day, virtual_key, principal, project, team, organization, provider, model)
)
 WITHOUT ROWID

;
INSERT INTO "spend_by_day" VALUES(20787,'one','','','a','','sim','gpt-5-mini',1,16,7,0,0,0,0,0,23000000,0);
INSERT INTO "spend_by_day" VALUES(20787,'three','','','a','','sim','gpt-5-mini',1,16,7,0,0,0,0,0,23000000,0);
INSERT INTO "spend_by_day" VALUES(20787,'two','','','a','','sim','gpt-5-mini',1,16,7,0,0,0,0,0,23000000,0);
CREATE TABLE spend_by_hour (
	hour BIGINT NOT NULL, 
	virtual_key TEXT NOT NULL, 
	principal TEXT NOT NULL, 
	project TEXT NOT NULL, 
	team TEXT NOT NULL, 
	organization TEXT NOT NULL, 
	provider TEXT NOT NULL, 
	model TEXT NOT NULL, 
	requests BIGINT NOT NULL, 
	input_tokens BIGINT NOT NULL, 
	output_tokens BIGINT NOT NULL, 
	cache_read_tokens BIGINT NOT NULL, 
	cache_write_tokens BIGINT NOT NULL, 
	reasoning_tokens BIGINT NOT NULL, 
	input_audio_tokens BIGINT NOT NULL, 
	output_audio_tokens BIGINT NOT NULL, 
	cost_nano_usd BIGINT NOT NULL, unpriced_requests BIGINT DEFAULT '0' NOT NULL, 
	CONSTRAINT pk_spend_by_hour PRIMARY KEY (hour, virtual_key, principal, project, team, organization, provider, model)
)
 WITHOUT ROWID

;
INSERT INTO "spend_by_hour" VALUES(498893,'one','','','a','','sim','gpt-5-mini',1,16,7,0,0,0,0,0,23000000,0);
INSERT INTO "spend_by_hour" VALUES(498893,'three','','','a','','sim','gpt-5-mini',1,16,7,0,0,0,0,0,23000000,0);
INSERT INTO "spend_by_hour" VALUES(498893,'two','','','a','','sim','gpt-5-mini',1,16,7,0,0,0,0,0,23000000,0);
CREATE TABLE traffic_by_five_minutes (
	slot BIGINT NOT NULL, 
	status INTEGER NOT NULL, 
	outcome TEXT NOT NULL, 
	error_code TEXT NOT NULL, 
	bucket INTEGER NOT NULL, 
	requests BIGINT NOT NULL, 
	CONSTRAINT pk_traffic_by_five_minutes PRIMARY KEY (slot, status, outcome, error_code, bucket)
)
 WITHOUT ROWID

;
INSERT INTO "traffic_by_five_minutes" VALUES(5986722,200,'ok','',0,2);
INSERT INTO "traffic_by_five_minutes" VALUES(5986722,200,'ok','',12,1);
CREATE TABLE traffic_by_hour (
	slot BIGINT NOT NULL, 
	status INTEGER NOT NULL, 
	outcome TEXT NOT NULL, 
	error_code TEXT NOT NULL, 
	bucket INTEGER NOT NULL, 
	requests BIGINT NOT NULL, 
	CONSTRAINT pk_traffic_by_hour PRIMARY KEY (slot, status, outcome, error_code, bucket)
)
 WITHOUT ROWID

;
INSERT INTO "traffic_by_hour" VALUES(498893,200,'ok','',0,2);
INSERT INTO "traffic_by_hour" VALUES(498893,200,'ok','',12,1);
CREATE INDEX ix_ledger_entries_occurred_at ON ledger_entries (occurred_at, request_id);
CREATE INDEX ix_ledger_entries_end_user ON ledger_entries (end_user, occurred_at) WHERE end_user != '';
CREATE INDEX ix_counter_states_counter ON counter_states (counter);
CREATE INDEX ix_resources_owner ON resources (owner);
CREATE INDEX ix_applies_revision ON applies (revision);
CREATE INDEX ix_audit_log_at ON audit_log (at, id);
CREATE INDEX ix_kept_answers_at ON kept_answers (at);
CREATE INDEX ix_ledger_entries_hour_virtual_key ON ledger_entries ((occurred_at / 3600000000), virtual_key, occurred_at);
CREATE INDEX ix_ledger_entries_hour_trace_id ON ledger_entries ((occurred_at / 3600000000), trace_id) WHERE trace_id != '';
CREATE INDEX ix_ledger_entries_hour_trouble ON ledger_entries ((occurred_at / 3600000000), error_code, occurred_at) WHERE (status >= 400 OR outcome <> 'ok');
CREATE INDEX ix_audit_log_address ON audit_log (address, at);
COMMIT;
