DELETE FROM landed_rows;
