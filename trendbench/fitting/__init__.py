"""The Boolean model of disks with a linear trend, fitted to anyone's binary pictures."""
