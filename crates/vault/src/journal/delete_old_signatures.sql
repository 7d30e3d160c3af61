DELETE FROM signature WHERE id <= (SELECT max(id) FROM signature) - ?1
