"""Vector tiles: the matrices they hang on, how they are written, and how long they hold."""
