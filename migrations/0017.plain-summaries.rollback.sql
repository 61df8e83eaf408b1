-- Nothing to undo: the version before reads plain sentences as well, and the reworded ones are gone.
SELECT 1;
