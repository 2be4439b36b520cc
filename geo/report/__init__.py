"""Reports that leave the house: the single-file map and the workbook."""
