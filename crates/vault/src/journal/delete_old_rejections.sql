DELETE FROM rejection WHERE id <= (SELECT max(id) FROM rejection) - ?1
