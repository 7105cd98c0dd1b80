-- What is true now, derived from the ledger alone: the same entries in any order of arrival give the same states.
--
-- The views `derived_...` say it of what is touched (the tables `touched_...`), the tables of the same names without
-- `derived_` hold it of everything. 0004 touches what new entries have to do with, always whole budgets, and puts what
-- the views then say in the place of what the tables held; from an empty store that is everything. What several views are
-- made of is derived once, into `touched_standings` and `touched_rivals`.

CREATE OR REPLACE VIEW ledger.derived_objects AS
SELECT
    source_uri, source_version,
    arg_max(etag, (version, seq)) AS etag,
    arg_max(n_bytes, (version, seq)) AS n_bytes,
    arg_max(last_modified_at, (version, seq)) AS last_modified_at,
    arg_max(state, (version, seq)) AS state,
    arg_max(document_id, (version, seq)) AS document_id,  -- arg_max passes over nulls: an object that is gone keeps it
    arg_max(coalesce(reason, ''), (version, seq)) AS reason,
    any_value(member_name) AS member_name,  -- null for what its source lists, which alone the balance counts
    min("at") AS first_seen_at,
    CASE WHEN arg_max(state, (version, seq)) = 'gone' THEN max("at") END AS gone_at
FROM ledger.object_records SEMI JOIN ledger.touched_objects USING (source_uri, source_version)
GROUP BY source_uri, source_version;

CREATE OR REPLACE TABLE ledger.objects AS FROM ledger.derived_objects LIMIT 0;

-- The earliest object that held the bytes dates a document: a copy or a move does not make it newer.
-- Versions are in order where they are numbers; an etag says nothing about time.
CREATE OR REPLACE VIEW ledger.derived_arrivals AS
SELECT
    document_id,
    min(first_seen_at) AS first_seen_at,
    any_value(n_bytes) AS n_bytes,
    arg_min(
        CASE WHEN member_name IS NULL THEN parse_filename(source_uri)
             ELSE parse_filename(left(source_uri, length(source_uri) - length(member_name) - 2)) || '!/' || member_name END,
        (first_seen_at, source_uri)
    ) AS file_name,
    min((
        coalesce(last_modified_at, TIMESTAMP '1970-01-01'), coalesce(TRY_CAST(source_version AS HUGEINT), 0)
    )) AS arrived,
    sha256(string_agg(CAST(o AS VARCHAR), chr(10) ORDER BY source_uri, source_version)) AS sources
FROM ledger.objects o SEMI JOIN ledger.touched_documents USING (document_id)
GROUP BY document_id;

CREATE OR REPLACE TABLE ledger.arrivals AS FROM ledger.derived_arrivals LIMIT 0;

-- Acceptances in force: of single findings while what they rest on stays, and of a rule about a publisher, whatever comes.
CREATE OR REPLACE VIEW ledger.accepted_singly AS
SELECT * FROM (
    FROM ledger.acceptances QUALIFY row_number() OVER (PARTITION BY finding_id ORDER BY version DESC, seq DESC) = 1
) a
WHERE NOT EXISTS (
    FROM ledger.acceptance_revocations r
    WHERE r.finding_id = a.finding_id AND (r.version, r.seq) > (a.version, a.seq)
);

CREATE OR REPLACE VIEW ledger.accepted_rules AS
SELECT * FROM (
    FROM ledger.rule_acceptances
    QUALIFY row_number() OVER (PARTITION BY rule_id, publisher_id ORDER BY version DESC, seq DESC) = 1
) a
WHERE NOT EXISTS (
    FROM ledger.acceptance_revocations r
    WHERE r.rule_id = a.rule_id AND r.publisher_id = a.publisher_id AND (r.version, r.seq) > (a.version, a.seq)
);

-- Begins with the acceptances, which are few, so that the findings need not be gone through.
CREATE OR REPLACE VIEW ledger.accepted_findings AS
SELECT
    f.document_id, f.finding_id, f.evidence_sha256, f.rule_id, NULL AS publisher_id,
    a."by" AS accepted_by, a.reason AS accepted_reason
