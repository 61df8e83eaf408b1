DROP TABLE recommendations;
DROP TABLE results;
