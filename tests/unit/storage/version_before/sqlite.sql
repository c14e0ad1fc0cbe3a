PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO alembic_version VALUES('console_sessions');
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
	budgets JSON NOT NULL, trace_id TEXT DEFAULT '' NOT NULL, span_id TEXT DEFAULT '' NOT NULL, model_source TEXT DEFAULT '' NOT NULL, body TEXT DEFAULT '' NOT NULL, error_type TEXT DEFAULT '' NOT NULL, error_code TEXT DEFAULT '' NOT NULL, denied_by TEXT DEFAULT '' NOT NULL, usage_warning TEXT DEFAULT '' NOT NULL, duration_ms BIGINT, first_byte_ms BIGINT, first_token_ms BIGINT, streaming BOOLEAN, attempts JSON DEFAULT '[]' NOT NULL, 
	CONSTRAINT pk_ledger_entries PRIMARY KEY (request_id)
);
INSERT INTO ledger_entries VALUES('grq_01M8MJTAJEZXA6S2EAJFTH0003',1795987155534804,'2026-11-29','dev','dev-1@example.com','checkout','engineering','acme','["env=ci"]','ada','sim','simulator','cent','cent','chat_completions',200,'ok',20,7,0,0,0,0,0,10000000,'{"per_request":10000000}','file','b12141d56965','[["budget:cap:team=engineering:month=2026-11",10000000],["budget:own:organization=acme:month=2026-11",10000000]]','74419f5a545915f1ed76610c7c27d826','24bbf086b472f953','alias','identical','','','','',10,5,NULL,0,'[{"provider":"sim","model":"cent","outcome":"ok","began_ms":4,"duration_ms":1}]');
INSERT INTO ledger_entries VALUES('grq_01M8MJTAK1ZXA6S2EAJFTH0005',1795987155553252,'2026-11-29','dev','dev-1@example.com','checkout','engineering','acme','["env=ci"]','ada','sim','simulator','cent','cent','chat_completions',200,'ok',20,7,0,0,0,0,0,10000000,'{"per_request":10000000}','file','b12141d56965','[["budget:cap:team=engineering:month=2026-11",10000000],["budget:own:organization=acme:month=2026-11",10000000]]','f18731fc46f8c8d575ecc1c187bd3ca5','f2795a913b544afd','alias','identical','','','','',4,4,NULL,0,'[{"provider":"sim","model":"cent","outcome":"ok","began_ms":4,"duration_ms":0}]');
INSERT INTO ledger_entries VALUES('grq_01M8MJTAKAZXA6S2EAJFTH0007',1795987155562929,'2026-11-29','dev','dev-1@example.com','checkout','engineering','acme','["env=ci"]','ada','sim','simulator','cent','cent','chat_completions',200,'ok',20,7,0,0,0,0,0,10000000,'{"per_request":10000000}','file','b12141d56965','[["budget:cap:team=engineering:month=2026-11",10000000],["budget:own:organization=acme:month=2026-11",10000000]]','d760238ccc9b3c4f607bbfe5b5218d68','46193db11a55f588','alias','identical','','','','',6,1,NULL,0,'[{"provider":"sim","model":"cent","outcome":"ok","began_ms":1,"duration_ms":0}]');
INSERT INTO ledger_entries VALUES('grq_01M8MJTAKKZXA6S2EAJFTH0009',1795987155571656,'2026-11-29','dev','dev-1@example.com','checkout','engineering','acme','["env=ci"]','ada','sim','simulator','cent','cent','chat_completions',200,'ok',20,7,0,0,0,0,0,10000000,'{"per_request":10000000}','file','b12141d56965','[["budget:cap:team=engineering:month=2026-11",10000000],["budget:own:organization=acme:month=2026-11",10000000]]','de4ade3d317aa8571584aefcfd45e0e5','4d692ad0c7429bcc','alias','identical','','','','',2,1,NULL,0,'[{"provider":"sim","model":"cent","outcome":"ok","began_ms":1,"duration_ms":0}]');
INSERT INTO ledger_entries VALUES('grq_01M8MJTAKQZXA6S2EAJFTH000B',1795987155575261,'2026-11-29','dev','dev-1@example.com','checkout','engineering','acme','["env=ci"]','ada','sim','simulator','cent','cent','chat_completions',200,'ok',20,7,0,0,0,0,0,10000000,'{"per_request":10000000}','file','b12141d56965','[["budget:cap:team=engineering:month=2026-11",10000000],["budget:own:organization=acme:month=2026-11",10000000]]','7373a29450fd2877956e3fc3de3f99d0','47e714acb7ef4207','alias','identical','','','','',1,1,NULL,0,'[{"provider":"sim","model":"cent","outcome":"ok","began_ms":1,"duration_ms":0}]');
INSERT INTO ledger_entries VALUES('grq_01M8MJTAKTZXA6S2EAJFTH000D',1795987155578193,'2026-11-29','dev','dev-1@example.com','checkout','engineering','acme','["env=ci"]','ada','sim','simulator','cent','cent','chat_completions',200,'ok',20,7,0,0,0,0,0,10000000,'{"per_request":10000000}','file','b12141d56965','[["budget:cap:team=engineering:month=2026-11",10000000],["budget:own:organization=acme:month=2026-11",10000000]]','512ad47155474b7f0201b640734f9911','bdc51eab3efaf8ba','alias','identical','','','','',1,1,NULL,0,'[{"provider":"sim","model":"cent","outcome":"ok","began_ms":1,"duration_ms":0}]');
INSERT INTO ledger_entries VALUES('grq_01M8MJTAKXZXA6S2EAJFTH000F',1795987155581356,'2026-11-29','dev','dev-1@example.com','checkout','engineering','acme','["env=ci"]','ben','sim','simulator','cent','cent','chat_completions',200,'ok',20,7,0,0,0,0,0,10000000,'{"per_request":10000000}','file','b12141d56965','[["budget:cap:team=engineering:month=2026-11",10000000],["budget:own:organization=acme:month=2026-11",10000000]]','e37f6f94e30f46b3490cae5b1d881173','1c9f369040e374e0','alias','identical','','','','',2,1,NULL,0,'[{"provider":"sim","model":"cent","outcome":"ok","began_ms":1,"duration_ms":0}]');
INSERT INTO ledger_entries VALUES('grq_01M8MJTAM0ZXA6S2EAJFTH000H',1795987155584979,'2026-11-29','dev','dev-1@example.com','checkout','engineering','acme','["env=ci"]','ben','sim','simulator','cent','cent','chat_completions',200,'ok',20,7,0,0,0,0,0,10000000,'{"per_request":10000000}','file','b12141d56965','[["budget:cap:team=engineering:month=2026-11",10000000],["budget:own:organization=acme:month=2026-11",10000000]]','039e8a294e77711cbb140b51d65e036c','b685d53780f816e9','alias','identical','','','','',1,1,NULL,0,'[{"provider":"sim","model":"cent","outcome":"ok","began_ms":1,"duration_ms":0}]');
INSERT INTO ledger_entries VALUES('grq_01M8MJTAM4ZXA6S2EAJFTH000K',1795987155588067,'2026-11-29','dev','dev-1@example.com','checkout','engineering','acme','["env=ci"]','ben','sim','simulator','cent','cent','chat_completions',200,'ok',20,7,0,0,0,0,0,10000000,'{"per_request":10000000}','file','b12141d56965','[["budget:cap:team=engineering:month=2026-11",10000000],["budget:own:organization=acme:month=2026-11",10000000]]','88ce74872004584971cf5755a3e60e63','3314ccc791b4472f','alias','identical','','','','',1,1,NULL,0,'[{"provider":"sim","model":"cent","outcome":"ok","began_ms":1,"duration_ms":0}]');
INSERT INTO ledger_entries VALUES('grq_01M8MJTAM7ZXA6S2EAJFTH000N',1795987155591129,'2026-11-29','dev','dev-1@example.com','checkout','engineering','acme','["env=ci"]','ada','sim','simulator','no/such','no/such','chat_completions',403,'refused',0,0,0,0,0,0,0,0,NULL,'','b12141d56965','[]','f0daf14790deb134ad77135fb3178f41','24ff3991adc133e1','only_provider','','model_not_allowed','model_unpriced','','',1,NULL,NULL,0,'[]');
INSERT INTO ledger_entries VALUES('grq_01M8MJTAM9ZXA6S2EAJFTH000P',1795987155593795,'2026-11-29','dev','dev-1@example.com','checkout','engineering','acme','["env=ci"]','ada','sim','simulator','no/such','no/such','chat_completions',403,'refused',0,0,0,0,0,0,0,0,NULL,'','b12141d56965','[]','36b342c0187d1dfeee08777b91687c1e','a669b8a2f85abffe','only_provider','','model_not_allowed','model_unpriced','','',0,NULL,NULL,0,'[]');
INSERT INTO ledger_entries VALUES('grq_01M8MJTAMBZXA6S2EAJFTH000Q',1795987155595409,'2026-11-29','dev','dev-1@example.com','checkout','engineering','acme','["env=ci"]','ada','sim','simulator','cent','cent','chat_completions',200,'ok',34,7,0,0,0,0,0,10000000,'{"per_request":10000000}','file','b12141d56965','[["budget:cap:team=engineering:month=2026-11",10000000],["budget:own:organization=acme:month=2026-11",10000000]]','a623a1970c6f9036ddc23d5745955151','c6273676b4b71180','alias','spliced','','','','',3,1,2,1,'[{"provider":"sim","model":"cent","outcome":"ok","began_ms":1,"duration_ms":0}]');
INSERT INTO ledger_entries VALUES('grq_01M8MJTAMFZXA6S2EAJFTH000S',1795987155600018,'2026-11-29','dev','dev-1@example.com','checkout','engineering','acme','["env=ci"]','ada','sim','simulator','cent','cent','chat_completions',200,'ok',34,7,0,0,0,0,0,10000000,'{"per_request":10000000}','file','b12141d56965','[["budget:cap:team=engineering:month=2026-11",10000000],["budget:own:organization=acme:month=2026-11",10000000]]','3a4771f5bbabf60a98f52f3456eebce1','8a4df4521b37e010','alias','spliced','','','','',4,2,3,1,'[{"provider":"sim","model":"cent","outcome":"ok","began_ms":2,"duration_ms":0}]');
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
	cost_nano_usd BIGINT NOT NULL, 
	CONSTRAINT pk_spend_by_hour PRIMARY KEY (hour, virtual_key, principal, project, team, organization, provider, model)
)
 WITHOUT ROWID

