-- What is true now, derived from the ledger alone: the same entries in any order of arrival give the same states.

CREATE OR REPLACE VIEW ledger.objects AS
SELECT
    source_uri, source_version,
    arg_max(etag, (version, seq)) AS etag,
    arg_max(n_bytes, (version, seq)) AS n_bytes,
    arg_max(last_modified_at, (version, seq)) AS last_modified_at,
    arg_max(state, (version, seq)) AS state,
    arg_max(document_id, (version, seq)) AS document_id,  -- arg_max passes over nulls: an object that is gone keeps it
    arg_max(coalesce(reason, ''), (version, seq)) AS reason,
    min("at") AS first_seen_at,
    CASE WHEN arg_max(state, (version, seq)) = 'gone' THEN max("at") END AS gone_at
FROM ledger.object_records
GROUP BY source_uri, source_version;

-- The earliest object that held the bytes dates a document: a copy or a move does not make it newer.
-- Versions are in order where they are numbers; an etag says nothing about time.
CREATE OR REPLACE VIEW ledger.arrivals AS
SELECT
    document_id,
    min(first_seen_at) AS first_seen_at,
    any_value(n_bytes) AS n_bytes,
    arg_min(parse_filename(source_uri), (first_seen_at, source_uri)) AS file_name,
    min((
        coalesce(last_modified_at, TIMESTAMP '1970-01-01'), coalesce(TRY_CAST(source_version AS HUGEINT), 0)
    )) AS arrived
FROM ledger.objects
WHERE document_id IS NOT NULL
GROUP BY document_id;

CREATE OR REPLACE VIEW ledger.latest_audits AS
SELECT * FROM ledger.audits
QUALIFY row_number() OVER (PARTITION BY document_id ORDER BY version DESC, seq DESC) = 1;

CREATE OR REPLACE VIEW ledger.latest_decisions AS
SELECT * FROM ledger.decisions
QUALIFY row_number() OVER (PARTITION BY document_id ORDER BY version DESC, seq DESC) = 1;

-- The verdict on each document, with what people decided: `parsed` may be published.
CREATE OR REPLACE VIEW ledger.standings AS
SELECT
    a.document_id, a.version AS audit_version, a.extractor_version, a.facts_sha256, a.is_approvable,
    a.state_reason AS audit_reason,
    coalesce(a.budget_id, a.document_id) AS budget_key,
    r.first_seen_at, r.file_name, r.arrived,
    d.decision, d."by" AS decided_by, d."at" AS decided_at, d.reason AS decision_reason,
    -- An approval counts for the figures it was given for.
    coalesce(d.decision = 'approve' AND d.facts_sha256 = a.facts_sha256 AND a.is_approvable, false) AS is_approved,
    CASE
        WHEN d.decision = 'reject' THEN 'rejected'
        WHEN d.decision = 'withdraw' THEN 'withdrawn'
        WHEN a.state = 'held' AND is_approved THEN 'parsed'
        ELSE a.state
    END AS standing,
    p.published_at
FROM ledger.latest_audits a
LEFT JOIN ledger.arrivals r USING (document_id)
LEFT JOIN ledger.latest_decisions d USING (document_id)
LEFT JOIN (SELECT document_id, min("at") AS published_at FROM ledger.publications GROUP BY document_id) p
    USING (document_id);

-- Files of one name and other endings (budget.pdf, budget.xlsx) are renditions of one budget by what the publisher says. Where
-- their figures differ neither can be called a revision of the other. Objects that are gone say nothing any more.
CREATE OR REPLACE VIEW ledger.rivals AS
WITH live AS (
    SELECT DISTINCT
        document_id,
        regexp_replace(source_uri, '\.[A-Za-z0-9]{1,5}$', '') AS stem,
        lower(regexp_extract(source_uri, '\.([A-Za-z0-9]{1,5})$', 1)) AS ending
    FROM ledger.objects
    WHERE state = 'landed' AND document_id IS NOT NULL
),
shown AS (
    SELECT * FROM ledger.standings JOIN live USING (document_id)
    WHERE standing = 'parsed' AND published_at IS NOT NULL AND NOT is_approved
)
SELECT a.document_id, min(b.document_id) AS rival_id
FROM shown a
JOIN shown b
    ON a.budget_key = b.budget_key AND a.stem = b.stem AND a.ending <> b.ending AND a.facts_sha256 <> b.facts_sha256
GROUP BY a.document_id;

-- In which figures two renditions differ, in words.
CREATE OR REPLACE VIEW ledger.rival_differences AS
WITH figures AS (
    SELECT
        document_id, form_id, coalesce(side, '') AS side, coalesce(row_label, '') AS row_label,
        coalesce(code_printed, '') AS code_printed, measure,
        amount_yuan, row_no
    FROM staged.budget_facts SEMI JOIN ledger.rivals USING (document_id)
),
compared AS (
    SELECT
        r.document_id, r.rival_id, f.form_id, f.row_no, f.row_label, f.measure, f.amount_yuan AS here, g.amount_yuan AS there
    FROM ledger.rivals r
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
CREATE OR REPLACE VIEW ledger.revisions AS
WITH figures AS (
    SELECT
        budget_key, facts_sha256,
        min((arrived, coalesce(CASE WHEN is_approved THEN decided_at END, TIMESTAMP '1970-01-01'))) AS age,
        min(document_id) AS any_id,
        min(rival_id) AS rendition_id
    FROM ledger.standings
    LEFT JOIN ledger.rivals USING (document_id)
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
    budget_key, facts_sha256, is_tied, rival_id, revision, max(revision) OVER (PARTITION BY budget_key) AS last_revision
FROM numbered;

-- One row a document: where it stands. Of the renditions of a revision one stands for all, a PDF where there is one,
-- since its figures have a place on a page. The table ledger.document_states holds what this view says at the head.
CREATE OR REPLACE VIEW ledger.derived_states AS
WITH ranked AS (
    SELECT
        s.*, r.is_tied, r.rival_id, r.revision, r.last_revision,
        first_value(s.document_id) OVER (
            PARTITION BY s.budget_key, r.facts_sha256
            ORDER BY t.media_type <> 'application/pdf', s.arrived, s.document_id
        ) AS spokesman_id
    FROM ledger.standings s
    JOIN staged.documents t USING (document_id)
    LEFT JOIN ledger.revisions r
        ON s.standing = 'parsed' AND s.published_at IS NOT NULL
        AND r.budget_key = s.budget_key AND r.facts_sha256 = s.facts_sha256
),
current AS (
    SELECT DISTINCT budget_key, spokesman_id AS current_id FROM ranked WHERE revision = last_revision
)
SELECT
    document_id, audit_version, extractor_version, facts_sha256, is_approvable, budget_key, standing, decision,
    coalesce(file_name, '') AS file_name, first_seen_at, revision,
    coalesce(revision = last_revision AND document_id = spokesman_id, false) AS is_current,
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
        WHEN standing IN ('held', 'unsupported', 'rejected') THEN audit_reason
    END AS state_reason,
    CASE WHEN is_approved THEN decided_by END AS approved_by,
    CASE WHEN is_approved THEN decision_reason END AS approval_reason,
    CASE WHEN revision IS NOT NULL THEN published_at END AS published_at
FROM ranked
LEFT JOIN current USING (budget_key)
LEFT JOIN ledger.rival_differences USING (document_id);
