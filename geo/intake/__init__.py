"""Files coming in: read, mapped, judged and brought to CGCS2000; every problem reported at once."""
