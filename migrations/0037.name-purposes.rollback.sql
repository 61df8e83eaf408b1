-- The purposes stay: servers of the version before do not read them.
SELECT 1;
