-- The partitions of latest/ and what decides the bytes of their files: which documents' figures stand in them and from
-- which audit, the rows of documents, their sources, and the findings that were accepted.

CREATE OR REPLACE VIEW ledger.derived_partitions AS
WITH listed AS (
    -- All of a state that a reader of `documents` sees, or that decides what was staged for it.
    SELECT document_id, CAST(s AS VARCHAR) AS document
    FROM (
        SELECT * EXCLUDE (facts_sha256, is_approvable, budget_key, standing, decision, is_retry, sources, accepted)
        FROM ledger.document_states SEMI JOIN ledger.touched_partitions USING (partition)
    ) s
)
SELECT
    partition,
    coalesce(list(document_id ORDER BY document_id) FILTER (is_current), []) AS current_ids,
    sha256(coalesce(string_agg(document_id || audit_version, chr(10) ORDER BY document_id) FILTER (is_current), ''))
        AS figures,
    figures || sha256(coalesce(string_agg(document_id || accepted, chr(10) ORDER BY document_id)
        FILTER (is_current), '')) AS findings,
    sha256(string_agg(document, chr(10) ORDER BY document_id)) AS documents,
    sha256(string_agg(document_id || sources, chr(10) ORDER BY document_id)) AS document_sources
FROM ledger.document_states JOIN listed USING (document_id)
GROUP BY partition;

CREATE OR REPLACE TABLE ledger.partitions AS FROM ledger.derived_partitions LIMIT 0;
