"""The Boolean model of disks estimated from images alone."""
