"""The product's own HTTP resources, one file each."""
