-- The partitions of latest/ and what decides the bytes of their files: which documents' figures stand in them and from
-- which audit, the rows of documents, their sources, and the findings that were accepted. Marts are made of the figures of
-- the current documents and of those of the year before; the history is made of every revision.

-- Beside each current budget, that of the same publisher a year before.
CREATE OR REPLACE VIEW ledger.years_before AS
SELECT c.partition, b.document_id, b.audit_version
FROM ledger.document_states c
JOIN ledger.document_states b ON b.series = c.series AND b.series_year = c.series_year - 1
WHERE c.is_current AND b.is_current;

CREATE OR REPLACE VIEW ledger.derived_partitions AS
WITH listed AS (
    -- All of a state that a reader of `documents` sees, or that decides what was staged for it.
    SELECT document_id, CAST(s AS VARCHAR) AS document
    FROM (
        SELECT * EXCLUDE (facts_sha256, is_approvable, budget_key, standing, decision, is_retry, sources, accepted,
            valid_from, series, series_year)
        FROM ledger.document_states SEMI JOIN ledger.touched_partitions USING (partition)
    ) s
),
before AS (
    SELECT partition, string_agg(document_id || audit_version, chr(10) ORDER BY document_id) AS documents_before
    FROM ledger.years_before SEMI JOIN ledger.touched_partitions USING (partition)
    GROUP BY partition
)
SELECT
    partition,
    coalesce(list(document_id ORDER BY document_id) FILTER (is_current), []) AS current_ids,
    sha256(coalesce(string_agg(document_id || audit_version, chr(10) ORDER BY document_id) FILTER (is_current), ''))
        AS figures,
    figures || sha256(coalesce(string_agg(document_id || accepted, chr(10) ORDER BY document_id)
        FILTER (is_current), '')) AS findings,
    sha256(concat_ws(chr(10), string_agg(document_id || audit_version || '/' || revision, chr(10) ORDER BY document_id)
        FILTER (is_current), '', any_value(documents_before))) AS marts,
    sha256(coalesce(string_agg(concat_ws('/', document_id, audit_version, revision, valid_from), chr(10)
        ORDER BY document_id) FILTER (valid_from IS NOT NULL), '')) AS budget_fact_history,
    sha256(string_agg(document, chr(10) ORDER BY document_id)) AS documents,
    sha256(string_agg(document_id || sources, chr(10) ORDER BY document_id)) AS document_sources
FROM ledger.document_states JOIN listed USING (document_id) LEFT JOIN before USING (partition)
GROUP BY partition;

CREATE OR REPLACE TABLE ledger.partitions AS FROM ledger.derived_partitions LIMIT 0;

-- The runs of rules and suites, a partition for each month: runs are added, and never changed.
CREATE OR REPLACE VIEW ledger.run_months AS
SELECT strftime(started_at, '%Y-%m') AS month, count(*) || '/' || max(version) AS runs
FROM ledger.validation_runs GROUP BY month ORDER BY month;
