SELECT signature FROM signature WHERE digest = ?1