;
INSERT INTO spend_by_hour VALUES(498885,'dev','dev-1@example.com','checkout','engineering','acme','sim','cent',11,248,77,0,0,0,0,0,110000000);
INSERT INTO spend_by_hour VALUES(498885,'dev','dev-1@example.com','checkout','engineering','acme','sim','no/such',2,0,0,0,0,0,0,0,0);
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
	cost_nano_usd BIGINT NOT NULL, 
	CONSTRAINT pk_spend_by_day PRIMARY KEY (day, virtual_key, principal, project, team, organization, provider, model)
)
 WITHOUT ROWID

;
INSERT INTO spend_by_day VALUES(20786,'dev','dev-1@example.com','checkout','engineering','acme','sim','cent',11,248,77,0,0,0,0,0,110000000);
INSERT INTO spend_by_day VALUES(20786,'dev','dev-1@example.com','checkout','engineering','acme','sim','no/such',2,0,0,0,0,0,0,0,0);
CREATE TABLE charged_by_hour (
	counter TEXT NOT NULL, 
	hour BIGINT NOT NULL, 
	amount BIGINT NOT NULL, 
	CONSTRAINT pk_charged_by_hour PRIMARY KEY (counter, hour)
)
 WITHOUT ROWID

;
INSERT INTO charged_by_hour VALUES('budget:cap:team=engineering:month=2026-11',498885,110000000);
INSERT INTO charged_by_hour VALUES('budget:own:organization=acme:month=2026-11',498885,110000000);
CREATE TABLE counter_nodes (
	node TEXT NOT NULL, 
	reported_at BIGINT NOT NULL, 
	CONSTRAINT pk_counter_nodes PRIMARY KEY (node)
)
 WITHOUT ROWID

