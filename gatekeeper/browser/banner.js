// The banner.
