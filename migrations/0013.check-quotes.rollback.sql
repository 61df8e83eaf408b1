DROP TRIGGER results_quote_what_stands_there ON results;
DROP FUNCTION refuse_wrong_quotes();
DROP FUNCTION quotes_of(uuid, json);
DROP TRIGGER passages_are_cut_out ON passages;
DROP FUNCTION refuse_wrong_passage();
