ALTER TABLE scores DROP COLUMN figures;
