-- The partitions of latest/ and what decides the bytes of their files: which documents' figures stand in them and from
-- which audit, the rows of documents, their sources, and the findings that were accepted.

CREATE OR REPLACE VIEW ledger.document_partitions AS
SELECT
    document_id,
    coalesce(CAST(fiscal_year AS VARCHAR), 'unknown') || '-'
        || coalesce(regexp_replace(jurisdiction_code, '[^0-9A-Za-z]', '_', 'g'), 'unknown') AS partition
FROM staged.documents;

CREATE OR REPLACE VIEW ledger.partitions AS
WITH shown AS (
    SELECT
        partition,
        list(document_id) FILTER (is_current) AS current_ids,
        sha256(coalesce(string_agg(document_id || audit_version, chr(10) ORDER BY document_id)
            FILTER (is_current), '')) AS figures
    FROM ledger.document_states JOIN ledger.document_partitions USING (document_id)
    GROUP BY partition
),
listed AS (
    SELECT partition, sha256(string_agg(CAST(d AS VARCHAR), chr(10) ORDER BY document_id)) AS documents
    FROM documents d JOIN ledger.document_partitions USING (document_id)
    GROUP BY partition
),
sources AS (
    SELECT partition, sha256(string_agg(CAST(s AS VARCHAR), chr(10) ORDER BY source_uri, source_version)) AS sources
    FROM document_sources s JOIN ledger.document_partitions USING (document_id)
    GROUP BY partition
),
accepted AS (
    SELECT partition, sha256(string_agg(
        concat_ws(chr(10), finding_id, evidence_sha256, accepted_by, accepted_reason),
        chr(10) ORDER BY finding_id, document_id
    )) AS accepted
    FROM findings JOIN ledger.document_partitions USING (document_id)
    WHERE accepted_by IS NOT NULL
    GROUP BY partition
)
SELECT
    partition, coalesce(current_ids, []) AS current_ids, figures,
    figures || coalesce(accepted, '') AS findings, documents, coalesce(sources, '') AS document_sources
FROM shown
JOIN listed USING (partition)
LEFT JOIN sources USING (partition)
LEFT JOIN accepted USING (partition);