;
INSERT INTO counter_nodes VALUES('host:1',1795987156401123);
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
INSERT INTO admin_tokens VALUES('tok_01M8MJT1G5YHHPPCS56HGB0000','ci','view','1ce636aa9736b2028499cadac5ee66ee1e97bb20dce3f8c0555f6f1b32ecd037',1795987145308112,NULL,NULL,NULL);
CREATE TABLE control_plane_state (
	id INTEGER NOT NULL, 
	lineage TEXT NOT NULL, 
	revision BIGINT NOT NULL, 
	changed_at BIGINT NOT NULL, 
	oldest_change BIGINT NOT NULL, 
	CONSTRAINT pk_control_plane_state PRIMARY KEY (id)
);
INSERT INTO control_plane_state VALUES(1,'01M8MJSM0SAQH5X3XKEMWA0000',1,1795987140665062,0);
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
INSERT INTO resources VALUES('budgets','cap','{"scope":{"team":"engineering"},"window":"month","limit_usd":"1"}','','{}','platform',0,1,1795987140665062,1795987140665062,'operator@host (command line)','{"scope":{"team":"engineering"},"window":"month","limit_usd":"1"}','');
INSERT INTO resources VALUES('budgets','own','{"scope":{"organization":"acme"},"window":"month","limit_usd":"5"}','','{}','platform',0,1,1795987140665062,1795987140665062,'operator@host (command line)','{"scope":{"organization":"acme"},"window":"month","limit_usd":"5"}','');
INSERT INTO resources VALUES('model_aliases','cent','{"targets":["sim/cent"]}','','{}','platform',0,1,1795987140665062,1795987140665062,'operator@host (command line)','{"targets":["sim/cent"]}','');
INSERT INTO resources VALUES('prices','sim/cent','{"per_request_usd":"0.01"}','','{}','platform',0,1,1795987140665062,1795987140665062,'operator@host (command line)','{"per_request_usd":"0.01"}','');
INSERT INTO resources VALUES('principals','dev-1@example.com','{"team":"engineering"}','','{}','platform',0,1,1795987140665062,1795987140665062,'operator@host (command line)','{"team":"engineering"}','');
INSERT INTO resources VALUES('projects','checkout','{"team":"engineering"}','','{}','platform',0,1,1795987140665062,1795987140665062,'operator@host (command line)','{"team":"engineering"}','');
INSERT INTO resources VALUES('providers','sim','{"models":["cent","gpt-5-mini"],"type":"simulator"}','','{}','platform',0,1,1795987140665062,1795987140665062,'operator@host (command line)','{"models":["cent","gpt-5-mini"],"type":"simulator"}','');
INSERT INTO resources VALUES('settings','organization','{"value":"acme"}','','{}','platform',0,1,1795987140665062,1795987140665062,'operator@host (command line)','{"value":"acme"}','');
INSERT INTO resources VALUES('teams','engineering','{}','','{}','platform',0,1,1795987140665062,1795987140665062,'operator@host (command line)','{}','');
INSERT INTO resources VALUES('teams','research','{}','','{}','platform',0,1,1795987140665062,1795987140665062,'operator@host (command line)','{}','');
INSERT INTO resources VALUES('virtual_keys','dev','{"secret_hash":"hmac-sha256:336039bb1f275feca104141f025e3d5b119de01b96536d31061ed031a0ddacba","environment":"test","project":"checkout","principal":"dev-1@example.com","tags":["env=ci"]}','','{}','platform',0,1,1795987140665062,1795987140665062,'operator@host (command line)','{"secret_hash":"hmac-sha256:336039bb1f275feca104141f025e3d5b119de01b96536d31061ed031a0ddacba","environment":"test","project":"checkout","principal":"dev-1@example.com","tags":["env=ci"]}','');
CREATE TABLE changes (
	revision BIGINT NOT NULL, 
	kind TEXT NOT NULL, 
	name TEXT NOT NULL, 
	CONSTRAINT pk_changes PRIMARY KEY (revision, kind, name)
)
 WITHOUT ROWID

