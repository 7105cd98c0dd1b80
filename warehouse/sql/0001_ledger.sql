-- The ledger: the journal's entries as rows, appended and never changed; what is true now is a view over them.
-- Times are UTC. (version, seq) is the place of an entry in the journal.
CREATE SCHEMA ledger;
CREATE SCHEMA staged;

CREATE TABLE ledger.commits (version BIGINT, "at" TIMESTAMP, "by" VARCHAR, nonce VARCHAR);

CREATE TABLE ledger.sources (version BIGINT, seq BIGINT, "at" TIMESTAMP, "by" VARCHAR, source_uri VARCHAR);

CREATE TABLE ledger.object_records (
    version BIGINT, seq BIGINT, "at" TIMESTAMP, "by" VARCHAR,
    source_uri VARCHAR, source_version VARCHAR, etag VARCHAR, n_bytes BIGINT, last_modified_at TIMESTAMP,
    state VARCHAR, document_id VARCHAR, reason VARCHAR, member_name VARCHAR
);

CREATE TABLE ledger.audits (
    version BIGINT, seq BIGINT, "at" TIMESTAMP, "by" VARCHAR,
    document_id VARCHAR, extractor_version VARCHAR, state VARCHAR, state_reason VARCHAR,
    budget_id VARCHAR, facts_sha256 VARCHAR, is_approvable BOOLEAN, judgement VARCHAR, fiscal_year BIGINT,
    jurisdiction_code VARCHAR
);

CREATE TABLE ledger.publications (version BIGINT, seq BIGINT, "at" TIMESTAMP, "by" VARCHAR, document_id VARCHAR);

CREATE TABLE ledger.decisions (
    version BIGINT, seq BIGINT, "at" TIMESTAMP, "by" VARCHAR,
    document_id VARCHAR, decision VARCHAR, reason VARCHAR, facts_sha256 VARCHAR
);

CREATE TABLE ledger.acceptances (
    version BIGINT, seq BIGINT, "at" TIMESTAMP, "by" VARCHAR,
    finding_id VARCHAR, evidence_sha256 VARCHAR, reason VARCHAR
);

CREATE TABLE ledger.rule_acceptances (
    version BIGINT, seq BIGINT, "at" TIMESTAMP, "by" VARCHAR, rule_id VARCHAR, publisher_id VARCHAR, reason VARCHAR
);

CREATE TABLE ledger.acceptance_revocations (
    version BIGINT, seq BIGINT, "at" TIMESTAMP, "by" VARCHAR,
    finding_id VARCHAR, rule_id VARCHAR, publisher_id VARCHAR, reason VARCHAR
);

CREATE TABLE ledger.validation_runs (
    version BIGINT, seq BIGINT, "at" TIMESTAMP, "by" VARCHAR,
    run_id VARCHAR, occasion VARCHAR, scope VARCHAR, started_at TIMESTAMP,
    extractor_version VARCHAR, rules_version VARCHAR, suites_version VARCHAR,
    n_documents BIGINT, n_held BIGINT, n_findings BIGINT, n_expectations BIGINT, n_expectations_unmet BIGINT,
    n_new BIGINT, n_resolved BIGINT, n_changed BIGINT
);

CREATE TABLE ledger.validation_results (
    version BIGINT, seq BIGINT, "at" TIMESTAMP, "by" VARCHAR,
    run_id VARCHAR, dataset VARCHAR, expectation_id VARCHAR, severity VARCHAR, is_met BOOLEAN,
    n_unexpected BIGINT, n_documents BIGINT, document_ids VARCHAR
);

-- Up to which version what is true now (0002) was derived, and what the entries after it have to do with.
CREATE TABLE ledger.derived (version BIGINT);
INSERT INTO ledger.derived VALUES (0);
CREATE TABLE ledger.touched_objects (source_uri VARCHAR, source_version VARCHAR);
CREATE TABLE ledger.touched_documents (document_id VARCHAR);
CREATE TABLE ledger.touched_partitions (partition VARCHAR);

-- What this store knows to stand under curated/: a cache of the bucket's listing, not part of the truth.
CREATE TABLE ledger.files (
    key VARCHAR, dataset VARCHAR, inputs_sha256 VARCHAR, etag VARCHAR, sha256 VARCHAR, n_rows BIGINT, n_bytes BIGINT
);

-- For those who run the lake, and as little part of the truth: how far a long listing has come, and counters.
CREATE TABLE ledger.notes (name VARCHAR, value VARCHAR);
CREATE TABLE ledger.counts (name VARCHAR, label VARCHAR, value DOUBLE);