FROM ledger.accepted_singly a
JOIN staged.findings f ON f.finding_id = a.finding_id AND f.evidence_sha256 = a.evidence_sha256
UNION ALL
SELECT f.document_id, f.finding_id, f.evidence_sha256, f.rule_id, r.publisher_id, r."by", r.reason
FROM ledger.accepted_rules r
JOIN staged.documents d ON d.publisher_id = r.publisher_id
JOIN staged.findings f ON f.document_id = d.document_id AND f.rule_id = r.rule_id
WHERE NOT EXISTS (
    FROM ledger.accepted_singly a WHERE a.finding_id = f.finding_id AND a.evidence_sha256 = f.evidence_sha256
);

-- Where a document's rows are published: on the shelf of its fiscal year and jurisdiction, together with all documents of
-- its budget. The budgets of a shelf are numbered by when they were first audited, and a number once given stays.
CREATE OR REPLACE VIEW ledger.placed_audits AS
SELECT
    version, seq, document_id, coalesce(budget_id, document_id) AS budget_key,
    coalesce(CAST(fiscal_year AS VARCHAR), 'unknown') || '-'
        || coalesce(regexp_replace(jurisdiction_code, '[^0-9A-Za-z]', '_', 'g'), 'unknown') AS shelf
FROM ledger.audits;

CREATE OR REPLACE TABLE ledger.shelves (shelf VARCHAR, budget_key VARCHAR, number BIGINT, partition VARCHAR);