;
INSERT INTO changes VALUES(1,'budgets','cap');
INSERT INTO changes VALUES(1,'budgets','own');
INSERT INTO changes VALUES(1,'model_aliases','cent');
INSERT INTO changes VALUES(1,'prices','sim/cent');
INSERT INTO changes VALUES(1,'principals','dev-1@example.com');
INSERT INTO changes VALUES(1,'projects','checkout');
INSERT INTO changes VALUES(1,'providers','sim');
INSERT INTO changes VALUES(1,'settings','organization');
INSERT INTO changes VALUES(1,'teams','engineering');
INSERT INTO changes VALUES(1,'teams','research');
INSERT INTO changes VALUES(1,'virtual_keys','dev');
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
INSERT INTO applies VALUES('pl_01M8MJSVZB4QE3SQS58YM20001',1,'platform','sha256:a686df6bf01e08731ac6a51b673244e7c209f17814871cd8f94bf93e9735a4d9','operator@host (command line)',1795987140665062,'{"format_version":"1.0","plan_id":"pl_01M8MJSVZB4QE3SQS58YM20001","lineage":"01M8MJSM0SAQH5X3XKEMWA0000","revision":0,"owner":"platform","created_at":1795987140665062,"as_of":1795987140665062,"source":{"digest":"b12141d5696529562551915248163bfdcdeac448df46dd5850c53a113a5c96e4","commit":null},"targets":[],"resource_changes":[{"address":"teams.engineering","previous_address":null,"kind":"teams","name":"engineering","owner":"platform","actions":["create"],"before":null,"after":{},"changes":[],"access":"same","revision":0,"consequences":[],"mints_secret":false,"pulled_in_by":null},{"address":"teams.research","previous_address":null,"kind":"teams","name":"research","owner":"platform","actions":["create"],"before":null,"after":{},"changes":[],"access":"same","revision":0,"consequences":[],"mints_secret":false,"pulled_in_by":null},{"address":"projects.checkout","previous_address":null,"kind":"projects","name":"checkout","owner":"platform","actions":["create"],"before":null,"after":{"team":"engineering"},"changes":[],"access":"same","revision":0,"consequences":[],"mints_secret":false,"pulled_in_by":null},{"address":"principals.dev-1@example.com","previous_address":null,"kind":"principals","name":"dev-1@example.com","owner":"platform","actions":["create"],"before":null,"after":{"team":"engineering"},"changes":[],"access":"same","revision":0,"consequences":[],"mints_secret":false,"pulled_in_by":null},{"address":"providers.sim","previous_address":null,"kind":"providers","name":"sim","owner":"platform","actions":["create"],"before":null,"after":{"models":["cent","gpt-5-mini"],"type":"simulator"},"changes":[],"access":"grants","revision":0,"consequences":[],"mints_secret":false,"pulled_in_by":null},{"address":"model_aliases.cent","previous_address":null,"kind":"model_aliases","name":"cent","owner":"platform","actions":["create"],"before":null,"after":{"targets":["sim/cent"]},"changes":[],"access":"grants","revision":0,"consequences":[],"mints_secret":false,"pulled_in_by":null},{"address":"virtual_keys.dev","previous_address":null,"kind":"virtual_keys","name":"dev","owner":"platform","actions":["create"],"before":null,"after":{"secret_hash":"hmac-sha256:336039bb1f275feca104141f025e3d5b119de01b96536d31061ed031a0ddacba","environment":"test","project":"checkout","principal":"dev-1@example.com","tags":["env=ci"]},"changes":[],"access":"grants","revision":0,"consequences":[],"mints_secret":false,"pulled_in_by":null},{"address":"budgets.cap","previous_address":null,"kind":"budgets","name":"cap","owner":"platform","actions":["create"],"before":null,"after":{"scope":{"team":"engineering"},"window":"month","limit_usd":"1"},"changes":[],"access":"narrows","revision":0,"consequences":[],"mints_secret":false,"pulled_in_by":null},{"address":"budgets.own","previous_address":null,"kind":"budgets","name":"own","owner":"platform","actions":["create"],"before":null,"after":{"scope":{"organization":"acme"},"window":"month","limit_usd":"5"},"changes":[],"access":"narrows","revision":0,"consequences":[],"mints_secret":false,"pulled_in_by":null},{"address":"prices.sim/cent","previous_address":null,"kind":"prices","name":"sim/cent","owner":"platform","actions":["create"],"before":null,"after":{"per_request_usd":"0.01"},"changes":[],"access":"may_widen","revision":0,"consequences":[],"mints_secret":false,"pulled_in_by":null},{"address":"settings.organization","previous_address":null,"kind":"settings","name":"organization","owner":"platform","actions":["create"],"before":null,"after":{"value":"acme"},"changes":[],"access":"may_widen","revision":0,"consequences":[],"mints_secret":false,"pulled_in_by":null}],"drift":[],"requires":[{"code":"widen","text":"2 changes widen access, or may","addresses":["prices.sim/cent","settings.organization"],"flag":"--no-widen","only_if_asked":true}],"unmanaged":{},"matching":0,"errors":[],"warnings":[],"summary":{"create":11,"update":0,"replace":0,"move":0,"delete":0,"widens":0,"may_widen":2,"refuses_traffic":0,"outside_edits":0},"digest":"sha256:a686df6bf01e08731ac6a51b673244e7c209f17814871cd8f94bf93e9735a4d9","replay":null}');
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
INSERT INTO audit_log VALUES('aud_01M8MJSW20GJPVEV1VR17K0001',1795987140665062,'operator@host (command line)','grq_01M8MJSW1RGJPVEV1VR17K0000','create','teams.engineering',1,NULL,'{}');
INSERT INTO audit_log VALUES('aud_01M8MJSW20GJPVEV1VR17K0002',1795987140665062,'operator@host (command line)','grq_01M8MJSW1RGJPVEV1VR17K0000','create','teams.research',1,NULL,'{}');
INSERT INTO audit_log VALUES('aud_01M8MJSW20GJPVEV1VR17K0003',1795987140665062,'operator@host (command line)','grq_01M8MJSW1RGJPVEV1VR17K0000','create','projects.checkout',1,NULL,'{"team":"engineering"}');
INSERT INTO audit_log VALUES('aud_01M8MJSW20GJPVEV1VR17K0004',1795987140665062,'operator@host (command line)','grq_01M8MJSW1RGJPVEV1VR17K0000','create','principals.dev-1@example.com',1,NULL,'{"team":"engineering"}');
INSERT INTO audit_log VALUES('aud_01M8MJSW20GJPVEV1VR17K0005',1795987140665062,'operator@host (command line)','grq_01M8MJSW1RGJPVEV1VR17K0000','create','providers.sim',1,NULL,'{"models":["cent","gpt-5-mini"],"type":"simulator"}');
INSERT INTO audit_log VALUES('aud_01M8MJSW20GJPVEV1VR17K0006',1795987140665062,'operator@host (command line)','grq_01M8MJSW1RGJPVEV1VR17K0000','create','model_aliases.cent',1,NULL,'{"targets":["sim/cent"]}');
INSERT INTO audit_log VALUES('aud_01M8MJSW20GJPVEV1VR17K0007',1795987140665062,'operator@host (command line)','grq_01M8MJSW1RGJPVEV1VR17K0000','create','virtual_keys.dev',1,NULL,'{"secret_hash":"hmac-sha256:336039bb1f275feca104141f025e3d5b119de01b96536d31061ed031a0ddacba","environment":"test","project":"checkout","principal":"dev-1@example.com","tags":["env=ci"]}');
INSERT INTO audit_log VALUES('aud_01M8MJSW20GJPVEV1VR17K0008',1795987140665062,'operator@host (command line)','grq_01M8MJSW1RGJPVEV1VR17K0000','create','budgets.cap',1,NULL,'{"scope":{"team":"engineering"},"window":"month","limit_usd":"1"}');
INSERT INTO audit_log VALUES('aud_01M8MJSW20GJPVEV1VR17K0009',1795987140665062,'operator@host (command line)','grq_01M8MJSW1RGJPVEV1VR17K0000','create','budgets.own',1,NULL,'{"scope":{"organization":"acme"},"window":"month","limit_usd":"5"}');
INSERT INTO audit_log VALUES('aud_01M8MJSW20GJPVEV1VR17K000A',1795987140665062,'operator@host (command line)','grq_01M8MJSW1RGJPVEV1VR17K0000','create','prices.sim/cent',1,NULL,'{"per_request_usd":"0.01"}');
INSERT INTO audit_log VALUES('aud_01M8MJSW20GJPVEV1VR17K000B',1795987140665062,'operator@host (command line)','grq_01M8MJSW1RGJPVEV1VR17K0000','create','settings.organization',1,NULL,'{"value":"acme"}');
CREATE TABLE gateway_nodes (
	node TEXT NOT NULL, 
	version TEXT NOT NULL, 
	serving_revision BIGINT NOT NULL, 
	serving_since BIGINT NOT NULL, 
	lag_ms BIGINT, 
	rejected_revision BIGINT, 
	rejected_because TEXT, 
	first_seen BIGINT NOT NULL, 
	reported_at BIGINT NOT NULL, open_circuits JSON DEFAULT '[]' NOT NULL, 
	CONSTRAINT pk_gateway_nodes PRIMARY KEY (node)
)
 WITHOUT ROWID

