-- name: find_track
SELECT id, slug, name, description, skills, question_mix, attempts, retake_after_hours, show_correct,
       show_explanations, sample
FROM tracks WHERE slug = $1 AND deleted_at IS NULL;

-- name: list_tracks
-- A page of active tracks, by slug.
SELECT id, slug, name, description, skills, question_mix, attempts, retake_after_hours, show_correct,
       show_explanations, sample
FROM tracks
WHERE deleted_at IS NULL AND ($1::text IS NULL OR slug > $1)
ORDER BY slug LIMIT $2;

-- name: create_track
INSERT INTO tracks (slug, name, description, skills, question_mix, attempts, retake_after_hours, show_correct,
                    show_explanations, sample)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
RETURNING id, slug, name, description, skills, question_mix, attempts, retake_after_hours, show_correct,
          show_explanations, sample;

-- name: update_track
UPDATE tracks
SET slug = $2, name = $3, description = $4, skills = $5, question_mix = $6, attempts = $7,
    retake_after_hours = $8, show_correct = $9, show_explanations = $10, updated_at = now()
WHERE id = $1 AND deleted_at IS NULL
RETURNING id, slug, name, description, skills, question_mix, attempts, retake_after_hours, show_correct,
          show_explanations, sample;

-- name: find_deleted_track
-- The track that was deleted last of those with this slug.
SELECT id, slug, name, description, skills, question_mix, attempts, retake_after_hours, show_correct,
       show_explanations, sample
FROM tracks WHERE slug = $1 AND deleted_at IS NOT NULL
ORDER BY deleted_at DESC LIMIT 1;

-- name: list_restorable_tracks
-- Of each slug that no active track has, the track that was deleted last, by slug.
SELECT DISTINCT ON (t.slug) t.id, t.slug, t.name, t.description, t.skills, t.question_mix, t.attempts,
       t.retake_after_hours, t.show_correct, t.show_explanations, t.sample
FROM tracks t
WHERE t.deleted_at IS NOT NULL
  AND NOT EXISTS (SELECT FROM tracks active WHERE active.slug = t.slug AND active.deleted_at IS NULL)
ORDER BY t.slug, t.deleted_at DESC LIMIT $1;

-- name: restore_track
-- Makes the track active again that was deleted last of those with this slug. Its questions were not deleted with it,
-- so those that are active come back, and those that were deleted before stay deleted. No row: there is no such track.
UPDATE tracks SET deleted_at = NULL, updated_at = now()
WHERE id = (SELECT id FROM tracks WHERE slug = $1 AND deleted_at IS NOT NULL ORDER BY deleted_at DESC LIMIT 1)
  AND deleted_at IS NOT NULL
RETURNING id, slug, name, description, skills, question_mix, attempts, retake_after_hours, show_correct,
          show_explanations, sample;

-- name: delete_track
UPDATE tracks SET deleted_at = now() WHERE id = $1 AND deleted_at IS NULL;

-- name: lock_track
-- Held until the transaction ends, so that changes by several admins come one after the other.
SELECT id, slug, name, description, skills, question_mix, attempts, retake_after_hours, show_correct,
       show_explanations, sample
FROM tracks WHERE slug = $1 AND deleted_at IS NULL FOR UPDATE;