CREATE OR REPLACE VIEW ledger.derived_shelves AS
WITH news AS (
    SELECT shelf, budget_key, min((version, seq)) AS since
    FROM ledger.placed_audits ANTI JOIN ledger.shelves USING (shelf, budget_key)
    WHERE version > (SELECT version FROM ledger.derived)
    GROUP BY shelf, budget_key
),
counts AS (SELECT shelf, count(*) AS n_before FROM ledger.shelves GROUP BY shelf)
SELECT
    shelf, budget_key,
    coalesce(n_before, 0) + row_number() OVER (PARTITION BY shelf ORDER BY since) AS number,
    -- A file that is written anew for one more document should be no larger in a large lake than in a small one.
    shelf || '-' || format('{:03d}', 1 + (number - 1) // 100) AS partition
FROM news LEFT JOIN counts USING (shelf);

-- The verdict on each document, with what people decided: `parsed` may be published.
CREATE OR REPLACE VIEW ledger.derived_standings AS
WITH latest_audits AS (
    SELECT * FROM ledger.audits SEMI JOIN ledger.touched_documents USING (document_id)
    QUALIFY row_number() OVER (PARTITION BY document_id ORDER BY version DESC, seq DESC) = 1
),
latest_decisions AS (
    SELECT * FROM ledger.decisions SEMI JOIN ledger.touched_documents USING (document_id)
    QUALIFY row_number() OVER (PARTITION BY document_id ORDER BY version DESC, seq DESC) = 1
),
first_publications AS (
    SELECT document_id, min("at") AS published_at
    FROM ledger.publications SEMI JOIN ledger.touched_documents USING (document_id)
    GROUP BY document_id
)
SELECT
    a.document_id, a.version AS audit_version, a.extractor_version, a.facts_sha256, a.is_approvable,
    a.state_reason AS audit_reason,
    b.budget_key, h.partition,
    r.first_seen_at, r.file_name, r.arrived, r.sources,
    d.decision, d."by" AS decided_by, d."at" AS decided_at, d.reason AS decision_reason,
    coalesce(d.decision = 'retry' AND d.version > a.version, false) AS is_retry,
    -- An approval counts for the figures it was given for.
    coalesce(d.decision = 'approve' AND d.facts_sha256 = a.facts_sha256 AND a.is_approvable, false) AS is_approved,
    CASE
        WHEN d.decision = 'reject' THEN 'rejected'
        WHEN d.decision = 'withdraw' THEN 'withdrawn'
        WHEN a.state = 'held' AND is_approved THEN 'parsed'
        ELSE a.state
    END AS standing,
    p.published_at
FROM latest_audits a
JOIN ledger.placed_audits b USING (version, seq)
JOIN ledger.shelves h ON h.shelf = b.shelf AND h.budget_key = b.budget_key
LEFT JOIN ledger.arrivals r ON r.document_id = a.document_id
LEFT JOIN latest_decisions d ON d.document_id = a.document_id
LEFT JOIN first_publications p ON p.document_id = a.document_id;

CREATE OR REPLACE TABLE ledger.touched_standings AS FROM ledger.derived_standings LIMIT 0;

-- Files of one name and other endings (budget.pdf, budget.xlsx) are renditions of one budget by what the publisher says. Where
-- their figures differ neither can be called a revision of the other. Objects that are gone say nothing any more.
CREATE OR REPLACE VIEW ledger.derived_rivals AS
WITH live AS (
    SELECT DISTINCT
        document_id,
        regexp_replace(source_uri, '\.[A-Za-z0-9]{1,5}$', '') AS stem,
        lower(regexp_extract(source_uri, '\.([A-Za-z0-9]{1,5})$', 1)) AS ending
    FROM ledger.objects SEMI JOIN ledger.touched_documents USING (document_id)
    WHERE state = 'landed'
),
shown AS (
    SELECT * FROM ledger.touched_standings JOIN live USING (document_id)
    WHERE standing = 'parsed' AND published_at IS NOT NULL AND NOT is_approved
)
SELECT a.document_id, min(b.document_id) AS rival_id
FROM shown a
JOIN shown b
    ON a.budget_key = b.budget_key AND a.stem = b.stem AND a.ending <> b.ending AND a.facts_sha256 <> b.facts_sha256
GROUP BY a.document_id;

CREATE OR REPLACE TABLE ledger.touched_rivals AS FROM ledger.derived_rivals LIMIT 0;

-- In which figures two renditions differ, in words.
CREATE OR REPLACE VIEW ledger.derived_rival_differences AS
WITH figures AS (
    SELECT
        document_id, form_id, coalesce(side, '') AS side, coalesce(row_label, '') AS row_label,
        coalesce(code_printed, '') AS code_printed, measure,
        amount_yuan, row_no
    FROM staged.budget_facts SEMI JOIN ledger.touched_rivals USING (document_id)
),
compared AS (
    SELECT
        r.document_id, r.rival_id, f.form_id, f.row_no, f.row_label, f.measure, f.amount_yuan AS here, g.amount_yuan AS there
    FROM ledger.touched_rivals r
    JOIN figures f ON f.document_id = r.document_id
    LEFT JOIN figures g
        ON g.document_id = r.rival_id AND g.form_id = f.form_id AND g.side = f.side AND g.row_label = f.row_label
        AND g.code_printed = f.code_printed AND g.measure = f.measure
)
SELECT
    document_id,
    count(*) AS n_differing,
    arg_min(
        form_id || ' ' || row_label || ' ' || measure || ' ' || here || ' here, ' || coalesce(there::VARCHAR, 'nothing')
        || ' there',
        (form_id, row_no, measure)
    ) AS first_difference
FROM compared
WHERE there IS DISTINCT FROM here
GROUP BY document_id;

-- Revisions: the documents of a budget that may stand in latest/, those with the same figures taken together.
-- Two with other figures and of the same age are a tie: neither can be called the later one, so neither is shown.
CREATE OR REPLACE VIEW ledger.derived_revisions AS
WITH figures AS (
    SELECT
        budget_key, facts_sha256,
        min((arrived, coalesce(CASE WHEN is_approved THEN decided_at END, TIMESTAMP '1970-01-01'))) AS age,
        -- A bucket that tells no time of last modification: then a revision stands from when it was first seen.
        coalesce(nullif(min(arrived)[1], TIMESTAMP '1970-01-01'), min(first_seen_at)) AS valid_from,
        min(document_id) AS any_id,
        min(rival_id) AS rendition_id
    FROM ledger.touched_standings
    LEFT JOIN ledger.touched_rivals USING (document_id)
    WHERE standing = 'parsed' AND published_at IS NOT NULL
    GROUP BY budget_key, facts_sha256
),
tied AS (
    SELECT
        *,
        count(*) OVER (PARTITION BY budget_key, age) > 1 OR rendition_id IS NOT NULL AS is_tied,
        CASE WHEN rendition_id IS NOT NULL THEN rendition_id
             WHEN any_id = min(any_id) OVER same_age THEN max(any_id) OVER same_age
             ELSE min(any_id) OVER same_age END AS rival_id
    FROM figures
    WINDOW same_age AS (PARTITION BY budget_key, age)
),
numbered AS (
    SELECT *, CASE WHEN NOT is_tied THEN row_number() OVER (PARTITION BY budget_key, is_tied ORDER BY age) END AS revision
    FROM tied
)
SELECT
    budget_key, facts_sha256, is_tied, rival_id, revision, valid_from, max(revision) OVER (PARTITION BY budget_key) AS last_revision
FROM numbered;

-- One row a document: where it stands. Of the renditions of a revision one stands for all, a PDF where there is one,
-- since its figures have a place on a page.
CREATE OR REPLACE VIEW ledger.derived_document_states AS
WITH ranked AS (
    SELECT
        s.*, r.is_tied, r.rival_id, r.revision, r.last_revision, r.valid_from,
        -- What a budget shares with that of the year before.
        t.publisher_id || '/' || t.publisher_kind || '/' || t.stage AS series, t.fiscal_year AS series_year,
        first_value(s.document_id) OVER (
            PARTITION BY s.budget_key, r.facts_sha256
            ORDER BY t.media_type <> 'application/pdf', s.arrived, s.document_id
        ) AS spokesman_id
    FROM ledger.touched_standings s
    JOIN staged.documents t USING (document_id)
    LEFT JOIN ledger.derived_revisions r
        ON s.standing = 'parsed' AND s.published_at IS NOT NULL
        AND r.budget_key = s.budget_key AND r.facts_sha256 = s.facts_sha256
),
current AS (
    SELECT DISTINCT budget_key, spokesman_id AS current_id FROM ranked WHERE revision = last_revision
),
accepted AS (
    SELECT document_id, sha256(string_agg(
        concat_ws(chr(10), finding_id, evidence_sha256, accepted_by, accepted_reason), chr(10) ORDER BY finding_id
    )) AS accepted
    FROM ledger.accepted_findings SEMI JOIN ledger.touched_documents USING (document_id)
    GROUP BY document_id
)
SELECT
    document_id, audit_version, extractor_version, facts_sha256, is_approvable, budget_key, standing, decision,
    is_retry, partition, coalesce(sources, '') AS sources, accepted,
    coalesce(file_name, '') AS file_name, first_seen_at, revision,
    coalesce(revision = last_revision AND document_id = spokesman_id, false) AS is_current,
    CASE WHEN document_id = spokesman_id AND revision IS NOT NULL THEN valid_from END AS valid_from,
    series, series_year,
    CASE
        WHEN is_tied THEN 'held'
        WHEN revision < last_revision THEN 'superseded'
        WHEN revision IS NOT NULL THEN 'published'
        ELSE standing
    END AS state,
    CASE
        WHEN standing IN ('rejected', 'withdrawn') AND decision IS NOT NULL
            THEN decided_by || ': ' || decision_reason
        WHEN n_differing IS NOT NULL AND is_tied THEN 'another rendition, ' || rival_id[:12] || ', has other figures: '
            || n_differing || ' differ, the first: ' || first_difference || '; approve the right one'
        WHEN is_tied THEN 'as new as ' || rival_id[:12] || ', which has other figures: which one is later cannot be '
            'told; approve the later one'
        WHEN revision < last_revision THEN 'a later revision is ' || current_id[:12]
        WHEN revision IS NOT NULL AND document_id <> spokesman_id
            THEN 'another rendition of ' || spokesman_id[:12] || ', whose rows stand for both'
        WHEN standing IN ('held', 'unsupported', 'rejected', 'opened') THEN audit_reason
    END AS state_reason,
    CASE WHEN is_approved THEN decided_by END AS approved_by,
    CASE WHEN is_approved THEN decision_reason END AS approval_reason,
    CASE WHEN revision IS NOT NULL THEN published_at END AS published_at
FROM ranked
LEFT JOIN current USING (budget_key)
LEFT JOIN accepted USING (document_id)
LEFT JOIN ledger.derived_rival_differences USING (document_id);

CREATE OR REPLACE TABLE ledger.document_states AS FROM ledger.derived_document_states LIMIT 0;

-- When the place of a document in latest/ was last another one than before: what is said of another one of its budget moves
-- it as well. For those who tell of it; the version is that at which it was noticed.
CREATE OR REPLACE TABLE ledger.touched_places AS SELECT document_id, state, is_current FROM ledger.document_states LIMIT 0;

CREATE OR REPLACE VIEW ledger.derived_moves AS
SELECT document_id, (SELECT max(version) FROM ledger.commits) AS version
FROM ledger.document_states SEMI JOIN ledger.touched_documents USING (document_id)
ANTI JOIN ledger.touched_places USING (document_id, state, is_current);

CREATE OR REPLACE TABLE ledger.moves AS FROM ledger.derived_moves LIMIT 0;