;
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
INSERT INTO traffic_by_five_minutes VALUES(5986623,200,'ok','',0,4);
INSERT INTO traffic_by_five_minutes VALUES(5986623,200,'ok','',4,2);
INSERT INTO traffic_by_five_minutes VALUES(5986623,200,'ok','',6,1);
INSERT INTO traffic_by_five_minutes VALUES(5986623,200,'ok','',8,2);
INSERT INTO traffic_by_five_minutes VALUES(5986623,200,'ok','',10,1);
INSERT INTO traffic_by_five_minutes VALUES(5986623,200,'ok','',13,1);
INSERT INTO traffic_by_five_minutes VALUES(5986623,403,'refused','model_unpriced',0,2);
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
INSERT INTO attempts_by_five_minutes VALUES(5986623,'sim','ok',0,11,1795987155602018);
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
INSERT INTO traffic_by_hour VALUES(498885,200,'ok','',0,4);
INSERT INTO traffic_by_hour VALUES(498885,200,'ok','',4,2);
INSERT INTO traffic_by_hour VALUES(498885,200,'ok','',6,1);
INSERT INTO traffic_by_hour VALUES(498885,200,'ok','',8,2);
INSERT INTO traffic_by_hour VALUES(498885,200,'ok','',10,1);
INSERT INTO traffic_by_hour VALUES(498885,200,'ok','',13,1);
INSERT INTO traffic_by_hour VALUES(498885,403,'refused','model_unpriced',0,2);
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
INSERT INTO attempts_by_hour VALUES(498885,'sim','ok',0,11,1795987155602018);
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
