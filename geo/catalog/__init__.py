"""Knowledge the code means nothing without: facility types, standards, indicators and words, as TOML."""
