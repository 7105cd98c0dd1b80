-- Brings what is derived (0002, 0003) from the version it was derived at to the entries there are: what they touch is
-- derived anew, the rest stays.

INSERT INTO ledger.touched_objects
SELECT DISTINCT source_uri, source_version FROM ledger.object_records
WHERE version > (SELECT version FROM ledger.derived);

DELETE FROM ledger.objects
WHERE (source_uri, source_version) IN (SELECT (source_uri, source_version) FROM ledger.touched_objects);
INSERT INTO ledger.objects FROM ledger.derived_objects;

INSERT INTO ledger.touched_documents
SELECT document_id FROM ledger.object_records SEMI JOIN ledger.touched_objects USING (source_uri, source_version)
WHERE document_id IS NOT NULL
UNION SELECT document_id FROM ledger.audits WHERE version > (SELECT version FROM ledger.derived)
UNION SELECT document_id FROM ledger.publications WHERE version > (SELECT version FROM ledger.derived)
UNION SELECT document_id FROM ledger.decisions WHERE version > (SELECT version FROM ledger.derived)
UNION SELECT document_id FROM staged.findings WHERE finding_id IN (
    SELECT finding_id FROM ledger.acceptances WHERE version > (SELECT version FROM ledger.derived)
    UNION SELECT finding_id FROM ledger.acceptance_revocations WHERE version > (SELECT version FROM ledger.derived)
)
UNION SELECT document_id FROM staged.documents WHERE publisher_id IN (
    SELECT publisher_id FROM ledger.rule_acceptances WHERE version > (SELECT version FROM ledger.derived)
    UNION SELECT publisher_id FROM ledger.acceptance_revocations WHERE version > (SELECT version FROM ledger.derived)
);

-- The other documents of the budgets that these are of, or ever were of.
INSERT INTO ledger.touched_documents
SELECT document_id FROM ledger.document_states
WHERE document_id NOT IN (FROM ledger.touched_documents) AND budget_key IN (
    SELECT budget_key FROM ledger.placed_audits SEMI JOIN ledger.touched_documents USING (document_id)
);

INSERT INTO ledger.shelves FROM ledger.derived_shelves;

DELETE FROM ledger.arrivals WHERE document_id IN (FROM ledger.touched_documents);
INSERT INTO ledger.arrivals FROM ledger.derived_arrivals;

-- Their partitions, and those of their publishers' budgets of the year after, which are compared with them: as they were,
-- and then as they are.
INSERT INTO ledger.touched_partitions
SELECT DISTINCT partition FROM ledger.document_states SEMI JOIN ledger.touched_documents USING (document_id)
UNION SELECT a.partition FROM ledger.document_states a JOIN ledger.document_states t
    ON a.series = t.series AND a.series_year = t.series_year + 1
WHERE t.document_id IN (FROM ledger.touched_documents);

INSERT INTO ledger.touched_standings FROM ledger.derived_standings;
INSERT INTO ledger.touched_rivals FROM ledger.derived_rivals;
INSERT INTO ledger.touched_places
SELECT document_id, state, is_current FROM ledger.document_states SEMI JOIN ledger.touched_documents USING (document_id);
DELETE FROM ledger.document_states WHERE document_id IN (FROM ledger.touched_documents);
INSERT INTO ledger.document_states FROM ledger.derived_document_states;
DELETE FROM ledger.moves WHERE document_id IN (SELECT document_id FROM ledger.derived_moves);
INSERT INTO ledger.moves FROM ledger.derived_moves;

INSERT INTO ledger.touched_partitions
SELECT DISTINCT partition FROM ledger.document_states SEMI JOIN ledger.touched_documents USING (document_id)
UNION SELECT a.partition FROM ledger.document_states a JOIN ledger.document_states t
    ON a.series = t.series AND a.series_year = t.series_year + 1
WHERE t.document_id IN (FROM ledger.touched_documents);

DELETE FROM ledger.partitions WHERE partition IN (FROM ledger.touched_partitions);
INSERT INTO ledger.partitions FROM ledger.derived_partitions;

DELETE FROM ledger.touched_objects;
DELETE FROM ledger.touched_documents;
DELETE FROM ledger.touched_partitions;
DELETE FROM ledger.touched_standings;
DELETE FROM ledger.touched_rivals;
DELETE FROM ledger.touched_places;
UPDATE ledger.derived SET version = (SELECT coalesce(max(version), 0) FROM ledger.commits);
