DROP TABLE responses;
DROP TABLE assessment_questions;
DROP TABLE assessments;
