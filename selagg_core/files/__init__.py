"""Reading and writing files: what people write by hand, what another version wrote, disks that are full."""
